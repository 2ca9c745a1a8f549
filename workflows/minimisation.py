"""A winner without all that it does not need: hunks are left out, what is left is measured and confirmed.

Which hunks can go is found by halving (delta debugging: Zeller and Hildebrandt 2002), each try held against the winner:
it has to pass the search's cascade, and must not be worse beyond what counts as a gain on this machine. Where the
evaluator offers duels the two are measured in turns in the same rounds. What is left becomes a candidate of its own,
confirmed as any other. Then every hunk that stays is left out alone: what is lost then is its share.

Each measurement is committed to the campaign's document before the next, so that a killed run goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import hypot, log
from typing import Literal

from nightforge.domain.base import Json
from nightforge.domain.candidate import Candidate
from nightforge.domain.duel import DuelFinding, Duels, OffersDuels
from nightforge.domain.evidence import Evidence, Metric
from nightforge.domain.minimisation import Hunk, Minimisation, Trial, document_name
from nightforge.domain.scoring import beats_reference, score_evidence
from nightforge.domain.task import Objective
from nightforge.domain.words import DROPPED_EARLY, CandidateState, Direction, OperatorKind, Phase
from nightforge.errors import EvaluatorFault, SandboxFault, UserError
from nightforge.report.data import champion_first
from tools.hunks import Change, changes_between, without
from workflows.campaign import Campaign
from workflows.confirmation import DUELS, LOOKED_THROUGH, confirm
from workflows.contract import Allowance
from workflows.stopping import CONFIRMATION_COST, UntilRule
from workflows.workshop import hash_source

logger = logging.getLogger(__name__)

OPERATOR = "minimise"
DONE = "done"
LEAST_TOLERANCE = 0.02
"""Of a time, relative: a loss below it is not worth a hunk, whatever the band says."""
EXACT = 1e-9
"""Relative difference of two numbers that are the same but for rounding."""
MOST_OF_WALL = 0.1
"""Of a campaign's time: what its end may take for it where the search ended early."""
LEAST_MEASUREMENTS = 4
"""Below it nothing comes of it."""
MOST_HUNKS = 120
"""Beyond, no hunk is left out: the winner is another program."""
Verdict = Literal["as-good", "worse", "fails", "not-told"]


class _Ended(Exception):
    """The budget is used, or a person ends it."""


