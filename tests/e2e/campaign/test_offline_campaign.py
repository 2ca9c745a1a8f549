"""The campaign loop with the offline team: stops, interrupts, resume, faults, rehearsal, confirmation."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from nightforge_toy.evaluator import ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence, StageEvidence
from nightforge.domain.plan import Budget
from nightforge.domain.task import Task
from nightforge.domain.words import CampaignState, CandidateState, Outcome, Phase
from nightforge.errors import BudgetRefused, CampaignBusy, EvaluatorFault, RehearsalFailed
from workflows.contract import AskQuestions, AwaitApproval, Done, NightRequest, Refused, StopSwitch
from workflows.night import Night
from workflows.ownership import owning

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
Change = Callable[[str, Phase, Evidence], Evidence]
pytestmark = pytest.mark.box
GOAL = "climb the hill to its peak"


class ChangedEvaluator(ToyEvaluator):
    """The toy evaluator with something done to its evidence (or instead of it)."""

    change: Change = staticmethod(lambda source, phase, evidence: evidence)

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
        return type(self).change(source, phase, evidence)


def with_change(night: Night, change: Change) -> None:
    evaluator = type("Changed", (ChangedEvaluator,), {"change": staticmethod(change)})
    night.house.evaluators = {"toy": evaluator}


async def run(night: Night, **request: Any) -> Done:
    budget = request.pop("budget", Budget(evaluations=12))
    card = await night.begin(NightRequest(goal=GOAL, budget=budget, **request))
    assert isinstance(card, AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    return done


async def until(condition: Callable[[], bool]) -> None:
    """The store is the only thing to look at, as for any other front end."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_spends_its_evaluations_exactly_and_evaluates_nothing_twice(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        done = await run(night, budget=Budget(evaluations=25), in_flight=4)
        store, campaign_id = night.store, done.campaign_id
        assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
        tally = store.tally(campaign_id)
        assert tally.evaluations == 25
        shas = [
            attempt.code_sha
            for ordinal in range(store.next_ordinal(campaign_id))
            for attempt in store.attempts(campaign_id, ordinal)
            if attempt.evidence is not None
        ]
        assert len(shas) == len(set(shas)) == 25
        assert not store.unfinished(campaign_id)
        states = Counter(candidate.state for candidate in store.ranked(campaign_id, limit=100))
        assert states[CandidateState.CONFIRMED] == 3


async def test_failed_candidates_are_never_parents(open_toy_night: NightOpener) -> None:
    def every_third_fails(source: str, phase: Phase, evidence: Evidence) -> Evidence:
        if phase is not Phase.SEARCH or evidence.failure or "X = 3\n" in source or sum(source.encode()) % 3:
            return evidence
        stage = StageEvidence(stage="full", outcome=Outcome.FAIL, reason="third", metrics=dict(evidence.metrics))
        return evidence.model_copy(update={"stages": (stage,)})

    async with open_toy_night() as night:
        with_change(night, every_third_fails)
        done = await run(night, budget=Budget(evaluations=40), in_flight=4)
        store = night.store
        candidates = [store.candidate(done.campaign_id, at) for at in range(store.next_ordinal(done.campaign_id))]
    failed = {one.ordinal for one in candidates if one.state is CandidateState.REJECTED}
    used = {parent for one in candidates for parent in one.parents}
    assert failed
    assert not failed & used
    assert all(one.score is None for one in candidates if one.ordinal in failed)


async def test_one_interrupt_drains_and_resume_ends_with_the_same_count(open_toy_night: NightOpener) -> None:
    stop = StopSwitch()
    async with open_toy_night(stop=stop) as night:

        def press_at_five(source: str, phase: Phase, evidence: Evidence) -> Evidence:
            seen.update([phase])
            if seen[Phase.SEARCH] == 5:
                stop.press()
            return evidence

        seen: Counter[Phase] = Counter()
        with_change(night, press_at_five)
        done = await run(night, budget=Budget(evaluations=15))
        assert (done.state, done.reason) == (CampaignState.PAUSED, "interrupted")
        assert not night.store.unfinished(done.campaign_id), "one interrupt lets what is in flight end"
        before = night.store.tally(done.campaign_id).evaluations
        assert 5 <= before < 15
    async with open_toy_night() as night:
        resumed = await night.resume()
        assert isinstance(resumed, Done)
        assert (resumed.campaign_id, resumed.state) == (done.campaign_id, CampaignState.FINISHED)
        assert night.store.tally(done.campaign_id).evaluations == 15


