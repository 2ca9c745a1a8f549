"""What every store does with model calls: a row before the bytes leave, settled once, lost ones booked."""

from __future__ import annotations

import pytest

from nightforge.domain.model import CallKey, CallState, Message, Usage
from nightforge.domain.plan import Plan
from nightforge.domain.words import Role, SandboxTier
from nightforge.errors import NotFound
from nightforge.store import SqlStore

PROMPT = [Message(role="system", content="You improve programs. " * 20), Message(role="user", content="This one.")]


@pytest.fixture
async def key(store: SqlStore, plan: Plan) -> CallKey:
    campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    await store.open_candidate(campaign.campaign_id, 0, parents=())
    return CallKey(campaign_id=campaign.campaign_id, ordinal=0, step="code", role=Role.CODER)


class TestCalls:
    async def test_sent_then_answered(self, store: SqlStore, key: CallKey) -> None:
        sent = await store.open_call(key, "aa", PROMPT, model="m-1", reserved_usd=0.25)
        assert (sent.state, sent.attempt, sent.reserved_usd) == (CallState.SENT, 0, 0.25)
        assert store.calls(key.campaign_id) == (sent,)
        assert list(store.call_messages(sent.call_id)) == PROMPT
        assert store.answered_call(key, "aa") is None
        usage = Usage(tokens_in=100, tokens_out=20, tokens_cached=10, estimated=True)
        await store.close_call(
            sent.call_id,
            CallState.ANSWERED,
            reply_text="the reply",
            finish_reason="stop",
            usage=usage,
            cost_usd=0.125,
            latency_s=1.5,
        )
        answered = store.answered_call(key, "aa")
        assert answered is not None
        assert (answered.reply_text, answered.usage, answered.cost_usd, answered.latency_s, answered.finish_reason) == (
            "the reply",
            usage,
            0.125,
            1.5,
            "stop",
        )
        tally = store.tally(key.campaign_id)
        assert (tally.model_calls, tally.tokens_in, tally.tokens_out, tally.cost_usd) == (1, 100, 20, 0.125)

    async def test_the_key_and_the_content_make_the_call(self, store: SqlStore, key: CallKey) -> None:
        sent = await store.open_call(key, "aa", PROMPT, model="m-1", reserved_usd=0)
        await store.close_call(sent.call_id, CallState.ANSWERED, reply_text="", finish_reason="stop")
        assert store.answered_call(key, "bb") is None
        for other in ({"step": "repair.1"}, {"ordinal": None}, {"ordinal": 1}, {"role": Role.JUDGE}):
            assert store.answered_call(key.model_copy(update=other), "aa") is None
        found = store.answered_call(key, "aa")
        assert found is not None
        assert found.reply_text == ""

    async def test_campaign_level_calls_have_no_ordinal(self, store: SqlStore, key: CallKey) -> None:
        planning = key.model_copy(update={"ordinal": None, "step": "plan", "role": Role.PLANNER})
        sent = await store.open_call(planning, "aa", PROMPT, model="m-1", reserved_usd=0)
        await store.close_call(sent.call_id, CallState.ANSWERED, reply_text="plan")
        found = store.answered_call(planning, "aa")
        assert found is not None
        assert found.key == planning
        assert store.calls(key.campaign_id, ordinal=0) == ()

    async def test_attempts_of_one_request_count_up(self, store: SqlStore, key: CallKey) -> None:
        for number in range(3):
            sent = await store.open_call(key, "aa", PROMPT, model="m-1", reserved_usd=0.5)
            assert sent.attempt == number
            await store.close_call(sent.call_id, CallState.FAILED, error="429 slow down")
        assert (await store.open_call(key, "bb", PROMPT, model="m-1", reserved_usd=0.5)).attempt == 0
        failed = store.calls(key.campaign_id)[1]
        assert (failed.state, failed.error, failed.reply_text) == (CallState.FAILED, "429 slow down", None)

    async def test_a_call_is_settled_once(self, store: SqlStore, key: CallKey) -> None:
        sent = await store.open_call(key, "aa", PROMPT, model="m-1", reserved_usd=0.5)
        for _ in range(2):
            await store.close_call(sent.call_id, CallState.ANSWERED, reply_text="once", cost_usd=0.25)
        assert store.tally(key.campaign_id).cost_usd == 0.25
        with pytest.raises(ValueError, match="as sent"):
            await store.close_call(sent.call_id, CallState.SENT)
        with pytest.raises(ValueError, match="dollars"):
            await store.close_call(sent.call_id, CallState.FAILED, cost_usd=-1)
        with pytest.raises(NotFound):
            await store.close_call(999, CallState.FAILED)
        with pytest.raises(NotFound):
            store.call_messages(999)

    async def test_lost_calls_cost_their_reserve(self, store: SqlStore, key: CallKey) -> None:
        done = await store.open_call(key, "aa", PROMPT, model="m-1", reserved_usd=0.5)
        await store.close_call(done.call_id, CallState.ANSWERED, reply_text="x", cost_usd=0.125)
        lost = [await store.open_call(key, sha, PROMPT, model="m-1", reserved_usd=0.25) for sha in ("bb", "cc")]
        assert await store.book_lost_calls(key.campaign_id) == 2
        assert await store.book_lost_calls(key.campaign_id) == 0
        assert store.tally(key.campaign_id).cost_usd == 0.625
        assert [(each.state, each.cost_usd) for each in store.calls(key.campaign_id, limit=2)] == [
            (CallState.LOST, 0.25),
            (CallState.LOST, 0.25),
        ]
        await store.close_call(lost[0].call_id, CallState.ANSWERED, reply_text="late", cost_usd=0.1)
        assert store.answered_call(key, "bb") is None
        assert store.tally(key.campaign_id).cost_usd == 0.625
        last = store.events(key.campaign_id)[-1]
        assert (last.kind, last.payload) == ("calls.lost", {"calls": [each.call_id for each in lost], "cost_usd": 0.5})
        again = await store.open_call(key, "bb", PROMPT, model="m-1", reserved_usd=0.25)
        assert again.attempt == 1