@dataclass
class Minimiser:
    search: Campaign
    winner: Candidate
    allowance: Allowance
    _document: Minimisation = field(init=False)
    _seed: str = field(init=False)
    _source: str = field(init=False)
    _changes: tuple[Change, ...] = field(init=False)
    _spent: int = 0
    """In this session."""
    _began: float = field(init=False)

    async def run(self) -> Minimisation:
        """What is known when it ends, by itself or by its allowance; committed. UserError for what cannot be one."""
        self._open()
        if self._document.ended == DONE:
            return self._document
        self._document = self._document.model_copy(update={"ended": ""})
        try:
            dropped = await self._reduce()
            minimal = await self._settle(dropped)
            if dropped and minimal == self.winner.ordinal:
                await self._keep(note="what was left of it was not confirmed as good, so nothing is left out")
                dropped = frozenset()
            await self._mark(dropped, minimal)
            await self._share(dropped, minimal)
            await self._keep(ended=DONE)
        except _Ended as end:
            await self._keep(ended=str(end))
        return self._document

    def _open(self) -> None:
        shop, winner = self.search.workshop, self.winner
        if winner.ordinal == 0 or winner.state is not CandidateState.CONFIRMED or winner.code_sha is None:
            raise UserError(
                f"only a confirmed candidate can be minimised, and this one is {winner.state.value}",
                where=winner.ref,
                hint=f"`nightforge show {winner.campaign_id}` lists the candidates with their states",
            )
        seed = shop.store.candidate(winner.campaign_id, 0)
        if seed.code_sha is None:
            raise UserError("the campaign has no seed to hold it against", where=winner.campaign_id)
        self._seed, self._source = shop.store.source(seed.code_sha), shop.store.source(winner.code_sha)
        self._changes = changes_between(self._seed, self._source)
        self._began = shop.clock.monotonic()
        known = shop.store.document(winner.campaign_id, document_name(winner.ordinal), Minimisation)
        self._document = known or Minimisation(
            ordinal=winner.ordinal,
            hunks=tuple(Hunk(number=change.number, diff=change.diff) for change in self._changes),
            scale="ratio" if isinstance(shop.evaluator, OffersDuels) else "difference",
        )

    # what can go

    async def _reduce(self) -> frozenset[int]:
        """Numbers of the hunks that are not needed. A removal that was judged good stays when a later one fails."""
        dropped: frozenset[int] = frozenset()
        numbers = [change.number for change in self._changes]
        if not 1 < len(numbers) <= MOST_HUNKS:
            return dropped
        pending = _halves(numbers)
        while pending:
            chunk = pending.pop(0)
            if len(dropped) + len(chunk) == len(numbers):
                # Without all of them it is the seed, which is no result.
                pending = [*_halves(chunk), *pending] if len(chunk) > 1 else pending
                continue
            trial = await self._try(dropped | set(chunk))
            if trial.verdict == "as-good":
                dropped |= set(chunk)
            elif len(chunk) > 1:
                pending = [*_halves(chunk), *pending]
        return dropped

    async def _try(self, left_out: frozenset[int]) -> Trial:
        """From the document where it was tried before."""
        source = without(self._seed, self._source, left_out)
        sha = hash_source(source)
        known = next((trial for trial in self._document.trials if trial.code_sha == sha), None)
        if known is not None:
            return known
        verdict, reason, gain = await self._compare(self._source, source, champion=self.winner.evidence)
        trial = Trial(code_sha=sha, left_out=tuple(sorted(left_out)), verdict=verdict, reason=reason, gain=gain)
        await self._keep(trials=(*self._document.trials, trial))
        return trial

    async def _compare(
        self, held_against: str, source: str, *, champion: Evidence | None, how_much: bool = False
    ) -> tuple[Verdict, str, Metric | None]:
        """`source` against another program: a cascade, and a duel where there are duels.

        What a cascade dropped early is right but slow: with `how_much` a duel says by how much.
        """
        shop = self.search.workshop
        evidence = await self._evaluate(source, Phase.SEARCH)
        failure, duels = evidence.failure, isinstance(shop.evaluator, OffersDuels)
        if failure is not None and not (how_much and duels and failure.reason in DROPPED_EARLY):
            slow = failure.reason in DROPPED_EARLY
            return ("worse" if slow else "fails"), failure.reason or failure.stage, None
        if duels:
            return self._judge_duel(await self._duel(held_against, source))
        return self._judge_scores(champion, evidence)

    def _judge_duel(self, finding: DuelFinding) -> tuple[Verdict, str, Metric | None]:
        """Not worse than `tolerance`, by the lower end of the interval; what that does not exclude is not told."""
        gain = finding.gain
        if finding.verdict == "failed" or gain is None:
            return "fails", finding.reason or "it did not get through the duel", gain
        if finding.verdict == "too noisy":
            return "not-told", finding.reason, gain
        if finding.verdict == "champion" and gain.value < 1 - self._tolerance:
            return "worse", "slower in the same rounds", gain
        low = gain.value if gain.low is None else gain.low
        if low >= 1 - self._tolerance:
            return "as-good", "", gain
        return "not-told", "the interval does not exclude a loss", gain

    def _judge_scores(self, champion: Evidence | None, found: Evidence) -> tuple[Verdict, str, Metric | None]:
        objective = self.search.workshop.plan.objectives[0]
        gain = gain_over(champion, found, objective) if champion is not None else None
        if gain is None or champion is None:
            return "not-told", "there is no number to hold it against", None
        value = abs(champion.metrics[objective.metric].value)
        slack = max(objective.epsilon, self._band * value, EXACT * value)
        return ("as-good", "", gain) if gain.value >= -slack else ("worse", "the objective is worse", gain)

    @property
    def _band(self) -> float:
        """Only noise makes a loss bearable: where nothing is timed, numbers are exact."""
        calibration = self.search.workshop.calibration
        return calibration.noise.value if calibration is not None else 0.0

    @property
    def _tolerance(self) -> float:
        calibration = self.search.workshop.calibration
        return max(LEAST_TOLERANCE, calibration.band if calibration is not None else 0.0)

    # what is left becomes a result

    async def _settle(self, dropped: frozenset[int]) -> int:
        """The candidate that stands for what is left: the winner itself where that is not confirmed."""
        if not dropped:
            return self.winner.ordinal
        shop, winner = self.search.workshop, self.winner
        source = without(self._seed, self._source, dropped)
        ordinal = shop.store.owner_of(winner.campaign_id, hash_source(source))
        if ordinal is None:
            ordinal = await self._plant(source, dropped)
        candidate = shop.store.candidate(winner.campaign_id, ordinal)
        if not candidate.state.is_terminal:
            candidate = await self._measure(candidate, source)
        if candidate.confirmation is None and candidate.state is CandidateState.MEASURED:
            self._check()
            await confirm(self.search, candidate)
            await self._count()
            candidate = shop.store.candidate(winner.campaign_id, ordinal)
        return ordinal if self._holds(candidate) else winner.ordinal

    def _holds(self, candidate: Candidate) -> bool:
        """Confirmed, and its confirmed number is not worse than the winner's by more than their noise."""
        if candidate.state is not CandidateState.CONFIRMED or candidate.confirmation is None:
            return False
        assert self.winner.confirmation is not None
        if self._judge_scores(self.winner.confirmation, candidate.confirmation)[0] == "as-good":
            return True
        metric = self.search.workshop.plan.objectives[0].metric
        was, found = (one.metrics[metric] for one in (self.winner.confirmation, candidate.confirmation))
        return _meet(was, found, slack=self._tolerance if self._document.scale == "ratio" else 0.0)

    async def _plant(self, source: str, dropped: Collection[int]) -> int:
        shop, winner = self.search.workshop, self.winner
        ordinal = shop.store.next_ordinal(winner.campaign_id)
        await shop.store.open_candidate(winner.campaign_id, ordinal, parents=[winner.ordinal])
        await shop.store.save_code(
            winner.campaign_id,
            ordinal,
            source,
            attempt=0,
            operator=OperatorKind.REWRITE,
            operator_name=OPERATOR,
            note=f"{winner.ref} without {len(dropped)} of its {len(self._changes)} hunks",
            state=CandidateState.EVALUATING,
        )
        return ordinal

    async def _measure(self, candidate: Candidate, source: str) -> Candidate:
        shop = self.search.workshop
        evidence = await self._evaluate(source, Phase.SEARCH)
        score = score_evidence(evidence, shop.plan.objectives[0])
        await shop.store.save_evidence(
            candidate.campaign_id,
            candidate.ordinal,
            evidence,
            attempt=candidate.attempt,
            score=score.value if score else None,
            score_low=score.low if score else None,
        )
        failure = evidence.failure
        state = CandidateState.REJECTED if failure else CandidateState.MEASURED
        reason = (failure.reason or failure.stage) if failure else ""
        await shop.store.finish_candidate(candidate.campaign_id, candidate.ordinal, state, reason=reason)
        return shop.store.candidate(candidate.campaign_id, candidate.ordinal)

    async def _mark(self, dropped: Collection[int], minimal: int) -> None:
        hunks = tuple(
            hunk.model_copy(update={"fate": "dropped" if hunk.number in dropped else "kept"})
            for hunk in self._document.hunks
        )
        await self._keep(hunks=hunks, minimal=minimal)

    # what each of the rest brings

    async def _share(self, dropped: frozenset[int], minimal: int) -> None:
        shop = self.search.workshop
        base = without(self._seed, self._source, dropped)
        standing = shop.store.candidate(self.winner.campaign_id, minimal)
        total = self._document.total or await self._total(base, standing)
        await self._keep(total=total)
        for hunk in self._document.kept:
            if hunk.share is not None or hunk.note:
                continue
            source = without(self._seed, self._source, dropped | {hunk.number})
            if total is None:
                share, note = None, "the gain over the seed could not be told from noise"
            elif source == self._seed:
                share, note = Metric(value=1.0), "all that is left"
            else:
                verdict, reason, gain = await self._compare(base, source, champion=standing.evidence, how_much=True)
                trial = Trial(
                    code_sha=hash_source(source), left_out=(hunk.number,), verdict=verdict, reason=reason, gain=gain
                )
                await self._keep(shares=(*self._document.shares, trial))
                share, note = self._share_of(trial, total)
            await self._replace(hunk.model_copy(update={"share": share, "note": note}))

    async def _total(self, base: str, standing: Candidate) -> Metric | None:
        """The gain over the seed, None where it cannot be told from none."""
        shop = self.search.workshop
        if isinstance(shop.evaluator, OffersDuels):
            gain, none = (await self._duel(self._seed, base)).gain, 1.0
        else:
            seed, none = shop.store.candidate(self.winner.campaign_id, 0), 0.0
            gain = gain_over(seed.evidence, standing.evidence, shop.plan.objectives[0])
        return gain if gain is not None and gain.value > none and not _covers(gain, none) else None

    def _share_of(self, trial: Trial, total: Metric) -> tuple[Metric | None, str]:
        if trial.verdict == "fails":
            return None, f"without it the program fails: {trial.reason}"
        if trial.gain is None:
            return None, f"without it the program is dropped early: {trial.reason}"
        if self._document.scale == "ratio":
            return ratio_share(trial.gain, total), ""
        return difference_share(trial.gain, total), ""

    # measuring and keeping

    async def _evaluate(self, source: str, phase: Phase) -> Evidence:
        self._check()
        evidence = await self.search.evaluate_aside(source, phase=phase)
        if evidence is None:
            raise _Ended("a person ended it")
        await self._count()
        return evidence

    async def _duel(self, champion: str, challenger: str) -> DuelFinding:
        self._check()
        shop = self.search.workshop
        assert isinstance(shop.evaluator, OffersDuels)
        try:
            finding = await self.search.control.attend(
                shop.evaluator.duel(
                    champion,
                    challenger,
                    shop.task,
                    shop.plan.parameters,
                    seed=shop.entropy(),
                    calibration=shop.calibration,
                )
            )
        except (SandboxFault, EvaluatorFault) as fault:
            logger.warning("a duel of the minimisation of %s was not held: %s", self.winner.ref, fault)
            finding = DuelFinding(verdict="too noisy", reason=f"not held: {fault}"[:500])
        if finding is None:
            raise _Ended("a person ended it")
        await self._count()
        return finding

    def _check(self) -> None:
        """Before each measurement, so that a cap is never passed by more than one."""
        clock, caps = self.search.workshop.clock, self.allowance
        if self.search.control.is_over or self.search.stop.draining:
            raise _Ended("a person ended it")
        if caps.measurements is not None and self._spent >= caps.measurements:
            raise _Ended(f"its {caps.measurements} measurements are used")
        if caps.seconds is not None and clock.monotonic() - self._began >= caps.seconds:
            raise _Ended("its time is used")

    async def _count(self) -> None:
        self._spent += 1
        await self._keep(evaluations=self._document.evaluations + 1)

    async def _replace(self, hunk: Hunk) -> None:
        hunks = tuple(hunk if one.number == hunk.number else one for one in self._document.hunks)
        await self._keep(hunks=hunks)

    async def _keep(self, **changes: object) -> None:
        self._document = self._document.model_copy(update=changes)
        name = document_name(self.winner.ordinal)
        await self.search.workshop.store.save_document(self.winner.campaign_id, name, self._document)


