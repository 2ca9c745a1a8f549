"""A campaign that an older release left half-done is opened, shown and finished by this one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from alembic import command

from nightforge.domain.plan import Budget
from nightforge.domain.words import CampaignState, TeamKind
from nightforge.report.data import gather
from nightforge.store import SqlStore
from nightforge.store.engine import parse_url, writing_engine
from nightforge.store.migrate import alembic_config
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
EVALUATIONS = 50


def back_to_the_first_release(file: Path) -> None:
    """Its tables, and nothing of what later ones know."""
    engine = writing_engine(parse_url(f"sqlite:///{file}"), busy_timeout_s=5, foreign_keys=False)
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), "0001")
        connection.commit()
    engine.dispose()


async def test_a_half_done_campaign_of_the_first_release_goes_on(open_toy_night: NightOpener, tmp_path: Path) -> None:
    stop = StopSwitch()
    async with open_toy_night(stop=stop) as night:
        request = NightRequest(
            goal="climb the hill to its peak", budget=Budget(evaluations=EVALUATIONS), team=TeamKind.OFFLINE
        )
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval)
        campaign_id = card.card.campaign_id
        running = asyncio.create_task(night.approve())
        while night.store.tally(campaign_id).evaluations < 20:
            assert not running.done(), await running
            await asyncio.sleep(0.01)
        stop.draining = stop.immediate = True
        await running
        scored = {one.ordinal: one.score for one in night.store.ranked(campaign_id, limit=100)}
    assert len(scored) > 10
    back_to_the_first_release(tmp_path / "home" / "nightforge.db")
    async with open_toy_night() as night:
        store = night.store
        assert isinstance(store, SqlStore)
        assert store.trials(campaign_id) == 0
        assert gather(store, campaign_id).ranked
        done = await night.resume(campaign_id)
        assert isinstance(done, Done)
        assert done.state is CampaignState.FINISHED
        assert store.tally(campaign_id).evaluations == EVALUATIONS
        ranked = {one.ordinal: one.score for one in store.ranked(campaign_id, limit=100)}
        assert scored.items() <= ranked.items(), "nothing scored is lost or changed"
        assert store.trials(campaign_id) == store.next_ordinal(campaign_id), "the search heard of the old ones, too"
        assert store.archive(campaign_id).residents