async def test_two_interrupts_leave_what_is_in_flight_for_resume(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.3")
    stop = StopSwitch()
    async with open_toy_night(stop=stop) as night:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=10), in_flight=2))
        assert isinstance(card, AwaitApproval)
        running = asyncio.create_task(night.approve())
        await until(lambda: night.store.tally(card.card.campaign_id).evaluations >= 2)
        stop.press()
        stop.press()
        done = await asyncio.wait_for(running, 20.0)
        assert isinstance(done, Done)
        assert done.state is CampaignState.PAUSED
        assert night.store.unfinished(done.campaign_id)
    monkeypatch.setenv("TOY_SECONDS", "0")
    async with open_toy_night() as night:
        assert isinstance(await night.resume(done.campaign_id), Done)
        assert night.store.tally(done.campaign_id).evaluations == 10
        assert not night.store.unfinished(done.campaign_id)


async def test_a_stop_from_the_database_ends_and_confirms(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.05")
    async with open_toy_night() as night:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=500)))
        assert isinstance(card, AwaitApproval)
        running = asyncio.create_task(night.approve())
        await until(lambda: night.store.tally(card.card.campaign_id).evaluations >= 5)
        await night.store.post_command(card.card.campaign_id, "stop", author="test")
        done = await asyncio.wait_for(running, 20.0)
        assert isinstance(done, Done)
        assert (done.state, done.reason) == (CampaignState.FINISHED, "stopped")
        assert night.store.ranked(done.campaign_id, limit=1)[0].state is CandidateState.CONFIRMED


async def test_pause_and_resume_commands_are_obeyed(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.05")
    async with open_toy_night() as night:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=30)))
        assert isinstance(card, AwaitApproval)
        campaign_id = card.card.campaign_id
        running = asyncio.create_task(night.approve())
        await until(lambda: night.store.tally(campaign_id).evaluations >= 3)
        await night.store.post_command(campaign_id, "pause")
        await until(lambda: night.store.campaign(campaign_id).state is CampaignState.PAUSED)
        await asyncio.sleep(0.5)
        held = night.store.tally(campaign_id).evaluations
        await asyncio.sleep(0.5)
        assert night.store.tally(campaign_id).evaluations == held < 30
        await night.store.post_command(campaign_id, "resume")
        done = await asyncio.wait_for(running, 20.0)
        assert isinstance(done, Done)
        assert night.store.tally(campaign_id).evaluations == 30


async def test_a_pause_in_the_rehearsal_holds_when_the_search_begins(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.3")
    stop = StopSwitch()
    async with open_toy_night(stop=stop) as night:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=3)))
        assert isinstance(card, AwaitApproval)
        campaign_id = card.card.campaign_id
        # What was said before this session is dropped, what is said from `begun` on is heard.
        await night.store.post_command(campaign_id, "stop")
        running = asyncio.create_task(night.approve())
        await asyncio.wait_for(stop.begun.wait(), 20.0)
        await night.store.post_command(campaign_id, "pause")
        await until(lambda: night.store.campaign(campaign_id).reason == "asked")
        assert night.store.campaign(campaign_id).state is CampaignState.PAUSED
        assert night.store.next_ordinal(campaign_id) == 1, "the seed, and no candidate of the search"
        await night.store.post_command(campaign_id, "resume")
        done = await asyncio.wait_for(running, 20.0)
        assert isinstance(done, Done)
        assert (done.reason, night.store.tally(campaign_id).evaluations) == ("budget:evaluations", 3)


