"""The shipped kernel tasks themselves: valid, their data as promised, their oracles right by a second way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import tasks
from evaluators.kernels.correctness import deviation
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.kernels.relations import load_relations
from evaluators.kernels.spec import (
    Array,
    KernelSettings,
    WeighingOracle,
    load_module,
    load_problem,
    read_hidden,
    read_settings,
)
from nightforge.domain.task import Task
from sandbox.bubblewrap import BubblewrapSandbox

Shipped = Callable[[str], Task]
Doubles = NDArray[np.float64]
_ROOT = Path(next(iter(tasks.__path__)))
NAMES = sorted(
    path.parent.name for path in _ROOT.glob("*/task.toml") if 'domain = "kernels"' in path.read_text("utf-8")
)
_SHAPES: Mapping[str, Mapping[str, int]] = {
    "axpy": {"n": 1003},
    "softmax-long": {"n": 1003},
    "rmsnorm": {"rows": 9, "cols": 33},
    "layernorm": {"rows": 9, "cols": 33},
    "softmax-rows": {"rows": 9, "cols": 33},
    "bias-gelu": {"rows": 9, "cols": 33},
    "jacobi2d": {"rows": 23, "cols": 17, "sweeps": 5},
    "gemm-f32": {"m": 11, "n": 7, "k": 13},
    "gemm-batched-small": {"batch": 9, "m": 3, "n": 5, "k": 4},
    "spmv-csr": {"rows": 41, "cols": 29, "nnz": 307},
}
_ONE_ANSWER = {"constant", "denormal"}
"""Softmax of them is always the same: what is asked with them is that it comes out at all."""


def _arrays(settings: KernelSettings, dims: Mapping[str, int]) -> dict[str, Array]:
    return {one.name: np.zeros(one.elements(dims), dtype=one.dtype) for one in settings.buffers}


def test_every_kernel_task_is_looked_at() -> None:
    assert set(NAMES) == set(_SHAPES)


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_tasks_are_valid(shipped: Shipped, name: str) -> None:
    KernelEvaluator(BubblewrapSandbox()).check_task(shipped(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_task_has_opponents_controls_cheats_and_a_roof(shipped: Shipped, name: str) -> None:
    task = shipped(name)
    settings, hidden = read_settings(task), read_hidden(task)
    assert {"c", "python"} <= {baseline.language for baseline in settings.baselines}
    assert sum(entry.expect != "reject" for entry in task.rehearsal) >= 2
    assert sum(entry.expect == "reject" for entry in task.rehearsal) >= 5 or name == "axpy"
    assert hidden.timed
    assert hidden.drawn
    assert settings.traffic_bytes(settings.primary) > 0
    relations = load_relations(task)
    assert relations is not None
    assert len(relations.NAMES) >= 2
    public = [settings.primary, *settings.smoke, *settings.correctness]
    assert not [shape for shape in hidden.timed if shape in public]
    text = task.read(task.brief) + task.read("task.toml")
    assert not [size for shape in hidden.timed for size in shape.values() if size > 1000 and str(size) in text]


@pytest.mark.parametrize("name", NAMES)
def test_data_are_finite_and_new_each_time_and_one_element_decides(shipped: Shipped, name: str) -> None:
    task = shipped(name)
    settings = read_settings(task)
    inputs, oracle = load_problem(task)
    dims, rng = _SHAPES[name], np.random.default_rng(3)
    for distribution in settings.distributions:
        arrays, answers = _arrays(settings, dims), []
        for _ in range(2):
            scalars = inputs.fill(rng, dims, distribution, arrays)
            answers.append(_answers(settings, dims, arrays, scalars, oracle))
        assert all(np.isfinite(arrays[one.name]).all() for one in settings.buffers), distribution
        assert all(np.isfinite(answer).all() for answer in answers[1].values()), distribution
        assert any((answers[0][key] != answers[1][key]).any() for key in answers[0]) or distribution in _ONE_ANSWER
        before = {key: array.copy() for key, array in arrays.items()}
        inputs.change_one(rng, dims, arrays)
        assert sum(int((arrays[key] != before[key]).sum()) for key in arrays) <= 2, distribution
        changed = _answers(settings, dims, arrays, scalars, oracle)
        magnitudes = _magnitudes(dims, arrays, scalars, oracle, changed)
        apart = max(deviation(answers[1][key], changed[key], magnitudes.get(key)).error for key in changed)
        assert apart > 50 * settings.tolerance.ceiling, distribution


def _answers(
    settings: KernelSettings,
    dims: Mapping[str, int],
    arrays: Mapping[str, Array],
    scalars: Mapping[str, float],
    oracle: object,
) -> dict[str, NDArray[np.float32]]:
    out = {one.name: np.full(one.elements(dims), np.nan, dtype=np.float32) for one in settings.outputs}
    oracle.expected(dims, arrays, scalars, out)  # type: ignore[attr-defined]  # a task's own module
    for key, value in _magnitudes(dims, arrays, scalars, oracle, out).items():
        assert (np.abs(out[key]) <= value * (1 + 1e-5)).all()
        assert np.isfinite(value).all()
    return out


def _magnitudes(
    dims: Mapping[str, int],
    arrays: Mapping[str, Array],
    scalars: Mapping[str, float],
    oracle: object,
    answers: Mapping[str, NDArray[np.float32]],
) -> dict[str, NDArray[np.float32]]:
    if not isinstance(oracle, WeighingOracle):
        return {}
    found = {key: value.copy() for key, value in answers.items()}
    oracle.magnitudes(dims, arrays, scalars, found)
    return found


def _jacobi(dims: Mapping[str, int], arrays: Mapping[str, Array]) -> Doubles:
    grid = np.array(arrays["x"], dtype=np.float64).reshape(dims["rows"], dims["cols"])
    for _ in range(dims["sweeps"]):
        old = grid.copy()
        for r in range(1, dims["rows"] - 1):
            for c in range(1, dims["cols"] - 1):
                grid[r, c] = (old[r - 1, c] + old[r + 1, c] + old[r, c - 1] + old[r, c + 1]) / 4
    return grid


def _layernorm(dims: Mapping[str, int], arrays: Mapping[str, Array], eps: float) -> Doubles:
    x = np.array(arrays["x"], dtype=np.float64).reshape(dims["rows"], dims["cols"])
    w, b = (np.array(arrays[name], dtype=np.float64) for name in ("w", "b"))
    return np.array([(row - row.mean()) / math.sqrt(row.var() + eps) * w + b for row in x])


def _softmax(dims: Mapping[str, int], arrays: Mapping[str, Array]) -> Doubles:
    x = np.array(arrays["x"], dtype=np.float64).reshape(dims["rows"], dims["cols"])
    return np.array([np.exp(row - np.logaddexp.reduce(row)) for row in x])


def _gelu(dims: Mapping[str, int], arrays: Mapping[str, Array]) -> Doubles:
    x = np.array(arrays["x"], dtype=np.float64).reshape(dims["rows"], dims["cols"])
    v = x + np.array(arrays["b"], dtype=np.float64)
    return np.array([[one * math.erfc(-one / math.sqrt(2)) / 2 for one in row] for row in v])


def _gemm(dims: Mapping[str, int], arrays: Mapping[str, Array]) -> Doubles:
    a = np.array(arrays["a"], dtype=np.float64).reshape(-1, dims["m"], dims["k"])
    b = np.array(arrays["b"], dtype=np.float64).reshape(-1, dims["k"], dims["n"])
    product: Doubles = np.matmul(a, b)
    return product


def _spmv(dims: Mapping[str, int], arrays: Mapping[str, Array]) -> Doubles:
    dense = np.zeros((dims["rows"], dims["cols"]))
    start, column = (np.array(arrays[name], dtype=np.int64) for name in ("start", "column"))
    for row in range(dims["rows"]):
        for place in range(start[row], start[row + 1]):
            dense[row, column[place]] += float(np.array(arrays["value"])[place])
    return dense @ np.array(arrays["x"], dtype=np.float64)


_SECOND: Mapping[str, Callable[[Mapping[str, int], Mapping[str, Array]], Doubles]] = {
    "jacobi2d": _jacobi,
    "softmax-rows": _softmax,
    "bias-gelu": _gelu,
    "gemm-f32": _gemm,
    "gemm-batched-small": _gemm,
    "spmv-csr": _spmv,
}


@pytest.mark.parametrize("name", [*_SECOND, "layernorm"])
def test_the_oracle_agrees_with_the_formula_read_plainly(shipped: Shipped, name: str) -> None:
    task = shipped(name)
    settings = read_settings(task)
    inputs, oracle = load_problem(task)
    rng = np.random.default_rng(5)
    for dims in (_SHAPES[name], settings.smoke[1]):
        for distribution in settings.distributions:
            arrays = _arrays(settings, dims)
            scalars = inputs.fill(rng, dims, distribution, arrays)
            found = _answers(settings, dims, arrays, scalars, oracle)
            wanted = _layernorm(dims, arrays, scalars["eps"]) if name == "layernorm" else _SECOND[name](dims, arrays)
            answer = next(iter(found.values())).astype(np.float64)
            scale = float(np.abs(wanted).max()) or 1.0
            assert np.abs(answer - wanted.reshape(-1)).max() <= 1e-6 * scale, distribution


def test_strips_of_the_stencil_oracle_meet_without_a_seam(shipped: Shipped) -> None:
    """A grid of several strips, each with borders as wide as there are sweeps."""
    task = shipped("jacobi2d")
    settings = read_settings(task)
    inputs, oracle = load_problem(task)
    dims = {"rows": 90, "cols": 1500, "sweeps": 3}
    arrays = _arrays(settings, dims)
    inputs.fill(np.random.default_rng(1), dims, "normal", arrays)
    found = _answers(settings, dims, arrays, {}, oracle)["y"].reshape(90, 1500)
    grid = np.array(arrays["x"], dtype=np.float64).reshape(90, 1500)
    for _ in range(3):
        old = grid.copy()
        grid[1:-1, 1:-1] = (old[:-2, 1:-1] + old[2:, 1:-1] + old[1:-1, :-2] + old[1:-1, 2:]) / 4
    assert np.abs(found - grid).max() < 1e-6


def test_the_share_below_is_the_mathematical_librarys(shipped: Shipped) -> None:
    oracle = load_module(shipped("bias-gelu").root / "oracle.py")
    v = np.concatenate((np.linspace(-20.0, 9.0, 4001), [-1e30, 1e30, 0.0]))
    share: Doubles = oracle.share(v)  # type: ignore[attr-defined]  # a task's own module
    wanted = np.array([math.erfc(-one / math.sqrt(2)) / 2 for one in v])
    assert (np.abs(share - wanted) <= 1e-11 * wanted + 1e-300).all()


@pytest.mark.parametrize(("rows", "cols", "nnz"), [(1, 1, 1), (1, 1, 9), (3, 5, 7), (50, 3, 11), (2, 900, 901)])
def test_sparse_matrices_are_whole_and_new(shipped: Shipped, rows: int, cols: int, nnz: int) -> None:
    task = shipped("spmv-csr")
    settings = read_settings(task)
    inputs, _ = load_problem(task)
    rng, dims = np.random.default_rng(9), {"rows": rows, "cols": cols, "nnz": nnz}
    for distribution in settings.distributions:
        arrays = _arrays(settings, dims)
        inputs.fill(rng, dims, distribution, arrays)
        start, column = (np.array(arrays[name], dtype=np.int64) for name in ("start", "column"))
        assert (start[0], start[-1]) == (0, nnz)
        assert (np.diff(start) >= 0).all()
        assert column.min() >= 0
        assert column.max() < cols
        assert all((np.diff(column[start[row] : start[row + 1]]) >= 0).all() for row in range(rows)), distribution


def test_sparse_structures_differ_as_their_names_say(shipped: Shipped) -> None:
    task = shipped("spmv-csr")
    settings = read_settings(task)
    inputs, _ = load_problem(task)
    dims = {"rows": 1000, "cols": 1000, "nnz": 16000}
    lengths: dict[str, NDArray[np.int64]] = {}
    for distribution in settings.distributions:
        arrays = _arrays(settings, dims)
        inputs.fill(np.random.default_rng(2), dims, distribution, arrays)
        start = np.array(arrays["start"], dtype=np.int64)
        lengths[distribution] = start[1:] - start[:-1]
    assert set(lengths["even"]) == {16}
    assert lengths["random"].std() > 3
    assert lengths["power-law"].max() > 20 * np.median(lengths["power-law"])
    assert 300 < (lengths["empty-rows"] == 0).sum() < 700
    assert lengths["one-dense"].max() > 8000
