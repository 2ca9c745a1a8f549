"""The error measure, the tolerance rule, and the tasks' inputs and oracles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evaluators.kernels.correctness import relative_error, unwritten
from evaluators.kernels.spec import Tolerance, load_problem, read_settings
from nightforge.domain.task import Task


def _floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_exact_answers_have_no_error() -> None:
    assert relative_error(_floats(1, 2, 3), _floats(1, 2, 3)) == 0.0


def test_a_single_element_counts_against_the_largest() -> None:
    assert relative_error(_floats(1, 2, 4.4), _floats(1, 2, 4)) == pytest.approx(0.1, rel=1e-5)


def test_a_wrong_bulk_below_one_large_element_is_seen() -> None:
    expected = np.full(1_000_000, 1e-6, dtype=np.float32)
    expected[0] = 1.0
    actual = expected.copy()
    actual[1:] *= np.float32(1.2)
    assert relative_error(actual, expected) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 40_000, 99_999])
def test_nan_and_infinity_never_match(bad: float, place: int) -> None:
    expected = np.ones(100_000, dtype=np.float32)
    actual = expected.copy()
    actual[place] = bad
    assert relative_error(actual, expected) == float("inf")


def test_zeros_fail_however_small_the_answer() -> None:
    expected = np.full(1000, 4e-9, dtype=np.float32)
    assert relative_error(np.zeros(1000, dtype=np.float32), expected) == pytest.approx(1.0)


def test_unwritten_elements_are_counted() -> None:
    assert unwritten(_floats(1, np.nan, np.nan)) == 2


@pytest.mark.parametrize(
    ("reference", "elements", "limit"),
    [(0.0, 17, 1e-6), (2e-6, 17, 8e-6), (0.0, 40960, 1e-5), (1e-4, 40960, 4e-4), (1e-2, 10**7, 1e-3)],
)
def test_the_tolerance_follows_reference_length_and_ceiling(reference: float, elements: int, limit: float) -> None:
    assert Tolerance().limit(reference, elements) == pytest.approx(limit)


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
def test_every_distribution_is_finite_and_its_answer_depends_on_the_data(
    shipped: Callable[[str], Task], name: str
) -> None:
    task = shipped(name)
    settings = read_settings(task)
    inputs, oracle = load_problem(task)
    dims = {"n": 5000}
    for distribution in {*settings.distributions, *settings.timing.distributions}:
        rng = np.random.default_rng(7)
        arrays = {argument.name: np.full(5000, np.nan, dtype=np.float32) for argument in settings.buffers}
        scalars = inputs.fill(rng, dims, distribution, arrays)
        for argument in settings.buffers:
            if argument.kind != "output":
                assert np.isfinite(arrays[argument.name]).all(), distribution
        answers = {argument.name: np.full(5000, np.nan, dtype=np.float32) for argument in settings.outputs}
        oracle.expected(dims, arrays, scalars, answers)
        before = answers["y"].copy()
        assert np.isfinite(before).all(), distribution
        inputs.change_one(rng, dims, arrays)
        oracle.expected(dims, arrays, scalars, answers)
        assert relative_error(before, answers["y"]) > 100 * settings.tolerance.limit(0.0, 5000), distribution


def test_the_softmax_oracle_agrees_with_the_definition(shipped: Callable[[str], Task]) -> None:
    _, oracle = load_problem(shipped("softmax-long"))
    x = np.random.default_rng(3).normal(0, 5, 100_003).astype(np.float32)
    out = np.empty_like(x)
    oracle.expected({"n": x.size}, {"x": x}, {}, {"y": out})
    weights = np.exp(x.astype(np.longdouble) - x.max())
    np.testing.assert_allclose(out, (weights / weights.sum()).astype(np.float64), rtol=1e-6, atol=0)


def test_the_axpy_oracle_agrees_with_the_definition(shipped: Callable[[str], Task]) -> None:
    _, oracle = load_problem(shipped("axpy"))
    rng = np.random.default_rng(3)
    x, y = (rng.normal(size=100_003).astype(np.float32) for _ in range(2))
    out = np.empty_like(x)
    oracle.expected({"n": x.size}, {"x": x, "y": y}, {"a": 1.5}, {"y": out})
    np.testing.assert_array_equal(out, (1.5 * x.astype(np.float64) + y).astype(np.float32))


@pytest.mark.parametrize("name", ["softmax-long", "axpy"])
def test_trivial_answers_would_fail_on_every_shape(shipped: Callable[[str], Task], name: str) -> None:
    """Task admission: zeros, the mean and a copy of the input are far outside the tolerance."""
    task = shipped(name)
    settings = read_settings(task)
    inputs, oracle = load_problem(task)
    for shape in settings.correctness:
        n = shape["n"]
        arrays = {argument.name: np.empty(n, dtype=np.float32) for argument in settings.buffers}
        scalars = inputs.fill(np.random.default_rng(11), shape, "normal", arrays)
        answers = {"y": np.empty(n, dtype=np.float32)}
        oracle.expected(shape, arrays, scalars, answers)
        right = answers["y"]
        limit = settings.tolerance.limit(1e-6, n)
        for wrong in (np.zeros_like(right), np.full_like(right, right.mean()), arrays["x"]):
            assert relative_error(wrong, right) > 10 * limit, shape
