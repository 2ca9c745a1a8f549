"""What came of a candidate, read from its committed row and told to the search policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nightforge.domain.candidate import Candidate, Choice
from nightforge.domain.evidence import Evidence
from nightforge.domain.scoring import score_evidence, turned
from nightforge.domain.search import KeepsArchive, RemembersResults, Result
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState, OperatorKind, TeamKind
from workflows.workshop import Desk, Workshop

REVISED = 256
"""Best candidates that archives are filled from again: a mark is rare, but must not cost more in a long campaign."""


async def tell(desk: Desk, state: CandidateState, reason: str) -> None:
    """After the row is finished. A policy that a crash kept from hearing it is told again on resume."""
    shop = desk.workshop
    operator, name = desk.made
    await shop.policy.tell(
        _result(
            shop,
            desk.ordinal,
            desk.choice or Choice(parents=()),
            state=state,
            reason=reason,
            operator=operator,
            operator_name=name,
            evidence=desk.evidence,
            proposing_s=desk.proposing_s,
            is_discarded=desk.ordinal in shop.discarded,
        )
    )


async def tell_of(shop: Workshop, ordinal: int) -> None:
    """The same from the candidate's row; what its proposal took is no longer known."""
    await shop.policy.tell(_result_of(shop, shop.store.candidate(shop.campaign_id, ordinal)))


def _result_of(shop: Workshop, row: Candidate) -> Result:
    return _result(
        shop,
        row.ordinal,
        row.choice or Choice(parents=row.parents),
        state=row.state,
        reason=row.reason,
        operator=row.operator,
        operator_name=row.operator_name,
        evidence=row.evidence,
        proposing_s=0.0,
        is_discarded=row.discarded,
    )


async def catch_up(shop: Workshop) -> None:
    """At the start of a session: what was finished in an earlier one, and not told before it ended."""
    if isinstance(shop.policy, RemembersResults):
        for ordinal in shop.policy.untold():
            await tell_of(shop, ordinal)
    if isinstance(shop.policy, KeepsArchive) and shop.policy.has_lost():
        await look_again(shop)


async def look_again(shop: Workshop) -> None:
    """A person discarded a candidate or took that back: archives are filled again from the best that may stay."""
    if isinstance(shop.policy, KeepsArchive):
        best = shop.store.ranked(shop.campaign_id, limit=REVISED)
        await shop.policy.revise([_result_of(shop, row) for row in sorted(best, key=lambda one: one.ordinal)])


def _result(
    shop: Workshop,
    ordinal: int,
    choice: Choice,
    *,
    state: CandidateState,
    reason: str,
    operator: OperatorKind | None,
    operator_name: str,
    evidence: Evidence | None,
    proposing_s: float,
    is_discarded: bool,
) -> Result:
    stages = evidence.stages if evidence is not None else ()
    measured = evidence if state.may_be_parent and not is_discarded else None
    score = score_evidence(measured, shop.plan.objectives[0]) if measured is not None else None
    return Result(
        ordinal=ordinal,
        choice=choice,
        state=state,
        reason=reason,
        operator=operator,
        operator_name=operator_name,
        score=score.value if score else None,
        score_low=score.low if score else None,
        parent_score=_parent_score(shop, choice, operator),
        behaviour=_behaviour(measured, shop.task.behaviour),
        objectives=_objectives(measured, shop.plan.objectives),
        cost_usd=0.0 if shop.plan.team is TeamKind.OFFLINE else shop.store.cost_of(shop.campaign_id, ordinal),
        seconds=proposing_s + sum(stage.duration_s for stage in stages),
    )


def _parent_score(shop: Workshop, choice: Choice, operator: OperatorKind | None) -> float | None:
    """What the candidate is held against; a crossover against the best that it could take from, not the weaker one."""
    parents = choice.parents if operator is OperatorKind.CROSSOVER else choice.parents[:1]
    return max((score for one in parents if (score := shop.program(one).score) is not None), default=None)


def _behaviour(evidence: Evidence | None, dimensions: tuple[str, ...]) -> dict[str, float]:
    metrics: Mapping[str, object] = {} if evidence is None else evidence.metrics
    return {name: evidence.metrics[name].value for name in dimensions if evidence is not None and name in metrics}


def _objectives(measured: Evidence | None, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """Empty unless every objective was measured."""
    values = [turned(measured, objective) for objective in objectives] if measured is not None else []
    known = tuple(value for value in values if value is not None)
    return known if len(known) == len(values) else ()
