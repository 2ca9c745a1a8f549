"""Whether a kernel is faster by more than noise."""

from __future__ import annotations

from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Phase

_OTHER_SEED = 20261121


async def gains(evaluator: KernelEvaluator, task: Task, source: str, evidence: Evidence, *, above: float = 1.0) -> bool:
    """Twice, with a second seed: one time in twenty an interval leaves out what is there."""

    def is_faster(found: Evidence) -> bool:
        return found.passed and found.distinguishable and found.metrics["speedup"].value > above

    if not is_faster(evidence):
        return False
    return is_faster(await evaluator.evaluate(source, task, {}, seed=_OTHER_SEED, phase=Phase.SEARCH))
