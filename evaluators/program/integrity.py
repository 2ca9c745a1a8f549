"""Can a program task's verifier be believed? Forged answers must be refused, and tight ones changed by one unit.

A mutant of a program is another program, and may be a better one. So mutants are made of witnesses: programs that
return a written-out answer with no room in it (circles that all touch exactly, a scheme of which every entry counts, a
cap set that nothing can join). Whatever the lists below change in such an answer makes it wrong, by construction.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import product
from math import inf, nextafter

from evaluators.cascade import CandidateFailed
from evaluators.integrity.seams import Change, Impostor, Mutator
from evaluators.program.contract import Refused, Verifier
from evaluators.program.running import open_runner, parse_program
from evaluators.program.spec import SECONDS, ProgramSettings
from nightforge.domain.base import Scalar
from nightforge.domain.integrity import Finding
from nightforge.domain.ports import Sandbox

Rows = list[list[float | int | list[int]]]
"""A written-out answer: circles of three numbers, vectors, or terms of three vectors."""
_FORGED = """

_honest = {function}


def _each(value, change):
    if isinstance(value, (list, tuple)):
        return [_each(one, change) for one in value]
    return change(value)


def {function}(**parameters):
    answer = _honest(**parameters)
    return {answer}
"""
_ANSWERS = (
    ("zeros", "every number of the answer is 0", "_each(answer, lambda number: 0)"),
    ("negative", "every number of the answer is turned below zero", "_each(answer, lambda number: -number - 1)"),
    ("doubled", "every number of the answer is twice as large", "_each(answer, lambda number: 2 * number + 2)"),
    ("halves", "every number of the answer is a half more", "_each(answer, lambda number: number + 0.5)"),
    ("huge", "every number of the answer is 10^30", "_each(answer, lambda number: 10**30)"),
    ("truths", "every number of the answer is true", "_each(answer, lambda number: True)"),
    ("texts", "every number of the answer is written as text", "_each(answer, str)"),
    ("short-parts", "every part of the answer lacks its last number", "[part[:-1] for part in answer]"),
    ("duplicated", "the first part of the answer stands there twice", "list(answer) + [answer[0]]"),
    ("wrapped", "the answer is wrapped into an object", '{"answer": answer, "score": 10**9}'),
    ("score", "a score instead of an answer", "10**9"),
    ("nothing", "an empty list", "[]"),
    ("none", "no answer at all", "None"),
    ("a-word", "a word instead of an answer", "'optimal'"),
)


def impostors_of(honest: str, function: str) -> Sequence[Impostor]:
    """Programs whose honest answers are forged on their way out."""
    text = _FORGED.replace("{function}", function)
    return [Impostor(name, title, honest + text.replace("{answer}", answer)) for name, title, answer in _ANSWERS]


class ProgramChecker:
    """Implements `evaluators.integrity.seams.Checker`: box and verifier, without the courtesies on the text."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: ProgramSettings,
        verifier: Verifier,
        parameters: Mapping[str, Scalar],
        tools: Mapping[str, str],
    ) -> None:
        self._sandbox = sandbox
        self._function = settings.function
        self._verifier = verifier
        self._parameters = parameters
        self._tools = tools

    async def tools(self) -> Mapping[str, str]:
        return self._tools

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        return await asyncio.to_thread(self._find, source)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        """There are no other data: the question is always the same."""
        return await self.check(source)

    async def prove_equal(self, one: str, other: str) -> str:
        return ""

    def _find(self, source: str) -> Finding:
        stage = "rules"
        try:
            parse_program(source, self._function)
            stage = "run"
            seconds = float(self._parameters[SECONDS])
            with open_runner(self._sandbox, source, self._function, self._parameters, seconds) as runner:
                answered = runner.call()
            stage = "verify"
            self._verifier.verify(answered.answer, self._parameters)
        except CandidateFailed as failure:
            return Finding(
                built=stage != "rules", accepted=False, stage=stage, reason=failure.reason, feedback=failure.feedback
            )
        except Refused as refused:
            return Finding(built=True, accepted=False, stage=stage, reason=refused.condition, feedback=refused.detail)
        digest = sha256(json.dumps(answered.answer).encode()).hexdigest()
        return Finding(built=True, accepted=True, stage=stage, answers=digest, seconds=answered.cpu_s)


