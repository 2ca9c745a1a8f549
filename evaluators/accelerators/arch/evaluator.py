"""Accelerator configurations: candidate to evidence (entry point `arch_config` of `nightforge.evaluators`).

A candidate is data: it is parsed, never run, so that no sandbox stands between it and the model. Everything here is
deterministic and takes about a millisecond.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from random import Random

from evaluators.accelerators.arch.integrity import ArchChecker, arch_impostors, break_contract, honest_configs
from evaluators.accelerators.arch.sampling import REFERENCES, random_config, reference_config
from evaluators.accelerators.arch.schema import ArchConfig, ConfigError, read_config, write_config
from evaluators.accelerators.arch.scoring import (
    Refusal,
    Run,
    check_budget,
    check_capacity,
    check_economy,
    economical,
    least_edp,
    run_layers,
)
from evaluators.accelerators.arch.spec import (
    CONFIRM,
    HIDDEN_FILE,
    STAGES,
    ArchSettings,
    area_budget,
    layers_of,
    read_hidden,
    read_settings,
)
from evaluators.accelerators.arch.workloads import Layer
from evaluators.integrity.seams import Honest, Impostor, Mutator
from evaluators.stages import require_stages
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import Alarm, ClockKind, Outcome, Phase
from nightforge.errors import EvaluatorFault, UserError
from nightforge.fingerprint import fingerprint

OBJECTIVE = "edp_uj_us"
HELD_OUT = "held_out_edp_uj_us"
RANDOM = "random"
BAND = 0.001
"""Nothing here is noisy; smaller gains are below what the model can mean."""
ROUNDING = 1e-9
_MOST_DRAWS = 100
"""Draws for each feasible configuration of the baseline before the task's budget is called too small."""


