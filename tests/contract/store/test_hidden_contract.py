"""Looks at hidden inputs are counted: by campaign and by task, over every campaign of the database."""

from __future__ import annotations

from nightforge.domain.integrity import HiddenOpenings
from nightforge.domain.plan import Plan
from nightforge.domain.words import SandboxTier
from nightforge.store import SqlStore


async def test_every_look_counts_for_its_campaign_and_for_its_task(store: SqlStore, plan: Plan) -> None:
    one, other, third = [(await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id for _ in range(3)]
    assert store.hidden_openings(one, "softmax") == HiddenOpenings(campaign=0, task=0, campaigns=0)
    for campaign_id, task in ((one, "softmax"), (one, "softmax"), (other, "softmax"), (third, "axpy")):
        await store.open_hidden(campaign_id, task)
    assert store.hidden_openings(one, "softmax") == HiddenOpenings(campaign=2, task=3, campaigns=2)
    assert store.hidden_openings(other, "softmax") == HiddenOpenings(campaign=1, task=3, campaigns=2)
    assert store.hidden_openings(third, "axpy") == HiddenOpenings(campaign=1, task=1, campaigns=1)


async def test_a_look_of_no_campaign_counts_for_its_task(store: SqlStore, plan: Plan) -> None:
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    await store.open_hidden(campaign_id, "softmax")
    for task in ("softmax", "softmax", "axpy"):
        await store.open_hidden_aside(task)
    assert store.hidden_openings(campaign_id, "softmax") == HiddenOpenings(campaign=1, task=3, campaigns=1, aside=2)
    assert store.hidden_openings(campaign_id, "axpy") == HiddenOpenings(campaign=1, task=1, campaigns=0, aside=1)
