"""The confirmed meet: dethroned only by a measurement against the champion itself, once each, told in the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest
from nightforge_toy.evaluator import NUMBER, ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.duel import DuelFinding, Duels, Window
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.plan import Budget
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState
from nightforge.errors import EvaluatorFault
from nightforge.report import build_report, gather
from nightforge.report.markdown import to_markdown
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box


class Duelling(ToyEvaluator):
    """Of two, the one that stands further to the west is the better: another order than that of the heights."""

    fought: ClassVar[list[tuple[str, str]]] = []
    broken = False

    async def duel(
        self,
        champion: str,
        challenger: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        calibration: Calibration | None = None,
    ) -> DuelFinding:
        if self.broken:
            raise EvaluatorFault("the clock is gone")
        self.fought.append((champion, challenger))
        west = [next(int(match["value"]) for match in NUMBER.finditer(text)) for text in (champion, challenger)]
        gain = Metric(value=1.2, low=1.1, high=1.3, unit="x") if west[1] < west[0] else Metric(value=1.0, unit="x")
        window = Window(control=Metric(value=1.0, unit="x"))
        return DuelFinding(
            verdict="challenger" if west[1] < west[0] else "not distinguishable", gain=gain, windows=(window,)
        )


async def run(night: Night, evaluator: type[Duelling]) -> Done:
    night.house.evaluators = {"toy": evaluator}
    card = await night.begin(NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=15)))
    assert isinstance(card, AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    return done


async def test_the_winner_of_the_duels_leads_the_report(open_toy_night: NightOpener) -> None:
    Duelling.fought.clear()
    async with open_toy_night() as night:
        done = await run(night, Duelling)
        store, campaign_id = night.store, done.campaign_id
        confirmed = [one for one in store.ranked(campaign_id) if one.state is CandidateState.CONFIRMED]
        duels = store.document(campaign_id, "duels", Duels)
        assert duels is not None
        assert len(confirmed) == 3
        assert [duel.challenger for duel in duels.duels] == [one.ordinal for one in confirmed[1:]]
        assert duels.duels[0].champion == confirmed[0].ordinal
        xs = {one.ordinal: int(NUMBER.findall(store.source(one.code_sha))[0][1]) for one in confirmed if one.code_sha}
        assert xs[duels.champion] == min(xs.values())
        data = gather(store, campaign_id)
        assert data.ranked[0].ordinal == duels.champion
        report = to_markdown(build_report(data))
        assert "beside" in report
        assert ("dethroned it" in report) == (duels.champion != confirmed[0].ordinal)
        before = len(Duelling.fought)
        assert before == 2
        assert isinstance(await night.resume(campaign_id), Done)
        assert len(Duelling.fought) == before, "a duel that was held is not held again"


async def test_a_duel_that_our_side_breaks_ends_no_campaign(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        done = await run(night, type("Broken", (Duelling,), {"broken": True}))
        duels = night.store.document(done.campaign_id, "duels", Duels)
        assert duels is not None
        assert {duel.finding.verdict for duel in duels.duels} == {"failed"}
        best = next(one for one in night.store.ranked(done.campaign_id) if one.state is CandidateState.CONFIRMED)
        assert duels.champion == best.ordinal
