"""What a broken recipe and a broken tool look like: lines off the list, and circuits that come back wrong.

A program here is a recipe, with what goes wrong behind it on one line that begins with `!`. No candidate can hold such
a line; only the checker of `integrity.py` reads it:

    ! abc alu4 swappos -N 1          ABC is given this command behind the recipe, past the whitelist, on circuit alu4
    ! fault alu4 inverted 17         of what ABC returns for alu4, an input of gate 17 (counted round) is inverted
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from evaluators.accelerators.recipe.aig import FALSE, TRUE, Aig, read_aiger
from evaluators.accelerators.recipe.settings import Circuit
from evaluators.integrity.seams import Change
from tools.recipes.grammar import MAX_STEPS

MOST_INPUTS = 20
"""Of a circuit whose functions are compared on all patterns; only there can a gate's fault turn out to be none."""
_MARK = "! "
_FAULTS_OF_A_KIND = 3


@dataclass(frozen=True, slots=True)
class Tampering:
    """What is done beside the recipe: a command of ABC's, or a fault by kind and number, on one circuit."""

    circuit: str
    command: str = ""
    fault: str = ""
    number: int = 0

    @property
    def line(self) -> str:
        what = (
            f"abc {self.circuit} {self.command}" if self.command else f"fault {self.circuit} {self.fault} {self.number}"
        )
        return f"{_MARK}{what}\n"


def read_program(source: str) -> tuple[str, Tampering | None]:
    """The recipe's text, and what is done beside it."""
    text, mark, last = source.rpartition(f"\n{_MARK}")
    if not mark:
        return source, None
    word, circuit, rest = last.strip().split(" ", 2)
    if word == "abc":
        return f"{text}\n", Tampering(circuit, command=rest)
    kind, number = rest.split(" ")
    return f"{text}\n", Tampering(circuit, fault=kind, number=int(number))


def spoil(content: bytes, fault: str, number: int) -> bytes:
    """The graph as a tool with this fault would have written it; `number` says where."""
    if fault in _OF_BYTES:
        return _OF_BYTES[fault](content)
    return _OF_GRAPHS[fault](read_aiger(content), number).to_aiger()


def _gate(graph: Aig, number: int, change: Callable[[int, int], tuple[int, int]]) -> Aig:
    """`change` gets the literal and how many literals there are before the gate."""
    gates = list(graph.ands)
    place = number % len(gates)
    gates[place] = change(number, place)
    return replace(graph, ands=tuple(gates))


def _inverted(graph: Aig, number: int) -> Aig:
    def change(number: int, place: int) -> tuple[int, int]:
        one, other = graph.ands[place]
        return (one ^ 1, other) if number % 2 else (one, other ^ 1)

    return _gate(graph, number, change)


def _exchanged(graph: Aig, number: int) -> Aig:
    """An input of a gate comes from another place, of those before the gate."""

    def change(number: int, place: int) -> tuple[int, int]:
        one, _ = graph.ands[place]
        return one, 2 + number * 7919 % (2 * (graph.inputs + place))

    return _gate(graph, number, change)


def _dropped(graph: Aig, number: int) -> Aig:
    return _gate(graph, number, lambda number, place: (graph.ands[place][number % 2], TRUE))


def _output(graph: Aig, number: int, change: Callable[[int], int]) -> Aig:
    outputs = list(graph.outputs)
    place = number % len(outputs)
    outputs[place] = change(outputs[place])
    return replace(graph, outputs=tuple(outputs))


def _swapped(graph: Aig, number: int) -> Aig:
    outputs = list(graph.outputs)
    first, second = number % len(outputs), (number + 1) % len(outputs)
    outputs[first], outputs[second] = outputs[second], outputs[first]
    return replace(graph, outputs=tuple(outputs))


