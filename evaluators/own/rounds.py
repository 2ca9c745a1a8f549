"""Programs on seeds: the unchanged program's results, kept, and a candidate's beside them, pair by pair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from evaluators.cascade import CandidateFailed
from evaluators.own import stages
from evaluators.own.bench import ANSWER, ANSWER_VARIABLE, Bench, Staged
from evaluators.own.pairing import advantage
from evaluators.own.proxy import run_apart
from evaluators.own.reading import first_difference
from evaluators.own.timed import machine_held, overhead_s
from nightforge.domain.bundle import Bundle
from nightforge.domain.evidence import Metric
from nightforge.domain.words import EvidenceClass
from nightforge.errors import EvaluatorFault

SLOWEST = 5.0
"""A timed candidate is stopped at so many times what the unchanged program takes."""
_SLACK_S = 2.0
_LEAST_S = 1e-4
_MOST_KEPT = 1000


@dataclass(frozen=True)
class Round:
    """One seed: the objective of both, how much better the candidate was, and what else was measured of it."""

    seed: int
    mine: float
    theirs: float
    advantage: float
    others: dict[str, Metric] = field(default_factory=dict)


@dataclass
class Reference:
    """The unchanged program, built; its values are kept where no clock has a part in them."""

    bundle: Bundle
    staged: Staged
    overhead_cpu_s: float
    overhead_wall_s: float
    answers: dict[int, str] = field(default_factory=dict)
    """Seed → digest of its answer."""
    values: dict[int, dict[str, Metric]] = field(default_factory=dict)

    is_repeatable: bool = False
    """The unchanged program was run again and gave the same numbers: it need not be run beside itself."""

    @property
    def answers_vary(self) -> bool:
        """Whether seeds change what is answered: if not, an answer could be learned by heart."""
        return len(set(self.answers.values())) > 1


async def make_reference(bench: Bench, seed: Bundle) -> Reference:
    """EvaluatorFault when the user's own program does not build: nothing can be compared with it."""
    try:
        staged = await stages.build(bench, seed)
    except CandidateFailed as failure:
        raise EvaluatorFault(
            f"your own program does not build: {failure.feedback[:600]}",
            where=bench.settings.build,
            hint="`nightforge task check` says more",
        ) from failure
    if bench.settings.measure.kind != "time":
        return Reference(seed, staged, 0.0, 0.0)
    async with machine_held():
        cpu_s, wall_s = await overhead_s(bench, staged)
    return Reference(seed, staged, cpu_s, wall_s)


def seeds_of(secret: int, purpose: str, count: int) -> list[int]:
    """Distinct numbers below 2**31 that follow from the secret and the purpose."""
    found: dict[int, None] = {}
    place = 0
    while len(found) < count:
        digest = sha256(f"{secret} {purpose} {place}".encode()).digest()
        found[int.from_bytes(digest[:4], "big") >> 1] = None
        place += 1
    return list(found)


def class_of(bench: Bench, reference: Reference | None) -> tuple[EvidenceClass, str]:
    """What the numbers of a task are worth, and why. Without a reference: as far as the settings tell."""
    measure = bench.settings.measure
    if measure.kind == "report" and not measure.proxy:
        return (
            EvidenceClass.SELF_REPORTED,
            "the command that prints the number runs the candidate in its own process, so that the candidate could "
            "print it itself",
        )
    if measure.kind == "report":
        return EvidenceClass.ISOLATED, "the candidate answers calls from a box of its own; your program judges"
    if measure.kind == "judge":
        return EvidenceClass.ISOLATED, "the candidate answers in one box, your judge scores in another"
    if not measure.is_seeded:
        said = "the command takes no {seed}: its answer is always the same and could be learned by heart"
        return EvidenceClass.SELF_REPORTED, said
    if reference is not None and len(reference.answers) > 1 and not reference.answers_vary:
        said = "your program answers the same whatever its seed: the answer could be learned by heart"
        return EvidenceClass.SELF_REPORTED, said
    return EvidenceClass.ISOLATED, "timed from outside, its answers compared with your program's on fresh seeds"


