"""Scratch memory, buffers of whole numbers, errors against magnitudes, opponents that may become the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from evaluators.kernels.buffers import Arena
from evaluators.kernels.correctness import deviation
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.kernels.export import header, wrapper
from evaluators.kernels.impostors import kernel_impostors
from evaluators.kernels.spec import Argument, KernelSettings, read_settings
from evaluators.kernels.toolchain import Missing, Toolchain, processor_flags
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from nightforge.errors import EvaluatorFault
from sandbox.bubblewrap import BubblewrapSandbox
from sandbox.probe import open_sandbox

Shipped = Callable[[str], Task]
_SPARSE = {"rows": 5, "cols": 9, "nnz": 13}


def _changed(shipped: Shipped, name: str, **changes: object) -> Mapping[str, object]:
    return {**shipped(name).settings, **changes}


def test_a_count_may_be_one_more_than_a_dimension() -> None:
    start = Argument(name="start", kind="input", count=("rows+1",), element="int32")
    assert start.elements({"rows": 4}) == 5
    assert start.bytes({"rows": 4}) == 20
    assert start.dimensions == {"rows"}


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ({"name": "y", "kind": "output", "count": ["n"], "element": "int32"}, "only inputs hold int32"),
        ({"name": "y", "kind": "scratch"}, "buffers have a count"),
        ({"name": "y", "kind": "output", "count": ["n-1"]}, "pattern"),
        ({"name": "y", "kind": "scratch", "count": ["n"]}, "no argument is an output"),
        ({"name": "y", "kind": "output", "count": ["n"], "element": "float16"}, "float32"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(shipped: Shipped, argument: dict[str, object], words: str) -> None:
    arguments = [{"name": "x", "kind": "input", "count": ["n"]}, argument, {"name": "n", "kind": "int64"}]
    with pytest.raises(ValidationError, match=words):
        KernelSettings.model_validate(_changed(shipped, "softmax-long", arguments=arguments))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"opponents": ["numpy-best"]}, "numpy-best"),
        ({"opponents": ["torch"]}, "measured in a search"),
        ({"reference": "numpy-avx512"}, "every processor"),
        ({"work": [{"operations": 2, "each": ["m", "q"]}]}, "not dimensions"),
    ],
)
def test_opponents_and_work_are_checked(shipped: Shipped, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KernelSettings.model_validate(_changed(shipped, "gemm-f32", **changes))


def test_the_roofline_model_counts_bytes_and_operations(shipped: Shipped) -> None:
    jacobi, sparse = read_settings(shipped("jacobi2d")), read_settings(shipped("spmv-csr"))
    assert jacobi.traffic_bytes({"rows": 10, "cols": 20, "sweeps": 3}) == 2 * 4 * 200
    assert jacobi.operations({"rows": 10, "cols": 20, "sweeps": 3}) == 4 * 600
    assert sparse.traffic_bytes(_SPARSE) == 4 * (6 + 13 + 13 + 9 + 5)
    assert read_settings(shipped("softmax-long")).operations({"n": 5}) == 0
    assert read_settings(shipped("gemm-f32")).against("c-fast").reference == "c-fast"


def test_whole_numbers_and_scratch_lie_in_the_memory_that_workers_share(shipped: Shipped) -> None:
    settings = read_settings(shipped("spmv-csr"))
    arena = Arena(settings, [_SPARSE], np.random.default_rng(1))
    try:
        views = arena.views(_SPARSE)
        assert (views["start"].dtype, views["start"].size) == (np.dtype(np.int32), 6)
        assert [text.split(":")[2:] for text in arena.worker_arguments()] == [["int32"], ["int32"], [], [], []]
    finally:
        arena.close()
    settings = read_settings(shipped("jacobi2d"))
    dims = {"rows": 4, "cols": 5, "sweeps": 1}
    arena = Arena(settings, [dims], np.random.default_rng(1))
    try:
        arena.arm(dims)
        assert np.isnan(arena.floats("work", dims)).all()
        assert arena.trespass(dims) == ""
        arena.floats("work", dims)[:] = 1.0
        assert arena.trespass(dims) == ""
        assert [argument.name for argument in settings.outputs] == ["y"]
    finally:
        arena.close()


def _floats(*values: float) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def test_errors_count_against_each_elements_magnitude() -> None:
    expected, magnitudes = _floats(1e-6, 1000.0, 0.0), _floats(1.0, 1000.0, 0.0)
    assert deviation(_floats(1.1e-6, 1000.0, 0.0), expected, magnitudes).error == pytest.approx(1e-7, rel=0.01)
    assert deviation(_floats(1e-6, 1001.0, 0.0), expected, magnitudes).error == pytest.approx(1e-3, rel=0.01)
    assert np.isinf(deviation(_floats(1e-6, 1000.0, 1e-30), expected, magnitudes).error)
    assert np.isinf(deviation(_floats(np.nan, 1000.0, 0.0), expected, magnitudes).error)
    small = deviation(_floats(2e-3, 1.0), _floats(1e-3, 1.0), _floats(1e-3, 1.0))
    assert small.error == pytest.approx(1.0)


def test_exports_and_impostors_speak_of_the_types(shipped: Shipped) -> None:
    task = shipped("spmv-csr")
    settings = read_settings(task)
    assert "const int32_t *start;" in header(task, settings)
    assert '_checked("start", start, (rows + 1), np.int32)' in wrapper(task, settings)
    assert "float *work;" in header(shipped("jacobi2d"), read_settings(shipped("jacobi2d")))
    sources = {impostor.name: impostor.source for impostor in kernel_impostors(task)}
    assert "const int32_t *start;" in sources["zeros"]
    assert "a->rows + 1" in sources["input"]
    assert "copy_value" in sources["bfloat16-input"]
    assert "copy_start" not in sources["bfloat16-input"]


async def test_a_baseline_that_the_processor_cannot_run_is_named_as_missing(shipped: Shipped) -> None:
    task = shipped("gemm-f32")
    baseline = read_settings(task).baseline("numpy-avx512").model_copy(update={"needs": ("avx4096",)})
    found = await Toolchain(BubblewrapSandbox()).program(task, baseline)
    assert isinstance(found, Missing)
    assert found.reason == "this processor has no avx4096"
    assert processor_flags()


@pytest.fixture
def contested(shipped: Shipped) -> Task:
    """softmax of few rows: strict C is the declared reference, fast-math C its opponent."""
    task = shipped("softmax-rows")
    baselines = task.settings["baselines"]
    assert isinstance(baselines, list)
    named = {entry["name"]: entry for entry in baselines if isinstance(entry, dict)}
    kept = [{**named["c-o3"], "in_search": True}, named["c-fast"]]
    primary = {"rows": 256, "cols": 1024}
    timing = task.settings["timing"]
    assert isinstance(timing, dict)
    quick = {**timing, "rounds": 6, "calibration_rounds": 6, "processes": 1}
    chosen = {"reference": "c-o3", "opponents": ["c-fast"], "timing": quick}
    settings = {**task.settings, "primary": primary, "baselines": kept, **chosen}
    parameters = tuple(parameter for parameter in task.parameters if parameter.name not in primary)
    return task.model_copy(update={"settings": settings, "parameters": parameters})


@pytest.mark.box
async def test_the_fastest_opponent_is_what_gains_are_counted_against(contested: Task) -> None:
    evaluator = KernelEvaluator(open_sandbox())
    calibration = await evaluator.calibrate(contested, {}, seed=3)
    assert calibration.reference == "c-fast"
    speeds = {baseline.name: baseline.metrics["speedup"].value for baseline in calibration.baselines}
    assert speeds["c-o3"] < 0.8
    source = contested.read("c_o3.c")
    against = await evaluator.evaluate(source, contested, {}, seed=4, phase=Phase.SEARCH, calibration=calibration)
    assert against.passed, against.failure
    assert against.metrics["speedup"].value < 0.8
    elsewhere = calibration.model_copy(update={"reference": "numpy-avx4096"})
    with pytest.raises(EvaluatorFault, match="numpy-avx4096 cannot run here"):
        await evaluator.evaluate(source, contested, {}, seed=4, phase=Phase.SEARCH, calibration=elsewhere)


@pytest.mark.box
async def test_a_python_baseline_can_be_the_reference(shipped: Shipped) -> None:
    task = shipped("gemm-f32")
    baselines = task.settings["baselines"]
    assert isinstance(baselines, list)
    kept = [entry for entry in baselines if isinstance(entry, dict) and entry["name"] == "numpy"]
    primary = {"m": 96, "n": 96, "k": 96}
    settings = {**task.settings, "primary": primary, "baselines": kept, "opponents": []}
    parameters = tuple(parameter for parameter in task.parameters if parameter.name not in primary)
    small = task.model_copy(update={"settings": settings, "parameters": parameters})
    async with KernelEvaluator(open_sandbox()).open_checker(small, {}, seed=1) as checker:
        assert (await checker.check(task.read("seed.c"))).accepted
