"""A winner without what it does not need: confirmed like any other, resumable at every step, shares that add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from math import log

import pytest
from nightforge_toy.evaluator import NUMBER, PEAK, ToyEvaluator

from nightforge.domain.base import Scalar
from nightforge.domain.candidate import Candidate
from nightforge.domain.duel import DuelFinding, Window
from nightforge.domain.evidence import Calibration, Metric, StageEvidence
from nightforge.domain.minimisation import Minimisation, document_name
from nightforge.domain.plan import Budget
from nightforge.domain.scoring import score_evidence
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, Outcome, Phase
from nightforge.errors import UserError
from nightforge.report import build_report, gather
from nightforge.report.markdown import to_markdown
from workflows.contract import Allowance, AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import Night
from workflows.running import minimise_winner

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box

BAGGAGE = "# one line that does nothing\nX = 29\n\n# another\nY = 17\n# and a third\n"


class Paired(ToyEvaluator):
    """With duels: the gain is the ratio of the heights, the interval is narrow."""

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
        one, other = (height(text) for text in (champion, challenger))
        gain = Metric(value=other / one, low=other / one - 0.001, high=other / one + 0.001, unit="x")
        verdict = "not distinguishable" if abs(gain.value - 1) <= 0.001 else "challenger" if other > one else "champion"
        window = Window(control=Metric(value=1.0, unit="x"))
        return DuelFinding(verdict=verdict, gain=gain, windows=(window,))  # type: ignore[arg-type]


def height(source: str) -> float:
    numbers = {match["name"]: int(match["value"]) for match in NUMBER.finditer(source)}
    return 1000.0 - (numbers["X"] - PEAK[0]) ** 2 - (numbers["Y"] - PEAK[1]) ** 2


async def campaign_with_winner(night: Night, source: str = BAGGAGE) -> Candidate:
    """A short campaign, and a confirmed candidate whose program is `source`, evaluated as every other."""
    card = await night.begin(NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=3)))
    assert isinstance(card, AwaitApproval)
    done = await night.approve()
    assert isinstance(done, Done)
    house, store, campaign_id = night.house, night.store, done.campaign_id
    plan = store.campaign(campaign_id).plan
    task = house.find_task(plan.task)
    evaluator = house.evaluator(task)
    ordinal = store.next_ordinal(campaign_id)
    await store.open_candidate(campaign_id, ordinal, parents=[0])
    await store.save_code(campaign_id, ordinal, source, attempt=0, operator=None, note="with baggage")
    for phase in (Phase.SEARCH, Phase.CONFIRMATION):
        evidence = await evaluator.evaluate(source, task, plan.parameters, seed=7, phase=phase)
        score = score_evidence(evidence, plan.objectives[0])
        assert score is not None
        if phase is Phase.SEARCH:
            await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=score.value, score_low=score.low)
            await store.finish_candidate(campaign_id, ordinal, CandidateState.MEASURED)
        else:
            await store.save_confirmation(
                campaign_id,
                ordinal,
                evidence,
                state=CandidateState.CONFIRMED,
                score=score.value,
                score_low=score.low,
            )
    return store.candidate(campaign_id, ordinal)


async def minimised(night: Night, winner: Candidate, allowance: Allowance | None = None) -> Minimisation:
    return await minimise_winner(
        night.house, winner.campaign_id, winner.ordinal, StopSwitch(), allowance or Allowance()
    )


def source_of(night: Night, campaign_id: str, ordinal: int) -> str:
    sha = night.store.candidate(campaign_id, ordinal).code_sha
    assert sha is not None
    return night.store.source(sha)


async def test_what_is_not_needed_goes_and_shares_add_up(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        winner = await campaign_with_winner(night)
        found = await minimised(night, winner)
        assert found.ended == "done"
        assert found.minimal is not None
        assert found.minimal != winner.ordinal
        left = night.store.candidate(winner.campaign_id, found.minimal)
        assert left.state is CandidateState.CONFIRMED
        assert left.parents == (winner.ordinal,)
        source = source_of(night, winner.campaign_id, found.minimal)
        assert "nothing" not in source
        assert "another" not in source
        assert height(source) == height(BAGGAGE)
        shares = [hunk.share for hunk in found.kept]
        assert sum(share.value for share in shares if share is not None) == pytest.approx(1.0)
        assert all(share is not None and share.low is not None and share.low <= share.value for share in shares)
        report = build_report(gather(night.store, winner.campaign_id))
        text = to_markdown(report)
        assert f"{winner.campaign_id}.{found.minimal} is what is left, confirmed" in text
        assert "not needed:" in text
        assert "share of the gain" in text


async def test_it_stops_at_every_cap_and_goes_on_without_measuring_twice(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        winner = await campaign_with_winner(night)
        sessions = 0
        while (found := await minimised(night, winner, Allowance(measurements=1))).ended != "done":
            assert "measurements are used" in found.ended
            sessions += 1
            assert sessions < 60
        assert sessions >= 4
        total = found.evaluations
        twin = await campaign_with_winner(night, BAGGAGE)
        at_once = await minimised(night, twin)
        assert at_once.evaluations == total
        assert [hunk.fate for hunk in at_once.hunks] == [hunk.fate for hunk in found.hunks]
        again = await minimised(night, winner)
        assert again.evaluations == total, "what is done is not done again"


async def test_times_are_held_against_each_other_in_duels(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Paired}
        winner = await campaign_with_winner(night)
        found = await minimised(night, winner)
        assert (found.ended, found.scale) == ("done", "ratio")
        assert found.dropped
        assert found.total is not None
        seed = source_of(night, winner.campaign_id, 0)
        assert found.total.value == pytest.approx(height(BAGGAGE) / height(seed))
        for hunk in found.kept:
            if hunk.share is not None and hunk.share.low is not None:
                assert hunk.share.low <= hunk.share.value <= (hunk.share.high or 0)
        (x, y) = (int(number) for _, number in sorted(NUMBER.findall(seed)))
        lost = 1000.0 - (x - PEAK[0]) ** 2
        expected = -log(lost / height(BAGGAGE)) / log(found.total.value)
        by_line = {hunk.diff: hunk.share for hunk in found.kept}
        share = next(share for diff, share in by_line.items() if "+X = 29" in diff)
        assert share is not None
        assert share.value == pytest.approx(expected, rel=1e-6)
        assert y != PEAK[1]


class Hazy(Paired):
    """Against the seed the noise hides everything."""

    async def duel(self, champion: str, challenger: str, *rest: object, **named: object) -> DuelFinding:
        found = await super().duel(champion, challenger, *rest, **named)  # type: ignore[arg-type]
        wide = Metric(value=1.01, low=0.5, high=2.0, unit="x")
        return found.model_copy(update={"gain": wide}) if "X = 3\n" in champion else found


async def test_no_share_of_a_gain_that_cannot_be_told_from_none(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Hazy}
        seed = night.house.find_task("toy-peak").read("seed.txt")
        winner = await campaign_with_winner(night, seed.replace("X = 3", "X = 29"))
        found = await minimised(night, winner)
        assert (found.ended, found.total) == ("done", None)
        (only,) = found.kept
        assert (only.share, only.note) == (None, "the gain over the seed could not be told from noise")


class Impatient(Paired):
    """Drops early what is far below."""

    def _stages(self, source: str, seed: int) -> Sequence[StageEvidence]:
        stages = super()._stages(source, seed)
        if "X = 3\n" in source and "Y = 17\n" in source:
            return [*stages[:-1], StageEvidence(stage="quick", outcome=Outcome.FAIL, reason="slower")]
        return stages


async def test_what_is_dropped_early_for_being_slow_has_its_share_from_a_duel(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Impatient}
        seed = night.house.find_task("toy-peak").read("seed.txt")
        winner = await campaign_with_winner(night, seed.replace("X = 3", "X = 29").replace("Y = 5", "Y = 17"))
        found = await minimised(night, winner)
        assert not found.dropped
        assert found.total is not None
        first = next(hunk for hunk in found.kept if "+X = 29" in hunk.diff)
        assert first.share is not None, first.note
        lost = height("X = 3\nY = 17\n") / height("X = 29\nY = 17\n")
        assert first.share.value == pytest.approx(-log(lost) / log(found.total.value))


class Touchy(ToyEvaluator):
    """Y may only be changed together with X."""

    def _stages(self, source: str, seed: int) -> Sequence[StageEvidence]:
        if "X = 3\n" in source and "Y = 17\n" in source:
            return [StageEvidence(stage="check", outcome=Outcome.FAIL, reason="wrong_output")]
        return super()._stages(source, seed)


async def test_a_hunk_without_which_the_program_fails_says_so(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        night.house.evaluators = {"toy": Touchy}
        seed = night.house.find_task("toy-peak").read("seed.txt")
        winner = await campaign_with_winner(night, seed.replace("X = 3", "X = 29").replace("Y = 5", "Y = 17"))
        found = await minimised(night, winner)
        assert found.minimal == winner.ordinal
        assert not found.dropped
        first, second = found.kept
        assert first.share is None
        assert "without it the program fails: wrong_output" in first.note
        assert second.share is not None
        assert 0 < second.share.value < 1
        assert "none of them can go" in to_markdown(build_report(gather(night.store, winner.campaign_id)))


async def test_only_a_confirmed_candidate_is_minimised(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        winner = await campaign_with_winner(night)
        with pytest.raises(UserError, match="only a confirmed candidate"):
            await minimise_winner(night.house, winner.campaign_id, 0, StopSwitch(), Allowance())


async def test_a_press_ends_it_before_the_next_measurement_and_what_is_known_stays(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        winner = await campaign_with_winner(night)
        stop = StopSwitch()
        stop.press()
        found = await minimise_winner(night.house, winner.campaign_id, winner.ordinal, stop, Allowance())
        assert found.ended == "a person ended it"
        stored = night.store.document(winner.campaign_id, document_name(winner.ordinal), Minimisation)
        assert stored == found
        assert (await minimised(night, winner)).ended == "done"


async def test_a_campaign_with_time_to_spare_minimises_its_winner_itself(open_toy_night: NightOpener) -> None:
    async with open_toy_night() as night:
        request = NightRequest(
            goal="climb the hill to its peak", budget=Budget(evaluations=400, wall_s=600.0), target=990.0
        )
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval)
        done = await night.approve()
        assert isinstance(done, Done)
        data = gather(night.store, done.campaign_id)
        assert done.reason == "target"
        assert data.minimisation is not None
        assert data.minimisation.ended == "done"
