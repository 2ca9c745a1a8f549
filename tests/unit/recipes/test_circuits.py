"""Circuits compute what their names say, against plain arithmetic, and are the same for the same numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.accelerators.recipe.aig import Aig
from evaluators.accelerators.recipe.circuits import KINDS, UnknownCircuit, make_circuit

UNHURRIED = settings(deadline=None)
"""A busy machine is no fault of the code."""

SIZES = st.integers(2, 9)


def computed(graph: Aig, *words: tuple[int, int]) -> int:
    """The outputs as a number, for (value, bits) inputs in order."""
    stimuli = [value >> bit & 1 for value, bits in words for bit in range(bits)]
    assert len(stimuli) == graph.inputs
    return sum(bit << place for place, bit in enumerate(graph.simulate(stimuli, 1)))


def value(data: st.DataObject, bits: int) -> int:
    return data.draw(st.integers(0, (1 << bits) - 1))


@UNHURRIED
@given(SIZES, st.data())
def test_arithmetic(bits: int, data: st.DataObject) -> None:
    one, other = value(data, bits), value(data, bits)
    pair = (one, bits), (other, bits)
    assert computed(make_circuit("adder", {"bits": bits}), *pair) == one + other
    assert computed(make_circuit("multiplier", {"bits": bits}), *pair) == one * other
    if other:
        quotient, rest = divmod(one, other)
        assert computed(make_circuit("divider", {"bits": bits}), *pair) == quotient | rest << bits
    complement = (1 << bits) - 1 - one
    assert computed(make_circuit("sine", {"bits": bits}), (one, bits)) == one * complement >> (bits - 1)


@UNHURRIED
@given(SIZES, st.data())
def test_comparisons(bits: int, data: st.DataObject) -> None:
    one, other = value(data, bits), value(data, bits)
    half = 1 << (bits - 1)
    signed_one, signed_other = (one ^ half) - half, (other ^ half) - half
    wanted = [one < other, one == other, one > other, signed_one < signed_other, signed_one > signed_other]
    found = computed(make_circuit("comparator", {"bits": bits}), (one, bits), (other, bits))
    assert [bool(found >> place & 1) for place in range(5)] == wanted


@UNHURRIED
@given(st.integers(2, 5), SIZES, st.data())
def test_maximum(words: int, bits: int, data: st.DataObject) -> None:
    values = [value(data, bits) for _ in range(words)]
    found = computed(make_circuit("max", {"words": words, "bits": bits}), *((one, bits) for one in values))
    assert found == max(values) | values.index(max(values)) << bits


@UNHURRIED
@given(SIZES, st.data())
def test_requests(bits: int, data: st.DataObject) -> None:
    requests, width = value(data, bits), (bits - 1).bit_length()
    highest = requests.bit_length() - 1 if requests else 0
    found = computed(make_circuit("priority", {"bits": bits}), (requests, bits))
    assert found == highest | bool(requests) << width
    pointer = data.draw(st.integers(0, bits - 1))
    turn = [(pointer + step) % bits for step in range(bits)]
    granted = next((1 << place for place in turn if requests >> place & 1), 0)
    assert computed(make_circuit("arbiter", {"bits": bits}), (requests, bits), (pointer, width)) == granted


@UNHURRIED
@given(st.integers(3, 40), st.data())
def test_voter(bits: int, data: st.DataObject) -> None:
    votes = value(data, bits)
    assert computed(make_circuit("voter", {"bits": bits}), (votes, bits)) == (votes.bit_count() > bits // 2)


@UNHURRIED
@given(st.integers(2, 20), st.data())
def test_shifter_rotates(bits: int, data: st.DataObject) -> None:
    word, width = value(data, bits), (bits - 1).bit_length()
    amount = value(data, width)
    turn = amount % bits
    rotated = (word << turn | word >> (bits - turn)) & (1 << bits) - 1
    assert computed(make_circuit("shifter", {"bits": bits}), (word, bits), (amount, width)) == rotated


@UNHURRIED
@given(st.integers(3, 12), st.integers(1, 5), st.data())
def test_int2float(bits: int, mantissa: int, data: st.DataObject) -> None:
    word = value(data, bits)
    sign = word >> (bits - 1)
    size = (1 << bits) - word if sign else word
    exponent = size.bit_length()
    fraction = (size << mantissa >> (exponent - 1)) & ((1 << mantissa) - 1) if size else 0
    found = computed(make_circuit("int2float", {"bits": bits, "mantissa": mantissa}), (word, bits))
    assert found == sign | exponent << 1 | fraction << 1 + bits.bit_length()


@UNHURRIED
@given(SIZES, st.data())
def test_alu(bits: int, data: st.DataObject) -> None:
    one, other, code = value(data, bits), value(data, bits), value(data, 3)
    mask = (1 << bits) - 1
    results = [one + other, one - other, one & other, one | other, one ^ other, one < other, one, ~one]
    wanted = int(results[code]) & mask
    found = computed(make_circuit("alu", {"bits": bits}), (one, bits), (other, bits), (code, 3))
    assert found == wanted | (wanted == 0) << bits


@UNHURRIED
@given(st.integers(2, 6), st.data())
def test_decoder(bits: int, data: st.DataObject) -> None:
    word, enable = value(data, bits), value(data, 1)
    assert computed(make_circuit("decoder", {"bits": bits}), (word, bits), (enable, 1)) == enable << word


@UNHURRIED
@given(st.integers(2, 16), st.integers(1, 20), st.data())
def test_crc(bits: int, data_bits: int, data: st.DataObject) -> None:
    start, word, polynomial = value(data, bits), value(data, data_bits), value(data, bits) | 1
    register = start
    for place in range(data_bits):
        top = (register >> (bits - 1) ^ word >> place) & 1
        register = (register << 1) & ((1 << bits) - 1) ^ (polynomial if top else 0)
    graph = make_circuit("crc", {"bits": bits, "data": data_bits, "polynomial": polynomial})
    assert computed(graph, (start, bits), (word, data_bits)) == register


@pytest.mark.parametrize("kind", ["control", "random", "table"])
def test_random_circuits_follow_their_seed(kind: str) -> None:
    least = {name: most if name in {"inputs", "cubes"} else low for name, (low, most) in KINDS[kind][1].items()}
    sizes = {**least, "inputs": 8, "outputs": 6, **({"gates": 60} if kind == "random" else {})}
    first, again, other = (make_circuit(kind, {**sizes, "seed": seed}) for seed in (5, 5, 6))
    assert first == again
    assert first.sha256 != other.sha256
    assert len(first.outputs) == 6


@pytest.mark.parametrize(
    ("kind", "numbers", "words"),
    [
        ("cpu", {}, "there are adder"),
        ("adder", {}, "takes bits, not nothing"),
        ("adder", {"bits": 0}, "not within 1 to 256"),
        ("adder", {"bits": 8, "seed": 1}, "takes bits"),
    ],
)
def test_what_there_is_not_is_named(kind: str, numbers: dict[str, int], words: str) -> None:
    with pytest.raises(UnknownCircuit, match=words):
        make_circuit(kind, numbers)
