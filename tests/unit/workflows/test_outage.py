"""Who ends a candidate that an earlier session began while no model answered."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from nightforge.domain.candidate import Candidate, Choice
from nightforge.domain.team import Team
from nightforge.errors import ModelFault
from workflows.outage import Outage
from workflows.workshop import Desk, Workshop


@pytest.mark.parametrize("is_spare", [True, False])
def test_the_team_that_began_a_candidate_ends_it(is_spare: bool) -> None:
    offline = cast("Team", object())
    shop = cast("Workshop", SimpleNamespace(team=object(), plan=object(), may_repair=True, is_spare=False))
    row = cast("Candidate", SimpleNamespace(choice=Choice(parents=(0,), is_spare=is_spare)))
    taken = Outage(shop, offline).workshop_of(row)
    assert (taken.team is offline) == taken.is_spare == is_spare
    assert taken.plan is shop.plan


def test_the_seed_and_campaigns_without_models_know_no_other_team() -> None:
    shop = cast("Workshop", SimpleNamespace(team=object(), is_spare=False))
    spare = cast("Candidate", SimpleNamespace(choice=Choice(parents=(0,), is_spare=True)))
    assert Outage(shop, None).workshop_of(spare) is shop
    seed = cast("Candidate", SimpleNamespace(choice=None))
    assert Outage(shop, cast("Team", object())).workshop_of(seed) is shop


class Told:
    """What an outage writes of itself."""

    def __init__(self) -> None:
        self.kinds: list[str] = []

    async def append_event(self, campaign_id: str, kind: str, data: object) -> None:
        self.kinds.append(kind)

    def document(self, campaign_id: str, name: str, kind: object) -> None:
        return None

    async def save_document(self, campaign_id: str, name: str, content: object) -> None: ...


async def test_an_answer_of_before_the_gap_does_not_end_it() -> None:
    told, clock = Told(), SimpleNamespace(monotonic=lambda: 1e6, now=lambda: datetime(2026, 11, 22, tzinfo=UTC))
    shop = cast("Workshop", SimpleNamespace(clock=clock, store=told, campaign_id="c", is_spare=False))
    outage = Outage(shop, cast("Team", object()))

    def desk(ordinal: int) -> Desk:
        return cast("Desk", SimpleNamespace(ordinal=ordinal, workshop=shop, evaluations=1))

    for ordinal in (2, 3):
        assert await outage.bear(desk(ordinal), ModelFault("no answer", retryable=True))
    await outage.landed(desk(1))
    assert told.kinds == ["models.gone"]
    clock.monotonic = lambda: 2e6
    assert outage.workshop_for(4) is shop
    await outage.landed(desk(4))
    assert told.kinds == ["models.gone", "models.back"]
