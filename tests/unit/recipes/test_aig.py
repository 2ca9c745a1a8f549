"""Graphs: what is written is read again, foreign bytes are refused with a reason, simulation follows the gates."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.accelerators.recipe.aig import FALSE, TRUE, Aig, AigerError, Builder, read_aiger

UNHURRIED = settings(deadline=None)
"""A busy machine is no fault of the code."""


@st.composite
def graphs(draw: st.DrawFn) -> Aig:
    inputs = draw(st.integers(0, 6))
    gates: list[tuple[int, int]] = []
    for variable in range(inputs + 1, inputs + 1 + draw(st.integers(0, 40))):
        one, other = (draw(st.integers(0, 2 * variable - 1)) for _ in range(2))
        gates.append((max(one, other), min(one, other)))
    most = 2 * (inputs + len(gates)) + 1
    return Aig(inputs, tuple(draw(st.lists(st.integers(0, most), max_size=8))), tuple(gates))


@UNHURRIED
@given(graphs())
def test_what_is_written_is_read_again(graph: Aig) -> None:
    assert read_aiger(graph.to_aiger()) == graph


@UNHURRIED
@given(graphs(), st.binary(max_size=40))
def test_names_and_comments_behind_the_graph_are_left_out(graph: Aig, tail: bytes) -> None:
    assert read_aiger(graph.to_aiger() + b"i0 other\nc\n" + tail) == graph


@UNHURRIED
@given(st.binary(max_size=200))
def test_any_bytes_are_a_graph_or_refused(content: bytes) -> None:
    try:
        graph = read_aiger(b"aig " + content)
    except AigerError:
        return
    assert read_aiger(graph.to_aiger()) == graph


@UNHURRIED
@given(graphs(), st.data())
def test_a_cut_or_changed_byte_is_a_graph_or_refused(graph: Aig, data: st.DataObject) -> None:
    content = bytearray(graph.to_aiger())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    for damaged in (bytes(content), bytes(content[:place])):
        try:
            found = read_aiger(damaged)
        except AigerError:
            continue
        assert all(high < 2 * (found.inputs + 1 + k) for k, (high, _) in enumerate(found.ands))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "header"),
        (b"aag 1 1 0 1 0\n2\n2\n", "header"),
        (b"aig 2 1 1 1 0\n2\n2\n", "latches"),
        (b"aig 1 1 0 1 0 1\n2\n2\n", "header"),
        (b"aig 9 1 0 1 1\n2\n", "variables"),
        (b"aig 1 1 0 1 0\n9\n", "nothing drives"),
        (b"aig 1 1 0 1 0\nx\n", "no literal"),
        (b"aig 2 1 0 1 1\n4\n\x00\x00", "depends on itself"),
        (b"aig 2 1 0 1 1\n4\n\x02", "within a gate"),
        (b"aig 2 1 0 1 1\n4\n\xff\xff\xff\xff\xff\xff\x01", "within a gate"),
        (b"aig 99999999 99999999 0 1 0\n2\n", "too many"),
        (b"aig 1 1 0 99999999 0\n2\n", "too many"),
    ],
)
def test_what_is_no_combinational_graph_is_refused_with_the_reason(content: bytes, words: str) -> None:
    with pytest.raises(AigerError, match=words):
        read_aiger(content)


def test_the_same_gate_is_made_once_and_constants_fold() -> None:
    make = Builder()
    one, other = make.word(2)
    assert make.conj(one, other) == make.conj(other, one)
    assert make.conj(one, one) == one
    assert make.conj(one, one ^ 1) == FALSE
    assert make.conj(one, TRUE) == one
    assert make.disj(one, TRUE) == TRUE
    with pytest.raises(ValueError, match="before gates"):
        make.word(1)


def test_what_no_output_needs_is_dropped() -> None:
    make = Builder()
    one, other = make.word(2)
    make.xor(one, other)
    graph = make.finish([make.conj(one, other)])
    assert graph.ands == ((4, 2),)
    assert graph.simulate([0b0011, 0b0101], 0b1111) == [0b0001]
