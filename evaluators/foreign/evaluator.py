"""The evaluator `foreign`: another engine's folder, run whole in the box; its word is kept, and never confirmed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import evaluators
from evaluators.cascade import CandidateFailed, Cascade, CascadeEnded
from evaluators.foreign.box import WORKER, run_evaluator
from evaluators.foreign.contract import COMPLEXITY, ForeignSettings, folder_of, read_settings
from evaluators.foreign.holes import HoleFinder
from evaluators.foreign.interpreter import Interpreter, open_interpreter
from evaluators.foreign.reply import Reply, check_reply, feedback_of, judge_stage, metrics_of, score_of
from evaluators.statistics import median_interval
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.integrity import Remark
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, EvidenceClass, Phase
from nightforge.errors import EvaluatorFault, NightforgeError
from nightforge.fingerprint import digest_tree, fingerprint

SEED = "seed"
LEAST_BAND = 1e-9


@lru_cache(maxsize=16)
def interpreter_of(python: str) -> Interpreter:
    return open_interpreter(python)


class ForeignEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    @property
    def name(self) -> str:
        return "foreign"

    @property
    def clock(self) -> ClockKind | None:
        """What the folder's evaluator measures is its own affair."""
        return None

    def check_task(self, task: Task) -> None:
        read_settings(task)

    def prerequisites(self, task: Task) -> Sequence[str]:
        try:
            interpreter_of(read_settings(task).python)
        except NightforgeError as error:
            return (f"{error} ({error.hint})",)
        return ()

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        settings = read_settings(task)
        tools = {"python": interpreter_of(settings.python).version}
        if Path(settings.folder).is_absolute():
            tools["folder"] = digest_tree(Path(settings.folder))
        code = [Path(next(iter(evaluators.__path__))) / "foreign", WORKER]
        return fingerprint(task, parameters, tools=tools, code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """The folder's own program is the only baseline that a peer's folder has; its spread is the noise."""
        settings = read_settings(task).model_copy(update={"thresholds": ()})
        metric, scores, started = task.objective.metric, list[float](), time.perf_counter()
        evidence: Evidence | None = None
        for _ in range(settings.repeats):
            evidence = await self._once(task, settings, task.read(task.seed), Phase.REHEARSAL, seed)
            failure = evidence.failure
            if failure is not None:
                raise EvaluatorFault(
                    f"the folder's own program does not pass: {failure.stage}: {failure.reason}: "
                    f"{' '.join(failure.feedback.split())[:300]}",
                    where=str(folder_of(task, settings)),
                    hint="mend the program to start from, or name another Python with --python",
                )
            scores.append(evidence.metrics[metric].value)
        assert evidence is not None
        estimate = median_interval(scores)
        spread = (estimate.high - estimate.low) / abs(estimate.value) if estimate.value else 0.0
        metrics = {**evidence.metrics, metric: estimate.metric(task.objective.unit)}
        return Calibration(
            evidence_class=EvidenceClass.FOREIGN,
            baselines=(Baseline(name=SEED, title="the folder's own program", metrics=metrics),),
            reference=SEED,
            noise=Metric(value=spread, samples=len(scores)),
            band=max(spread, LEAST_BAND),
            room_reason="another engine's evaluator proves no bound",
            machine={"python": f"{interpreter_of(settings.python).named} {interpreter_of(settings.python).version}"},
            seconds_per_evaluation=(time.perf_counter() - started) / settings.repeats,
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
        """Once; a finalist as often as the folder's own program was, with the median and the range of its scores."""
        settings = read_settings(task)
        if phase is not Phase.SEARCH or source == task.read(task.seed):
            # Thresholds save time in the search; by chance the program that all are held against may miss one.
            settings = settings.model_copy(update={"thresholds": ()})
        evidence = await self._once(task, settings, source, phase, seed)
        if phase is not Phase.CONFIRMATION or not evidence.passed:
            return evidence
        found = [evidence.metrics[task.objective.metric].value]
        while len(found) < settings.repeats:
            evidence = await self._once(task, settings, source, phase, seed)
            if not evidence.passed:
                return evidence
            found.append(evidence.metrics[task.objective.metric].value)
        return _with_score(evidence, task, median_interval(found).metric(task.objective.unit))

    def is_lasting(self, evidence: Evidence) -> bool:
        """Never: an evaluator that is not ours promises no equal answer to an equal question."""
        return False

    async def remarks(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int, say: Callable[[str], None]
    ) -> Sequence[Remark]:
        """Implements `evaluators.integrity.seams.OffersRemarks`."""
        settings = read_settings(task)

        async def run(source: str) -> Reply:
            return await self.reply(task, settings.model_copy(update={"thresholds": ()}), source)

        return await HoleFinder(run, task, settings, say).remarks()

    async def _once(self, task: Task, settings: ForeignSettings, source: str, phase: Phase, seed: int) -> Evidence:
        interpreter = interpreter_of(settings.python)
        cascade = Cascade(phase, seed, {"python": interpreter.version})
        try:
            reply = await self.reply(task, settings, source)
        except CandidateFailed as failure:
            stage = StageEvidence(
                stage=settings.stages[0],
                outcome=failure.outcome,
                reason=failure.reason,
                feedback=failure.feedback,
                seed=seed,
                tools={"python": interpreter.version},
            )
            return self._foreign(Evidence(tier=self._sandbox.tier, phase=phase, stages=(stage,)))
        with suppress(CascadeEnded):
            self._judge(cascade, reply, task, settings, source)
        evidence = cascade.evidence(self._sandbox.tier, EvidenceClass.FOREIGN)
        durations = [stage.seconds for stage in reply.stages]
        stages = [
            one.model_copy(update={"duration_s": durations[number] if number < len(durations) else 0.0})
            for number, one in enumerate(evidence.stages)
        ]
        return evidence.model_copy(update={"stages": tuple(stages)})

    async def reply(self, task: Task, settings: ForeignSettings, source: str) -> Reply:
        """What the runner says of one program. EvaluatorFault where the evaluator breaks before it meets it."""
        reply = await run_evaluator(self._sandbox, task, settings, interpreter_of(settings.python), source)
        check_reply(reply, str(folder_of(task, settings) / settings.evaluator))
        return reply

    def _judge(self, cascade: Cascade, reply: Reply, task: Task, settings: ForeignSettings, source: str) -> None:
        if not reply.stages:
            with cascade.stage(settings.stages[0]):
                raise CandidateFailed(reply.problem or "exited", f"no stage was begun\n{reply.output[-2000:]}")
        known: dict[str, Metric] = {}
        for number, stage in enumerate(reply.stages[: len(settings.stages)]):
            is_last = number + 1 == len(reply.stages[: len(settings.stages)])
            with cascade.stage(settings.stages[number]) as notes:
                notes.metrics |= metrics_of(stage)
                known |= notes.metrics
                judge_stage(stage, reply, is_last=is_last)
                notes.feedback = feedback_of(stage, reply if is_last else None)
                if not is_last:
                    continue
                if len(reply.stages) < len(settings.stages):
                    raise CandidateFailed("exited", "the evaluator ended before its last stage")
                score = score_of(known, settings).model_copy(update={"unit": task.objective.unit})
                notes.metrics |= {task.objective.metric: score, COMPLEXITY: Metric(value=float(len(source)))}

    def _foreign(self, evidence: Evidence) -> Evidence:
        return evidence.model_copy(update={"evidence_class": EvidenceClass.FOREIGN})


def _with_score(evidence: Evidence, task: Task, score: Metric) -> Evidence:
    *before, last = evidence.stages
    metrics = {**last.metrics, task.objective.metric: score}
    return evidence.model_copy(update={"stages": (*before, last.model_copy(update={"metrics": metrics}))})