@pytest.mark.parametrize(
    ("rules", "reason"), [({"target": 200.0}, "target"), ({"patience": 8, "target": 5000.0}, "patience")]
)
async def test_target_and_patience_stop_early(
    open_toy_night: NightOpener, rules: dict[str, float], reason: str
) -> None:
    async with open_toy_night() as night:
        done = await run(night, budget=Budget(evaluations=400), **rules)
        assert done.reason == reason
        assert night.store.tally(done.campaign_id).evaluations < 400


async def test_a_finished_campaign_goes_on_with_more_budget(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        done = await run(night, budget=Budget(evaluations=5))
        more = await night.resume(done.campaign_id, budget=Budget(evaluations=9))
        assert isinstance(more, Done)
        assert night.store.tally(done.campaign_id).evaluations == 9


async def test_a_campaign_runs_in_one_process_only(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night, open_toy_night() as other:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=4)))
        assert isinstance(card, AwaitApproval)
        async with owning(other.store, card.card.campaign_id, other.house.clock) as tenure:
            with pytest.raises(CampaignBusy, match="another process"):
                await night.approve()
        assert tenure.trouble is None, "the holder noticed nothing of it"


async def test_platform_faults_pause_the_campaign_and_resume_goes_on(open_toy_night: NightOpener) -> None:
    def broken(source: str, phase: Phase, evidence: Evidence) -> Evidence:
        seen.update([phase])
        if seen[Phase.SEARCH] > 4:
            raise EvaluatorFault("the bench caught fire", hint="put it out")
        return evidence

    seen: Counter[Phase] = Counter()
    async with open_toy_night() as night:
        with_change(night, broken)
        with pytest.raises(EvaluatorFault, match="caught fire"):
            await run(night)
        campaign = night.store.campaigns()[0]
        assert campaign.state is CampaignState.PAUSED
        assert campaign.tally.evaluations == 4
    async with open_toy_night() as night:
        assert isinstance(await night.resume(), Done)
        assert night.store.tally(campaign.campaign_id).evaluations == 12


async def test_a_single_fault_is_retried(open_toy_night: NightOpener) -> None:
    def hiccup(source: str, phase: Phase, evidence: Evidence) -> Evidence:
        seen.update([phase])
        if seen[Phase.SEARCH] == 4:
            raise EvaluatorFault("a hiccup")
        return evidence

    seen: Counter[Phase] = Counter()
    async with open_toy_night() as night:
        with_change(night, hiccup)
        done = await run(night)
        assert done.state is CampaignState.FINISHED
        assert night.store.tally(done.campaign_id).evaluations == 12


async def test_an_evaluator_that_passes_a_known_bad_is_refused(open_toy_night: NightOpener) -> None:
    def credulous(source: str, phase: Phase, evidence: Evidence) -> Evidence:
        passed = StageEvidence(stage="full", outcome=Outcome.PASS, metrics=dict(evidence.metrics))
        return evidence.model_copy(update={"stages": (passed,)})

    async with open_toy_night() as night:
        with_change(night, credulous)
        with pytest.raises((RehearsalFailed, EvaluatorFault)) as failed:
            await run(night)
        campaign = night.store.campaigns()[0]
        assert campaign.tally.candidates == 0
    if isinstance(failed.value, RehearsalFailed):
        assert "bad.txt" in str(failed.value)
        assert campaign.state is CampaignState.FAILED


async def test_a_seed_that_fails_is_no_start(open_toy_night: NightOpener) -> None:
    def strict(source: str, phase: Phase, evidence: Evidence) -> Evidence:
        stage = StageEvidence(stage="parse", outcome=Outcome.FAIL, reason="mood", feedback="not today")
        return evidence.model_copy(update={"stages": (stage,)})

    async with open_toy_night() as night:
        with_change(night, strict)
        with pytest.raises(RehearsalFailed, match="seed does not pass") as failed:
            await run(night)
        assert "not today" in str(failed.value)
        assert night.store.campaigns()[0].state is CampaignState.FAILED


