"""A person's own RTL: what is taken, what is refused with file, line and mend, and the task that is made of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evaluators.accelerators import own_design, toolchain
from evaluators.accelerators.engine import NetlistEngine
from evaluators.accelerators.export import export_design
from evaluators.accelerators.generator import MARK
from evaluators.accelerators.own_design import OwnDesign, read_design
from evaluators.accelerators.own_task import make_task, own_top, read_aim, rename_top
from evaluators.accelerators.prove import prove
from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from evaluators.accelerators.rtl_flow import RtlFlow
from evaluators.accelerators.toolchain import TOOLS, lacking
from evaluators.accelerators.verilog_text import to_verilog
from nightforge.catalogue import load_task
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Phase
from nightforge.errors import UserError

pytestmark = [
    pytest.mark.box,
    pytest.mark.skipif(bool(lacking(TOOLS, ("osu018", "osu035"))), reason="; ".join(lacking(TOOLS, ("osu018",)))),
]
ALU = """// An ALU of four operations
`timescale 1ns/1ps
module alu(input [7:0] a, input [7:0] b, input [1:0] op, output reg [7:0] y, output zero);
  always @* case (op)
    2'd0: y = a + b;
    2'd1: y = a - b;
    2'd2: y = a & b;
    default: y = a < b ? 8'd1 : 8'd0;
  endcase
  assign zero = y == 8'd0;
endmodule
"""


def write(folder: Path, text: str, name: str = "design.v") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(box: Sandbox, path: Path, top: str) -> OwnDesign:
    return asyncio.run(read_design(box, path, top))


def test_a_design_is_read_with_its_ports_in_order(box: Sandbox, tmp_path: Path) -> None:
    design = read(box, write(tmp_path, ALU), "alu")
    assert [(port.name, port.width, port.is_input) for port in design.ports] == [
        *(("a", 8, True), ("b", 8, True), ("op", 2, True)),
        *(("y", 8, False), ("zero", 1, False)),
    ]
    assert design.netlist.evaluate({"a": 200, "b": 100, "op": 0}) == {"y": 44, "zero": 0}
    assert design.netlist.evaluate({"a": 7, "b": 7, "op": 1}) == {"y": 0, "zero": 1}
    assert design.converter == ""


def test_directives_are_followed(box: Sandbox, tmp_path: Path) -> None:
    text = "`define W 4\n`ifdef SYNTHESIS\nnonsense\n`endif\n"
    text += "module t(input [`W-1:0] s, output q); assign q = ^s; endmodule\n"
    design = read(box, write(tmp_path, text), "t")
    assert design.ports[0].width == 4
    assert "Icarus" in design.converter


def test_system_verilog_of_yosys_needs_no_converter(box: Sandbox, tmp_path: Path) -> None:
    text = """module t(input logic [3:0] a, output logic [3:0] y);
  typedef struct packed { logic [1:0] hi; logic [1:0] lo; } pair_t;
  pair_t p;
  always_comb begin p = a; y = {p.lo, p.hi}; end
endmodule
"""
    assert read(box, write(tmp_path, text), "t").netlist.evaluate({"a": 0b1101}) == {"y": 0b0111}


PACKAGE = """package p; typedef logic [3:0] nibble; endpackage
module t import p::*; (input nibble a, output nibble y);
  assign y = ~a;
endmodule
"""


@pytest.mark.parametrize(
    ("text", "top", "what", "hint"),
    [
        (ALU, "alx", "no module alx", "--top"),
        (ALU, "a-b", "no name of a module", "letters"),
        ("module t(input c, d, output reg q);\nalways @(posedge c) q <= d;\nendmodule", "t", "line 2", "registers"),
        ("module t(input s, d, output reg q);\nalways @* if (s) q = d;\nendmodule", "t", "LATCH", "latch"),
        ("module t(input a, output q);\nassign q = a + ;\nendmodule", "t", "design.v:2", "mend"),
        ("module t(input a, output q);\nassign q = a === 1'b1;\nendmodule", "t", "line 2", "mend"),
        ("module t(input a, output q);\nassign q = 1'bx;\nendmodule", "t", "line 2", "mend"),
        ("module t(input a, output q);\nsub s(a, q);\nendmodule", "t", "sub", "mend"),
        ("module t(input a, output q);\nassign q = q ^ a;\nendmodule", "t", "loop", "mend"),
        ("module t(input a, output [1:0] q);\nassign q[0] = a;\nendmodule", "t", "q[1]", "mend"),
        ("module t(output q);\nassign q = 1'b1;\nendmodule", "t", "needs an input", "--top"),
        ('`include "other.vh"\nmodule t(input a, output q); assign q = a; endmodule', "t", "other.vh", "one file"),
        (PACKAGE, "t", "line 1: `package`", "sv2v"),
    ],
)
def test_what_cannot_be_taken_is_named(box: Sandbox, tmp_path: Path, text: str, top: str, what: str, hint: str) -> None:
    with pytest.raises(UserError) as caught:
        read(box, write(tmp_path, text), top)
    assert what in f"{caught.value.what} {caught.value.where}", caught.value
    assert hint in caught.value.hint


