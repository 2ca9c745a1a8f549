"""Recipes of ABC commands: candidate to evidence (entry point `synth_recipe` of `nightforge.evaluators`)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import tools.recipes
from evaluators.accelerators import refusal, toolchain
from evaluators.accelerators.recipe import abc
from evaluators.accelerators.recipe.fixed import TITLES
from evaluators.accelerators.recipe.laboratory import (
    Laboratory,
    Row,
    gain_metric,
    hidden_table,
    mean_gain,
    percent,
    table,
)
from evaluators.accelerators.recipe.settings import Measure, RecipeSettings, read_hidden, read_settings
from evaluators.accelerators.refusal import Refused
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import ClockKind, Outcome, Phase
from nightforge.errors import UserError
from nightforge.fingerprint import fingerprint
from tools.recipes.grammar import Recipe, RecipeError, parse_recipe

LANGUAGE = "abc-recipe"
OBJECTIVE = "gain"
BEST = "best-of-five"
BAND = 0.002
"""The flow is deterministic; below this a gain is a rounding of the mapper on one circuit, not worth a name."""
_STAGES = ("parse", "screen", "full", "confirm")
_LASTING = frozenset({"not_allowed", "too_long", "empty", "not_equivalent", "ports_changed"})
"""Reasons in which neither a limit nor the machine's load can have had a part."""


@dataclass
class _Stages:
    """Evidence as it grows; the first stage that is refused ends it."""

    seed: int
    tools: Mapping[str, str]
    done: list[StageEvidence] = field(default_factory=list)

    async def run(self, name: str, rows: list[Row], work: Awaitable[Sequence[Row]]) -> None:
        """Appends the rows that `work` measures. Raises Refused after recording it."""
        started = time.perf_counter()
        try:
            rows += await work
        except Refused as refused:
            self.add(name, started, refused=refused)
            raise
        self.add(name, started, metrics=_metrics(rows), feedback=table(rows))

    def add(
        self,
        name: str,
        started: float,
        *,
        metrics: Mapping[str, Metric] | None = None,
        feedback: str = "",
        refused: Refused | None = None,
    ) -> None:
        text = refused.feedback if refused else feedback
        stage = StageEvidence(
            stage=name,
            outcome=refused.outcome if refused else Outcome.PASS,
            reason=refused.reason if refused else "",
            metrics=dict(metrics or {}),
            feedback="".join(letter for letter in text if letter in "\n\t" or letter.isprintable()),
            duration_s=time.perf_counter() - started,
            seed=self.seed,
            tools=dict(self.tools),
        )
        self.done.append(stage)


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
        for stage in task.stages:
            if stage.name not in _STAGES:
                raise UserError(f"stages: {stage.name!r} is unknown", where=where, hint=f"known: {', '.join(_STAGES)}")
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
        code = [
            Path(__file__).parent,
            Path(refusal.__file__),
            Path(toolchain.__file__),
            *map(Path, tools.recipes.__path__),
        ]
        return fingerprint(task, parameters, tools=await self._tools(), code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """The five fixed recipes on the training circuits. `reference` is the best of them on each circuit."""
        settings = read_settings(task)
        unit = Metric(value=1.0, unit="x")
        baselines = [Baseline(name=BEST, title="on each circuit the best of the five", metrics={OBJECTIVE: unit})]
        for name, rows in (await self._laboratory.rivals(settings.training, settings)).items():
            metrics = {OBJECTIVE: gain_metric(rows, interval=False), **_metrics(rows)}
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
        stages = _Stages(seed, await self._tools())
        started = time.perf_counter()
        try:
            recipe = parse_recipe(source)
        except RecipeError as error:
            stages.add("parse", started, refused=Refused(error.reason, str(error)))
        else:
            stages.add("parse", started, metrics={"lines": Metric(value=len(recipe))})
            with suppress(Refused):  # recorded by the stage that raised it
                await self._measure(recipe, task, settings, stages, phase, best_score)
        return Evidence(tier=self._sandbox.tier, phase=phase, stages=tuple(stages.done))

    def is_lasting(self, evidence: Evidence) -> bool:
        """Numbers are deterministic: a pass lasts, and so do refusals without a limit's or `best_score`'s part in."""
        failure = evidence.failure
        return failure is None or (failure.outcome is Outcome.FAIL and failure.reason in _LASTING)

    async def _measure(
        self,
        recipe: Recipe,
        task: Task,
        settings: RecipeSettings,
        stages: _Stages,
        phase: Phase,
        best_score: float | None,
    ) -> None:
        rows: list[Row] = []
        if phase is Phase.CONFIRMATION:
            await self._confirm(recipe, task, settings, stages)
            return
        if settings.screen:
            await stages.run(
                "screen", rows, self._laboratory.measure(recipe, settings.training[: settings.screen], settings)
            )
            _drop_clearly_worse(stages, rows, settings, best_score)
        started = time.perf_counter()
        try:
            rows += await self._laboratory.measure(recipe, settings.training[settings.screen :], settings)
        except Refused as refused:
            stages.add("full", started, refused=refused)
            raise
        metrics = {OBJECTIVE: gain_metric(rows, interval=False), **_metrics(rows)}
        stages.add("full", started, metrics=metrics, feedback=table(rows))

    async def _confirm(self, recipe: Recipe, task: Task, settings: RecipeSettings, stages: _Stages) -> None:
        """On circuits that no search saw; the score is theirs alone. What fails there is told without its name."""
        hidden = read_hidden(task)
        started = time.perf_counter()
        try:
            seen = await self._laboratory.measure(recipe, settings.training, settings, alone=True)
            rows = await self._laboratory.measure(recipe, hidden.circuits, settings, alone=True)
            fresh = hidden.draw(stages.seed)
            drawn = await self._laboratory.measure(recipe, fresh, settings, alone=True) if fresh else []
        except Refused as refused:
            told = Refused(refused.reason, "on a circuit that confirmation alone looks at", refused.outcome)
            stages.add("confirm", started, refused=told)
            raise
        metrics = {
            OBJECTIVE: gain_metric(rows, interval=True),
            "training_gain": gain_metric(seen, interval=False),
            **({"drawn_gain": gain_metric(drawn, interval=False)} if drawn else {}),
            **_metrics(rows),
        }
        stages.add("confirm", started, metrics=metrics, feedback=hidden_table([*rows, *drawn]))

    async def _tools(self) -> Mapping[str, str]:
        if self._versions is None:
            liberty = abc.liberty()
            digest = sha256(liberty.read_bytes()).hexdigest()[:16] if liberty.is_file() else "not installed"
            self._versions = {**await abc.versions(self._sandbox), "liberty": f"{liberty.name} {digest}"}
        return self._versions


def _drop_clearly_worse(
    stages: _Stages, rows: Sequence[Row], settings: RecipeSettings, best_score: float | None
) -> None:
    """The screen's stage becomes a refusal when its gain is far below the best candidate's whole gain."""
    if best_score is None or mean_gain(rows) >= settings.drop_factor * best_score:
        return
    words = f"gain {mean_gain(rows):.3f} on the first {len(rows)} circuits, {best_score:.3f} is the best so far"
    last = stages.done.pop()
    refused = Refused("clearly_worse", f"{words}\n{last.feedback}")
    stages.done.append(
        last.model_copy(update={"outcome": refused.outcome, "reason": refused.reason, "feedback": refused.feedback})
    )
    raise refused
