"""The toy's part of the integrity layer: what another domain writes to be tested by mutants and impostors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from evaluators.integrity.seams import Change, Honest, Impostor
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.integrity import Finding
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome

Stages = Callable[[str, int], Sequence[StageEvidence]]
_VALUE = re.compile(r"(?m)^[XY] = (\d+)$")


class ToyChecker:
    def __init__(self, stages: Stages, seed: int) -> None:
        self._stages = stages
        self._seed = seed

    async def tools(self) -> Mapping[str, str]:
        return {"toy": "1"}

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        last = self._stages(source, self._seed)[-1]
        passed = last.outcome is Outcome.PASS
        answers = "" if not passed else str(last.metrics["height"].value)
        return Finding(built=True, accepted=passed, stage=last.stage, reason=last.reason, answers=answers)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        return await self.check(source)

    async def prove_equal(self, one: str, other: str) -> str:
        return "the same numbers in the same lines" if _program(one) == _program(other) else ""


def _program(source: str) -> list[str]:
    return [line for line in source.splitlines() if not line.startswith("#")]


def mutate_toy(source: str) -> Iterator[Change]:
    """Numbers that are not allowed, dropped lines, a lower precision; one dropped comment, which changes nothing."""
    lines = source.splitlines(keepends=True)
    for number, line in enumerate(lines):
        found = _VALUE.match(line)
        others = [("dropped statement", "")]
        if found is not None:
            others += [("bound", line.replace(found[1], "41")), ("bound", line.replace(found[1], "-1"))]
            others += [("precision", line.replace(found[1], f"{found[1]}.5"))]
        if line.startswith("X = "):
            others += [("constant", f"X = {value}\n") for value in range(0, 41, 7)]
        for operator, text in others:
            changed = "".join([*lines[:number], text, *lines[number + 1 :]])
            yield Change(operator, number + 1, line.strip(), text.strip() or ";", changed)


def toy_impostors(task: Task) -> Sequence[Impostor]:
    return [Impostor("zeros", "both numbers are zero", "X = 0\nY = 0\n"), Impostor("empty", "nothing at all", "")]


def toy_honest(task: Task) -> Sequence[Honest]:
    return [Honest(task.seed, task.read(task.seed))]