def test_a_missing_or_odd_file(box: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(box, tmp_path / "nothing.v", "t")
    (tmp_path / "odd.v").write_bytes(b"module \xff")
    with pytest.raises(UserError, match="UTF-8"):
        read(box, tmp_path / "odd.v", "t")


@pytest.mark.skipif(toolchain.find(own_design.SV2V) is None, reason="sv2v is not installed")
def test_sv2v_converts_what_yosys_does_not_read(box: Sandbox, tmp_path: Path) -> None:
    design = read(box, write(tmp_path, PACKAGE, "design.sv"), "t")
    assert design.netlist.evaluate({"a": 0b0101}) == {"y": 0b1010}
    assert "sv2v" in design.converter


@pytest.mark.parametrize(
    ("goal", "metric", "bounds"),
    [
        ("smaller at 4 ns", "area_um2", (("delay_ns", 4.0),)),
        ("least area below 850 ps", "area_um2", (("delay_ns", 0.85),)),
        ("as fast as possible", "delay_ns", ()),
        ("faster within 5000 um2", "delay_ns", (("area_um2", 5000.0),)),
        ("at most 3,5 ns", "area_um2", (("delay_ns", 3.5),)),
        ("small and fast", "adp_um2_ns", ()),
        ("small and fast at 2 ns", "area_um2", (("delay_ns", 2.0),)),
        ("make it better", "adp_um2_ns", ()),
        ("better at 2 ns and 6000 µm²", "adp_um2_ns", (("delay_ns", 2.0), ("area_um2", 6000.0))),
    ],
)
def test_a_goal_says_what_to_make_small(goal: str, metric: str, bounds: tuple[tuple[str, float], ...]) -> None:
    aim = read_aim(goal)
    assert (aim.metric, aim.bounds) == (metric, bounds)


@pytest.mark.parametrize("goal", ["smaller at 4 ns or 5 ns", "smaller at 0 ns"])
def test_goals_that_mean_nothing(goal: str) -> None:
    with pytest.raises(UserError):
        read_aim(goal)


def test_only_the_top_is_renamed() -> None:
    text = "module sub(input a); endmodule\nmodule top(input top_in);\n sub top_sub(top_in);\nendmodule : top\n"
    renamed = rename_top(text, "top")
    assert "module cand(input top_in)" in renamed
    assert "endmodule : cand" in renamed
    assert "sub top_sub" in renamed
    with pytest.raises(UserError, match="module cand"):
        rename_top(text + "module cand(input a); endmodule\n", "top")


async def test_the_task_is_golden_model_seed_and_baseline(box: Sandbox, tmp_path: Path) -> None:
    design = await read_design(box, write(tmp_path, ALU), "alu")
    folder = make_task(design, "smaller at 4 ns", tmp_path / "tasks")
    assert make_task(design, "smaller at 4 ns", tmp_path / "tasks") == folder
    assert make_task(design, "faster", tmp_path / "tasks") != folder
    task = load_task(folder)
    evaluator = RtlCombEvaluator(box)
    evaluator.check_task(task)
    assert task.objective.metric == "area_um2"
    assert [(one.metric, one.bound) for one in task.constraints] == [("delay_ns", 4.0)]
    calibration = await evaluator.calibrate(task, {}, seed=1)
    assert calibration.reference == "yours"
    seed = await evaluator.evaluate(task.read("seed.v"), task, {}, seed=1, phase=Phase.SEARCH)
    assert seed.passed
    assert seed.metrics["area_um2"] == calibration.baselines[0].metrics["area_um2"]
    for known in task.rehearsal:
        found = await evaluator.evaluate(task.read(known.path), task, {}, seed=1, phase=Phase.SEARCH)
        assert found.passed == (known.expect == "pass"), known.path
        assert found.passed or found.stages[-1].reason == "wrong_output"


async def test_own_cells(box: Sandbox, tmp_path: Path) -> None:
    design = await read_design(box, write(tmp_path, ALU), "alu")
    liberty = toolchain.technologies()["osu035"].path
    task = load_task(make_task(design, "smaller", tmp_path / "tasks", liberty=liberty))
    evaluator = RtlCombEvaluator(box)
    evaluator.check_task(task)
    found = await evaluator.evaluate(task.read("seed.v"), task, {}, seed=1, phase=Phase.SEARCH)
    plain = load_task(make_task(design, "smaller", tmp_path / "plain"))
    usual = await evaluator.evaluate(plain.read("seed.v"), plain, {}, seed=1, phase=Phase.SEARCH)
    assert found.metrics["area_um2"].value > 2 * usual.metrics["area_um2"].value
    bad = write(tmp_path, "library (x) { cell (A) { area : 1; ", "bad.lib")
    with pytest.raises(UserError, match=r"closed|end"):
        make_task(design, "smaller", tmp_path / "tasks", liberty=bad)


async def test_what_is_exported_has_the_users_name(box: Sandbox, compiled: NetlistEngine, tmp_path: Path) -> None:
    design = await read_design(box, write(tmp_path, ALU), "alu")
    task = load_task(make_task(design, "smaller", tmp_path / "tasks"))
    assert own_top(task.root) == "alu"
    program = f"{MARK}\nprint({to_verilog(design.netlist)!r})\n"
    files = await export_design(box, RtlFlow(box), program, task)
    for name in ("design.v", "netlist.v"):
        assert b"module alu(" in files[name]
        again = await read_design(box, write(tmp_path, files[name].decode(), name), "alu")
        assert (await prove(compiled, box, design.netlist, again.netlist)).is_proven
    with pytest.raises(UserError, match="does not pass"):
        await export_design(box, RtlFlow(box), "module cand; endmodule", task)
