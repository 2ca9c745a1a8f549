"""What is read from a goal in numbers and names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.goal_numbers import GoalFacts, quantity, read_facts

NOW = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)


def facts(goal: str, machine: str = "x86_64") -> GoalFacts:
    return read_facts(goal, now=NOW, machine=machine)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("16M", 16_000_000),
        ("16 million", 16_000_000),
        ("16 Mio", 16_000_000),
        ("2^24", 2**24),
        ("2**24", 2**24),
        ("2 to the 24", 2**24),
        ("1 << 24", 2**24),
        ("16,777,216", 2**24),
        ("16_777_216", 2**24),
        ("1e7", 10**7),
        ("1.5k", 1500),
        ("4 Ki", 4096),
        ("64 Mi", 2**26),
        ("3 billion", 3 * 10**9),
        ("many", None),
        ("16 x", None),
        ("9^99", None),
        ("1e999", None),
    ],
)
def test_quantities(text: str, value: int | None) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize(
    ("goal", "values", "unit"),
    [
        ("over 16 million floats", [16_000_000], "elements"),
        ("sixteen million numbers", [16_000_000], "elements"),
        ("a million entries", [1_000_000], "elements"),
        ("64 MB of floats", [64_000_000], "bytes"),
        ("a 64-MiB array", [2**26], "bytes"),
        ("2 gigabytes", [2 * 10**9], "bytes"),
        ("size 512", [512], "elements"),
        ("n = 1000", [1000], "elements"),
        ("length of 300", [300], "elements"),
        ("1k-8k elements", [1000, 8000], "elements"),
        ("for 1k to 8k rows", [1000, 8000], "rows"),
        ("37 rows", [37], "rows"),
        ("twenty-four rows", [24], "rows"),
        ("500 columns", [500], "columns"),
        ("16777216", [16777216], "elements"),
        ("32M-element vectors", [32_000_000], "elements"),
    ],
)
def test_sizes(goal: str, values: list[int], unit: str) -> None:
    sizes = facts(goal).sizes
    assert [size.value for size in sizes] == values
    assert {size.unit for size in sizes} == {unit}


def test_an_ambiguous_megabyte_has_two_readings() -> None:
    (size,) = facts("64 MB").sizes
    assert (size.value, size.other) == (64_000_000, 2**26)
    (size,) = facts("64 MiB").sizes
    assert (size.value, size.other) == (2**26, None)


@pytest.mark.parametrize(
    ("goal", "dims"),
    [
        ("4096x4096", (4096, 4096)),
        ("4,096 by 4,096", (4096, 4096)),
        ("4096 × 4096", (4096, 4096)),
        ("1 x 16M", (1, 16_000_000)),
        ("8x16x128x128", (8, 16, 128, 128)),
        ("4096 rows of 2048 floats", (4096, 2048)),
        ("one row of 16 million floats", (1, 16_000_000)),
    ],
)
def test_shapes(goal: str, dims: tuple[int, ...]) -> None:
    read = facts(goal)
    assert [shape.dims for shape in read.shapes] == [dims]
    assert not read.sizes


@pytest.mark.parametrize("goal", ["two float arrays", "y = 2*x + y", "in 3 steps", "two vectors"])
def test_small_counts_of_other_things_are_no_sizes(goal: str) -> None:
    assert not facts(goal).sizes
    assert not facts(goal).shapes


@pytest.mark.parametrize(
    ("goal", "wall_s"),
    [
        ("for 10 minutes", 600),
        ("a 10-minute run", 600),
        ("within 90 seconds", 90),
        ("for half an hour", 1800),
        ("for an hour", 3600),
        ("two hours", 7200),
        ("1.5 h", 5400),
        ("overnight", 8 * 3600),
        ("all night", 8 * 3600),
        ("until 7", 8 * 3600),
        ("until 7:30 am", 8.5 * 3600),
        ("till 11 pm", 24 * 3600),
        ("by 6am", 7 * 3600),
        ("until morning", 8 * 3600),
    ],
)
def test_durations(goal: str, wall_s: float) -> None:
    assert [limit.value for limit in facts(goal).wall_s] == [wall_s]


@pytest.mark.parametrize("goal", ["under 5 ms", "in 300 us", "at 4 ns", "runs in 2 seconds"])
def test_a_run_time_is_no_budget(goal: str) -> None:
    read = facts(goal)
    assert not read.wall_s
    assert read.times


def test_the_time_of_day_needs_a_clock() -> None:
    assert not read_facts("until 7", now=None).wall_s


@pytest.mark.parametrize(
    ("goal", "cost_usd"),
    [("under $2", 2.0), ("$0.50", 0.5), ("3 dollars", 3.0), ("5 USD", 5.0), ("50 cents", 0.5), ("US$ 1,000", 1000.0)],
)
def test_money(goal: str, cost_usd: float) -> None:
    assert [limit.value for limit in facts(goal).cost_usd] == [cost_usd]


def test_other_currencies_set_no_cap() -> None:
    read = facts("for 2 € or £3")
    assert not read.cost_usd
    assert len(read.foreign_money) == 2


@pytest.mark.parametrize(
    ("goal", "gain"),
    [
        ("1.5x faster", 1.5),
        ("2 times as fast", 2.0),
        ("three times faster", 3.0),
        ("20 % faster", 1.2),
        ("50% less time", 2.0),
        ("twice as fast", 2.0),
        ("double the speed", 2.0),
        ("in half the time", 2.0),
        ("a 2-fold speedup", 2.0),
        ("at least 1.25×", 1.25),
    ],
)
def test_gains(goal: str, gain: float) -> None:
    read = facts(goal)
    assert [one.value for one in read.gains] == [pytest.approx(gain)]
    assert not read.dtypes
    assert not read.shapes


@pytest.mark.parametrize(
    ("goal", "threads"),
    [
        ("with 8 threads", 8),
        ("on 8 cores", 8),
        ("an 8-core run", 8),
        ("four threads", 4),
        ("threads=2", 2),
        ("single-threaded", 1),
        ("on one core", 1),
        ("multi-threaded", 0),
        ("on all cores", 0),
        ("with OpenMP", 0),
        ("in parallel", 0),
    ],
)
def test_threads(goal: str, threads: int) -> None:
    assert [one.value for one in facts(goal).threads] == [threads]


@pytest.mark.parametrize(
    ("goal", "dtype"),
    [
        ("double precision", "float64"),
        ("16 million doubles", "float64"),
        ("64-bit floats", "float64"),
        ("fp64", "float64"),
        ("half precision", "float16"),
        ("fp16", "float16"),
        ("bf16", "bfloat16"),
        ("float32", "float32"),
        ("single precision", "float32"),
        ("int8", "int8"),
        ("64-bit integers", "int64"),
        ("complex numbers", "complex"),
        ("long double", "float128"),
    ],
)
def test_dtypes(goal: str, dtype: str) -> None:
    assert [name.value for name in facts(goal).dtypes] == [dtype]


def test_plain_floats_name_no_type() -> None:
    assert not facts("16 million floats").dtypes


@pytest.mark.parametrize(
    ("goal", "processor"),
    [
        ("on an H100", "gpu"),
        ("in CUDA", "gpu"),
        ("on my RTX 4090", "gpu"),
        ("on a TPU", "tpu"),
        ("for an FPGA", "fpga"),
        ("on ARM", "arm"),
        ("on this CPU", "cpu"),
        ("with AVX-512", "cpu"),
        ("on a RISC-V core", "riscv"),
    ],
)
def test_processors(goal: str, processor: str) -> None:
    assert {name.value for name in facts(goal).processors} == {processor}


def test_the_processor_at_hand_depends_on_the_host() -> None:
    assert [name.value for name in facts("on ARM", machine="aarch64").processors] == ["cpu"]
    assert [name.value for name in facts("on x86", machine="aarch64").processors] == ["x86"]


@pytest.mark.parametrize("goal", ["without a GPU", "not on a GPU", "faster than CUDA"])
def test_what_is_ruled_out_is_not_asked_for(goal: str) -> None:
    assert not facts(goal).processors


@pytest.mark.parametrize(
    "goal", ["error below 1e-6", "within 2 ulp", "bit-exact", "0.1 % accuracy", "tolerance of 10^-5"]
)
def test_tolerances(goal: str) -> None:
    assert facts(goal).tolerances


@pytest.mark.parametrize(
    ("goal", "metric"),
    [
        ("using less energy", "energy"),
        ("low power", "energy"),
        ("smaller code", "code size"),
        ("less memory", "memory"),
        ("more accurate", "accuracy"),
        ("faster", "speed"),
    ],
)
def test_metrics(goal: str, metric: str) -> None:
    assert [name.value for name in facts(goal).metrics] == [metric]


@pytest.mark.parametrize(
    ("goal", "language"),
    [
        ("in Rust", "rust"),
        ("a C++ kernel", "cpp"),
        ("written in C", "c"),
        ("as Python code", "python"),
        ("in Fortran", "fortran"),
    ],
)
def test_languages(goal: str, language: str) -> None:
    assert language in [name.value for name in facts(goal).languages]


def test_an_opponent_is_no_language() -> None:
    read = facts("faster than torch and numpy")
    assert not read.languages
    assert [name.value for name in read.rivals] == ["torch"]


def test_work_counts_are_caps() -> None:
    read = facts("100 evaluations and 200k tokens")
    assert [one.value for one in read.evaluations] == [100]
    assert [one.value for one in read.tokens] == [200_000]


def test_what_is_not_understood_is_kept() -> None:
    assert facts("take 7").unread == ["7"]


@given(st.text(max_size=300))
def test_any_text_is_read_without_error(text: str) -> None:
    read = facts(text)
    assert all(size.value >= 0 for size in read.sizes)


@given(st.integers(min_value=1, max_value=10**9))
def test_any_count_of_elements_is_read_as_it_is(count: int) -> None:
    for text in (f"{count} floats", f"{count:,} floats"):
        assert [size.value for size in facts(text).sizes] == [count]


@given(st.integers(2, 10**6), st.integers(2, 10**6))
def test_any_shape_is_read_as_it_is(rows: int, columns: int) -> None:
    assert [shape.dims for shape in facts(f"softmax {rows}x{columns}").shapes] == [(rows, columns)]
