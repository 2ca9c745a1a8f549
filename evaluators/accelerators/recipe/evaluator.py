"""Recipes of ABC commands: candidate to evidence (entry point `synth_recipe` of `nightforge.evaluators`)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

import tools.recipes
from evaluators.accelerators import toolchain
from evaluators.accelerators.recipe import abc
from evaluators.accelerators.recipe.faults import break_program
from evaluators.accelerators.recipe.fixed import TITLES
from evaluators.accelerators.recipe.integrity import RecipeChecker, honest_recipes, recipe_impostors
from evaluators.accelerators.recipe.laboratory import (
    Laboratory,
    Row,
    gain_metrics,
    hidden_table,
    mean_gain,
    percent,
    table,
)
from evaluators.accelerators.recipe.settings import Hidden, Measure, RecipeSettings, read_hidden, read_settings
from evaluators.accelerators.refusal import Refused
from evaluators.cascade import Cascade, CascadeEnded
from evaluators.integrity.seams import Honest, Impostor, Mutator
from evaluators.stages import require_stages
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.errors import UserError
from nightforge.fingerprint import fingerprint
from tools.recipes.grammar import Recipe, RecipeError, parse_recipe, parts_of

LANGUAGE = "abc-recipe"
OBJECTIVE = "gain"
BEST = "best-of-five"
BAND = 0.002
"""The flow is deterministic; below this a gain is a rounding of the mapper on one circuit, not worth a name."""
_STAGES = ("parse", "screen", "full", "confirm")
_LASTING = frozenset({"not_allowed", "too_long", "empty", "not_equivalent", "ports_changed"})
"""Reasons in which neither a limit nor the machine's load can have had a part."""


def _metrics(rows: Sequence[Row]) -> dict[str, Metric]:
    return {"size_pct": percent(rows, "size"), "delay_pct": percent(rows, "delay")}