def _crossed(graph: Aig, number: int) -> Aig:
    """Two inputs exchanged."""
    first = 1 + number % graph.inputs
    second = 1 + (number + 1 + number // 7 % max(1, graph.inputs - 1)) % graph.inputs
    other = {first: second, second: first}

    def renamed(literal: int) -> int:
        return 2 * other.get(literal >> 1, literal >> 1) | literal & 1

    gates = tuple((renamed(one), renamed(two)) for one, two in graph.ands)
    return replace(graph, ands=gates, outputs=tuple(map(renamed, graph.outputs)))


def _one_pattern(graph: Aig, number: int) -> Aig:
    """One output wrong for a single pattern of all inputs: what no sample of patterns finds."""
    gates = list(graph.ands)

    def conj(one: int, other: int) -> int:
        gates.append((one, other))
        return 2 * (graph.inputs + len(gates))

    pattern = Random(number).getrandbits(graph.inputs)
    hit = TRUE
    for place in range(graph.inputs):
        hit = conj(hit, 2 * (place + 1) | (pattern >> place & 1 ^ 1))
    outputs = list(graph.outputs)
    place = number % len(outputs)
    right = outputs[place]
    outputs[place] = conj(conj(right, hit) ^ 1, conj(right ^ 1, hit ^ 1) ^ 1)
    return Aig(graph.inputs, tuple(outputs), tuple(gates))


_OF_GRAPHS: Mapping[str, Callable[[Aig, int], Aig]] = {
    "inverted": _inverted,
    "exchanged": _exchanged,
    "dropped": _dropped,
    "crossed": _crossed,
    "swapped": _swapped,
    "negated": lambda graph, number: _output(graph, number, lambda literal: literal ^ 1),
    "stuck-at-0": lambda graph, number: _output(graph, number, lambda literal: FALSE),
    "stuck-at-1": lambda graph, number: _output(graph, number, lambda literal: TRUE),
    "one-pattern": _one_pattern,
    "zeros": lambda graph, number: Aig(graph.inputs, (FALSE,) * len(graph.outputs), ()),
    "ones": lambda graph, number: Aig(graph.inputs, (TRUE,) * len(graph.outputs), ()),
    "copied": lambda graph, number: Aig(
        graph.inputs, tuple(2 * (1 + place % graph.inputs) for place in range(len(graph.outputs))), ()
    ),
    "output-less": lambda graph, number: replace(graph, outputs=graph.outputs[:-1]),
    "input-more": lambda graph, number: Aig(graph.inputs + 1, (2,) * len(graph.outputs), ()),
}
_FORGED = b"c\nNetworks are equivalent after structural hashing.  Time =     0.00 sec\n"
_OF_BYTES: Mapping[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: read_aiger(content).to_aiger()[:-3],
    "latch": lambda content: re.sub(rb"^aig (\d+) (\d+) 0", _with_latch, content),
    "undriven": lambda content: re.sub(rb"\n\d+\n", b"\n99999\n", content, count=1),
    "forged": lambda content: _output(read_aiger(content), 0, lambda literal: literal ^ 1).to_aiger() + _FORGED,
    "words": lambda content: b"Networks are equivalent\n",
}
_WIDE = ("one-pattern", "negated")
_NARROW = ("inverted", "exchanged", "dropped", "crossed", "swapped", "stuck-at-0", "stuck-at-1", "one-pattern")
_FORM = ("cut", "latch", "undriven", "output-less", "input-more")


def _with_latch(head: re.Match[bytes]) -> bytes:
    """The last input is called a register instead."""
    return b"aig %d %d 1" % (int(head[1]), int(head[2]) - 1)


def break_program(source: str, circuits: Sequence[Circuit]) -> Iterator[Change]:
    """Every line off the list, then every kind of fault on each circuit that comes back."""
    yield from _break_lines(source)
    for circuit in circuits:
        kinds = (*(_NARROW if circuit.aig.inputs <= MOST_INPUTS else _WIDE), *_FORM)
        for kind in kinds:
            random = Random(f"{circuit.name} {kind}")
            for _ in range(1 if kind in _FORM else _FAULTS_OF_A_KIND):
                done = Tampering(circuit.name, fault=kind, number=random.getrandbits(20))
                yield Change(kind, 0, circuit.name, done.line.strip(), source + done.line)


def _break_lines(source: str) -> Iterator[Change]:
    lines = source.splitlines()
    for at, line in enumerate(lines):
        if line.startswith("#") or not line.strip():
            continue
        for operator, wrong in _wrong_lines(line):
            yield Change(operator, at + 1, line, wrong, "\n".join([*lines[:at], wrong, *lines[at + 1 :], ""]))
        if at + 1 < len(lines) and not lines[at + 1].startswith("#"):
            joined = f"{line}{' ' if line == 'dch' else '; '}{lines[at + 1]}"  # `dch; if …` is on the list
            yield Change("joined", at + 1, line, joined, "\n".join([*lines[:at], joined, *lines[at + 2 :], ""]))
    many = [line for line in lines if line.strip() and not line.startswith("#")] * (MAX_STEPS + 1)
    yield Change("too-many", 1, f"{len(lines)} lines", f"{len(many)} lines", "\n".join([*many, ""]))


def _wrong_lines(line: str) -> Iterator[tuple[str, str]]:
    head, space, rest = line.partition(" ")
    yield from (("misspelt", line.upper()), ("misspelt", head[:-1] + space + rest))
    yield from (("option", f"{line} -q"), ("option", f"{line} -F x.aig"))
    yield from (("chained", f"{line}; write_aiger 000.aig"), ("chained", f"read_aiger 001.aig; {line}"))
    yield from (("command", "cec 000.aig 000.aig"), ("command", "!true"), ("command", "zero"))
    yield "letter", line.replace(";", "\u037e") if ";" in line else f"{line}\u200b"
    for number in re.findall(r" -[A-Z] \d+", line):
        yield from (("range", line.replace(number, f"{number[:4]}99")), ("range", line.replace(number, number[:3])))
    for flag in re.findall(r" -[a-z](?= |$)", line):
        yield "option", line.replace(flag, flag * 2)
