"""Profiles in a campaign: of the best and of parents, once for a program, for judge, finalists and report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest
from nightforge_toy.evaluator import ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence, Metric
from nightforge.domain.plan import Budget
from nightforge.domain.profile import Bottleneck, KernelProfile, Roofline, Sign, profile_name
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState
from nightforge.errors import EvaluatorFault
from nightforge.report import build_report, gather
from nightforge.report.markdown import to_markdown
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
SIGN = Sign(bottleneck=Bottleneck.GATHER, words="3 gathers in the loop at line 4")


class Looking(ToyEvaluator):
    """A hill-climber's evaluator that can also say what limits a program."""

    looked: ClassVar[list[str]] = []
    broken = False

    async def profile(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        evidence: Evidence,
        *,
        calibration: Calibration | None = None,
    ) -> KernelProfile:
        assert evidence.passed
        self.looked.append(source)
        if self.broken:
            raise EvaluatorFault("the box is gone")
        roofline = Roofline(bound="memory", share=Metric(value=40.0, unit="%"))
        return KernelProfile(roofline=roofline, signs=(SIGN,))


async def run(night: Night, evaluator: type[Looking], preset: str) -> Done:
    night.house.evaluators = {"toy": evaluator}
    request = NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=15), preset=preset)
    assert isinstance(await night.begin(request), AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    return done


async def test_the_best_and_the_parents_are_looked_into_once_each(open_toy_night: NightOpener) -> None:
    Looking.looked.clear()
    async with open_toy_night() as night:
        done = await run(night, Looking, "pair")
        store, campaign_id = night.store, done.campaign_id
        assert Looking.looked
        assert set(Counter(Looking.looked).values()) == {1}, "by content"
        everyone = [store.candidate(campaign_id, number) for number in range(store.next_ordinal(campaign_id))]
        parents = {one.parents[0] for one in everyone if one.parents}
        wanted = parents | {one.ordinal for one in everyone if one.state is CandidateState.CONFIRMED}
        for number in wanted:
            sha = everyone[number].code_sha
            assert sha is not None
            assert store.document(campaign_id, profile_name(sha), KernelProfile) is not None, number
        assert len(Looking.looked) < sum(one.evidence is not None and one.evidence.passed for one in everyone)
        best = max((one for one in everyone if one.score is not None), key=lambda one: one.score or 0.0)
        assert best.verdict is not None
        assert best.verdict.limit is SIGN.bottleneck
        data = gather(store, campaign_id)
        assert data.profile is not None
        report = to_markdown(build_report(data))
        assert "What limits" in report
        assert SIGN.words in report


async def test_without_a_judge_only_finalists_are(open_toy_night: NightOpener) -> None:
    Looking.looked.clear()
    async with open_toy_night() as night:
        done = await run(night, Looking, "solo")
        confirmed = [one for one in night.store.ranked(done.campaign_id) if one.state is CandidateState.CONFIRMED]
        assert len(Looking.looked) == len(confirmed) > 0


async def test_a_profile_that_our_side_breaks_costs_no_candidate(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        done = await run(night, type("Broken", (Looking,), {"broken": True}), "pair")
        store = night.store
        best = next(one for one in store.ranked(done.campaign_id) if one.state is CandidateState.CONFIRMED)
        assert best.code_sha is not None
        found = store.document(done.campaign_id, profile_name(best.code_sha), KernelProfile)
        assert found is not None
        assert "the box is gone" in found.missing["profile"]
        assert found.signs == ()
