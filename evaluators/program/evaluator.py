"""Python programs with an exact verifier: candidate to evidence (entry point `program` of `nightforge.evaluators`)."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import evaluators
from evaluators.cascade import CandidateFailed, Cascade, CascadeEnded
from evaluators.integrity.seams import Honest, Impostor, Mutator
from evaluators.program.contract import Judged, Known, Quantity, Refused, Verifier
from evaluators.program.integrity import ProgramChecker, impostors_of, mutator_of
from evaluators.program.running import Answered, Runner, check_text, open_runner
from evaluators.program.spec import (
    SECONDS,
    STAGES,
    BaselineProgram,
    ProgramSettings,
    load_verifier,
    read_settings,
)
from evaluators.python_candidates import BoxedPython, lacking_python
from evaluators.schedulers.player import worker_file
from evaluators.stages import require_stages
from nightforge.domain.base import Json, Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Objective, Task
from nightforge.domain.words import Alarm, ClockKind, Direction, Phase
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import fingerprint

SHOWN_BYTES = 12_000
"""Of an answer that stands in the evidence of a confirmation, for whoever wants to check it himself."""


class ProgramEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`. Verdicts are exact; what a program finds in its time is not."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._python = BoxedPython(sandbox)

    @property
    def name(self) -> str:
        return "program"

    @property
    def clock(self) -> ClockKind | None:
        return None

    def check_task(self, task: Task) -> None:
        settings = read_settings(task)
        load_verifier(task, settings)
        where = str(task.root / "task.toml")
        require_stages(task, STAGES)
        for program in (*settings.baselines, *settings.witnesses):
            if not (task.root / program.source).is_file():
                raise UserError(f"{program.name}: no file {program.source}", where=where)
        if SECONDS not in {parameter.name for parameter in task.parameters}:
            raise UserError(f"no parameter {SECONDS!r}", where=where, hint="it is the CPU time that a candidate has")
        if task.language != "python":
            raise UserError(f"language {task.language!r} does not run here", where=where, hint='language = "python"')

    def prerequisites(self, task: Task) -> Sequence[str]:
        return lacking_python()

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        code = (*map(Path, evaluators.__path__), worker_file())
        return await asyncio.to_thread(fingerprint, task, parameters, tools=await self._python.tools(), code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        settings = read_settings(task)
        objective, tools = task.objective, await self._python.tools()
        baselines = []
        for program in _fitting(settings.baselines, parameters):
            evidence = await self.evaluate(
                task.read(program.source), task, parameters, seed=seed, phase=Phase.REHEARSAL
            )
            if (failure := evidence.failure) is not None:
                said = f"{failure.stage}: {failure.reason}: {failure.feedback[:200]}"
                raise EvaluatorFault(f"the baseline does not pass: {said}", where=str(task.root / program.source))
            baselines.append(
                Baseline(name=program.name, title=program.title, metrics=dict(evidence.metrics), environment=tools)
            )
        if not baselines:
            raise EvaluatorFault("no baseline fits these parameters", where=str(task.root / "task.toml"))
        sign = 1 if objective.direction is Direction.MAX else -1
        best = max(baselines, key=lambda baseline: sign * baseline.metrics[objective.metric].value)
        known = load_verifier(task, settings).known(parameters)
        return Calibration(
            baselines=tuple(baselines),
            reference=best.name,
            noise=Metric(value=0.0),
            band=0.0,
            room=None if known is None else float(known.bound),
            room_reason="" if known is None else f"{known.proof}; best known {float(known.best):g}: {known.source}",
            seconds_per_evaluation=float(parameters[SECONDS]),
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
        settings = read_settings(task)
        cascade = Cascade(phase, seed, await self._python.tools())
        trial = _Trial(task, settings, load_verifier(task, settings), parameters, cascade)
        try:
            with cascade.stage("rules") as notes:
                tree = check_text(source, settings)
                notes.metrics["nodes"] = Metric(value=sum(1 for _ in ast.walk(tree)), unit="syntax nodes")
            await asyncio.to_thread(trial.run, self._sandbox, source, phase)
        except CascadeEnded:
            pass
        return cascade.evidence(self._sandbox.tier)

    def is_lasting(self, evidence: Evidence) -> bool:
        """Refusals of the text alone: whatever runs may look at a clock, or draw."""
        failure = evidence.failure
        return failure is not None and failure.stage == "rules"

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[ProgramChecker]:
        """Offers `evaluators.integrity.seams.OffersChecker`."""
        settings = read_settings(task)
        verifier = load_verifier(task, settings)
        yield ProgramChecker(self._sandbox, settings, verifier, parameters, await self._python.tools())

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        """Witnesses for the task's default parameters: answers of which no number may change."""
        chosen = _fitting(read_settings(task).witnesses, {one.name: one.default for one in task.parameters})
        return [Honest(program.source, task.read(program.source)) for program in chosen]

    def mutator(self, task: Task) -> Mutator:
        return mutator_of(read_settings(task).verifier)

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return impostors_of(task.read(task.seed), read_settings(task).function)


