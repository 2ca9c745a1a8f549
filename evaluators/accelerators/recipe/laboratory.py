"""What recipes come to on circuits: measured once, remembered, and held against the best of the five fixed ones."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from evaluators.accelerators.recipe.abc import Job, Quality, judge, optimise
from evaluators.accelerators.recipe.aig import Aig
from evaluators.accelerators.recipe.fixed import FIXED
from evaluators.accelerators.recipe.settings import Circuit, Measure, RecipeSettings
from evaluators.accelerators.refusal import Refused
from nightforge.domain.evidence import Metric
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault
from tools.recipes.grammar import Recipe, parts_of, print_recipe

_REMEMBERED = 50_000
"""Verdicts on graphs, and what parts of recipes came to: a child shares most parts with its parent, and many parts make
the same graph of a circuit."""
_RESAMPLES = 4000
_EXHAUSTIVE_INPUTS = 12
_PATTERNS = 1024


@dataclass(frozen=True)
class Row:
    """A recipe on one circuit, beside the best of the fixed ones there."""

    circuit: str
    kind: str
    parts: Sequence[Quality]
    """What each part of the recipe comes to."""
    fixed: Mapping[str, Quality]
    measure: Measure

    @property
    def quality(self) -> Quality:
        """Of the part that counts: the first of those that come out smallest."""
        return min(self.parts, key=lambda one: one.value(self.measure))

    @property
    def best_name(self) -> str:
        return min(self.fixed, key=lambda name: self.fixed[name].value(self.measure))

    @property
    def best(self) -> Quality:
        return self.fixed[self.best_name]

    @property
    def gain(self) -> float:
        """Above 1 where the recipe's result is smaller than that of every fixed recipe."""
        return self.gain_over(self.best_name)

    def gain_over(self, name: str) -> float:
        return self.fixed[name].value(self.measure) / self.quality.value(self.measure)


@dataclass
class Laboratory:
    """Of one evaluator. Methods raise Refused for a candidate's failure, EvaluatorFault for our own."""

    sandbox: Sandbox
    _fixed: dict[tuple[Measure, str], Mapping[str, Quality]] = field(default_factory=dict)
    _verdicts: OrderedDict[tuple[Measure, str, str], Quality] = field(default_factory=OrderedDict)
    _reached: OrderedDict[tuple[Measure, str, str], Quality] = field(default_factory=OrderedDict)
    _preparing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def measure(
        self, recipe: Recipe, circuits: Sequence[Circuit], settings: RecipeSettings, *, alone: bool = False
    ) -> list[Row]:
        """Optimise by each part, prove and map all that comes back, then compare.

        `alone`: each part on each circuit runs in a process of its own, whether or not it ran before. The fixed recipes
        are measured where they have not been yet.
        """
        fixed = await self.fixed(circuits, settings)
        parts = parts_of(recipe)
        jobs = [Job(part, circuit) for circuit in circuits for part in parts]
        found = await self._qualities(jobs, settings, alone=alone)
        return [
            _row(one, found[place * len(parts) : (place + 1) * len(parts)], fixed[one.name], settings)
            for place, one in enumerate(circuits)
        ]

    async def rivals(self, circuits: Sequence[Circuit], settings: RecipeSettings) -> Mapping[str, Sequence[Row]]:
        """The fixed recipes by name, each against the best of them on each circuit."""
        fixed = await self.fixed(circuits, settings)
        return {
            name: [_row(one, [fixed[one.name][name]], fixed[one.name], settings) for one in circuits] for name in FIXED
        }

    async def fixed(self, circuits: Sequence[Circuit], settings: RecipeSettings) -> Mapping[str, Mapping[str, Quality]]:
        """Circuit → fixed recipe → what it comes to."""
        async with self._preparing:
            lacking = [one for one in circuits if (settings.measure, one.aig.sha256) not in self._fixed]
            if lacking:
                try:
                    made = {
                        name: await self._qualities([Job(recipe, one) for one in lacking], settings)
                        for name, recipe in FIXED.items()
                    }
                except Refused as error:
                    raise EvaluatorFault(
                        f"a fixed recipe fails: {error}", hint="is another ABC installed? `nightforge doctor` names it"
                    ) from error
                for place, circuit in enumerate(lacking):
                    known = {name: qualities[place] for name, qualities in made.items()}
                    self._fixed[settings.measure, circuit.aig.sha256] = known
        return {one.name: self._fixed[settings.measure, one.aig.sha256] for one in circuits}

    async def _qualities(self, jobs: Sequence[Job], settings: RecipeSettings, *, alone: bool = False) -> list[Quality]:
        wanted = {(settings.measure, job.circuit.aig.sha256, print_recipe(job.part)): job for job in jobs}
        lacking = {key: job for key, job in wanted.items() if alone or key not in self._reached}
        if lacking:
            graphs = await optimise(self.sandbox, list(lacking.values()), settings, alone=alone)
            pairs = [(job.circuit, graph) for job, graph in zip(lacking.values(), graphs, strict=True)]
            for key, quality in zip(lacking, await self._judged(pairs, settings), strict=True):
                self._reached[key] = quality
        found = {key: self._reached[key] for key in wanted}
        _forget(self._reached, found)
        return [found[settings.measure, job.circuit.aig.sha256, print_recipe(job.part)] for job in jobs]

    async def _judged(self, pairs: Sequence[tuple[Circuit, Aig]], settings: RecipeSettings) -> list[Quality]:
        """Every graph that has no verdict yet is simulated, proved and mapped."""
        keys = [(settings.measure, circuit.aig.sha256, made.sha256) for circuit, made in pairs]
        new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self._verdicts}
        for pair in new.values():
            refute(*pair)
        if new:
            verdicts = await judge(self.sandbox, list(new.values()), settings.measure, settings)
            self._verdicts.update(zip(new, verdicts, strict=True))
        found = [self._verdicts[key] for key in keys]
        _forget(self._verdicts, keys)
        return found


