"""Candidates with equal figures: the first stands for all where finalists are measured again and where people look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
from nightforge_toy.evaluator import ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, Outcome, Phase
from nightforge.report import build_report, gather
from nightforge.report.data import ranked_for_people
from nightforge.report.findings import EQUALS
from nightforge.report.markdown import to_markdown
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
ROOF = 800.0


class Roofed(ToyEvaluator):
    """Above the roof all look alike in the search, and none of them passes again."""

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
        *before, last = evidence.stages
        height = last.metrics.get("height")
        if height is None or height.value < ROOF:
            return evidence
        roof = Metric(value=ROOF, unit="m", low=ROOF - 0.5, high=ROOF + 0.5, samples=9)
        end = last.model_copy(update={"metrics": {**last.metrics, "height": roof}})
        if phase is Phase.CONFIRMATION:
            end = StageEvidence(stage="full", outcome=Outcome.FAIL, reason="wrong_output", feedback="it rains in")
        return evidence.model_copy(update={"stages": (*before, end)})


async def test_one_of_equals_is_measured_again_and_those_below_are_results(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Roofed}
        request = NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=60))
        assert isinstance(await night.begin(request), AwaitApproval)
        done = await night.approve()
        assert isinstance(done, Done)
        store, named = night.store, done.campaign_id
        everyone = [store.candidate(named, number) for number in range(store.next_ordinal(named))]
        at_roof = [
            one
            for one in everyone
            if one.evidence and one.evidence.passed and one.evidence.metrics["height"].value == ROOF
        ]
        states = Counter(one.state for one in at_roof)
        assert states[CandidateState.SUSPICIOUS] == 1
        assert states[CandidateState.MEASURED] >= 4, "too few for the test to say anything"
        assert sum(one.state is CandidateState.CONFIRMED for one in everyone) == 3
        shown = [one.score_low for one in ranked_for_people(store, named, limit=10)]
        assert len(set(shown)) == len(shown)
        assert EQUALS in to_markdown(build_report(gather(store, named)))
