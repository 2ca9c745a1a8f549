"""Rehearsal: candidates of known fate go through the whole evaluator, and each must meet it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nightforge.domain.evidence import Evidence
from nightforge.domain.rehearsal import RehearsalCheck, RehearsalReport
from nightforge.domain.task import RehearsalCandidate, Task
from nightforge.domain.words import Outcome

Evaluate = Callable[[str], Awaitable[Evidence | None]]


async def rehearse(
    task: Task, evaluate: Evaluate, gains: Callable[[Evidence], bool], *, with_seed: bool = True
) -> RehearsalReport | None:
    """Every `[[rehearsal]]` candidate of the task, in its order. `gains` says whether evidence beats the reference.

    `evaluate` returns None when it was interrupted; then there is no report. What it raises is passed on.
    """
    checks = []
    for known in task.rehearsal:
        if known.path == task.seed and not with_seed:
            continue
        evidence = await evaluate(task.read(known.path))
        if evidence is None:
            return None
        checks.append(judge_known(known, evidence, gains=gains(evidence)))
    return RehearsalReport(checks=tuple(checks))


def judge_known(known: RehearsalCandidate, evidence: Evidence, *, gains: bool) -> RehearsalCheck:
    """`pass`: measured. `reject`: failed a stage, but by no fault of ours. `no-gain`: either, without a gain."""
    failure = evidence.failure
    if failure is not None:
        outcome = f"{failure.stage}: {failure.reason or failure.outcome}"
        if known.expect == "pass" and failure.feedback:
            outcome += f" ({failure.feedback.splitlines()[0][:200]})"
    else:
        outcome = "passed" if gains else "passed, no gain"
    rejected = failure is not None and failure.outcome is not Outcome.ERROR
    held = {"pass": evidence.passed, "reject": rejected, "no-gain": rejected or (evidence.passed and not gains)}
    return RehearsalCheck(
        path=known.path, title=known.title, expect=known.expect, outcome=outcome, held=held[known.expect]
    )


def broken(report: RehearsalReport) -> str:
    """The checks that were not held, in one line; empty when all were."""
    return "; ".join(
        f"{check.path} ({check.title}): expected {check.expect}, got {check.outcome}"
        for check in report.checks
        if not check.held
    )