_Key = tuple[Measure, str, str]


def _forget(known: OrderedDict[_Key, Quality], used: Iterable[_Key]) -> None:
    """The longest unused ones go."""
    for key in used:
        known.move_to_end(key)
    while len(known) > _REMEMBERED:
        known.popitem(last=False)


def _row(circuit: Circuit, parts: Sequence[Quality], fixed: Mapping[str, Quality], settings: RecipeSettings) -> Row:
    return Row(circuit.name, circuit.kind, parts, fixed, settings.measure)


def refute(circuit: Circuit, made: Aig) -> None:
    """Our own simulation beside ABC's proof: all patterns of a small circuit, else some. Raises Refused.

    A second opinion that shares no line of code with ABC; it costs a millisecond.
    """
    original = circuit.aig
    count = original.inputs
    if count <= _EXHAUSTIVE_INPUTS:
        width = 1 << count
        stimuli = [alternating(place, width) for place in range(count)]
    else:
        width = _PATTERNS
        random = np.random.default_rng([count, len(original.ands)])
        stimuli = [int.from_bytes(random.bytes(width // 8)) for _ in range(count)]
    mask = (1 << width) - 1
    expected, found = original.simulate(stimuli, mask), made.simulate(stimuli, mask)
    wrong = [place for place, pair in enumerate(zip(expected, found, strict=True)) if pair[0] != pair[1]]
    if wrong:
        raise Refused("not_equivalent", f"{circuit.name}: output {wrong[0]} of the result computes something else")


def alternating(place: int, width: int) -> int:
    """The truth table of input `place`: 2^place zeros, as many ones, and so on."""
    run = 1 << place
    pattern, length = ((1 << run) - 1) << run, 2 * run
    while length < width:
        pattern |= pattern << length
        length *= 2
    return pattern


def mean_gain(rows: Sequence[Row], over: str = "") -> float:
    """Geometric mean: no circuit counts more for its size. `over` is one fixed recipe instead of the best of them."""
    return _geometric_mean([row.gain_over(over or row.best_name) for row in rows])


def single_gain(rows: Sequence[Row]) -> float:
    """What the best of the parts reaches when it alone is used on every circuit."""
    return max(
        _geometric_mean([row.best.value(row.measure) / row.parts[at].value(row.measure) for row in rows])
        for at in range(len(rows[0].parts))
    )


def _geometric_mean(gains: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, gains)) / len(gains))


def gain_metrics(rows: Sequence[Row], name: str, *, interval: bool) -> dict[str, Metric]:
    """The gain over the best of the five on each circuit, and over each of them alone (`NAME.RECIPE`).

    `NAME.one-part` is the gain without the choice between parts. The interval is the 95 % bootstrap over circuits,
    where they stand for others that were not looked at.
    """
    found = {name: _gain([row.gain for row in rows], interval)}
    found[f"{name}.one-part"] = Metric(value=single_gain(rows), unit="x")
    for fixed in rows[0].fixed:
        found[f"{name}.{fixed}"] = _gain([row.gain_over(fixed) for row in rows], interval)
    return found


def _gain(gains: Sequence[float], interval: bool) -> Metric:
    logs = np.log(gains)
    value = float(np.exp(logs.mean()))
    if not interval:
        return Metric(value=value, unit="x")
    drawn = np.random.default_rng(len(gains)).choice(logs, size=(_RESAMPLES, len(gains))).mean(axis=1)
    low, high = np.exp(np.quantile(drawn, [0.025, 0.975]))
    return Metric(value=value, unit="x", low=min(float(low), value), high=max(float(high), value), samples=len(gains))


def percent(rows: Sequence[Row], part: str) -> Metric:
    """How much larger `size` or `delay` is than the best fixed recipe's, geometric mean, in percent."""
    logs = [math.log(max(getattr(row.quality, part), 1e-9) / max(getattr(row.best, part), 1e-9)) for row in rows]
    return Metric(value=100 * (math.exp(sum(logs) / len(logs)) - 1), unit="%")


def hidden_table(rows: Sequence[Row]) -> str:
    """Of held-out circuits: kinds and gains, no size that a recipe could be fitted to."""
    return "\n".join(f"{row.kind}: gain {row.gain:.3f}" for row in sorted(rows, key=lambda row: row.gain))


def table(rows: Sequence[Row]) -> str:
    """A line for each circuit, the worst first: what the coder reads."""
    sized, unit = ("um2", "ns") if rows[0].measure is Measure.ADP else ("LUTs", "levels")
    lines = [
        f"{row.circuit}: gain {row.gain:.3f}{_part(row)}, {row.quality.size:g} {sized} {row.quality.delay:g} {unit} "
        f"(best fixed, {row.best_name}: {row.best.size:g} {row.best.delay:g})"
        for row in sorted(rows, key=lambda row: row.gain)
    ]
    return "\n".join(lines)


def _part(row: Row) -> str:
    return f" by part {row.parts.index(row.quality) + 1}" if len(row.parts) > 1 else ""