class ArchEvaluator:
    """Implements `nightforge.domain.ports.Evaluator` with the closed-form model of `model.py`."""

    name = "arch_config"
    clock: ClockKind | None = None

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def check_task(self, task: Task) -> None:
        where = str(task.root / "task.toml")
        if task.language != "json-arch":
            raise UserError(f"language {task.language!r} is not read here", where=where, hint='language = "json-arch"')
        require_stages(task, (*STAGES, CONFIRM))
        read_settings(task)
        read_hidden(task)
        area_budget(task, {})

    def prerequisites(self, task: Task) -> Sequence[str]:
        return ()

    def resources(self, task: Task, parameters: Mapping[str, Scalar]) -> Sequence[str]:
        return ()

    async def fingerprint(self, task: Task, parameters: Mapping[str, Scalar]) -> str:
        tools = {"pydantic": version("pydantic")}
        code = [Path(__file__).parent]
        return await asyncio.to_thread(fingerprint, task, parameters, tools=tools, code=code)

    async def calibrate(self, task: Task, parameters: Mapping[str, Scalar], *, seed: int) -> Calibration:
        """The best of `random_configurations` drawn by `seed`, and arrays of the sizes of published ones."""
        work = partial(self._baselines, task, area_budget(task, parameters), seed)
        baselines, seconds = await asyncio.to_thread(work)
        settings = read_settings(task)
        there = [baseline for baseline in baselines if baseline.available]
        room = least_edp(
            layers_of(settings.layers, "settings"),
            largest_mm2=area_budget(task, parameters),
            dram_gbps=settings.dram_gbps,
            precision=settings.precision,
        )
        return Calibration(
            baselines=baselines,
            reference=min(there, key=lambda baseline: baseline.metrics[OBJECTIVE].value).name,
            noise=Metric(value=0.0),
            band=BAND,
            room=room,
            room_reason="roofline: the whole budget as busy units at the fastest clock, each byte brought once",
            seconds_per_evaluation=seconds,
        )

    def _baselines(self, task: Task, largest_mm2: float, seed: int) -> tuple[tuple[Baseline, ...], float]:
        settings = read_settings(task)
        layers = layers_of(settings.layers, "settings")
        hidden = layers_of(read_hidden(task).layers, HIDDEN_FILE)
        started = time.process_time()
        drawn = draw_random(settings, layers, largest_mm2, seed)
        best = min((run for config in drawn if (run := run_layers(config, layers))), key=lambda run: run.totals.edp)
        seconds = (time.process_time() - started) / len(drawn)
        title = f"the best of {len(drawn)} feasible configurations drawn by chance"
        found = [Baseline(name=RANDOM, title=title, metrics=_measured(best, hidden), environment=_as_text(best.config))]
        for name, (title, *_) in REFERENCES.items():
            config = reference_config(name, layers, precision=settings.precision, dram_gbps=settings.dram_gbps)
            found.append(_reference(name, title, config, layers, hidden, largest_mm2))
        return tuple(found), seconds

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
        layers = layers_of(settings.layers, "settings")
        stages, run = _search_stages(source, settings, layers, area_budget(task, parameters))
        if run is not None and stages[-1].outcome is Outcome.PASS and phase is Phase.CONFIRMATION:
            hidden = layers_of(read_hidden(task).layers, HIDDEN_FILE)
            stages.append(_held_out(run, hidden, calibration))
        return Evidence(tier=self._sandbox.tier, phase=phase, stages=tuple(stages))

    @asynccontextmanager
    async def open_checker(
        self, task: Task, parameters: Mapping[str, Scalar], *, seed: int
    ) -> AsyncIterator[ArchChecker]:
        """Offers `evaluators.integrity.seams.OffersChecker`."""
        settings, largest_mm2 = read_settings(task), area_budget(task, parameters)
        layers = layers_of(settings.layers, "settings")
        yield ArchChecker(lambda source: _search_stages(source, settings, layers, largest_mm2)[0])

    def honest_programs(self, task: Task) -> Sequence[Honest]:
        return honest_configs(task, read_settings(task))

    def mutator(self, task: Task) -> Mutator:
        return break_contract

    def impostors(self, task: Task) -> Sequence[Impostor]:
        return arch_impostors(task, read_settings(task))

    def is_lasting(self, evidence: Evidence) -> bool:
        """Always but for confirmations, in which the calibration has a part: nothing else depends on a machine."""
        return evidence.phase is not Phase.CONFIRMATION


def draw_random(settings: ArchSettings, layers: Sequence[Layer], largest_mm2: float, seed: int) -> Sequence[ArchConfig]:
    """As many feasible configurations as the settings ask for; EvaluatorFault when hardly any is feasible."""
    random = Random(seed)
    found: list[ArchConfig] = []
    for _ in range(_MOST_DRAWS * settings.random_configurations):
        config = random_config(random, precision=settings.precision, dram_gbps=settings.dram_gbps)
        if check_capacity(config, layers) or _check_budget(config, settings, largest_mm2):
            continue
        config = economical(config, layers)
        if check_capacity(config, layers) is None:  # the mapping for any size may be one that no layer runs with
            found.append(config)
            if len(found) == settings.random_configurations:
                return found
    raise EvaluatorFault(
        f"only {len(found)} of {_MOST_DRAWS * settings.random_configurations} configurations drawn by chance fit "
        f"into {largest_mm2:g} mm2",
        hint="raise the task's area budget",
    )


def _reference(
    name: str,
    title: str,
    config: ArchConfig | None,
    layers: Sequence[Layer],
    hidden: Sequence[Layer],
    largest_mm2: float,
) -> Baseline:
    config = economical(config, layers) if config is not None else None
    run = run_layers(config, layers) if config is not None else None
    if config is None or run is None:
        return Baseline(name=name, title=title, available=False, missing_reason="a layer's tiles do not fit")
    if run.area_mm2 > largest_mm2:
        reason = f"{run.area_mm2:.2f} mm2 are more than the budget"
        return Baseline(name=name, title=title, available=False, missing_reason=reason)
    return Baseline(name=name, title=title, metrics=_measured(run, hidden), environment=_as_text(config))