async def minimise_best(search: Campaign) -> None:
    """At a campaign's end, in the time that is left of its own: what it found best, where that beats the reference.

    A fault of ours leaves what was found so far: the campaign's results stand without it.
    """
    shop = search.workshop
    allowance, winner = spare(search), _best(search)
    if allowance is None or winner is None:
        return
    try:
        await Minimiser(search, winner, allowance).run()
    except (SandboxFault, EvaluatorFault) as fault:
        payload: dict[str, Json] = {"reason": str(fault)[:500]}
        await shop.store.append_event(shop.campaign_id, "minimisation.broken", payload, ordinal=winner.ordinal)


def spare(search: Campaign) -> Allowance | None:
    """What is left of time and evaluations; None where the plan sets no time, or too little of it is left.

    A campaign that is bounded by evaluations alone has said what it may cost: `nightforge minimise` asks for more.
    """
    shop, progress = search.workshop, search.progress()
    budget, left = shop.plan.budget, list[float]()
    if budget.wall_s is not None:
        left.append(min(budget.wall_s - progress.active_s, MOST_OF_WALL * budget.wall_s))
    left += [rule.at_s - progress.now_s for rule in search.rules if isinstance(rule, UntilRule)]
    evaluations = None if budget.evaluations is None else budget.evaluations - progress.tally.evaluations
    seconds = shop.calibration.seconds_per_evaluation if shop.calibration else 0.0
    # The last measurement begins within the time and ends after it; the report comes still later.
    left = [most - CONFIRMATION_COST * seconds for most in left]
    if not left or min(left) < LEAST_MEASUREMENTS * seconds or min(left) <= 0:
        return None
    if evaluations is not None and evaluations < LEAST_MEASUREMENTS:
        return None
    return Allowance(measurements=evaluations, seconds=min(left))


