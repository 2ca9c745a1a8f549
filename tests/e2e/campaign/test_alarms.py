"""Numbers too good to be true, in whole campaigns: their candidates are shown, and have no other part."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
from nightforge_toy.evaluator import ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence, Metric
from nightforge.domain.plan import Budget
from nightforge.domain.task import Task
from nightforge.domain.words import Alarm, CandidateState, Outcome, Phase
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
MIRACLE = Metric(value=1e9, low=1e9, high=1e9, unit="m")


def alarmed(alarm: Alarm, when: Phase) -> type[ToyEvaluator]:
    """Raises the alarm for every program with an X of 1… or 2…, and a height beyond all others."""

    class Alarmed(ToyEvaluator):
        async def evaluate(
            self,
            source: str,
            task: Task,
            parameters: Mapping[str, Scalar],
            *,
            seed: int,
            phase: Phase,
            calibration: Calibration | None = None,
            best_score: float | None = None,
        ) -> Evidence:
            evidence = await super().evaluate(source, task, parameters, seed=seed, phase=phase)
            if phase is not when or not evidence.passed or re.search(r"^X = [12]", source, re.MULTILINE) is None:
                return evidence
            last = evidence.stages[-1].model_copy(
                update={"outcome": Outcome.FAIL, "reason": alarm.value, "metrics": {"height": MIRACLE}}
            )
            return evidence.model_copy(update={"stages": (*evidence.stages[:-1], last)})

    return Alarmed


async def run(night: Night, evaluations: int) -> Done:
    request = NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=evaluations), in_flight=2)
    assert isinstance(await night.begin(request), AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    return done


@pytest.mark.parametrize("alarm", list(Alarm))
async def test_an_alarm_of_the_search_makes_no_leader_and_no_parent(open_toy_night: NightOpener, alarm: Alarm) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": alarmed(alarm, Phase.SEARCH)}
        done = await run(night, 40)
        store, campaign_id = night.store, done.campaign_id
        rows = [store.candidate(campaign_id, number) for number in range(store.next_ordinal(campaign_id))]
        suspicious = {row.ordinal for row in rows if row.state is CandidateState.SUSPICIOUS}
        assert len(suspicious) >= 3
        assert {rows[number].reason for number in suspicious} == {alarm.value}
        assert all(rows[number].score is None for number in suspicious)
        assert not suspicious & {parent for row in rows for parent in row.parents}
        assert not suspicious & {row.ordinal for row in store.ranked(campaign_id, limit=100)}
        best = store.tally(campaign_id).best_score
        assert best is not None
        assert best < MIRACLE.value
        assert store.hidden_openings(campaign_id, "toy-peak").campaign <= 3


@pytest.mark.parametrize("alarm", [Alarm.BREAKS_RELATION, Alarm.BELOW_ROOF])
async def test_an_alarm_of_the_confirmation_takes_the_lead_away(open_toy_night: NightOpener, alarm: Alarm) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": alarmed(alarm, Phase.CONFIRMATION)}
        done = await run(night, 30)
        store, campaign_id = night.store, done.campaign_id
        rows = [store.candidate(campaign_id, number) for number in range(store.next_ordinal(campaign_id))]
        suspicious = {row.ordinal for row in rows if row.state is CandidateState.SUSPICIOUS}
        assert suspicious
        assert {rows[number].reason for number in suspicious} == {alarm.value}
        assert not suspicious & {row.ordinal for row in store.ranked(campaign_id, limit=100)}
        looks = store.hidden_openings(campaign_id, "toy-peak").campaign
        assert looks == sum(row.confirmation is not None for row in rows)
