"""Other gates for the same function in gate-level Verilog: wires joined, gates made of other wires, gates regrouped.

Candidates are found by signatures, what wires are under random vectors, anywhere in the design (Mishchenko et al.,
"Scalable don't-care-based logic optimization and resynthesis", FPGA 2009, of which this is the part without
don't-cares). A signature can lie; the evaluator's proof cannot, so that no solver is needed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rtl.gate_text import Network, read_gates

DRAFTS = 2
_TRIES = 24
_VECTORS = 4096
_MOST_DIVISORS = 160
_MOST_MOVES = 5
_GROUPS = {"and", "or", "xor"}


class Resubstitution:
    """Implements `nightforge.domain.team.Operator`; one to five changes at once."""

    name = "rewrite.rtl-resubstitution"
    kind = OperatorKind.REWRITE
    languages = frozenset({"verilog"})
    prior = 0.5
    structural = False
    draws = True

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        network = read_gates(context.parent.source)
        if network is None or not network.gates:
            return ()
        return tuple(islice(self._drafts(network, context), DRAFTS))

    def _drafts(self, parent: Network, context: OperatorContext) -> Iterator[Draft]:
        random = Random(sha256(f"{self.name} {context.seed} {context.parent.source}".encode()).digest())
        seen = {context.parent.source}
        for _ in range(_TRIES):
            network = parent.copy()
            notes = list(filter(None, (change(network, random) for _ in range(random.randint(1, _MOST_MOVES)))))
            network.sweep()
            source = network.text()
            if notes and source not in seen:
                seen.add(source)
                note = f"{len(parent.gates)} to {len(network.gates)} gates: {'; '.join(notes)}"
                yield Draft(source=source, operator=self.kind, operator_name=self.name, note=note)


def change(network: Network, random: Random) -> str:
    """One change in place, and what it was; an empty text where chance found none."""
    ones = (1 << _VECTORS) - 1
    values = network.simulate(stimulus(network.inputs, random), ones)
    order = network.order(random)
    at = random.randrange(len(order))
    name = order[at]
    known = [*network.inputs, *order[:at]]
    if random.random() < 0.35:
        return _regroup(network, name, random) or _resubstitute(network, name, known, values, ones, random)
    return (
        _join(network, name, known, values, ones)
        or _resubstitute(network, name, known, values, ones, random)
        or _regroup(network, name, random)
    )


def stimulus(inputs: Sequence[str], random: Random) -> dict[str, int]:
    """Half of the vectors are uniform, the others sparse or dense: wires that are nearly constant show there."""
    half, quarter = _VECTORS // 2, _VECTORS // 4
    found = {}
    for name in inputs:
        sparse = random.getrandbits(quarter) & random.getrandbits(quarter) & random.getrandbits(quarter)
        dense = random.getrandbits(quarter) | random.getrandbits(quarter) | random.getrandbits(quarter)
        found[name] = random.getrandbits(half) | sparse << half | dense << half + quarter
    return found


def _join(network: Network, name: str, known: Sequence[str], values: dict[str, int], ones: int) -> str:
    """The gate becomes a wire, or an inverter, of an older wire that has its values."""
    value = values[name]
    if value in (0, ones):
        network.gates[name] = ("buf", ("1'b1" if value else "1'b0",))
        return f"{name} is constant"
    for other in known:
        if values[other] == value and network.gates[name] != ("buf", (other,)):
            network.gates[name] = ("buf", (other,))
            return f"{name} is {other}"
        if values[other] == value ^ ones and network.gates[name] != ("not", (other,)):
            network.gates[name] = ("not", (other,))
            return f"{name} is not {other}"
    return ""


def _resubstitute(
    network: Network, name: str, known: Sequence[str], values: dict[str, int], ones: int, random: Random
) -> str:
    """The gate is made of two other wires that give its values."""
    divisors = random.sample(list(known), min(len(known), _MOST_DIVISORS))
    found = list(islice(_pairs(values[name], divisors, values, ones), 24))
    random.shuffle(found)
    for kind, operands in found:
        if set(operands) != set(network.gates[name][1]):
            network.gates[name] = (kind, operands)
            return f"{name} = {kind}({', '.join(operands)})"
    return ""


def _pairs(
    value: int, divisors: Sequence[str], values: dict[str, int], ones: int
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Kinds and operands that compute `value`, as far as the vectors show."""
    by_value = {values[one]: one for one in divisors}
    for one in divisors:
        rest = values[one] ^ value
        if by_value.get(rest, one) != one:
            yield "xor", (one, by_value[rest])
        if by_value.get(rest ^ ones, one) != one:
            yield "xnor", (one, by_value[rest ^ ones])
    above = [(one, values[one]) for one in divisors if value & ~values[one] == 0]
    above_inverted = [(one, values[one] ^ ones) for one in divisors if value & values[one] == 0]
    below = [(one, values[one]) for one in divisors if values[one] & ~value == 0]
    below_inverted = [(one, values[one] ^ ones) for one in divisors if (values[one] ^ ones) & ~value == 0]
    for kind, left, right, joins_below in (
        ("and", above, above, False),
        ("andn", above, above_inverted, False),
        ("nor", above_inverted, above_inverted, False),
        ("or", below, below, True),
        ("orn", below, below_inverted, True),
        ("nand", below_inverted, below_inverted, True),
    ):
        for x, p in left:
            for y, q in right:
                if x != y and (p | q if joins_below else p & q) == value:
                    yield kind, (x, y)


def _regroup(network: Network, name: str, random: Random) -> str:
    """(x op y) op z = x op (y op z): legal always, and another shape for the mapper."""
    kind, operands = network.gates[name]
    if kind not in _GROUPS:
        return ""
    for index in random.sample((0, 1), 2):
        inner, other = operands[index], operands[1 - index]
        if network.gates.get(inner, ("", ()))[0] == kind:
            x, y = random.sample(network.gates[inner][1], 2)
            fresh = network.add((kind, (y, other)))
            network.gates[name] = (kind, (x, fresh))
            return f"{name} regrouped"
    return ""