def _best(search: Campaign) -> Candidate | None:
    shop = search.workshop
    duels = shop.store.document(shop.campaign_id, DUELS, Duels)
    ranked = champion_first(shop.store.ranked(shop.campaign_id, limit=LOOKED_THROUGH), duels)
    return next(
        (
            one
            for one in ranked
            if one.ordinal != 0
            and one.state is CandidateState.CONFIRMED
            and one.operator_name != OPERATOR
            and one.confirmation is not None
            and beats_reference(one.confirmation, shop.plan, shop.calibration)
        ),
        None,
    )


def _halves(numbers: Sequence[int]) -> list[list[int]]:
    """Neighbours stay together: they are most often parts of one change."""
    middle = (len(numbers) + 1) // 2
    return [list(part) for part in (numbers[:middle], numbers[middle:]) if part]


def _meet(one: Metric, other: Metric, *, slack: float = 0.0) -> bool:
    """Their intervals do, widened by `slack` (relative)."""
    low, high = (one.value if one.low is None else one.low), (one.value if one.high is None else one.high)
    least, most = (other.value if other.low is None else other.low), (other.value if other.high is None else other.high)
    room = slack * max(abs(one.value), abs(other.value))
    return least <= high + room and low <= most + room


def _covers(gain: Metric, value: float) -> bool:
    return gain.low is not None and gain.low <= value


