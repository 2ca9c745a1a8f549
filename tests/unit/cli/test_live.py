"""The live line, from a real store's tally and events."""

from __future__ import annotations

import pytest

from nightforge.cli.live import LiveDisplay, news_line, status_line, wrapped
from nightforge.cli.output import Output
from nightforge.domain.candidate import Campaign, Tally
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.words import CampaignState, CandidateState, Outcome, SandboxTier
from nightforge.report.facts import seconds_left
from nightforge.store import SqlStore


def passed(speedup: float) -> Evidence:
    metric = Metric(value=speedup, unit="x", low=speedup - 0.03, high=speedup + 0.03, samples=11)
    stage = StageEvidence(stage="full", outcome=Outcome.PASS, metrics={"speedup": metric})
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))


async def measure(store: SqlStore, campaign_id: str, ordinal: int, speedup: float) -> None:
    await store.open_candidate(campaign_id, ordinal, parents=[])
    await store.save_code(campaign_id, ordinal, f"// {ordinal}", attempt=0, operator=None)
    evidence = passed(speedup)
    await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=speedup, score_low=speedup - 0.03)
    await store.finish_candidate(campaign_id, ordinal, CandidateState.MEASURED)


@pytest.fixture
async def campaign(store: SqlStore, plan: Plan) -> Campaign:
    return await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)


async def test_plain_lines_come_with_news_and_every_ten_seconds(
    store: SqlStore, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    display = LiveDisplay(store, campaign.campaign_id, Output(), monotonic=lambda: now[0])
    display.show(None)
    assert capsys.readouterr().err == "rehearsing: candidates of known fate go first\n"
    display.show(None)
    assert capsys.readouterr().err == ""
    await store.set_campaign_state(campaign.campaign_id, CampaignState.RUNNING)
    await measure(store, campaign.campaign_id, 1, 1.25)
    now[0] = 2.0
    display.show(None)
    shown = capsys.readouterr().err
    assert "running" in shown
    assert "best is .1 at 1.25 x [1.22, 1.28]" in shown
    assert "best .1 1.25 x [1.22, 1.28] (measured) · 1 evaluated (1800/h) · 0 in flight · $0.00 of $2.00" in shown
    now[0] = 11.9
    display.show(None)
    assert capsys.readouterr().err == ""
    now[0] = 12.1
    display.show(None)
    assert "1 evaluated" in capsys.readouterr().err


async def test_quiet_shows_nothing(store: SqlStore, campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    await LiveDisplay(store, campaign.campaign_id, Output(quiet=True)).run()
    assert capsys.readouterr().err == ""


async def test_a_display_begins_with_what_is_new(
    store: SqlStore, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    await measure(store, campaign.campaign_id, 1, 1.25)
    display = LiveDisplay(store, campaign.campaign_id, Output())
    display.show(None)
    assert "best is" not in capsys.readouterr().err


def test_failures_stand_by_reason(campaign: Campaign) -> None:
    tally = Tally(
        candidates=9,
        evaluations=9,
        active_s=60,
        by_state={CandidateState.REJECTED: 6, CandidateState.BUILDING: 2, CandidateState.EVALUATING: 1},
        by_reason={"wrong_output": 3, "compile_error": 2, "slower": 1, "duplicate": 1},
    )
    line = status_line(campaign, CampaignState.RUNNING, tally, "")
    assert "best none yet · 9 evaluated (540/h) · 3 in flight" in line
    assert line.endswith("6 rejected: 3 wrong_output, 2 compile_error, 1 slower")


def test_the_end_is_that_of_the_first_cap(campaign: Campaign) -> None:
    tally = Tally(evaluations=10, active_s=60, cost_usd=1.0)
    assert seconds_left(campaign.plan.budget, tally) == pytest.approx(60.0)
    assert seconds_left(campaign.plan.budget, tally.model_copy(update={"cost_usd": 0.0})) == pytest.approx(180.0)
    boundless = campaign.model_copy(update={"plan": campaign.plan.model_copy(update={"budget": Budget(tokens=10)})})
    assert seconds_left(boundless.plan.budget, tally) is None


def test_a_budget_that_is_nearly_used_is_not_called_used(campaign: Campaign) -> None:
    tally = Tally(candidates=40, evaluations=39, active_s=0.4)
    assert "ends in about 10 ms" in status_line(campaign, CampaignState.RUNNING, tally, "")
    used = tally.model_copy(update={"evaluations": 40})
    assert "the budget is used" in status_line(campaign, CampaignState.RUNNING, used, "")


async def test_a_state_that_is_said_again_is_no_news(
    store: SqlStore, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    display = LiveDisplay(store, campaign.campaign_id, Output())
    for reason in ("approved", "approved again"):
        await store.set_campaign_state(campaign.campaign_id, CampaignState.RUNNING, reason=reason)
    display.show(None)
    assert capsys.readouterr().err.count(" running") == 1


@pytest.mark.parametrize(("in_flight", "words"), [(2, "· draining"), (0, "· confirming the best 3: 1 confirmed")])
def test_what_goes_on_after_the_search(campaign: Campaign, in_flight: int, words: str) -> None:
    states = {CandidateState.EVALUATING: in_flight, CandidateState.CONFIRMED: 1}
    tally = Tally(candidates=12, evaluations=10, active_s=60, by_state=states)
    assert words in status_line(campaign, CampaignState.DRAINING, tally, ".1 1.2 x")


async def test_a_confirmed_number_is_not_displaced_by_a_measured_one(
    store: SqlStore, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    await store.set_campaign_state(campaign.campaign_id, CampaignState.RUNNING)
    await measure(store, campaign.campaign_id, 1, 1.30)
    await measure(store, campaign.campaign_id, 2, 1.28)
    display = LiveDisplay(store, campaign.campaign_id, Output())
    display.show(None)
    await store.set_campaign_state(campaign.campaign_id, CampaignState.DRAINING, reason="budget:wall_s")
    again = passed(1.2)
    await store.save_confirmation(
        campaign.campaign_id, 1, again, state=CandidateState.CONFIRMED, score=1.2, score_low=1.17
    )
    assert store.tally(campaign.campaign_id).best_ordinal == 2
    capsys.readouterr()
    display.plain_at = float("-inf")
    display.show(None)
    shown = capsys.readouterr().err
    assert "draining (the cap on wall time)" in shown
    assert ".1 re-measured: confirmed at 1.20 x [1.17, 1.23]" in shown
    assert "best is .2" not in shown
    assert "best .1 1.20 x [1.17, 1.23] (confirmed)" in shown


def test_a_narrow_terminal_breaks_the_line_at_its_dots() -> None:
    line = "best .1 1.25 x [1.22, 1.28] (measured) · 12 evaluated (540/h) · 2 in flight · ends in about 91 s"
    lines = wrapped(line, 60)
    assert lines == [
        "best .1 1.25 x [1.22, 1.28] (measured)",
        "  12 evaluated (540/h) · 2 in flight · ends in about 91 s",
    ]
    assert wrapped(line, 200) == [line]


async def test_words_in_events_cannot_steer_a_terminal(store: SqlStore, campaign: Campaign) -> None:
    await store.append_event(campaign.campaign_id, "planner.decision", {"reason": "try\x1b[2J\u202e tiles"}, ordinal=4)
    event = store.events(campaign.campaign_id)[-1]
    assert news_line(event).endswith("planner.decision .4: reason try· tiles")