async def test_a_finalist_that_fails_its_confirmation_is_suspicious_and_no_result(open_toy_night: NightOpener) -> None:
    def hidden_input(source: str, phase: Phase, evidence: Evidence) -> Evidence:
        if phase is not Phase.CONFIRMATION:
            return evidence
        stage = StageEvidence(stage="confirm", outcome=Outcome.FAIL, reason="wrong_output", feedback="hidden shape")
        return evidence.model_copy(update={"stages": (*evidence.stages[:-1], stage)})

    async with open_toy_night() as night:
        with_change(night, hidden_input)
        done = await run(night, budget=Budget(evaluations=8))
        assert not done.improved
        store, campaign_id = night.store, done.campaign_id
        everyone = [store.candidate(campaign_id, at) for at in range(store.next_ordinal(campaign_id))]
        suspicious = [one for one in everyone if one.state is CandidateState.SUSPICIOUS]
        assert suspicious
        assert all(one.reason == "wrong_output" for one in suspicious)
        assert not {one.ordinal for one in suspicious} & {one.ordinal for one in store.ranked(campaign_id, limit=100)}


@pytest.mark.parametrize("goal", ["write me a poem about the moon", "", "an ALU smaller than 500 um2 at 4 ns"])
async def test_a_goal_that_fits_nothing_is_refused_and_nothing_is_made(open_toy_night: NightOpener, goal: str) -> None:
    async with open_toy_night() as night:
        refused = await night.begin(NightRequest(goal=goal))
        assert isinstance(refused, Refused)
        assert refused.reading.refusal
        assert not night.store.campaigns()


async def test_a_budget_of_zero_is_refused_before_anything(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        with pytest.raises(BudgetRefused):
            await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=0)))
        assert not night.store.campaigns()


async def test_a_qualifier_that_no_task_knows_is_asked_about_and_a_no_is_a_no(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        asked = await night.begin(NightRequest(goal="masked softmax"))
        assert isinstance(asked, AskQuestions)
        assert [question.name for question in asked.questions] == ["task"]
        refused = await night.answer({"task": "none"})
        assert isinstance(refused, Refused)
        assert not night.store.campaigns()


async def test_a_kill_while_the_seed_is_evaluated_starts_with_the_seed_again(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.5")
    async with open_toy_night() as night:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=6)))
        assert isinstance(card, AwaitApproval)
        campaign_id = card.card.campaign_id
        running = asyncio.create_task(night.approve())
        await until(lambda: any(one.ordinal == 0 for one in night.store.unfinished(campaign_id)))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert night.store.candidate(campaign_id, 0).state is not CandidateState.MEASURED
    monkeypatch.setenv("TOY_SECONDS", "0")
    async with open_toy_night() as night:
        assert isinstance(await night.resume(campaign_id), Done)
        assert night.store.tally(campaign_id).evaluations == 6


async def test_the_seed_parents_when_a_person_discarded_all_others(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        done = await run(night, budget=Budget(evaluations=4))
        for candidate in night.store.ranked(done.campaign_id, limit=100):
            await night.store.mark_candidate(done.campaign_id, candidate.ordinal, discarded=True)
        before = night.store.next_ordinal(done.campaign_id)
        await night.resume(done.campaign_id, budget=Budget(evaluations=5))
        assert night.store.candidate(done.campaign_id, before).parents == (0,)


@pytest.mark.parametrize("presses", [1, 2])
async def test_an_interrupt_during_rehearsal_is_kept_for_resume(open_toy_night: NightOpener, presses: int) -> None:
    stop = StopSwitch()
    async with open_toy_night(stop=stop) as night:

        def press(source: str, phase: Phase, evidence: Evidence) -> Evidence:
            for _ in range(presses):
                stop.press()
            return evidence

        with_change(night, press)
        done = await run(night)
        assert (done.state, done.reason) == (CampaignState.PAUSED, "interrupted")
    async with open_toy_night() as night:
        resumed = await night.resume()
        assert isinstance(resumed, Done)
        assert night.store.tally(resumed.campaign_id).evaluations == 12


async def test_a_stop_that_nobody_lived_to_obey_is_not_for_the_next_session(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        card = await night.begin(NightRequest(goal=GOAL, budget=Budget(evaluations=7)))
        assert isinstance(card, AwaitApproval)
        await night.store.post_command(card.card.campaign_id, "stop")
        done = await night.approve()
        assert isinstance(done, Done)
        assert done.reason == "budget:evaluations"
