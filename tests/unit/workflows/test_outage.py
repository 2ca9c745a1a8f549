"""Who ends a candidate that an earlier session began while no model answered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from nightforge.domain.candidate import Candidate, Choice
from nightforge.domain.team import Team
from workflows.outage import Outage
from workflows.workshop import Workshop


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