def _as_text(config: ArchConfig) -> dict[str, str]:
    return {"configuration": write_config(config)}


def _measured(run: Run, hidden: Sequence[Layer]) -> dict[str, Metric]:
    metrics = run.metrics()
    unseen = run_layers(run.config, hidden)
    if unseen is not None:
        metrics[HELD_OUT] = Metric(value=unseen.totals.edp, unit="uJ*us")
    return metrics


def _check_budget(config: ArchConfig, settings: ArchSettings, largest_mm2: float) -> Refusal | None:
    return check_budget(config, largest_mm2=largest_mm2, dram_gbps=settings.dram_gbps, precision=settings.precision)


def _search_stages(
    source: str, settings: ArchSettings, layers: Sequence[Layer], largest_mm2: float
) -> tuple[list[StageEvidence], Run | None]:
    try:
        config = read_config(source)
    except ConfigError as error:
        return [_failed("parse", error.reason, error.feedback)], None
    stages = [StageEvidence(stage="parse", outcome=Outcome.PASS)]
    refused = check_capacity(config, layers)
    if refused is not None:
        return [*stages, _failed("capacity", refused.reason, refused.feedback)], None
    stages.append(StageEvidence(stage="capacity", outcome=Outcome.PASS))
    refused = _check_budget(config, settings, largest_mm2)
    if refused is not None:
        return [*stages, _failed("budget", refused.reason, refused.feedback)], None
    stages.append(StageEvidence(stage="budget", outcome=Outcome.PASS))
    run = run_layers(config, layers)
    if run is None:
        raise EvaluatorFault("a layer has no mapping although its tiles fit", where="arch_config")
    refused = check_economy(run)
    if refused is not None:
        return [*stages, _failed("economy", refused.reason, refused.feedback)], None
    return [*stages, StageEvidence(stage="economy", outcome=Outcome.PASS), _modelled(run)], run


def _modelled(run: Run) -> StageEvidence:
    totals, bounds = run.totals, run.bounds
    slack = 1 - ROUNDING
    if totals.energy_uj < bounds.energy_uj * slack or totals.latency_us < bounds.latency_us * slack:
        text = f"{totals.edp:.6g} uJ*us is below the roofline's {bounds.edp:.6g}: the model is wrong here"
        return _failed("model", Alarm.BEYOND_BOUND, text)
    return StageEvidence(stage="model", outcome=Outcome.PASS, metrics=run.metrics(), feedback=run.table())


def _held_out(run: Run, hidden: Sequence[Layer], calibration: Calibration | None) -> StageEvidence:
    """What was tuned to the layers that the search sees must serve others of the same networks, too.

    The reasons name no layer and no number: these would tell what is hidden.
    """
    unseen = run_layers(run.config, hidden)
    if unseen is None:
        return _failed(CONFIRM, "held_out_unmapped", "no mapping fits one of the layers that only confirmation knows")
    value = unseen.totals.edp
    metrics = {HELD_OUT: Metric(value=value, unit="uJ*us")}
    reference = (
        next((one for one in calibration.baselines if one.name == calibration.reference), None)
        if (calibration)
        else None
    )
    known = reference.metrics.get(HELD_OUT) if reference else None
    if known is not None:
        metrics["held_out_gain"] = Metric(value=known.value / value, unit="x")
        better = run.totals.edp < reference.metrics[OBJECTIVE].value if reference else False
        if better and known.value < value:
            text = "better than the reference on the layers of the task, worse on other layers of its networks"
            return _failed(CONFIRM, "overfitted", text)
    return StageEvidence(stage=CONFIRM, outcome=Outcome.PASS, metrics=metrics)


def _failed(stage: str, reason: str, feedback: str) -> StageEvidence:
    return StageEvidence(stage=stage, outcome=Outcome.FAIL, reason=reason, feedback=feedback[:4000])