class RecipeEvaluator:
    """Implements `nightforge.domain.ports.Evaluator`. Nothing is timed: the same recipe gets the same numbers."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._laboratory = Laboratory(sandbox)
        self._versions: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return "synth_recipe"

    @property
    def clock(self) -> ClockKind | None:
        return None

    def check_task(self, task: Task) -> None:
        read_settings(task)
        read_hidden(task)
        where = str(task.root / "task.toml")
        require_stages(task, _STAGES)
        if task.language != LANGUAGE:
            raise UserError(f"language {task.language!r} is not run here", where=where, hint=f'language = "{LANGUAGE}"')
        if task.objective.metric != OBJECTIVE:
            raise UserError(
                f"objectives: {task.objective.metric!r} is not measured", where=where, hint=f'metric = "{OBJECTIVE}"'
            )
        try:
            parse_recipe(task.read(task.seed))
        except RecipeError as error:
            raise UserError(f"the seed: {error}", where=str(task.root / task.seed)) from error

    def prerequisites(self, task: Task) -> Sequence[str]:
        mapped = read_settings(task).measure is Measure.ADP
        return toolchain.lacking((toolchain.ABC,), (abc.TECHNOLOGY,) if mapped else ())

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        here = Path(__file__).parent
        code = [here, here.parent / "toolchain.py", *map(Path, tools.recipes.__path__)]
        return fingerprint(task, parameters, tools=await self._tools(), code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """The five fixed recipes on the training circuits. `reference` is the best of them on each circuit."""
        settings = read_settings(task)
        unit = Metric(value=1.0, unit="x")
        baselines = [Baseline(name=BEST, title="on each circuit the best of the five", metrics={OBJECTIVE: unit})]
        for name, rows in (await self._laboratory.rivals(settings.training, settings)).items():
            metrics = {OBJECTIVE: Metric(value=mean_gain(rows), unit="x"), **_metrics(rows)}
            baselines.append(Baseline(name=name, title=TITLES[name], metrics=metrics))
        started = time.perf_counter()
        await self._laboratory.measure(parse_recipe(task.read(task.seed)), settings.training, settings)
        return Calibration(
            baselines=tuple(baselines),
            reference=BEST,
            noise=Metric(value=0.0),
            band=BAND,
            room_reason="no bound is known for what a recipe can reach",
            machine=dict(await self._tools()),
            seconds_per_evaluation=time.perf_counter() - started,
        )

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
        settings = read_settings(task)
        cascade = Cascade(phase, seed, await self._tools())
        with suppress(CascadeEnded):
            with cascade.stage("parse") as notes:
                recipe = _parsed(source)
                parts = parts_of(recipe)
                notes.metrics.update(lines=Metric(value=sum(map(len, parts))), parts=Metric(value=len(parts)))
            if phase is Phase.CONFIRMATION:
                await self._confirm(recipe, settings, read_hidden(task), cascade, seed)
            else:
                await self._search(recipe, settings, cascade, best_score)
        return cascade.evidence(self._sandbox.tier)

    def is_lasting(self, evidence: Evidence) -> bool:
        """Numbers are deterministic: a pass lasts, and so do refusals without a limit's or `best_score`'s part in."""
        failure = evidence.failure
        return failure is None or (failure.outcome is Outcome.FAIL and failure.reason in _LASTING)

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[RecipeChecker]:
        """Offers `evaluators.integrity.seams.OffersChecker`."""
        yield RecipeChecker(self._sandbox, read_settings(task), await self._tools())

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        return honest_recipes(task)

    def mutator(self, task: Task) -> Mutator:
        return partial(break_program, circuits=read_settings(task).training)

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return recipe_impostors(task)

    async def _search(
        self, recipe: Recipe, settings: RecipeSettings, cascade: Cascade, best_score: float | None
    ) -> None:
        rows: list[Row] = []
        if settings.screen:
            with cascade.stage("screen") as notes:
                rows += await self._laboratory.measure(recipe, settings.training[: settings.screen], settings)
                notes.feedback, notes.metrics = table(rows), _metrics(rows)
                _refuse_clearly_worse(rows, settings, best_score)
        with cascade.stage("full") as notes:
            rows += await self._laboratory.measure(recipe, settings.training[settings.screen :], settings)
            notes.feedback = table(rows)
            notes.metrics = {**gain_metrics(rows, OBJECTIVE, interval=False), **_metrics(rows)}

    async def _confirm(
        self, recipe: Recipe, settings: RecipeSettings, hidden: Hidden, cascade: Cascade, seed: int
    ) -> None:
        """On circuits that no search saw; the score is theirs alone. What fails there is told without its name."""
        with cascade.stage("confirm") as notes:
            try:
                seen = await self._laboratory.measure(recipe, settings.training, settings, alone=True)
                rows = await self._laboratory.measure(recipe, hidden.circuits, settings, alone=True)
                fresh = hidden.draw(seed)
                drawn = await self._laboratory.measure(recipe, fresh, settings, alone=True) if fresh else []
            except Refused as refused:
                words = "on a circuit that confirmation alone looks at"
                raise Refused(refused.reason, words, refused.outcome) from refused
            notes.metrics = {
                **gain_metrics(rows, OBJECTIVE, interval=True),
                "training_gain": Metric(value=mean_gain(seen), unit="x"),
                **({"drawn_gain": Metric(value=mean_gain(drawn), unit="x")} if drawn else {}),
                **_metrics(rows),
            }
            notes.feedback = hidden_table([*rows, *drawn])

    async def _tools(self) -> Mapping[str, str]:
        if self._versions is None:
            liberty = abc.liberty()
            digest = sha256(liberty.read_bytes()).hexdigest()[:16] if liberty.is_file() else "not installed"
            self._versions = {**await abc.versions(self._sandbox), "liberty": f"{liberty.name} {digest}"}
        return self._versions


def _parsed(source: str) -> Recipe:
    try:
        return parse_recipe(source)
    except RecipeError as error:
        raise Refused(error.reason, str(error)) from error


def _refuse_clearly_worse(rows: Sequence[Row], settings: RecipeSettings, best_score: float | None) -> None:
    """The gain on the first circuits stands far below the best candidate's whole gain."""
    if best_score is not None and mean_gain(rows) < settings.drop_factor * best_score:
        words = f"gain {mean_gain(rows):.3f} on the first {len(rows)} circuits, {best_score:.3f} is the best so far"
        raise Refused("clearly_worse", f"{words}\n{table(rows)}")
