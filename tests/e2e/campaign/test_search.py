"""The search policy in whole campaigns: what it decides reaches the prompts, and what came of it reaches the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from nightforge_toy.replies import reply_as_team
from protocol_server import ProtocolServer

from nightforge.domain.archive import Lesson
from nightforge.domain.plan import Budget, ModelSpec, Plan
from nightforge.domain.ports import Store
from nightforge.domain.words import OperatorKind, SandboxTier, TeamKind
from nightforge.store import SqlStore
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box


def request(server: ProtocolServer | None, evaluations: int) -> NightRequest:
    models: tuple[ModelSpec, ...] = ()
    if server is not None:
        url = server.base_url
        models = (ModelSpec(model="toy", base_url=url, input_usd_per_mtok=1.0, output_usd_per_mtok=1.0),)
    return NightRequest(
        goal="climb the hill to its peak",
        budget=Budget(evaluations=evaluations, cost_usd=50.0 if server else None),
        team=TeamKind.LLM if server else TeamKind.OFFLINE,
        models=models,
        preset="solo",
        in_flight=3,
    )


async def run(night: Night, wanted: NightRequest, **parameters: int) -> Done:
    card = await night.begin(wanted)
    assert isinstance(card, AwaitApproval), card
    plan = night.store.campaign(card.card.campaign_id).plan
    search = plan.search.model_copy(update={"policy_parameters": parameters})
    await night.store.save_plan(card.card.campaign_id, plan.model_copy(update={"search": search, "stop": ()}))
    done = await night.approve()
    assert isinstance(done, Done)
    return done


def prompts(store: Store, campaign_id: str, step: str) -> dict[int, str]:
    calls = store.calls(campaign_id, limit=10_000)
    return {
        call.key.ordinal: "\n".join(message.content for message in store.call_messages(call.call_id))
        for call in calls
        if call.key.ordinal is not None and call.key.step == step
    }


async def test_a_search_that_stands_still_asks_the_planner_in_a_preset_without_one(
    open_toy_night: NightOpener, protocol_server: ProtocolServer
) -> None:
    protocol_server.handle(reply_as_team(seed=1))
    async with open_toy_night(base_url=protocol_server.base_url) as night:
        store = night.store
        plan = await first_plan(night, protocol_server)
        earlier = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
        await store.save_lessons(earlier.campaign_id, [Lesson("toy-peak", "text", "The peak lies far from the seed.")])
        done = await run(night, request(protocol_server, 100), stagnation=6, shift_burst=1)
        rows = [store.candidate(done.campaign_id, number) for number in range(1, store.next_ordinal(done.campaign_id))]
        shifted = {row.ordinal for row in rows if row.choice is not None and row.choice.shift}
        asked = prompts(store, done.campaign_id, "plan_step")
        assert shifted
        assert set(asked) == shifted, "on stagnation only"
        assert all("stood still" in text for text in asked.values())
        kinds = {row.choice.operator for row in rows if row.choice is not None}
        assert kinds >= {OperatorKind.DIFF, OperatorKind.FULL, OperatorKind.TUNE}
        written = prompts(store, done.campaign_id, "code").values()
        assert any("What was tried on this parent and failed" in text for text in written)
        assert all("The peak lies far from the seed." in text for text in written)


async def first_plan(night: Night, server: ProtocolServer) -> Plan:
    card = await night.begin(request(server, 5))
    assert isinstance(card, AwaitApproval)
    return night.store.campaign(card.card.campaign_id).plan


async def test_every_finished_candidate_is_told_once_and_islands_meet(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        done = await run(night, request(None, 60), islands=2, migrate_every=5)
        store, campaign_id = night.store, done.campaign_id
        assert isinstance(store, SqlStore)
        assert store.trials(campaign_id) == store.next_ordinal(campaign_id)
        assert list(store.untold(campaign_id)) == []
        kept = store.archive(campaign_id)
        homes = {number: {one.ordinal for one in kept.residents if one.island == number} for number in (0, 1)}
        assert homes[0] & homes[1], "migration"
        assert homes[0] - homes[1] or homes[1] - homes[0]
        made_on = {
            row.choice.island
            for number in range(1, store.next_ordinal(campaign_id))
            if (row := store.candidate(campaign_id, number)).choice is not None
        }
        assert made_on == {0, 1}
        assert any(arm.operator == "tune.optuna" and arm.pulls > 0 for arm in kept.arms)
        assert done.improved


def residents(store: SqlStore, campaign_id: str) -> set[int]:
    return {one.ordinal for one in store.archive(campaign_id).residents}


async def test_a_candidate_that_a_person_discards_is_in_no_archive_and_comes_of_nothing_after_it(
    open_toy_night: NightOpener,
) -> None:
    async with open_toy_night() as night:
        store = night.store
        assert isinstance(store, SqlStore)
        running = asyncio.create_task(run(night, request(None, 90), islands=2, migrate_every=5))
        while not (store.campaigns() and (store.tally(store.campaigns()[0].campaign_id).evaluations > 25)):
            assert not running.done(), await running
            await asyncio.sleep(0.02)
        campaign_id = store.campaigns()[0].campaign_id
        while not (best := store.tally(campaign_id).best_ordinal) or best not in residents(store, campaign_id):
            assert not running.done(), await running
            await asyncio.sleep(0.02)
        await store.mark_candidate(campaign_id, best, discarded=True)
        while store.waiting_commands(campaign_id):
            assert not running.done(), await running
            await asyncio.sleep(0.02)
        assert best not in residents(store, campaign_id)
        first = store.next_ordinal(campaign_id)
        done = await running
        later = [store.candidate(campaign_id, number) for number in range(first, store.next_ordinal(campaign_id))]
        assert len(later) > 20
        assert not [row.ordinal for row in later if best in row.parents]
        assert best not in residents(store, campaign_id)
        assert best not in {one.ordinal for one in store.ranked(done.campaign_id, limit=100)}
        assert store.tally(campaign_id).best_ordinal != best
