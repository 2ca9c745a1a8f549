from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from evaluators.accelerators.cell_function import parse_function
from evaluators.accelerators.liberty import read_liberty
from evaluators.accelerators.netlist import Gate, Netlist, Port
from evaluators.accelerators.toolchain import technologies
from nightforge.errors import UserError

OWN = """
/* a library of our own */
library (own) {
  time_unit : "1ps";
  capacitive_load_unit (10, ff);
  lu_table_template(t) { variable_1 : input_net_transition; index_1 ("1, 2"); }
  cell (NAND) {
    area : 2.5;
    pin(A, B) { direction : input; capacitance : 0.3; timing() { values ("1, { 2", "}"); } }
    pin(Y) { direction : output; function : "!(A B)"; max_capacitance : 5 }
  }
  cell (KEEPS) { area : 9; dont_use : true; latch (IQ, IQN) { enable : "G"; } pin(G) { direction : input; } }
}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "own.lib"
    path.write_text(text)
    return path


def test_what_the_evaluator_needs_is_read(tmp_path: Path) -> None:
    library = read_liberty(write(tmp_path, OWN))
    nand, keeps = library.cells["NAND"], library.cells["KEEPS"]
    assert (nand.area_um2, nand.inputs, nand.is_sequential) == (2.5, ("A", "B"), False)
    assert nand.pins["A"].capacitance_ff == pytest.approx(3.0)
    assert keeps.is_sequential
    assert keeps.dont_use
    assert library.time_unit_ns == 0.001


def test_wires_make_input_pins_heavier_and_nothing_else(tmp_path: Path) -> None:
    library = read_liberty(write(tmp_path, OWN))
    heavier = read_liberty(write(tmp_path, library.with_wires(8.0).decode()))
    assert heavier.cells["NAND"].pins["A"].capacitance_ff == pytest.approx(11.0)
    assert heavier.cells["NAND"].area_um2 == 2.5
    assert "max_capacitance : 5 }" in library.with_wires(8.0).decode()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file ends inside a group"),
        ("module cand; endmodule", 1, "expected `library"),
        (OWN.replace("cell (NAND) {", "cell (NAND {"), 7, r"expected `\)` after cell"),
        (OWN.replace("area : 2.5;", ""), 7, "cell NAND has no area"),
        (OWN.replace("!(A B)", "!(A B"), 10, "cell NAND, pin Y: the function '!\\(A B' lacks a closing parenthesis"),
        (OWN.replace("capacitance : 0.3;", "capacitance : many;"), 9, "the capacitance is no number"),
        (OWN[: OWN.index("cell (KEEPS)")], 12, "the file ends inside a group"),
        (OWN.replace("values (", "values {("), 9, "a group is not closed|ends inside"),
        ('library (none) { time_unit : "1ns"; }', 0, "holds no combinational cell"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(UserError, match=words) as error:
        read_liberty(write(tmp_path, text))
    assert error.value.where.startswith(str(tmp_path))
    if line and "not closed" not in words:
        assert error.value.where.endswith(f":{line}")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_liberty(tmp_path / "none.lib")


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("A", lambda a, b, c: a),
        ("(!((A B)+C))", lambda a, b, c: not ((a and b) or c)),
        ("A' * B | C", lambda a, b, c: (not a and b) or c),
        ("(A^B)^C", lambda a, b, c: a ^ b ^ c),
        ("A & B ^ C", lambda a, b, c: a and (b ^ c)),
        ("!A !B + (B C)'", lambda a, b, c: (not a and not b) or not (b and c)),
        ("1", lambda a, b, c: 1),
        ("A 0", lambda a, b, c: 0),
    ],
)
def test_functions_are_read_with_libertys_precedence(text: str, truth: object) -> None:
    gates: list[Gate] = []
    fresh = itertools.count(5)
    net = parse_function(text).gates({"A": 2, "B": 3, "C": 4}, lambda: next(fresh), gates.append)
    netlist = Netlist((Port("p", (2, 3, 4)),), (Port("y", (net,)),), tuple(gates))
    for value in range(8):
        a, b, c = (value >> bit & 1 for bit in range(3))
        assert callable(truth)
        assert netlist.evaluate({"p": value})["y"] == int(bool(truth(a, b, c)))


@pytest.mark.parametrize("text", ["", "A +", "(A", "A)", "A $ B", "!"])
def test_functions_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="the function"):
        parse_function(text)


@pytest.mark.parametrize(("name", "cells", "nand"), [("osu018", 32, 24.0), ("osu035", 39, 96.0)])
def test_the_distributions_libraries(name: str, cells: int, nand: float) -> None:
    path = technologies()[name].path
    if not path.is_file():
        pytest.skip(f"{path} is not installed (make setup-eda)")
    library = read_liberty(path)
    assert len(library.cells) == cells
    assert library.cells["NAND2X1"].area_um2 == nand
    assert {name for name, cell in library.cells.items() if cell.is_sequential} == {
        "DFFNEGX1",
        "DFFPOSX1",
        "DFFSR",
        "LATCH",
    }
