"""Scores a program of the form `X = 3`, `Y = 5`. Environment, for tests only:

TOY_SECONDS   how long one evaluation takes
TOY_LASTING   1: evaluations may be used again by later campaigns
TOY_LOG       a file to which each finished evaluation appends `phase sha`
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from random import Random

from evaluators.integrity.seams import Honest, Impostor, Mutator
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.fingerprint import fingerprint
from nightforge_toy.integrity import ToyChecker, mutate_toy, toy_honest, toy_impostors

PEAK = (29, 17)
NUMBER = re.compile(r"^(?P<name>[XY]) = (?P<value>-?\d+)$", re.MULTILINE)


class ToyEvaluator:
    name = "toy"
    clock: ClockKind | None = None

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def check_task(self, task: Task) -> None:
        return None

    def prerequisites(self, task: Task) -> Sequence[str]:
        return ()

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        return fingerprint(task, parameters, tools={}, code=[Path(__file__)])

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        flat = Baseline(
            name="flat", title="the plain below the hill", metrics={"height": Metric(value=100.0, unit="m")}
        )
        return Calibration(
            baselines=(flat,),
            reference="flat",
            noise=Metric(value=0.0),
            band=0.01,
            room=2000.0,
            seconds_per_evaluation=seconds(),
        )

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        await asyncio.sleep(seconds())
        evidence = Evidence(tier=self.sandbox.tier, phase=phase, stages=tuple(self._stages(source, seed)))
        write_log(f"{phase} {sha256(source.encode()).hexdigest()}\n")
        return evidence

    def is_lasting(self, evidence: Evidence) -> bool:
        return os.environ.get("TOY_LASTING") == "1"

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[ToyChecker]:
        yield ToyChecker(self._stages, seed)

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        return toy_honest(task)

    def mutator(self, task: Task) -> Mutator:
        return mutate_toy

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return toy_impostors(task)

    def _stages(self, source: str, seed: int) -> Sequence[StageEvidence]:
        numbers = {match["name"]: int(match["value"]) for match in NUMBER.finditer(source)}
        if set(numbers) != {"X", "Y"} or not all(0 <= value <= 40 for value in numbers.values()):
            text = f"expected lines X = 0..40 and Y = 0..40, found {numbers}"
            return [StageEvidence(stage="parse", outcome=Outcome.FAIL, reason="no_numbers", feedback=text)]
        parsed = StageEvidence(stage="parse", outcome=Outcome.PASS, seed=seed)
        x, y = numbers["X"], numbers["Y"]
        if x % 7 == 0:
            text = f"X = {x} is a multiple of seven"
            return [parsed, StageEvidence(stage="check", outcome=Outcome.FAIL, reason="wrong_output", feedback=text)]
        height = 1000.0 - (x - PEAK[0]) ** 2 - (y - PEAK[1]) ** 2
        metric = Metric(value=height, unit="m", low=height - 0.5, high=height + 0.5, samples=9)
        checked = StageEvidence(stage="check", outcome=Outcome.PASS)
        metrics = {"height": metric, "drawn": Metric(value=Random(seed).random())}
        return [parsed, checked, StageEvidence(stage="full", outcome=Outcome.PASS, metrics=metrics, seed=seed)]


def seconds() -> float:
    return float(os.environ.get("TOY_SECONDS", "0"))


def write_log(line: str) -> None:
    path = os.environ.get("TOY_LOG")
    if path:
        with Path(path).open("a", encoding="utf-8") as log:
            log.write(line)
