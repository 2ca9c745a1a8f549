"""A campaign on declared threads, from the parameter to the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from nightforge.domain.evidence import Calibration
from nightforge.domain.plan import Budget
from nightforge.domain.words import CandidateState
from nightforge.report import build_report, gather
from nightforge.report.markdown import to_markdown
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = [pytest.mark.box, pytest.mark.slow, pytest.mark.timeout(1200)]
_PARAMETERS = ("rows=512", "threads=2")


@pytest.mark.usefixtures("two_processors")
async def test_the_offline_team_puts_the_rows_on_two_threads(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        request = NightRequest(
            goal="faster row softmax", task="softmax-rows", parameters=_PARAMETERS, budget=Budget(evaluations=2), seed=3
        )
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval)
        done = await night.approve()
        assert isinstance(done, Done)
        store, campaign_id = night.store, done.campaign_id
        assert store.campaign(campaign_id).plan.parameters["threads"] == 2
        calibration = store.document(campaign_id, "calibration", Calibration)
        assert calibration is not None
        assert "-fopenmp " in next(one for one in calibration.baselines if one.name == "c-fast").environment["flags"]
        everyone = [store.candidate(campaign_id, number) for number in range(store.next_ordinal(campaign_id))]
        sources = [store.source(one.code_sha) for one in everyone if one.code_sha is not None]
        assert any("#pragma omp parallel for" in source for source in sources)
        seen = [one.evidence for one in everyone if one.state in {CandidateState.MEASURED, CandidateState.CONFIRMED}]
        assert seen
        assert all(evidence is not None and evidence.metrics["threads"].value == 2 for evidence in seen)
        assert "threads = 2" in to_markdown(build_report(gather(store, campaign_id)))
