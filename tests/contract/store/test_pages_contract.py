"""What pages read, on every store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from nightforge.domain.evidence import Evidence
from nightforge.domain.listing import ListQuery, Order, Place, Shown, Stretch
from nightforge.domain.plan import Plan
from nightforge.domain.words import CandidateState, Outcome, SandboxTier
from nightforge.store import SqlStore, queries_lists
from nightforge.store.queries_pages import NEWS

EvidenceMaker = Callable[..., Evidence]

SCORES = {1: 1.5, 2: 1.25, 3: 1.5, 5: 2.0, 6: 1.25, 7: 1.25, 8: 0.5}
"""Measured, with equal ones among them; 5 and 8 are confirmed, 6 is discarded."""
BEST = [5, 8, 1, 3, 2, 7]


@pytest.fixture
async def campaign_id(store: SqlStore, plan: Plan, make_evidence: EvidenceMaker) -> str:
    """0 the seed, rejected; 4 rejected; 9 in work; 10 suspicious; 11 opened only."""
    campaign = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    for ordinal in range(12):
        await store.open_candidate(campaign, ordinal, parents=_parents(ordinal))
        if ordinal == 11:
            continue
        await store.save_code(
            campaign,
            ordinal,
            f"int p{ordinal};",
            attempt=0,
            operator=None,
            operator_name="tune" if ordinal % 2 else "rewrite.unroll",
            note=f"Note number {ordinal}, 100% sure",
        )
        if ordinal in SCORES:
            value = SCORES[ordinal]
            await store.save_evidence(campaign, ordinal, make_evidence(value), attempt=0, score=value)
            await store.finish_candidate(campaign, ordinal, CandidateState.MEASURED)
        elif ordinal != 9:
            state = CandidateState.SUSPICIOUS if ordinal == 10 else CandidateState.REJECTED
            await store.finish_candidate(campaign, ordinal, state, reason="wrong_output")
    for ordinal in (5, 8):
        seen = make_evidence(SCORES[ordinal])
        await store.save_confirmation(campaign, ordinal, seen, state=CandidateState.CONFIRMED, score=SCORES[ordinal])
    await store.mark_candidate(campaign, 6, discarded=True, owner="ann")
    for ordinal in (2, 7, 4):
        await store.mark_candidate(campaign, ordinal, starred=True, owner="ann")
    return campaign


def _parents(ordinal: int) -> tuple[int, ...]:
    """1 is made from the seed, 2 and 3 from 1, 10 and 11 from 3; others from the seed, shown 1 beside it."""
    return {0: (), 1: (0,), 2: (1,), 3: (1, 2), 10: (3,), 11: (3, 1)}.get(ordinal, (0, 1))


def numbers(stretch: Stretch) -> list[int]:
    return [one.ordinal for one in stretch.candidates]


@pytest.mark.parametrize(
    ("shown", "order", "expected"),
    [
        (Shown.RANKED, Order.BEST, BEST),
        (Shown.RANKED, Order.WORST, BEST[::-1]),
        (Shown.CONFIRMED, Order.BEST, [5, 8]),
        (Shown.MEASURED, Order.BEST, [1, 3, 2, 7]),
        (Shown.MEASURED, Order.NEW, [7, 6, 3, 2, 1]),
        (Shown.REJECTED, Order.OLD, [0, 4]),
        (Shown.SUSPICIOUS, Order.NEW, [10]),
        (Shown.WORKING, Order.NEW, [11, 9]),
        (Shown.WORKING, Order.OLD, [9, 11]),
        (Shown.STARRED, Order.NEW, [7, 4, 2]),
        (Shown.DISCARDED, Order.NEW, [6]),
        (Shown.ALL, Order.NEW, list(range(11, -1, -1))),
        (Shown.ALL, Order.OLD, list(range(12))),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_a_list_is_walked_there_and_back(
    store: SqlStore, campaign_id: str, shown: Shown, order: Order, expected: Sequence[int], limit: int
) -> None:
    query = ListQuery(shown, order)
    pages, after = [], None
    while True:
        stretch = store.stretch(campaign_id, query, after=after, limit=limit)
        assert (stretch.backward is None) == (after is None)
        assert not stretch.ended_early
        pages.append(numbers(stretch))
        after = stretch.forward
        if after is None:
            break
    assert [one for page in pages for one in page] == expected
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    for earlier in pages[-2::-1]:
        assert stretch.backward is not None
        stretch = store.stretch(campaign_id, query, before=stretch.backward, limit=limit)
        assert numbers(stretch) == earlier
        onward = store.stretch(campaign_id, query, after=stretch.forward, limit=limit)
        assert numbers(onward) == pages[pages.index(earlier) + 1]
    assert stretch.backward is None


@pytest.mark.parametrize(
    ("narrowing", "expected"),
    [
        ({"operator_name": "tune"}, [11, 9, 7, 5, 3, 1]),
        ({"reason": "wrong_output"}, [10, 4, 0]),
        ({"words": "NUMBER 1"}, [10, 1]),
        ({"words": "unroll", "reason": "wrong_output"}, [10, 4, 0]),
        ({"words": "0% sure"}, list(range(10, -1, -1))),
        ({"words": "%_"}, []),
        ({"words": "'; DROP TABLE candidate; --"}, []),
    ],
)
@pytest.mark.parametrize("limit", [1, 4, 50])
async def test_a_narrowed_list(
    store: SqlStore, campaign_id: str, narrowing: dict[str, str], expected: list[int], limit: int
) -> None:
    query = ListQuery(Shown.ALL, Order.NEW, **narrowing)
    expected = [one for one in expected if one != 11]  # it has no program, hence no operator
    found, after = [], None
    while True:
        stretch = store.stretch(campaign_id, query, after=after, limit=limit)
        found += numbers(stretch)
        after = stretch.forward
        if after is None:
            break
    assert found == expected


@pytest.mark.parametrize("order", [Order.BEST, Order.WORST])
async def test_a_narrowed_list_looks_at_few_rows_and_says_so(
    store: SqlStore, campaign_id: str, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries_lists, "LOOKED_AT", 2)
    query = ListQuery(Shown.RANKED, order, operator_name="rewrite.unroll")
    found, after, early = [], None, 0
    for _ in range(10):
        stretch = store.stretch(campaign_id, query, after=after, limit=5)
        found += numbers(stretch)
        early += stretch.ended_early
        after = stretch.forward
        if after is None:
            break
    assert found == ([8, 2] if order is Order.BEST else [2, 8])
    assert after is None
    assert early >= 2


async def test_an_order_that_a_list_does_not_have_is_refused(store: SqlStore, campaign_id: str) -> None:
    for query in (ListQuery(Shown.REJECTED, Order.BEST), ListQuery(Shown.RANKED, Order.NEW)):
        with pytest.raises(ValueError, match="rank"):
            store.stretch(campaign_id, query, limit=3)
    with pytest.raises(ValueError, match="no place"):
        store.stretch(campaign_id, ListQuery(), after=Place(1, CandidateState.REJECTED, 1.0), limit=3)


async def test_children_are_those_of_the_first_parent(store: SqlStore, campaign_id: str) -> None:
    def children(ordinal: int, limit: int = 100) -> list[int]:
        return [one.ordinal for one in store.children_of(campaign_id, ordinal, limit=limit)]

    assert children(0) == [1, 4, 5, 6, 7, 8, 9]
    assert children(1) == [2, 3]
    assert children(3) == [10, 11]
    assert children(10) == []
    assert children(0, limit=2) == [1, 4]
    assert [one.children for one in store.relatives(campaign_id, [0, 1, 3]).values()] == [7, 2, 2]


async def test_ancestry_goes_back_to_the_seed(store: SqlStore, campaign_id: str) -> None:
    family = store.ancestry(campaign_id, [10, 8])
    assert sorted(family) == [0, 1, 3, 8, 10]
    assert family[3].parents == (1, 2)
    assert sorted(store.ancestry(campaign_id, [99])) == []


async def test_dots_are_spread_over_all(store: SqlStore, campaign_id: str) -> None:
    assert [one.ordinal for one in store.dots(campaign_id, most=100)] == list(range(12))
    few = store.dots(campaign_id, most=5)
    assert [one.ordinal for one in few] == [2, 5, 8, 11]
    assert [one.score for one in few] == [1.25, 2.0, 0.5, None]


async def test_bests_tell_each_change(store: SqlStore, campaign_id: str) -> None:
    assert [(one.ordinal, one.score) for one in store.bests(campaign_id)] == [(1, 1.5), (5, 2.0)]
    assert [one.ordinal for one in store.bests(campaign_id, limit=1)] == [5]


async def test_news_are_the_newest_and_leave_out_the_chatter(store: SqlStore, campaign_id: str) -> None:
    await store.append_event(campaign_id, "planner.decision", {"reason": "stagnation"}, ordinal=9)
    every = store.events(campaign_id, limit=10_000)
    told = [one for one in reversed(every) if one.kind in NEWS]
    assert list(store.news(campaign_id, limit=100)) == told
    assert [one.kind for one in store.news(campaign_id, limit=1)] == ["planner.decision"]
    assert {one.kind for one in every} - {one.kind for one in told} >= {"candidate.opened", "candidate.state"}


async def test_metrics_and_load_of_the_slots(
    store: SqlStore, plan: Plan, make_evidence: EvidenceMaker, clock: Any, campaign_id: str
) -> None:
    assert store.metrics_of(campaign_id, [1, 4, 5])[5]["speedup"] == 2.0
    assert 4 not in store.metrics_of(campaign_id, [1, 4, 5])
    fresh = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    assert store.slot_load(fresh) is None
    assert store.dots(fresh, most=10) == ()
    lasted = sum(stage.duration_s for stage in make_evidence(1.0).stages)
    for ordinal in range(3):
        await store.open_candidate(fresh, ordinal, parents=())
        await store.save_code(fresh, ordinal, f"int q{ordinal};", attempt=0, operator=None)
        await store.save_evidence(fresh, ordinal, make_evidence(1.0), attempt=0, score=1.0)
        clock.pass_time(10)
    load = store.slot_load(fresh)
    assert load is not None
    assert (load.evaluations, load.window_s) == (2, 20.0)
    assert load.busy_s == pytest.approx(2 * lasted)
    assert Outcome.PASS in {stage.outcome for stage in make_evidence(1.0).stages}