class Rounds:
    """Plays one program against the reference."""

    def __init__(self, bench: Bench, reference: Reference) -> None:
        self._bench = bench
        self._reference = reference
        self._settings = bench.settings

    async def play(self, bundle: Bundle, staged: Staged, seeds: Sequence[int]) -> AsyncIterator[Round]:
        """Seed by seed. Raises CandidateFailed; EvaluatorFault when the unchanged program fails."""
        for place, seed in enumerate(seeds):
            if self._settings.measure.kind == "time":
                async with machine_held():
                    row = await self._timed(staged, seed, first=place % 2 == 0)
                yield row
            else:
                theirs, mine = await self._both(bundle, staged, seed)
                yield self._round(seed, mine, theirs)

    async def _both(self, bundle: Bundle, staged: Staged, seed: int) -> tuple[dict[str, Metric], dict[str, Metric]]:
        """The unchanged program's metrics and the candidate's, played side by side: no clock has a part in them."""
        if self._reference.is_repeatable and bundle.files == self._reference.bundle.files:
            known = await self._known(seed)
            return known, known
        theirs, mine = await asyncio.gather(
            self._known(seed), self._valued(bundle, staged, seed), return_exceptions=True
        )
        for found in (theirs, mine):
            if isinstance(found, BaseException):
                raise found
        assert isinstance(theirs, dict)
        assert isinstance(mine, dict)
        return theirs, mine

    async def reference_values(self, seeds: Sequence[int]) -> list[dict[str, Metric]]:
        return [await self._known(seed) for seed in seeds]

    async def again(self, seed: int) -> dict[str, Metric]:
        """The unchanged program once more on a seed that it had before."""
        return await self._own(self._valued(self._reference.bundle, self._reference.staged, seed))

    def _round(self, seed: int, mine: dict[str, Metric], theirs: dict[str, Metric]) -> Round:
        name = self._settings.measure.metric
        own, other = mine[name].value, theirs[name].value
        return Round(seed, own, other, advantage(own, other, self._settings), mine)

    async def _known(self, seed: int) -> dict[str, Metric]:
        reference = self._reference
        if seed not in reference.values:
            found = await self._own(self._valued(reference.bundle, reference.staged, seed))
            if len(reference.values) >= _MOST_KEPT:
                reference.values.clear()
            reference.values[seed] = found
        return reference.values[seed]

    async def _own(self, work: object) -> dict[str, Metric]:
        assert asyncio.iscoroutine(work)
        try:
            values: dict[str, Metric] = await work
        except CandidateFailed as failure:
            raise _own_failure(failure) from failure
        return values

    async def _valued(self, bundle: Bundle, staged: Staged, seed: int) -> dict[str, Metric]:
        bench, measure = self._bench, self._settings.measure
        if measure.proxy:
            result = await run_apart(bench, self._reference.staged, bundle, staged, seed)
            return stages.metrics_of(result, self._settings)
        if measure.kind == "report":
            result = await bench.run(measure.command, staged, stage="measure", seed=seed)
            return stages.metrics_of(result, self._settings)
        answered, _ = await stages.answer(bench, staged, seed)
        more = {f"{ANSWER}/{name}": data for name, data in answered.outputs.items()}
        more[f"{ANSWER}/stdout"] = answered.stdout
        judged = await bench.run(
            measure.judge,
            self._reference.staged,
            stage="measure",
            seed=seed,
            more=more,
            before=f"export {ANSWER_VARIABLE}=/job/{ANSWER}",
        )
        return stages.metrics_of(judged, self._settings)

    async def _timed(self, staged: Staged, seed: int, *, first: bool) -> Round:
        """Both, one after the other, in turn first: what warms up or slows down the machine meets both."""
        reference = self._reference
        order = ("theirs", "mine") if first else ("mine", "theirs")
        seconds: dict[str, float] = {}
        answers: dict[str, dict[str, str]] = {}
        limit: float | None = None
        for who in order:
            program = staged if who == "mine" else reference.staged
            try:
                result, answers[who] = await stages.answer(
                    self._bench, program, seed, at_most_s=limit if who == "mine" else None
                )
            except CandidateFailed as failure:
                if who == "theirs":
                    raise _own_failure(failure) from failure
                raise
            if who == "theirs":
                limit = SLOWEST * result.wall_s + _SLACK_S
            seconds[who] = self._seconds(result.cpu_s, result.wall_s)
        reference.answers[seed] = sha256(repr(answers["theirs"]).encode("utf-8", "surrogateescape")).hexdigest()
        difference = first_difference(answers["theirs"], answers["mine"], self._settings.measure.tolerance)
        if difference:
            raise stages.wrong_answer(difference)
        mine, theirs = seconds["mine"], seconds["theirs"]
        return Round(seed, mine, theirs, advantage(mine, theirs, self._settings))

    def _seconds(self, cpu_s: float, wall_s: float) -> float:
        reference = self._reference
        if self._settings.measure.clock == "cpu":
            return max(cpu_s - reference.overhead_cpu_s, _LEAST_S)
        return max(wall_s - reference.overhead_wall_s, _LEAST_S)


def _own_failure(failure: CandidateFailed) -> EvaluatorFault:
    return EvaluatorFault(
        f"your own program cannot be measured: {failure.reason}: {failure.feedback[:600]}",
        where="settings.measure",
        hint="`nightforge task check` says more",
    )
