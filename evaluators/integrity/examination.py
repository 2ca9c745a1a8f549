"""A task's whole check: admission, rehearsal and mutants, as far as its evaluator offers them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from evaluators.integrity.admission import admit
from evaluators.integrity.mutation import WANTED, MutationTest, Progress, draw_mutants
from evaluators.integrity.rehearsal import rehearse
from evaluators.integrity.seams import (
    Checker,
    LimitsMutants,
    OffersChecker,
    OffersImpostors,
    OffersMutants,
    OffersRemarks,
)
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Evidence
from nightforge.domain.integrity import IntegrityReport
from nightforge.domain.ports import Evaluator
from nightforge.domain.rehearsal import RehearsalReport
from nightforge.domain.scoring import gain_stands
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from nightforge.fingerprint import digest_tree


@dataclass(frozen=True)
class Extent:
    """How much to check. `mutants` is the number that must count; 0: none, None: as many as the evaluator says."""

    mutants: int | None = WANTED
    rehearsal: bool = True
    seed: int | None = None
    """Of data and order; the default comes from the system and is stored."""


async def examine_task(
    evaluator: Evaluator,
    task: Task,
    parameters: Mapping[str, Scalar],
    extent: Extent,
    *,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> IntegrityReport:
    """Raises EvaluatorFault when a correct program of the task does not pass, and what the evaluator raises."""
    seed = secrets.randbits(62) if extent.seed is None else extent.seed
    report = IntegrityReport(
        task=task.name, evaluator=evaluator.name, digest=digest_tree(task.root), made_at=datetime.now(UTC)
    )
    if isinstance(evaluator, OffersRemarks):
        remarks = tuple(await evaluator.remarks(task, parameters, seed=seed, say=say))
        report = report.model_copy(update={"remarks": remarks})
        if any(remark.ends for remark in remarks):
            return report
    if isinstance(evaluator, OffersChecker):
        async with evaluator.open_checker(task, parameters, seed=seed) as checker:
            found = await _with_checker(evaluator, checker, task, extent, seed, say, progress)
        report = report.model_copy(update=found)
    else:
        lacking = "its correctness stages apart from the measuring ones: no admission, no mutants"
        report = report.model_copy(update={"not_offered": (lacking,)})
    if not extent.rehearsal:
        return report
    return report.model_copy(update={"rehearsal": await _rehearse(evaluator, task, parameters, seed, say)})


async def _with_checker(
    evaluator: Evaluator,
    checker: Checker,
    task: Task,
    extent: Extent,
    seed: int,
    say: Callable[[str], None],
    progress: Progress | None,
) -> Mapping[str, object]:
    """Fields of the report: tools, admission, mutants, and what the evaluator does not offer."""
    found: dict[str, object] = {"tools": dict(await checker.tools())}
    lacking = []
    wanted = extent.mutants
    if wanted is None:
        wanted = evaluator.most_mutants(task) if isinstance(evaluator, LimitsMutants) else WANTED
    if isinstance(evaluator, LimitsMutants):
        found["least_score"] = evaluator.least_score(task)
    if isinstance(evaluator, OffersImpostors):
        say("programs that must not be admitted ...")
        honest = [program for program in evaluator.honest_programs(task) if not program.is_derived]
        found["admission"] = await admit(checker, honest, evaluator.impostors(task))
    else:
        lacking.append("impostors: no admission")
    if isinstance(evaluator, OffersMutants) and wanted:
        say("mutants of correct programs ...")
        programs = evaluator.honest_programs(task)
        mutants = draw_mutants(programs, evaluator.mutator(task), seed=seed)
        found["mutation"] = await MutationTest(checker, programs, seed=seed).run(
            mutants, wanted=wanted, progress=progress
        )
    elif wanted:
        lacking.append("mutants: no mutation score")
    return found | {"not_offered": tuple(lacking)}


async def _rehearse(
    evaluator: Evaluator, task: Task, parameters: Mapping[str, Scalar], seed: int, say: Callable[[str], None]
) -> RehearsalReport | None:
    if not task.rehearsal:
        return None
    say("the baselines and the noise, for the rehearsal ...")
    calibration = await evaluator.calibrate(task, parameters, seed=seed)
    say("candidates of known fate ...")

    async def evaluate(source: str) -> Evidence:
        return await evaluator.evaluate(
            source, task, parameters, seed=seed, phase=Phase.REHEARSAL, calibration=calibration
        )

    return await rehearse(task, evaluate, lambda evidence: gain_stands(evidence, task.objective, calibration))
