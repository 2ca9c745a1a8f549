"""The evaluator `arch_config` on the shipped tasks: evidence, baselines, held-out layers, settings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import tasks
from evaluators.accelerators.arch.evaluator import ArchEvaluator, draw_random
from evaluators.accelerators.arch.schema import read_config, write_config
from evaluators.accelerators.arch.scoring import check_capacity, check_economy, economical, least_edp, run_layers
from evaluators.accelerators.arch.spec import area_budget, layers_of, read_hidden, read_settings
from evaluators.integrity.rehearsal import rehearse
from nightforge.catalogue import load_task
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from nightforge.errors import UserError

NAMES = ("gemm-edp", "attention-edp")


@pytest.fixture(scope="module")
def evaluator(box: Sandbox) -> ArchEvaluator:
    return ArchEvaluator(box)


@pytest.fixture(scope="module", params=NAMES)
def task(request: pytest.FixtureRequest) -> Task:
    return shipped(request.param)


@pytest.fixture(scope="module")
def calibration(evaluator: ArchEvaluator, task: Task) -> Calibration:
    return asyncio.run(evaluator.calibrate(task, {}, seed=1))


def shipped(name: str) -> Task:
    return load_task(Path(next(iter(tasks.__path__))) / name)


def evaluate(
    evaluator: ArchEvaluator,
    task: Task,
    source: str,
    *,
    phase: Phase = Phase.SEARCH,
    calibration: Calibration | None = None,
    parameters: dict[str, float] | None = None,
) -> Evidence:
    return asyncio.run(
        evaluator.evaluate(source, task, dict(parameters or {}), seed=1, phase=phase, calibration=calibration)
    )


def test_the_seed_passes_every_stage_with_every_metric(evaluator: ArchEvaluator, task: Task) -> None:
    evidence = evaluate(evaluator, task, task.read(task.seed))
    assert [stage.stage for stage in evidence.stages] == ["parse", "capacity", "budget", "economy", "model"]
    assert evidence.passed
    metrics = evidence.metrics
    for objective in task.objectives:
        assert metrics[objective.metric].unit == objective.unit
    assert metrics["edp_uj_us"].value == pytest.approx(metrics["energy_uj"].value * metrics["latency_us"].value)
    assert 0 < metrics["roofline_pct"].value <= 100
    assert 0 < metrics["utilisation_pct"].value <= 100
    assert set(task.behaviour) <= set(metrics)
    settings = read_settings(task)
    assert all(name in evidence.stages[-1].feedback for name in settings.layers)
    assert evaluator.is_lasting(evidence)
    again = evaluate(evaluator, task, task.read(task.seed))
    assert again == evidence


def test_baselines_are_measured_and_the_best_is_the_reference(calibration: Calibration, task: Task) -> None:
    there = {one.name: one.metrics["edp_uj_us"].value for one in calibration.baselines if one.available}
    assert "random" in there
    assert {"tpu-like", "eyeriss-like", "shidiannao-like", "nvdla-small-like"} <= {
        one.name for one in calibration.baselines
    }
    assert there[calibration.reference] == min(there.values())
    assert calibration.room is not None
    assert 0 < calibration.room < min(there.values())
    for baseline in calibration.baselines:
        if baseline.available:
            assert baseline.metrics["area_mm2"].value <= area_budget(task, {})


def test_baselines_are_configurations_that_the_evaluator_measures_alike(
    evaluator: ArchEvaluator, calibration: Calibration, task: Task
) -> None:
    for baseline in calibration.baselines:
        if baseline.available:
            evidence = evaluate(evaluator, task, baseline.environment["configuration"])
            assert evidence.passed, (baseline.name, evidence.stages[-1])
            assert evidence.metrics["edp_uj_us"] == baseline.metrics["edp_uj_us"]


def test_the_random_baseline_is_the_best_of_two_hundred_feasible_ones(task: Task, calibration: Calibration) -> None:
    settings = read_settings(task)
    layers = layers_of(settings.layers, "")
    drawn = draw_random(settings, layers, 2.0, 1)
    assert len(drawn) == 200
    assert all(check_capacity(config, layers) is None for config in drawn)
    best = min(run.totals.edp for config in drawn if (run := run_layers(config, layers)))
    (baseline,) = (one for one in calibration.baselines if one.name == "random")
    assert baseline.metrics["edp_uj_us"].value == best


def test_nothing_drawn_is_below_the_room(task: Task) -> None:
    settings = read_settings(task)
    layers = layers_of(settings.layers, "")
    room = least_edp(layers, largest_mm2=2.0, dram_gbps=settings.dram_gbps, precision=settings.precision)
    for config in draw_random(settings, layers, 2.0, 7):
        run = run_layers(config, layers)
        assert run is not None
        assert room <= run.bounds.edp <= run.totals.edp


def test_confirmation_looks_at_other_layers(evaluator: ArchEvaluator, task: Task, calibration: Calibration) -> None:
    reference = next(one for one in calibration.baselines if one.name == calibration.reference)
    source = reference.environment["configuration"]
    evidence = evaluate(evaluator, task, source, phase=Phase.CONFIRMATION, calibration=calibration)
    assert evidence.stages[-1].stage == "held-out"
    assert evidence.passed
    assert evidence.metrics["held_out_gain"].value == pytest.approx(1.0)
    assert not evaluator.is_lasting(evidence)
    hidden = read_hidden(task).layers
    assert not set(hidden) & set(read_settings(task).layers)
    assert not any(name in stage.feedback for stage in evidence.stages for name in hidden)


def test_what_serves_the_search_layers_alone_is_not_confirmed(
    evaluator: ArchEvaluator, calibration: Calibration
) -> None:
    """A gain on the six layers that turns into a loss on the others of their networks."""
    gemm = shipped("gemm-edp")
    source = gemm.read(gemm.seed)
    weak = {"edp_uj_us": 1e9, "held_out_edp_uj_us": 1.0}
    (first, *_) = calibration.baselines
    metrics = {name: first.metrics["edp_uj_us"].model_copy(update={"value": value}) for name, value in weak.items()}
    twisted = calibration.model_copy(
        update={"baselines": (first.model_copy(update={"metrics": metrics}),), "reference": first.name}
    )
    evidence = evaluate(evaluator, gemm, source, phase=Phase.CONFIRMATION, calibration=twisted)
    failure = evidence.failure
    assert failure is not None
    assert failure.reason == "overfitted"
    assert not any(character.isdigit() for character in failure.feedback)


def test_the_area_budget_is_a_parameter(evaluator: ArchEvaluator) -> None:
    gemm = shipped("gemm-edp")
    source = gemm.read("known/tpu_like.json")
    assert evaluate(evaluator, gemm, source).passed
    failure = evaluate(evaluator, gemm, source, parameters={"area_mm2": 1.0}).failure
    assert failure is not None
    assert failure.reason == "area_over_budget"
    with pytest.raises(UserError):
        evaluate(evaluator, gemm, source, parameters={"area_mm2": -1.0})


def test_a_mapping_that_nothing_runs_with_is_refused(evaluator: ArchEvaluator) -> None:
    gemm = shipped("gemm-edp")
    layers = layers_of(read_settings(gemm).layers, "")
    config = read_config(gemm.read(gemm.seed))
    useless = config.mappings[0].model_copy(update={"tile_m": 1, "tile_n": 1, "tile_k": 1})
    for mappings in ((config.mappings[0], useless), (config.mappings[0], config.mappings[0])):
        odd = config.model_copy(update={"mappings": mappings})
        failure = evaluate(evaluator, gemm, write_config(odd)).failure
        assert failure is not None
        assert failure.reason == "unused_mapping"
        cut = economical(odd, layers)
        assert cut == config
        run, whole = run_layers(cut, layers), run_layers(odd, layers)
        assert run is not None
        assert whole is not None
        assert check_economy(run) is None
        assert run.totals == whole.totals


async def test_the_rehearsal_holds(evaluator: ArchEvaluator) -> None:
    for name in NAMES:
        task = shipped(name)

        async def measured(source: str, task: Task = task) -> Evidence:
            return await evaluator.evaluate(source, task, {}, seed=1, phase=Phase.REHEARSAL)

        report = await rehearse(task, measured, lambda evidence: False)
        assert report is not None
        assert report.held, report
        assert len(report.checks) == 12


async def test_the_fingerprint_follows_the_task(evaluator: ArchEvaluator) -> None:
    one, other = [await evaluator.fingerprint(shipped(name), {}) for name in NAMES]
    assert one != other
    assert one == await evaluator.fingerprint(shipped("gemm-edp"), {})


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str, str], Task]:
    """A copy of gemm-edp with one text of one file replaced."""

    def copy(file: str, old: str, new: str) -> Task:
        source = shipped("gemm-edp").root
        for path in source.rglob("*"):
            target = tmp_path / path.relative_to(source)
            if path.is_dir():
                target.mkdir(parents=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                text = path.read_text(encoding="utf-8")
                if path.name == file:
                    assert old in text
                    text = text.replace(old, new)
                target.write_text(text, encoding="utf-8")
        return load_task(tmp_path)

    return copy


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("task.toml", '"gemm/128"', '"gemm/9"', "no layer"),
        ("task.toml", "precision = 8", "precision = 7", "precision"),
        ("task.toml", "dram_gbps = 12.8", "dram_gbps = 0", "dram_gbps"),
        ("task.toml", "dram_gbps = 12.8", "dram = 1", "dram"),
        ("task.toml", 'name = "economy"', 'name = "magic"', "magic"),
        ("task.toml", 'name = "area_mm2"', 'name = "mm2"', "area"),
        ("task.toml", 'language = "json-arch"', 'language = "json"', "json"),
        ("hidden.toml", '"gemm/tall"', '"ds-cnn/pw2"', "shape that the search sees"),
        ("hidden.toml", '"gemm/tall"', '"gemm/none"', "no layer"),
        ("hidden.toml", "layers = [", "layers = ", "not TOML"),
    ],
)
def test_a_wrong_task_is_named(
    evaluator: ArchEvaluator, changed: Callable[[str, str, str], Task], file: str, old: str, new: str, says: str
) -> None:
    with pytest.raises(UserError) as raised:
        evaluator.check_task(changed(file, old, new))
    assert says in str(raised.value)
    assert raised.value.where


def test_texts_of_configurations_are_stable() -> None:
    text = shipped("gemm-edp").read("seed.json")
    config = read_config(text)
    assert read_config(write_config(config)) == config
    assert json.loads(write_config(config)) == json.loads(text)