def _fitting(programs: Sequence[BaselineProgram], parameters: Mapping[str, Scalar]) -> Sequence[BaselineProgram]:
    return [
        program for program in programs if all(parameters.get(name) == value for name, value in program.when.items())
    ]


class _Trial:
    """One candidate's way through the stages that run it. Raises what a stage ends with; see `Cascade`."""

    def __init__(
        self,
        task: Task,
        settings: ProgramSettings,
        verifier: Verifier,
        parameters: Mapping[str, Scalar],
        cascade: Cascade,
    ) -> None:
        self._objective = task.objective
        self._settings = settings
        self._verifier = verifier
        self._parameters = parameters
        self._cascade = cascade

    def run(self, sandbox: Sandbox, source: str, phase: Phase) -> None:
        seconds = float(self._parameters[SECONDS])
        with open_runner(sandbox, source, self._settings.function, self._parameters, seconds) as runner:
            with self._cascade.stage("run") as notes:
                answered = runner.call()
                notes.metrics["cpu_s"] = Metric(value=answered.cpu_s, unit="s")
            with self._cascade.stage("verify") as notes:
                metrics, notes.feedback = self._judge(answered.answer)
                notes.metrics |= metrics
                if phase is Phase.CONFIRMATION:
                    notes.feedback += f"\n{_shown(answered.answer)}"
            if phase is Phase.CONFIRMATION:
                with self._cascade.stage("repeat") as notes:
                    worst, notes.feedback = self._repeat(runner, answered, metrics)
                    notes.metrics |= worst

    def _judge(self, answer: Json) -> tuple[dict[str, Metric], str]:
        try:
            judged = self._verifier.verify(answer, self._parameters)
        except Refused as refused:
            raise CandidateFailed("invalid", str(refused)) from refused
        known = self._verifier.known(self._parameters)
        _check_bound(self._objective, judged, known)
        metrics = {name: _metric(quantity) for name, quantity in judged.metrics.items()}
        return metrics, "; ".join(filter(None, (_compared(self._objective, judged, known), judged.notes)))

    def _repeat(self, runner: Runner, first: Answered, metrics: dict[str, Metric]) -> tuple[dict[str, Metric], str]:
        """Again in fresh processes: the worst answer counts, so that a lucky draw is no result."""
        sign = 1 if self._objective.direction is Direction.MAX else -1
        worst, same = metrics, 0
        for _ in range(self._settings.repeats):
            answered = runner.call()
            again, _ = self._judge(answered.answer)
            same += answered.answer == first.answer
            worst = min(worst, again, key=lambda one: sign * one[self._objective.metric].value)
        count = self._settings.repeats
        said = f"{same} of {count} further processes gave the same answer; the worst of all {count + 1} is the score"
        return {**worst, "same_answers": Metric(value=same, unit=f"of {count}")}, said


def _metric(quantity: Quantity) -> Metric:
    """Exact: an interval without width."""
    value = float(quantity.value)
    return Metric(value=value, unit=quantity.unit, low=value, high=value)


def _check_bound(objective: Objective, judged: Judged, known: Known | None) -> None:
    if known is None:
        return
    value = judged.metrics[objective.metric].value
    beyond = value > known.bound if objective.direction is Direction.MAX else value < known.bound
    if beyond:
        said = f"{objective.metric} {float(value):g} is beyond {float(known.bound):g}, which is proven ({known.proof})"
        raise CandidateFailed(Alarm.BEYOND_BOUND, said)


def _compared(objective: Objective, judged: Judged, known: Known | None) -> str:
    value = judged.metrics[objective.metric].value
    said = f"{objective.metric} {float(value):.12g}, exactly verified"
    if known is None:
        return said
    better = value > known.best if objective.direction is Direction.MAX else value < known.best
    word = "better than the best known" if better else "the best known is"
    return f"{said}; {word} {float(known.best):g} ({known.source})"


def _shown(answer: Json) -> str:
    text = json.dumps(answer, separators=(",", ":"))
    digest = sha256(text.encode()).hexdigest()
    return f"answer (sha256 {digest[:16]}): {text if len(text) <= SHOWN_BYTES else 'too long to be shown'}"