def mutator_of(verifier: str) -> Mutator:
    """The list for a verifier of ours; no mutants for a user's, whose conditions nobody here knows."""
    kinds = {"packing": _packings, "schemes": _schemes, "capset": _capsets}
    return lambda source: _mutants(source, kinds.get(verifier, lambda rows: iter(())))


_Changed = tuple[str, int, str, str, Rows]
"""Operator, row, before, after, the rows after it."""


def _mutants(source: str, kind: Callable[[Rows], Iterator[_Changed]]) -> Iterator[Change]:
    literal = _literal(source)
    rows: Rows = ast.literal_eval(literal)
    for operator, place, before, after, changed in kind(rows):
        text = source.replace(ast.get_source_segment(source, literal) or "", repr(changed))
        yield Change(operator, literal.lineno + place + 1, before, after, text)


def _literal(source: str) -> ast.List:
    """The last list that the program returns as it stands."""
    found = [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.List)
    ]
    return found[-1]


def _with(rows: Rows, place: int, at: int, value: float | list[int]) -> Rows:
    changed = [list(row) for row in rows]
    changed[place][at] = value
    return changed


def _packings(rows: Rows) -> Iterator[_Changed]:
    """Centres a unit in the last place to either side, radii one larger (a smaller one is right, and worth less)."""
    for place, row in enumerate(rows):
        numbers = [float(value) for value in row if not isinstance(value, list)]
        for at, number in enumerate(numbers):
            others = [("bound", nextafter(number, inf)), ("operator", -number), ("constant", number + 1.0)]
            others += [("bound", nextafter(number, -inf))] if at < 2 else [("constant", 0.0)]
            others += [("precision", round(number, 2))] if at < 2 and round(number, 2) != number else []
            for operator, other in others:
                yield operator, place, repr(number), repr(other), _with(rows, place, at, other)
        if numbers[0] != numbers[2]:
            swapped: Rows = [*rows[:place], [numbers[2], numbers[1], numbers[0]], *rows[place + 1 :]]
            yield "swapped operand", place, repr(row), repr(swapped[place]), swapped
        yield from _rows(rows, place)


def _schemes(rows: Rows) -> Iterator[_Changed]:
    """Any entry of any term: what one entry adds to the product is never nothing."""
    for place, row in enumerate(rows):
        vectors = [value for value in row if isinstance(value, list)]
        for at, vector in enumerate(vectors):
            for entry, number in enumerate(vector):
                others = [("bound", number + 1), ("bound", number - 1)] + ([("operator", -number)] if number else [])
                for operator, other in others:
                    changed = [*vector[:entry], other, *vector[entry + 1 :]]
                    yield operator, place, f"{number}", f"{other}", _with(rows, place, at, changed)
        yield from _rows(rows, place)


def _capsets(rows: Rows) -> Iterator[_Changed]:
    """Every further vector closes a line; a number that is the same modulo 3 is another number."""
    there = {tuple(row) for row in rows}
    for vector in product((0, 1, 2), repeat=len(rows[0])):
        if vector not in there:
            more: Rows = [*rows, list(vector)]
            yield "constant", len(rows) - 1, "", repr(vector), more
    for place, row in enumerate(rows):
        for at, number in enumerate(row):
            if isinstance(number, int):
                for other in (number + 3, number - 3):
                    yield "bound", place, f"{number}", f"{other}", _with(rows, place, at, other)
        yield "dropped statement", place, repr(row), "", [*rows[:place], row[:-1], *rows[place + 1 :]]
        doubled = [*rows, row]
        yield "swapped operand", place, "", repr(row), doubled


def _rows(rows: Rows, place: int) -> Iterator[_Changed]:
    """A part less, and the neighbour in its place."""
    yield "dropped statement", place, repr(rows[place]), "", [*rows[:place], *rows[place + 1 :]]
    neighbour = rows[(place + 1) % len(rows)]
    if neighbour != rows[place]:
        yield "constant", place, repr(rows[place]), repr(neighbour), [*rows[:place], neighbour, *rows[place + 1 :]]
