"""The stages that run a candidate: build, check, measure beside the unchanged program, hidden seeds for finalists."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from evaluators.cascade import CandidateFailed, Cascade, StageNotes
from evaluators.own import stages
from evaluators.own.bench import Bench, Staged
from evaluators.own.pairing import Paddock, gain_of, is_hopeless
from evaluators.own.reading import shortened
from evaluators.own.rounds import Reference, Round, Rounds, class_of
from evaluators.own.spec import GAIN, OwnSettings
from evaluators.statistics import Estimate
from nightforge.domain.bundle import Bundle
from nightforge.domain.evidence import Baseline, Calibration, Metric

LEAST_BAND = 0.01
"""Of a timed gain: what two equal runs of one program were seen to differ by on a machine with nothing else to do."""
_REPEATED = 2
"""Seeds that the unchanged program runs again, to see whether it gives the same number."""


class Course:
    """One candidate's way; every failure of it ends the cascade."""

    def __init__(self, bench: Bench, reference: Reference, cascade: Cascade, *, band: float) -> None:
        self._bench = bench
        self._settings = bench.settings
        self._reference = reference
        self._cascade = cascade
        self._band = band

    async def build_and_check(self, bundle: Bundle) -> Staged:
        with self._cascade.stage("build") as notes:
            staged = await self._built(bundle)
            notes.tools["build"] = self._settings.build or "nothing is built"
        if self._settings.check:
            with self._cascade.stage("check"):
                await stages.check(self._bench, staged)
        return staged

    async def _built(self, bundle: Bundle) -> Staged:
        if bundle.files == self._reference.bundle.files:
            return self._reference.staged
        return await stages.build(self._bench, bundle)

    async def measure(
        self, bundle: Bundle, staged: Staged, seeds: Sequence[int], paddock: Paddock, best_score: float | None
    ) -> None:
        """The score; a candidate that is clearly worse than the best, or than the unchanged program, stops early."""
        with self._cascade.stage("measure") as notes:
            rows = await self._played(bundle, staged, seeds, paddock.of(best_score), races=True)
            gain = self._note(notes, rows)
            paddock.remember(gain.value, {row.seed: row.advantage for row in rows})

    async def confirm(self, bundle: Bundle, staged: Staged, seeds: Sequence[int]) -> None:
        with self._cascade.stage("hidden") as notes:
            rows = await self._played(bundle, staged, seeds, None, races=False)
            self._note(notes, rows)

    async def _played(
        self, bundle: Bundle, staged: Staged, seeds: Sequence[int], best: Mapping[int, float] | None, *, races: bool
    ) -> list[Round]:
        rows: list[Round] = []
        unchanged = dict.fromkeys(seeds, 0.0)
        slack = self._band if self._settings.compare == "ratio" else 0.0
        async for row in Rounds(self._bench, self._reference).play(bundle, staged, seeds):
            rows.append(row)
            mine = {one.seed: one.advantage for one in rows}
            if not races or len(rows) == len(seeds) or bundle.files == self._reference.bundle.files:
                continue
            for other, name in ((best, "the best so far"), (unchanged, "the unchanged program")):
                if is_hopeless(mine, other, self._settings.race, slack):
                    said = f"clearly worse than {name} on {len(rows)} of {len(seeds)} seeds"
                    raise CandidateFailed("raced_out", f"{said}\n{table(rows, self._settings)}")
        return rows

    def _note(self, notes: StageNotes, rows: Sequence[Round]) -> Estimate:
        settings = self._settings
        gain = gain_of([row.advantage for row in rows], settings)
        notes.metrics[GAIN] = gain.metric("x" if settings.compare == "ratio" else settings.measure.unit)
        notes.metrics |= means(rows, settings)
        notes.metrics["distinguishable"] = Metric(value=float(gain.low > least_gain(settings, self._band)))
        notes.feedback = table(rows, settings)
        return gain


def least_gain(settings: OwnSettings, band: float) -> float:
    return 1.0 + band if settings.compare == "ratio" else 0.0


def means(rows: Sequence[Round], settings: OwnSettings) -> dict[str, Metric]:
    """The user's own metrics, as means over the seeds, and the objective's of the unchanged program."""
    measure, count = settings.measure, len(rows)
    found = {
        measure.metric: Metric(value=fmean(row.mine for row in rows), unit=measure.unit, samples=count),
        f"{measure.metric}_before": Metric(value=fmean(row.theirs for row in rows), unit=measure.unit, samples=count),
    }
    for name in rows[0].others:
        values = [row.others[name].value for row in rows if name in row.others]
        if name not in found and name != GAIN:
            found[name] = Metric(value=fmean(values), unit=rows[0].others[name].unit, samples=len(values))
    return found


def table(rows: Sequence[Round], settings: OwnSettings) -> str:
    """Seed by seed, without the seeds: a program that knew them could be fitted to them."""
    unit = settings.measure.unit
    lines = [
        f"run {place}: {settings.measure.metric} {row.mine:.6g} {unit}, unchanged program {row.theirs:.6g} {unit}"
        for place, row in enumerate(rows, 1)
    ]
    return "\n".join(shortened(line) for line in lines[:40])


async def calibrated(bench: Bench, reference: Reference, seeds: Sequence[int]) -> Calibration:
    """The unchanged program against itself: its numbers, and how far two equal runs lie apart."""
    settings = bench.settings
    rounds = Rounds(bench, reference)
    began = time.perf_counter()
    if settings.measure.kind == "time":
        rows = [row async for row in rounds.play(reference.bundle, reference.staged, seeds)]
        seconds = time.perf_counter() - began
        gain = gain_of([row.advantage for row in rows], settings)
        spread = max(gain.high - gain.value, gain.value - gain.low)
        band = max(LEAST_BAND, 2 * abs(gain.value - 1.0), spread)
        value = fmean(row.theirs for row in rows)
    else:
        values = await rounds.reference_values(seeds)
        seconds = time.perf_counter() - began
        numbers = [found[settings.measure.metric].value for found in values]
        value = fmean(numbers)
        spread = band = await _repeats_apart(rounds, reference, settings, seeds)
    evidence_class, why = class_of(bench, reference)
    is_ratio = settings.compare == "ratio"
    metrics = {
        GAIN: Metric(value=1.0 if is_ratio else 0.0, unit="x" if is_ratio else settings.measure.unit),
        settings.measure.metric: Metric(value=value, unit=settings.measure.unit, samples=len(seeds)),
    }
    return Calibration(
        baselines=(Baseline(name="unchanged", title="your program as it is", metrics=metrics),),
        reference="unchanged",
        noise=Metric(value=spread),
        band=band,
        room_reason="no bound is known for a program of yours",
        machine={"evidence": why},
        seconds_per_evaluation=seconds,
        evidence_class=evidence_class,
    )


async def _repeats_apart(rounds: Rounds, reference: Reference, settings: OwnSettings, seeds: Sequence[int]) -> float:
    """Relative distance of a mean over the seeds from itself when run again: 0 where the same seed gives the same."""
    name = settings.measure.metric
    apart = []
    for seed in seeds[:_REPEATED]:
        first, second = reference.values[seed][name].value, (await rounds.again(seed))[name].value
        largest = max(abs(first), abs(second))
        apart.append((first - second) / largest if largest else 0.0)
    reference.is_repeatable = not any(apart)
    if reference.is_repeatable:
        return 0.0
    scatter = stdev(apart) if len(apart) > 1 else abs(apart[0])
    return 2 * max(scatter, *map(abs, apart)) / math.sqrt(len(seeds))
