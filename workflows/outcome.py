"""What came of a candidate, read from its committed row and told to the search policy."""

from __future__ import annotations

from collections.abc import Mapping

from nightforge.domain.candidate import Candidate, Choice
from nightforge.domain.evidence import Evidence
from nightforge.domain.scoring import turned
from nightforge.domain.search import RemembersResults, Result
from nightforge.domain.words import TeamKind
from workflows.workshop import Desk, Workshop

CALLS_OF_ONE = 64


async def tell(desk: Desk) -> None:
    """After the row is finished. A policy that a crash kept from hearing it is told again on resume."""
    await tell_of(desk.workshop, desk.ordinal, proposing_s=desk.proposing_s)


async def tell_of(shop: Workshop, ordinal: int, *, proposing_s: float = 0.0) -> None:
    await shop.policy.tell(result_of(shop, shop.store.candidate(shop.campaign_id, ordinal), proposing_s))


async def catch_up(shop: Workshop) -> None:
    """At the start of a session: what was finished in an earlier one, and not told before it ended."""
    if isinstance(shop.policy, RemembersResults):
        for ordinal in shop.policy.untold():
            await tell_of(shop, ordinal)


def result_of(shop: Workshop, candidate: Candidate, proposing_s: float) -> Result:
    evidence = candidate.evidence
    stages = evidence.stages if evidence is not None else ()
    parent = shop.program(candidate.parents[0]) if candidate.parents else None
    return Result(
        ordinal=candidate.ordinal,
        choice=candidate.choice or Choice(parents=candidate.parents),
        state=candidate.state,
        reason=candidate.reason,
        operator=candidate.operator,
        operator_name=candidate.operator_name,
        score=candidate.score,
        score_low=candidate.score_low,
        parent_score=parent.score if parent is not None else None,
        behaviour=_behaviour(evidence, shop.task.behaviour),
        objectives=_objectives(shop, candidate),
        cost_usd=_cost(shop, candidate.ordinal),
        seconds=proposing_s + sum(stage.duration_s for stage in stages),
    )


def _behaviour(evidence: Evidence | None, dimensions: tuple[str, ...]) -> dict[str, float]:
    metrics: Mapping[str, object] = {} if evidence is None else evidence.metrics
    return {name: evidence.metrics[name].value for name in dimensions if evidence is not None and name in metrics}


def _objectives(shop: Workshop, candidate: Candidate) -> tuple[float, ...]:
    """Empty unless every objective was measured."""
    if candidate.score is None or candidate.evidence is None:
        return ()
    values = [turned(candidate.evidence, objective) for objective in shop.plan.objectives]
    return tuple(value for value in values if value is not None) if None not in values else ()


def _cost(shop: Workshop, ordinal: int) -> float:
    if shop.plan.team is TeamKind.OFFLINE:
        return 0.0
    return sum(call.cost_usd for call in shop.store.calls(shop.campaign_id, ordinal=ordinal, limit=CALLS_OF_ONE))
