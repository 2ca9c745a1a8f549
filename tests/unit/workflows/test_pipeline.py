"""How far proposals run ahead of evaluation slots: the rule, its limits, and what it notes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from random import Random

import pytest

from workflows.pipeline import ENOUGH, WINDOW, Pipeline


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def pipeline(time: Time, *, slots: int = 4, proposals: int = 64, fixed: int | None = None, first: int = 5) -> Pipeline:
    return Pipeline(slots=slots, proposals=proposals, fixed=fixed, first=first, monotonic=time)


async def travel(line: Pipeline, time: Time, ordinal: int, lead_s: float, evaluation_s: float) -> None:
    line.propose(ordinal)
    time.now_s += lead_s
    async with line.slot(ordinal):
        time.now_s += evaluation_s
    line.leave(ordinal)


async def after(samples: Iterable[tuple[float, float]], *, slots: int = 4) -> Pipeline:
    time = Time()
    line = pipeline(time, slots=slots)
    for ordinal, (lead_s, evaluation_s) in enumerate(samples, 1):
        await travel(line, time, ordinal, lead_s, evaluation_s)
    return line


async def test_the_starting_value_holds_until_enough_is_measured() -> None:
    assert (await after([(2.0, 1.0)] * (ENOUGH - 1))).target == 5
    assert (await after([(2.0, 1.0)] * ENOUGH)).target == 8, "4 slots take 4 programs a second, for 2 seconds"


@pytest.mark.parametrize(
    ("lead_s", "evaluation_s", "target"), [(2.0, 4.0, 2), (2.0, 0.5, 16), (0.001, 1.0, 1), (0.0, 0.0, 1)]
)
async def test_steady_times_need_the_mean_demand(lead_s: float, evaluation_s: float, target: int) -> None:
    assert (await after([(lead_s, evaluation_s)] * WINDOW)).target == target


async def test_what_varies_needs_more() -> None:
    random = Random(1)
    varied = [(random.uniform(1, 3), random.uniform(0.5, 5)) for _ in range(WINDOW)]
    steady, moving = await after([(2.0, 2.75)] * WINDOW), await after(varied)
    assert steady.target == 3
    assert steady.target + 2 <= moving.target <= steady.target + 5


async def test_slower_evaluations_bring_the_target_down() -> None:
    line = await after([(2.0, 0.5)] * WINDOW + [(2.0, 20.0)] * WINDOW)
    assert line.target == 1


async def test_proposals_that_come_to_nothing_are_made_up_for() -> None:
    time = Time()
    line = pipeline(time)
    for ordinal in range(1, 2 * WINDOW, 2):
        await travel(line, time, ordinal, 2.0, 2.0)
        line.propose(ordinal + 1)
        line.leave(ordinal + 1)
    assert line.target == 8, "half of what is ordered never arrives"


async def test_a_program_that_waits_counts_until_it_has_its_slot() -> None:
    time = Time()
    line = pipeline(time, slots=1, first=2)
    line.propose(1)
    line.propose(2)
    assert (line.ahead, line.has_room) == (2, False)
    async with line.slot(1):
        assert (line.ahead, line.has_room) == (1, True)
        second = asyncio.create_task(_hold(line, 2))
        await asyncio.sleep(0)
        assert (line.ahead, line.waiting) == (1, 1)
        line.propose(3)
        assert not line.has_room, "backpressure: one waits, one is being written"
    await second
    assert line.ahead == 1


async def _hold(line: Pipeline, ordinal: int) -> None:
    async with line.slot(ordinal):
        pass


async def test_no_more_are_proposed_at_once_than_allowed() -> None:
    line = pipeline(Time(), proposals=2, first=50)
    line.propose(1)
    assert line.has_room
    line.propose(2)
    assert not line.has_room


async def test_a_persons_number_is_the_number() -> None:
    line = pipeline(Time(), slots=1, proposals=1, fixed=3)
    for ordinal in (1, 2, 3):
        assert line.has_room
        line.propose(ordinal)
    assert not line.has_room
    line.leave(2)
    assert line.has_room


async def test_whoever_waits_is_woken_when_a_slot_was_taken() -> None:
    line = pipeline(Time(), slots=1, first=1)
    line.propose(1)
    moved = line.moved()
    assert moved is line.moved()
    assert not moved.done()
    async with line.slot(1):
        assert moved.done()
        assert line.moved() is not moved


async def test_a_seed_and_what_is_taken_up_say_nothing_of_how_long_a_proposal_takes() -> None:
    time = Time()
    line = pipeline(time, first=7)
    for ordinal in range(10):
        line.propose(ordinal, is_new=False)
        async with line.slot(ordinal):
            time.now_s += 1.0
        line.leave(ordinal)
    assert line.target == 7


async def test_confirmations_share_the_slots_and_are_not_counted() -> None:
    time = Time()
    line = pipeline(time, slots=1)
    async with line.slot():
        time.now_s += 60.0
        waits = asyncio.create_task(_hold(line, 1))
        await asyncio.sleep(0)
        assert line.waiting == 1
    await waits
    assert line.busy_s == 0.0


async def test_a_cancelled_wait_frees_nothing_and_is_forgotten() -> None:
    line = pipeline(Time(), slots=1)
    line.propose(1)
    line.propose(2)
    async with line.slot(1):
        waits = asyncio.create_task(_hold(line, 2))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        line.leave(2)
    line.leave(1)
    assert (line.ahead, line.waiting) == (0, 0)
    await asyncio.wait_for(_hold(line, 3), 10.0)
