"""The domain `sine`: programs that print the coefficients of an odd polynomial close to the sine.

The candidate runs in the sandbox and returns bytes; the error is computed here, on the trusted side. Nothing that
the program prints is believed but the numbers themselves.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.limits import ExecResult, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import fingerprint
from sandbox.platform import find_tool, install_hint

METRIC = "max_error"
POINTS = 2048
MOST_TERMS = 3
LARGEST = 100.0
TAYLOR = (1.0, -1.0 / 6.0, 1.0 / 120.0)
LIMITS = Limits(wall_s=5.0, cpu_s=2, processes=4, output_bytes=4096)


class SineEvaluator:
    """Evaluator of `sine` tasks. Deterministic but for the test points, which come from the seed."""

    name = "sine"
    clock: ClockKind | None = None

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def check_task(self, task: Task) -> None:
        if task.settings:
            raise UserError(f"unknown fields: {', '.join(task.settings)}", where=f"{task.root}/task.toml: settings")

    def prerequisites(self, task: Task) -> Sequence[str]:
        return () if find_tool("python3") else (f"python3 is not installed: {install_hint('python3')}",)

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        return fingerprint(task, parameters, tools=await self._tools(), code=[Path(__file__)])

    async def _tools(self) -> dict[str, str]:
        """The interpreter as the box sees it: another version may give another answer."""
        result = await self._sandbox.run(["/usr/bin/env", "python3", "-VV"], limits=LIMITS)
        if not result.ok:
            raise EvaluatorFault("python3 does not run inside the box", hint=install_hint("python3"))
        return {"python3": result.stdout.decode(errors="replace")}

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        taylor = Baseline(
            name="taylor", title="Taylor's polynomial of degree 5", metrics={METRIC: largest_error(TAYLOR, seed)}
        )
        return Calibration(
            baselines=(taylor,),
            reference="taylor",
            noise=Metric(value=0.0),
            band=0.01,
            room_reason="this evaluator proves no bound",
            seconds_per_evaluation=0.1,
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
        result = await self._sandbox.run(
            ["/usr/bin/env", "python3", "-I", "/job/program.py"], files={"program.py": source.encode()}, limits=LIMITS
        )
        stages = [judge_run(result)]
        if stages[-1].outcome is Outcome.PASS:
            coefficients, fault = read_coefficients(result.stdout)
            stages.append(
                StageEvidence(stage="read", outcome=Outcome.FAIL, reason="wrong_output", feedback=fault)
                if fault
                else StageEvidence(stage="read", outcome=Outcome.PASS)
            )
            if not fault:
                metrics = {METRIC: largest_error(coefficients, seed)}
                stages.append(StageEvidence(stage="measure", outcome=Outcome.PASS, metrics=metrics, seed=seed))
        return Evidence(tier=self._sandbox.tier, phase=phase, stages=tuple(stages))

    def is_lasting(self, evidence: Evidence) -> bool:
        """All but what a limit ended: nothing here depends on a clock."""
        return evidence.stages[-1].outcome in {Outcome.PASS, Outcome.FAIL} and evidence.stages[-1].reason != "run_error"


def judge_run(result: ExecResult) -> StageEvidence:
    """The first stage: did the program end by itself, in time, with exit code 0?"""
    if result.ok:
        return StageEvidence(stage="run", outcome=Outcome.PASS, duration_s=result.wall_s)
    late = result.reason.value in {"wall_limit", "cpu_limit"}
    errors = result.stderr.decode(errors="replace")[-2000:]
    return StageEvidence(
        stage="run",
        outcome=Outcome.TIMEOUT if late else Outcome.FAIL,
        reason="timeout" if late else "run_error",
        feedback=f"{result.reason.value}, exit code {result.exit_code}\n{errors}",
        duration_s=result.wall_s,
    )


def read_coefficients(output: bytes) -> tuple[tuple[float, ...], str]:
    """The numbers that were printed, or what is wrong with them. Never raises."""
    try:
        numbers = json.loads(output.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return (), f"the output is not JSON: {error}"
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= MOST_TERMS:
        return (), f"expected a list of 1 to {MOST_TERMS} numbers"
    if not all(type(number) in (int, float) and abs(number) <= LARGEST for number in numbers):
        return (), f"expected numbers between -{LARGEST} and {LARGEST}"
    return tuple(float(number) for number in numbers), ""


def largest_error(coefficients: Sequence[float], seed: int) -> Metric:
    """Largest distance to the sine on [0, pi/2] in millionths, at points drawn from the seed, both ends included."""
    random = Random(seed)
    points = [0.0, math.pi / 2, *(random.uniform(0.0, math.pi / 2) for _ in range(POINTS))]
    error = max(abs(polynomial(coefficients, x) - math.sin(x)) for x in points)
    return Metric(value=error * 1e6, unit="ppm", samples=len(points))


def polynomial(coefficients: Sequence[float], x: float) -> float:
    """c1 x + c3 x^3 + c5 x^5, by Horner's rule."""
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * x * x + coefficient
    return total * x
