"""What the search keeps in the store, on every store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nightforge.domain.archive import Archive, ArchiveChange, Arm, Lesson, Progress, Resident, Trial
from nightforge.domain.candidate import Choice
from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import Plan
from nightforge.domain.words import CandidateState, OperatorKind, SandboxTier
from nightforge.store import SqlStore

EvidenceMaker = Callable[..., Evidence]


@pytest.fixture
async def campaign_id(store: SqlStore, plan: Plan) -> str:
    return (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id


@pytest.fixture
def bring(store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker) -> Any:
    async def go(ordinal: int, value: float, *, shape: bytes | None = None) -> None:
        await store.open_candidate(campaign_id, ordinal, parents=())
        await store.save_code(
            campaign_id, ordinal, f"int p{ordinal};", attempt=0, operator=OperatorKind.TUNE, shape=shape
        )
        await store.save_evidence(campaign_id, ordinal, make_evidence(value), attempt=0, score=value)
        await store.finish_candidate(campaign_id, ordinal, CandidateState.MEASURED)

    return go


def change(ordinal: int, **parts: Any) -> ArchiveChange:
    return ArchiveChange(trial=Trial(ordinal, island=1, arm="m/diff", reward=0.5, cost=0.25), **parts)


async def test_a_choice_is_committed_with_its_row_and_the_first_one_stays(store: SqlStore, campaign_id: str) -> None:
    await store.open_candidate(campaign_id, 0, parents=())
    chosen = Choice(parents=(0,), operator=OperatorKind.DIFF, model="m", island=2, reason="explore")
    opened = await store.open_candidate(campaign_id, 1, parents=(0,), choice=chosen)
    again = await store.open_candidate(campaign_id, 1, parents=(0,), choice=Choice(parents=(0,), island=9))
    assert opened.choice == again.choice == store.candidate(campaign_id, 1).choice == chosen
    assert store.candidate(campaign_id, 0).choice is None


async def test_one_result_changes_the_archive_once(store: SqlStore, campaign_id: str) -> None:
    first = Resident(0, 4, "1/-2", 1.5)
    front = Resident(-1, 4, "", 1.5, (1.5, -3.0))
    arm = Arm("m", "diff", 3, 0.75, 2.25, 0.01)
    progress = Progress(0, 5, 1.5, 0.1, 0.2, 3, 2)
    whole = change(4, arrivals=[first, front], arms=[arm], progress=[progress])
    assert await store.save_trial(campaign_id, whole)
    kept = store.archive(campaign_id)
    assert set(kept.residents) == {first, front}
    assert (list(kept.arms), list(kept.progress)) == ([arm], [progress])
    assert not await store.save_trial(campaign_id, change(4, departures=[(0, 4), (-1, 4)]))
    assert store.archive(campaign_id) == kept
    assert await store.save_trial(campaign_id, change(5, departures=[(0, 4)], arrivals=[Resident(0, 5, "", 2.0)]))
    assert set(store.archive(campaign_id).residents) == {front, Resident(0, 5, "", 2.0)}
    assert store.trials(campaign_id) == 2


async def test_an_archive_belongs_to_its_campaign(store: SqlStore, campaign_id: str, plan: Plan) -> None:
    other = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    await store.save_trial(campaign_id, change(1, arrivals=[Resident(0, 1, "", 1.0)]))
    assert store.archive(other) == Archive([], [], [])
    assert store.trials(other) == 0


async def test_untold_are_the_finished_ones_without_a_trial(store: SqlStore, campaign_id: str, bring: Any) -> None:
    for ordinal in range(3):
        await bring(ordinal, 1.0 + ordinal)
    await store.open_candidate(campaign_id, 3, parents=(0,))
    await store.save_trial(campaign_id, change(1))
    assert store.untold(campaign_id) == (0, 2)


async def test_parents_among_leaves_out_what_may_be_none(store: SqlStore, campaign_id: str, bring: Any) -> None:
    for ordinal in range(4):
        await bring(ordinal, float(ordinal))
    await store.open_candidate(campaign_id, 4, parents=(3,))
    await store.mark_candidate(campaign_id, 2, discarded=True)
    await store.set_candidate_state(campaign_id, 1, CandidateState.SUSPICIOUS, reason="judge")
    found = store.parents_among(campaign_id, [0, 1, 2, 3, 4, 99])
    assert [(one.ordinal, one.children) for one in found] == [(3, 1), (0, 0)]
    assert store.parents_among(campaign_id, []) == ()


async def test_a_shape_belongs_to_the_first_that_has_it(store: SqlStore, campaign_id: str, bring: Any) -> None:
    shape = bytes(range(16))
    assert store.owner_of_shape(campaign_id, shape) is None
    await bring(0, 1.0)
    await bring(1, 1.0, shape=shape)
    await bring(2, 1.0, shape=shape)
    assert store.owner_of_shape(campaign_id, shape) == 1


async def test_lessons_of_the_task_come_before_those_of_the_language(store: SqlStore, plan: Plan) -> None:
    ids = [(await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id for _ in range(3)]
    await store.save_lessons(ids[0], [Lesson("axpy", "c", "old"), Lesson("axpy", "c", "old, too")])
    await store.save_lessons(ids[1], [Lesson("softmax", "c", "other task")])
    await store.save_lessons(ids[0], [Lesson("axpy", "c", "of the task")])
    found = store.lessons(ids[2], task="axpy", language="c")
    assert [one.text for one in found] == ["of the task", "other task"]
    assert [one.text for one in store.lessons(ids[0], task="axpy", language="c")] == ["other task"]
    assert [one.text for one in store.lessons(ids[2], task="axpy", language="c", limit=1)] == ["of the task"]
    assert store.lessons(ids[2], task="x", language="verilog") == ()