def gain_over(before: Evidence | None, after: Evidence | None, objective: Objective) -> Metric | None:
    """By how much `after` is better, in the objective's unit; negative where it is worse.

    The interval takes the two as independent, which is wide where they saw the same data.
    """
    if before is None or after is None:
        return None
    was, now = before.metrics.get(objective.metric), after.metrics.get(objective.metric)
    if was is None or now is None:
        return None
    value = now.value - was.value if objective.direction is Direction.MAX else was.value - now.value
    halves = [(one.high - one.low) / 2 for one in (was, now) if one.low is not None and one.high is not None]
    half = hypot(*halves)
    if half == 0:
        return Metric(value=value, unit=objective.unit)
    return Metric(value=value, low=value - half, high=value + half, unit=objective.unit)


def ratio_share(gain: Metric, total: Metric) -> Metric:
    """Shares of a product of factors are shares of its logarithm. `gain` below 1 is a loss, `total` is above 1."""
    whole = log(total.value)
    low, high = gain.value if gain.low is None else gain.low, gain.value if gain.high is None else gain.high
    value = -log(gain.value) / whole
    return Metric(value=value, low=min(value, -log(high) / whole), high=max(value, -log(low) / whole))


def difference_share(gain: Metric, total: Metric) -> Metric:
    value = -gain.value / abs(total.value)
    if gain.low is None or gain.high is None:
        return Metric(value=value)
    return Metric(value=value, low=-gain.high / abs(total.value), high=-gain.low / abs(total.value))
