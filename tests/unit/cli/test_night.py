"""Which campaign is resumed, what a refusal says, and the folder that everything needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from nightforge.cli.night import pick_unfinished, prepare_home, refusal
from nightforge.domain.plan import GoalReading, Match, Plan
from nightforge.domain.words import CampaignState, SandboxTier
from nightforge.errors import NotFound, StoreFault
from nightforge.settings import Settings
from nightforge.store import SqlStore
from workflows.contract import Refused


async def test_the_newest_begun_campaign_is_resumed_before_any_plan(store: SqlStore, plan: Plan) -> None:
    with pytest.raises(NotFound):
        pick_unfinished(store, None)
    ids = [(await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id for _ in range(4)]
    await store.set_campaign_state(ids[0], CampaignState.RUNNING)
    await store.set_campaign_state(ids[0], CampaignState.PAUSED, reason="interrupted")
    await store.set_campaign_state(ids[1], CampaignState.RUNNING)
    await store.set_campaign_state(ids[2], CampaignState.RUNNING)
    await store.set_campaign_state(ids[2], CampaignState.FINISHED, reason="target")
    assert pick_unfinished(store, None) == ids[1]
    await store.set_campaign_state(ids[1], CampaignState.FINISHED, reason="target")
    assert pick_unfinished(store, None) == ids[0]
    await store.set_campaign_state(ids[0], CampaignState.FINISHED, reason="target")
    assert pick_unfinished(store, None) == ids[3]
    assert pick_unfinished(store, ids[2]) == ids[2]


def test_a_refusal_says_why_and_lists_what_there_is() -> None:
    reading = GoalReading(
        goal="paint\x1b[2J it",
        refusal="Nothing here paints.",
        matches=(Match(task="axpy", score=0.1, why="knows row"), Match(task="softmax-long", score=0.1)),
    )
    error = refusal(Refused(reading=reading))
    assert (error.exit_code, error.what) == (2, "Nothing here paints.")
    assert error.hint.startswith("there is: axpy (knows row), softmax-long; `nightforge tasks`")
    assert "\x1b" not in str(error)


def test_a_home_that_cannot_be_made_is_a_store_fault_with_a_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFault) as caught:
        prepare_home(Settings(home=tmp_path / "file" / "home", database_url="sqlite://"))
    assert "NIGHTFORGE_HOME" in caught.value.hint
