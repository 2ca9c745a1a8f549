"""What breaks beside a candidate (judge, model, evaluator, lease, store) never costs what was scored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nightforge_toy.evaluator import ToyEvaluator

from agents.offline.coder import OfflineCoder
from agents.offline.team import OfflineTeam
from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Candidate, Verdict
from nightforge.domain.evidence import Calibration, Evidence, StageEvidence
from nightforge.domain.plan import Budget
from nightforge.domain.ports import Store
from nightforge.domain.task import Task
from nightforge.domain.team import Coder, Draft, Judge, NoDraft, StepContext
from nightforge.domain.words import CampaignState, CandidateState, OperatorKind, Outcome, Phase
from nightforge.errors import BudgetExhausted, EvaluatorFault, ModelAccessRefused, ModelFault, StoreFault
from nightforge.store import SqlStore
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
Evaluate = Callable[[str, Phase], None]
pytestmark = pytest.mark.box
GOAL = "climb the hill to its peak"


class ScriptedCoder:
    """Answers from a function; wrong programs are mended by the next call of it."""

    def __init__(self, say: Callable[[StepContext], Draft | NoDraft]) -> None:
        self.say = say

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        await asyncio.sleep(0)
        return self.say(context)

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft | NoDraft:
        await asyncio.sleep(0)
        return self.say(context)


class ScriptedJudge:
    def __init__(self, say: Callable[[StepContext], Verdict]) -> None:
        self.say = say

    async def judge(self, context: StepContext, source: str, evidence: Evidence) -> Verdict:
        return self.say(context)


class TeamOf(OfflineTeam):
    """The offline team with another coder or judge."""

    def __init__(self, *, coder: Coder | None = None, judge: Judge | None = None) -> None:
        super().__init__(coder or OfflineCoder())
        if judge is not None:
            self.judge = judge


def employ(night: Night, team: OfflineTeam) -> None:
    night.house.make_team = lambda models, budget, campaign_id: team


def program(x: int, y: int) -> Draft:
    return Draft(source=f"X = {x}\nY = {y}\n", operator=OperatorKind.FULL, operator_name="full.scripted")


def disturb(night: Night, change: Evaluate) -> None:
    """Call `change` before each evaluation: what it raises is what the evaluator raises."""

    class Disturbed(ToyEvaluator):
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
            change(source, phase)
            return await super().evaluate(source, task, parameters, seed=seed, phase=phase)

    night.house.evaluators = {"toy": Disturbed}


async def begin(night: Night, request: NightRequest) -> str:
    card = await night.begin(request)
    assert isinstance(card, AwaitApproval)
    return card.card.campaign_id


async def run(night: Night, request: NightRequest) -> Done:
    await begin(night, request)
    done = await night.approve()
    assert isinstance(done, Done)
    return done


def everyone(store: Store, campaign_id: str) -> list[Candidate]:
    return sorted(store.recent(campaign_id, limit=1000), key=lambda candidate: candidate.ordinal)


def in_flight() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("candidate-")]


@pytest.mark.parametrize(
    "fault",
    [
        ModelFault("the judge does not answer"),
        ModelFault("the judge cannot be understood", retryable=False),
        BudgetExhausted("no money for words", where="budget:cost_usd"),
    ],
)
async def test_a_judge_that_cannot_speak_costs_no_measured_candidate(
    open_toy_night: NightOpener, fault: ModelFault | BudgetExhausted
) -> None:
    def speak(context: StepContext) -> Verdict:
        if context.ordinal == 2:
            raise fault
        return Verdict(summary="fine")

    async with open_toy_night() as night:
        employ(night, TeamOf(judge=ScriptedJudge(speak)))
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=6), preset="pair"))
        candidates = everyone(night.store, done.campaign_id)
    second = candidates[2]
    assert second.verdict is None
    assert second.evidence is not None
    if second.evidence.passed:
        assert second.state in {CandidateState.MEASURED, CandidateState.CONFIRMED}
        assert second.score == second.evidence.metrics["height"].value
    else:
        assert second.reason == second.evidence.stages[-1].reason
    assert all(one.reason not in {"model_fault", "budget"} for one in candidates if one.evidence is not None)
    assert done.reason == ("budget:cost_usd" if isinstance(fault, BudgetExhausted) else "budget:evaluations")


async def test_equal_drafts_of_one_and_of_several_candidates_are_evaluated_once(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Four candidates at a time, two drafts each, and every third candidate says what the one before it said."""
    log = tmp_path / "evaluations.log"
    monkeypatch.setenv("TOY_LOG", str(log))
    coder = ScriptedCoder(lambda context: program(1 + context.ordinal // 3, 1))
    async with open_toy_night() as night:
        employ(night, TeamOf(coder=coder))
        request = NightRequest(goal=GOAL, budget=Budget(evaluations=8), preset="team", in_flight=4, repairs=0)
        done = await run(night, request)
        candidates = everyone(night.store, done.campaign_id)
    searched = Counter(line for line in log.read_text().splitlines() if line.startswith("search"))
    assert sum(searched.values()) == 8
    assert max(searched.values()) == 1
    assert Counter(one.reason for one in candidates)["duplicate"] >= 8


async def test_a_program_on_its_way_into_the_store_is_nobody_elses(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Candidate 1 drafts one program twice; candidate 2 comes with the same one while it is being saved."""
    log = tmp_path / "evaluations.log"
    monkeypatch.setenv("TOY_LOG", str(log))
    saving, save_code = asyncio.Event(), SqlStore.save_code

    async def slowly(store: SqlStore, campaign_id: str, ordinal: int, source: str, **named: Any) -> str:
        if ordinal == 1:
            saving.set()
            await asyncio.sleep(0.2)
        return await save_code(store, campaign_id, ordinal, source, **named)

    class Copying(ScriptedCoder):
        async def write(
            self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]
        ) -> Draft | NoDraft:
            if context.ordinal == 2:
                await saving.wait()
            return self.say(context)

    monkeypatch.setattr(SqlStore, "save_code", slowly)
    coder = Copying(lambda context: program(5, 5) if context.ordinal < 3 else program(6, context.ordinal))
    async with open_toy_night() as night:
        employ(night, TeamOf(coder=coder))
        request = NightRequest(goal=GOAL, budget=Budget(evaluations=4), preset="team", in_flight=2, repairs=0)
        done = await run(night, request)
        second = night.store.candidate(done.campaign_id, 2)
    assert (second.state, second.reason) == (CandidateState.REJECTED, "duplicate")
    searched = Counter(line for line in log.read_text().splitlines() if line.startswith("search"))
    assert max(searched.values()) == 1


async def test_one_draft_that_fails_leaves_the_other(open_toy_night: NightOpener) -> None:
    def say(context: StepContext) -> Draft | NoDraft:
        if context.draft == 0:
            raise ModelFault("this one does not answer")
        return program(1 + context.ordinal, 2)

    async with open_toy_night() as night:
        employ(night, TeamOf(coder=ScriptedCoder(say)))
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=5), preset="team", drafts=2))
        candidates = everyone(night.store, done.campaign_id)
    assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
    assert all(one.evidence is not None for one in candidates)


async def test_a_program_that_breaks_the_evaluator_is_given_up_and_the_campaign_ends_well(
    open_toy_night: NightOpener,
) -> None:
    def choke(source: str, phase: Phase) -> None:
        if source.startswith("X = 4\n"):
            raise KeyError("four")

    coder = ScriptedCoder(lambda context: program(3 + context.ordinal, 2))
    async with open_toy_night() as night:
        employ(night, TeamOf(coder=coder))
        disturb(night, choke)
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=5), in_flight=2))
        candidates = everyone(night.store, done.campaign_id)
        events = night.store.events(done.campaign_id, limit=1000)
        assert night.store.tally(done.campaign_id).evaluations == 5
    assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
    assert (candidates[1].state, candidates[1].reason) == (CandidateState.REJECTED, "evaluator_fault")
    assert candidates[1].score is None
    told = [event.payload["detail"] for event in events if event.kind == "candidate.given_up"]
    assert told == ["toy: the evaluator raised KeyError: 'four'"]


async def test_trouble_leaves_nothing_in_flight(open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.2")

    def say(context: StepContext) -> Draft | NoDraft:
        if context.ordinal == 4:
            raise ModelAccessRefused("the key was withdrawn")
        return program(1 + context.ordinal, 1)

    async with open_toy_night() as night:
        employ(night, TeamOf(coder=ScriptedCoder(say)))
        with pytest.raises(ModelAccessRefused):
            await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=30), in_flight=5))
        assert in_flight() == []
        campaign = night.store.campaigns()[0]
        assert (campaign.state, campaign.reason) == (CampaignState.PAUSED, "the key was withdrawn")
        assert [one.ordinal for one in night.store.unfinished(campaign.campaign_id)] == [4]


async def test_a_cancelled_run_leaves_nothing_in_flight_and_can_be_resumed(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.2")
    async with open_toy_night() as night:
        campaign_id = await begin(night, NightRequest(goal=GOAL, budget=Budget(evaluations=6), in_flight=3))
        running = asyncio.create_task(night.approve())
        async with asyncio.timeout(20):
            while night.store.tally(campaign_id).evaluations < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert in_flight() != []
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert in_flight() == []
        monkeypatch.setenv("TOY_SECONDS", "0")
        done = await night.resume(campaign_id)
        assert isinstance(done, Done)
        assert night.store.tally(campaign_id).evaluations == 6


async def test_a_campaign_taken_over_by_another_process_is_left_alone(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.1")
    monkeypatch.setattr("workflows.ownership.LEASE_S", 0.05)
    monkeypatch.setattr("workflows.ownership.HEARTBEAT_S", 0.1)
    async with open_toy_night() as night, open_toy_night() as other:
        campaign_id = await begin(night, NightRequest(goal=GOAL, budget=Budget(evaluations=500), in_flight=3))
        running = asyncio.create_task(night.approve())
        lease = None
        async with asyncio.timeout(20):
            while night.store.tally(campaign_id).evaluations < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            while lease is None:
                lease = await other.store.claim_lease(f"campaign:{campaign_id}", "somebody else", ttl_s=60)
                await asyncio.sleep(0.01)
        seen = other.store.events(campaign_id, limit=10_000)
        with pytest.raises(StoreFault, match=r"took campaign|no longer holds"):
            await asyncio.wait_for(running, 20.0)
        assert in_flight() == []
        assert other.store.events(campaign_id, limit=10_000) == seen, "nothing was written into the other's work"
        await other.store.append_event(campaign_id, "still.mine")


async def test_a_hiccup_in_rehearsal_and_confirmation_is_tried_again(open_toy_night: NightOpener) -> None:
    tries: Counter[Phase] = Counter()

    def hiccup(source: str, phase: Phase) -> None:
        tries[phase] += 1
        if phase is not Phase.SEARCH and tries[phase] in {1, 2}:
            raise EvaluatorFault("a hiccup")

    async with open_toy_night() as night:
        disturb(night, hiccup)
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=4)))
        assert done.state is CampaignState.FINISHED
        assert night.store.ranked(done.campaign_id, limit=1)[0].state is CandidateState.CONFIRMED
        again = [
            event.payload["phase"]
            for event in night.store.events(done.campaign_id, limit=1000)
            if event.kind == "evaluation.again"
        ]
    assert again == ["rehearsal", "rehearsal", "confirmation", "confirmation"]


async def test_a_bench_that_stays_broken_in_confirmation_pauses_and_resume_confirms(
    open_toy_night: NightOpener,
) -> None:
    def broken(source: str, phase: Phase) -> None:
        if phase is Phase.CONFIRMATION:
            raise EvaluatorFault("out of order")

    async with open_toy_night() as night:
        disturb(night, broken)
        with pytest.raises(EvaluatorFault, match="out of order"):
            await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=4)))
        assert night.store.campaigns()[0].state is CampaignState.PAUSED
    async with open_toy_night() as night:
        done = await night.resume()
        assert isinstance(done, Done)
        assert (done.state, done.reason) == (CampaignState.FINISHED, "budget:evaluations")
        assert night.store.ranked(done.campaign_id, limit=1)[0].state is CandidateState.CONFIRMED


async def test_stop_now_ends_a_confirmation_in_its_middle(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = StopSwitch()

    def dawdle(source: str, phase: Phase) -> None:
        if phase is Phase.CONFIRMATION:
            monkeypatch.setenv("TOY_SECONDS", "30")
            stop.press()
            stop.press()

    async with open_toy_night(stop=stop) as night:
        disturb(night, dawdle)
        done = await asyncio.wait_for(run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=4))), 25.0)
        assert (done.state, done.reason) == (CampaignState.PAUSED, "interrupted")
    monkeypatch.setenv("TOY_SECONDS", "0")
    async with open_toy_night() as night:
        resumed = await night.resume()
        assert isinstance(resumed, Done)
        assert resumed.state is CampaignState.FINISHED
        assert night.store.ranked(resumed.campaign_id, limit=1)[0].state is CandidateState.CONFIRMED


async def test_a_campaign_that_goes_on_confirms_what_it_found_since(open_toy_night: NightOpener) -> None:
    coder = ScriptedCoder(lambda context: program(1 + context.ordinal + (context.ordinal >= 6), 17))
    async with open_toy_night() as night:
        employ(night, TeamOf(coder=coder))
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=5), in_flight=1))
        first = {one.ordinal for one in everyone(night.store, done.campaign_id) if one.confirmation is not None}
        assert len(first) == 3
        more = await night.resume(done.campaign_id, budget=Budget(evaluations=9))
        assert isinstance(more, Done)
        best = night.store.ranked(done.campaign_id, limit=3)
    assert {one.state for one in best} == {CandidateState.CONFIRMED}
    assert not {one.ordinal for one in best} & first, "each later program stands higher on the hill"


async def test_a_stop_before_the_seed_ends_the_campaign_in_order(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.6")
    async with open_toy_night() as night:

        def post(source: str, phase: Phase) -> None:
            if phase is Phase.REHEARSAL:
                posting.append(
                    asyncio.ensure_future(night.store.post_command(night.store.campaigns()[0].campaign_id, "stop"))
                )

        posting: list[asyncio.Future[None]] = []
        disturb(night, post)
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=4)))
        assert (done.state, done.reason, done.improved) == (CampaignState.FINISHED, "stopped", False)
        assert night.store.tally(done.campaign_id).candidates == 0


async def test_eight_repairs_of_two_drafts_fit_into_one_run(open_toy_night: NightOpener) -> None:
    def stumble(context: StepContext) -> Draft | NoDraft:
        return program(7 * (1 + context.draft), context.attempt + 10 * (context.ordinal % 3))

    async with open_toy_night() as night:
        employ(night, TeamOf(coder=ScriptedCoder(stumble)))
        request = NightRequest(goal=GOAL, budget=Budget(evaluations=10), preset="team", repairs=8, in_flight=1)
        done = await run(night, request)
        attempts = night.store.attempts(done.campaign_id, 1)
        first = night.store.candidate(done.campaign_id, 1)
    assert [one.attempt for one in attempts] == list(range(9))
    assert all(one.evidence is not None for one in attempts)
    assert (first.state, first.reason) == (CandidateState.REJECTED, "wrong_output")


async def test_no_repair_is_begun_once_the_wall_time_is_spent(
    open_toy_night: NightOpener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_SECONDS", "0.4")
    coder = ScriptedCoder(lambda context: program(7, context.attempt + 9 * context.ordinal % 40))
    async with open_toy_night() as night:
        employ(night, TeamOf(coder=coder))
        night.house.evaluators = {"toy": UntimedEvaluator}
        request = NightRequest(goal=GOAL, budget=Budget(wall_s=1.5), preset="solo", repairs=8, in_flight=1)
        done = await asyncio.wait_for(run(night, request), 20.0)
        attempts = night.store.attempts(done.campaign_id, 1)
    assert done.reason == "budget:wall_s"
    assert 1 <= len(attempts) < 9


class UntimedEvaluator(ToyEvaluator):
    """Says that an evaluation takes no time, so that no time is kept for confirmation."""

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        measured = await super().calibrate(task, parameters, seed=seed)
        return measured.model_copy(update={"seconds_per_evaluation": 0.0})


async def test_a_stage_that_failed_on_our_side_is_not_repaired(open_toy_night: NightOpener) -> None:
    """`error` says nothing of the program: no coder is asked to mend it."""

    class Erring(ToyEvaluator):
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
            if phase is not Phase.SEARCH or source.startswith("#"):
                return evidence
            stage = StageEvidence(stage="check", outcome=Outcome.ERROR, reason="box_broke")
            return evidence.model_copy(update={"stages": (stage,)})

    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Erring}
        employ(night, TeamOf(coder=ScriptedCoder(lambda context: program(context.ordinal, context.attempt))))
        done = await run(night, NightRequest(goal=GOAL, budget=Budget(evaluations=4), repairs=3))
        assert all(len(night.store.attempts(done.campaign_id, at)) == 1 for at in (1, 2, 3))
