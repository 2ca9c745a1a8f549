"""What an evaluation must not have met: a machine that slept meanwhile, a timing without the machine's lease."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from nightforge.domain.evidence import Evidence, Gap
from nightforge.errors import EvaluatorFault, NightforgeError
from tools import slots
from tools.clock import SLEPT_S, away_s
from workflows.outage import note_gap

if TYPE_CHECKING:
    from workflows.workshop import Workshop

TRIES = 5


async def sound(shop: Workshop, evaluate: Callable[[], Awaitable[Evidence]]) -> Evidence:
    """Evidence made while the machine was awake, under the leases that its evaluator names.

    What a suspend touched is void, errors included, and made again. A timing without its lease is discarded: it
    raises EvaluatorFault, since the evaluator is wrong and will be so again.
    """
    needed = frozenset(shop.evaluator.resources(shop.task, shop.plan.parameters))
    for _ in range(TRIES):
        since, before_s, error = shop.clock.now(), away_s(), None
        with slots.journal() as leases:
            try:
                evidence = await evaluate()
            except NightforgeError as raised:
                error = raised
        slept_s = away_s() - before_s
        if slept_s > SLEPT_S:
            await note_gap(shop, Gap(what="sleep", since=since, until=shop.clock.now()))
            await shop.store.append_event(
                shop.campaign_id, "evaluation.void", {"reason": "the machine slept", "seconds": round(slept_s, 1)}
            )
            continue
        if error is not None:
            raise error
        if evidence.failure is None and (unleased := needed - leases):
            raise EvaluatorFault(
                f"timed without the machine's lease on {', '.join(sorted(unleased))}: discarded",
                where=shop.evaluator.name,
                hint="time inside `tools.slots.hold`, or name no such resource in `resources`",
            )
        return evidence
    raise EvaluatorFault(
        f"the machine slept during {TRIES} evaluations in a row", where=shop.evaluator.name, hint="keep it awake"
    )
