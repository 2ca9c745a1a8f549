"""What every store does with campaigns, documents, events, commands and leases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle
from typing import Any

import pytest

from nightforge.domain.plan import Budget, Plan
from nightforge.domain.ports import Store
from nightforge.domain.words import CampaignState, SandboxTier
from nightforge.errors import NotFound, StoreFault, UserError
from nightforge.store import SqlStore, open_store

TIER = SandboxTier.BUBBLEWRAP


class TestCampaigns:
    async def test_is_a_store(self, store: SqlStore) -> None:
        port: Store = store
        assert port.campaigns() == ()

    async def test_comes_back_as_it_went_in(self, store: SqlStore, plan: Plan, clock: Any) -> None:
        made = await store.create_campaign(plan, tier=TIER)
        assert store.campaign(made.campaign_id) == made
        assert made.plan == plan
        assert made.state is CampaignState.PLANNED
        assert made.created_at == clock.now()
        assert made.tier == TIER

    async def test_newest_first(self, store: SqlStore, plan: Plan) -> None:
        ids = [(await store.create_campaign(plan, tier=TIER)).campaign_id for _ in range(3)]
        assert [each.campaign_id for each in store.campaigns()] == ids[::-1]
        assert [each.campaign_id for each in store.campaigns(limit=1)] == ids[-1:]

    async def test_state_reason_and_end(self, store: SqlStore, plan: Plan, clock: Any) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        await store.set_campaign_state(campaign_id, CampaignState.RUNNING)
        assert store.campaign(campaign_id).finished_at is None
        clock.pass_time(60)
        await store.set_campaign_state(campaign_id, CampaignState.FINISHED, reason="budget:evaluations")
        ended = store.campaign(campaign_id)
        assert (ended.state, ended.reason, ended.finished_at) == (
            CampaignState.FINISHED,
            "budget:evaluations",
            clock.now(),
        )
        await store.set_campaign_state(campaign_id, CampaignState.FINISHED, reason="budget:evaluations")
        changes = [each.payload for each in store.events(campaign_id) if each.kind == "campaign.state"]
        assert changes == [
            {"from": "planned", "to": "running", "reason": ""},
            {"from": "running", "to": "finished", "reason": "budget:evaluations"},
        ]
        await store.set_campaign_state(campaign_id, CampaignState.RUNNING)
        assert store.campaign(campaign_id).finished_at is None

    async def test_raised_budget_keeps_the_old_plan_in_the_events(self, store: SqlStore, plan: Plan) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        richer = plan.model_copy(update={"budget": Budget(evaluations=99)})
        await store.save_plan(campaign_id, richer)
        assert store.campaign(campaign_id).plan == richer
        event = store.events(campaign_id)[-1]
        assert event.kind == "campaign.plan"
        assert Plan.model_validate(event.payload["replaced"]) == plan

    async def test_documents_are_replaced_whole(self, store: SqlStore, plan: Plan) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        assert store.document(campaign_id, "budget", Budget) is None
        for evaluations in (1, 2):
            await store.save_document(campaign_id, "budget", Budget(evaluations=evaluations))
        assert store.document(campaign_id, "budget", Budget) == Budget(evaluations=2)

    async def test_active_time_adds_up(self, store: SqlStore, plan: Plan) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        for seconds in (1.5, 2.5):
            await store.add_active_time(campaign_id, seconds)
        assert store.tally(campaign_id).active_s == 4.0
        with pytest.raises(ValueError, match="finite"):
            await store.add_active_time(campaign_id, float("nan"))

    async def test_unique_prefix_near_ids_and_ambiguity(self, store_url: str, plan: Plan, clock: Any) -> None:
        ids: Iterator[str] = iter(["lusab-tirok", "lusab-mened", "gomir-pavel"])
        store = open_store(store_url, clock=clock, make_id=lambda: next(ids))
        for _ in range(3):
            await store.create_campaign(plan, tier=TIER)
        assert store.campaign("gom").campaign_id == "gomir-pavel"
        with pytest.raises(UserError, match="lusab-mened, lusab-tirok") as ambiguous:
            store.campaign("lusab")
        assert not isinstance(ambiguous.value, NotFound)
        with pytest.raises(NotFound) as missing:
            store.campaign("lusab-tirak")
        assert "lusab-tirok" in missing.value.hint
        with pytest.raises(NotFound):
            store.campaign("%")
        with pytest.raises(NotFound):
            store.campaign("")
        with pytest.raises(NotFound):
            store.tally("nobody")
        with pytest.raises(NotFound):
            await store.add_active_time("nobody", 1.0)
        await store.close()

    async def test_a_taken_id_is_not_used_again(self, store_url: str, plan: Plan, clock: Any) -> None:
        ids = cycle(["lusab-tirok", "lusab-tirok", "gomir-pavel"])
        store = open_store(store_url, clock=clock, make_id=lambda: next(ids))
        assert (await store.create_campaign(plan, tier=TIER)).campaign_id == "lusab-tirok"
        assert (await store.create_campaign(plan, tier=TIER)).campaign_id == "gomir-pavel"
        with pytest.raises(StoreFault, match="taken"):
            await store.create_campaign(plan, tier=TIER)
        assert len(store.campaigns()) == 2
        await store.close()


class TestEvents:
    async def test_sequence_has_no_gaps_and_resumes(self, store: SqlStore, plan: Plan, clock: Any) -> None:
        first = (await store.create_campaign(plan, tier=TIER)).campaign_id
        second = (await store.create_campaign(plan, tier=TIER)).campaign_id
        for number in range(5):
            await store.append_event(
                first, "planner.decision", {"number": number, "why": ["a", None, 1.5]}, ordinal=number
            )
            await store.append_event(second, "planner.decision")
        events = store.events(first)
        assert [each.sequence for each in events] == list(range(6))
        assert events[-1].payload == {"number": 4, "why": ["a", None, 1.5]}
        assert (events[-1].ordinal, events[-1].at) == (4, clock.now())
        assert store.events(first, after=2, limit=2) == events[3:5]
        assert store.events(first, after=5) == ()
        assert store.events(second)[-1].payload == {}

    async def test_refuses_numbers_that_json_cannot_hold(self, store: SqlStore, plan: Plan) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        with pytest.raises(ValueError, match="JSON"):
            await store.append_event(campaign_id, "x.y", {"bad": float("inf")})
        assert len(store.events(campaign_id)) == 1


class TestCommands:
    async def test_are_taken_once_in_order(self, store: SqlStore, plan: Plan) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        await store.post_command(campaign_id, "pause", author="ann")
        await store.post_command(campaign_id, "hint", text="try tiles", author="bob")
        taken = await store.take_commands(campaign_id)
        assert [(each.command, each.text, each.author) for each in taken] == [
            ("pause", "", "ann"),
            ("hint", "try tiles", "bob"),
        ]
        assert await store.take_commands(campaign_id) == ()
        assert [each.kind for each in store.events(campaign_id)][1:3] == ["command.posted"] * 2

    async def test_unknown_command_is_refused(self, store: SqlStore, plan: Plan) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        with pytest.raises(UserError) as refused:
            await store.post_command(campaign_id, "dance")
        assert "stop-now" in refused.value.hint


class TestLeases:
    async def test_one_holder_at_a_time_and_the_fence_rises(self, store: SqlStore, clock: Any) -> None:
        first = await store.claim_lease("campaign:a", "one", ttl_s=10)
        assert first is not None
        assert first.expires_at == clock.now() + timedelta(seconds=10)
        assert await store.claim_lease("campaign:a", "two", ttl_s=10) is None
        assert await store.claim_lease("campaign:b", "two", ttl_s=10) is not None
        clock.pass_time(10)
        second = await store.claim_lease("campaign:a", "two", ttl_s=10)
        assert second is not None
        assert second.fence > first.fence
        assert await store.renew_lease(first, ttl_s=10) is None
        await store.release_lease(first)
        assert await store.claim_lease("campaign:a", "one", ttl_s=10) is None

    async def test_heartbeat_keeps_it(self, store: SqlStore, clock: Any) -> None:
        lease = await store.claim_lease("r", "one", ttl_s=10)
        assert lease is not None
        clock.pass_time(9)
        renewed = await store.renew_lease(lease, ttl_s=10)
        assert renewed is not None
        assert renewed.fence == lease.fence
        clock.pass_time(9)
        assert await store.claim_lease("r", "two", ttl_s=10) is None

    async def test_release_frees_it_and_ends_the_heartbeat(self, store: SqlStore) -> None:
        lease = await store.claim_lease("r", "one", ttl_s=10)
        assert lease is not None
        await store.release_lease(lease)
        assert await store.renew_lease(lease, ttl_s=10) is None
        taken = await store.claim_lease("r", "two", ttl_s=10)
        assert taken is not None
        assert taken.fence == lease.fence + 1

    async def test_a_restarted_owner_fences_itself_out(self, store: SqlStore) -> None:
        before = await store.claim_lease("r", "one", ttl_s=10)
        after = await store.claim_lease("r", "one", ttl_s=10)
        assert before is not None
        assert after is not None
        assert after.fence > before.fence
        assert await store.renew_lease(before, ttl_s=10) is None

    async def test_a_stale_holder_cannot_write(self, store: SqlStore, store_url: str, plan: Plan, clock: Any) -> None:
        campaign_id = (await store.create_campaign(plan, tier=TIER)).campaign_id
        mine = await store.claim_lease(campaign_id, "one", ttl_s=10)
        store.fence(campaign_id, mine)
        await store.open_candidate(campaign_id, 0, parents=())
        clock.pass_time(11)
        await store.open_candidate(campaign_id, 1, parents=())  # late, but nobody took over
        successor = open_store(store_url, clock=clock)
        theirs = await successor.claim_lease(campaign_id, "two", ttl_s=10)
        successor.fence(campaign_id, theirs)
        with pytest.raises(StoreFault, match="no longer holds"):
            await store.open_candidate(campaign_id, 2, parents=())
        await successor.open_candidate(campaign_id, 3, parents=())
        assert [each.ordinal for each in store.recent(campaign_id)] == [3, 1, 0]
        store.fence(campaign_id, None)
        await store.post_command(campaign_id, "stop")  # control needs no lease
        await successor.close()

    async def test_a_lease_needs_time_to_live(self, store: SqlStore) -> None:
        with pytest.raises(ValueError, match="above 0"):
            await store.claim_lease("r", "one", ttl_s=0)
