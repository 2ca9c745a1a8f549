"""The error measure, the tolerance rule, and the tasks' inputs and oracles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evaluators.kernels.correctness import Allowance, deviation, relative_error, unwritten
from evaluators.kernels.session import Call, KernelFailed
from evaluators.kernels.spec import Tolerance, load_problem, read_settings
from evaluators.kernels.timing import turn_of
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
    [
        (0.0, 17, 1e-6),
        (2e-6, 17, 8e-6),
        (0.0, 40960, 1e-5),
        (1e-4, 40960, 4e-4),
        (9e-4, 10**7, 1.125e-3),
        (1e-2, 10**7, 3e-3),
    ],
)
def test_the_tolerance_follows_reference_length_and_ceiling(reference: float, elements: int, limit: float) -> None:
    assert Tolerance().limit(reference, elements) == pytest.approx(limit)


def test_no_reference_is_refused_by_its_own_error(shipped: Callable[[str], Task]) -> None:
    """c-fast of softmax-long, met on one draw of 16 million elements."""
    tolerance = read_settings(shipped("softmax-long")).tolerance
    assert 2.18e-4 <= tolerance.limit(1.75e-4, 1 << 24) < 3e-4


def test_what_all_elements_share_is_no_scatter_and_the_rest_is() -> None:
    rng = np.random.default_rng(5)
    expected = rng.random(100_000, dtype=np.float32) + np.float32(0.5)
    shifted = deviation(expected * np.float32(1.001), expected)
    assert shifted.error == pytest.approx(1e-3, rel=0.01)
    assert shifted.scatter < 1e-6
    signs = np.where(rng.random(expected.size) < 0.5, np.float32(0.999), np.float32(1.001))
    scattered = deviation(expected * signs, expected)
    assert scattered.error == pytest.approx(1e-3, rel=0.01)
    assert scattered.scatter == pytest.approx(1e-3, rel=0.02)


def test_scatter_may_not_grow_with_the_number_of_elements(shipped: Callable[[str], Task]) -> None:
    tolerance = read_settings(shipped("softmax-long")).tolerance
    assert tolerance.scatter_limit(0.0) == pytest.approx(1e-6)
    assert tolerance.scatter_limit(5e-7) == pytest.approx(2e-6)
    assert tolerance.scatter_limit(1.0) == tolerance.ceiling


def test_a_sum_estimated_from_half_of_the_row_is_beyond_the_tolerance(shipped: Callable[[str], Task]) -> None:
    """On data with one law of moderate spread, where an estimate is as good as it can be."""
    task = shipped("softmax-long")
    limit = read_settings(task).tolerance.limit(1e-6, 1 << 24)
    rng = np.random.default_rng(9)
    parts = np.exp(rng.standard_normal((1 << 14, 1 << 10), dtype=np.float32)).sum(axis=1, dtype=np.float64)
    halves = [rng.permutation(parts)[: parts.size // 2].sum() for _ in range(41)]
    errors = [abs(2.0 * half / parts.sum() - 1.0) for half in halves]
    assert float(np.median(errors)) > limit


def test_the_sum_of_a_row_cannot_be_known_from_the_distributions_name(shipped: Callable[[str], Task]) -> None:
    """Not even relative to the largest term: each row has parameters of its own."""
    task = shipped("softmax-long")
    settings = read_settings(task)
    inputs, _ = load_problem(task)
    n = 200_000
    for distribution in settings.timing.distributions:
        rng = np.random.default_rng(13)
        x = np.empty(n, dtype=np.float32)
        sums = []
        for _ in range(8):
            inputs.fill(rng, {"n": n}, distribution, {"x": x})
            sums.append(float(np.exp(x - x.max(), dtype=np.float64).sum()))
        assert np.std(sums) / np.mean(sums) > 100 * settings.tolerance.ceiling, distribution


def test_an_allowance_ends_with_the_sum_of_its_calls_and_ignores_the_queue() -> None:
    allowance = Allowance(2.0, 1.5)
    assert allowance.call_s == 1.5
    allowance.spend(Call(cpu_ns=10, wall_ns=1_200_000_000, faults=0))
    assert allowance.call_s == pytest.approx(0.8)
    allowance.spend(Call(cpu_ns=100_000_000, wall_ns=30_000_000_000, faults=0, queued_ns=29_900_000_000))
    assert allowance.call_s == pytest.approx(0.7)
    allowance.spend(Call(cpu_ns=900_000_000, wall_ns=900_000_000, faults=0, queued_ns=800_000_000))
    with pytest.raises(KernelFailed, match="together"):
        _ = allowance.call_s


@pytest.mark.parametrize("count", [1, 3, 5])
def test_each_process_meets_each_distribution(count: int) -> None:
    rounds = range(count * count)
    met = {(index % count, turn_of(index, count)) for index in rounds}
    assert len(met) == count * count
    assert [turn_of(index, count) for index in range(count)] == list(range(count))
    assert {turn_of(index, count) for index in rounds if index % count == 0} == set(range(count))


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
