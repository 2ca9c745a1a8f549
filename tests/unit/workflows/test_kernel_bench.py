"""What `bench kernels` makes of measurements; the measuring itself is the evaluator's."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from nightforge.cli.bench_kernels import EXAMPLES, describe
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.errors import UserError
from workflows.kernel_bench import (
    EXAMPLE_FILE,
    GOALS,
    Found,
    Goal,
    KernelRow,
    Standing,
    best_baseline,
    judged,
    kernel_tasks,
    read_example,
)

ROOT = Path(__file__).resolve().parents[3]


def x(value: float) -> Metric:
    return Metric(value=value, low=value - 0.01, high=value + 0.01, unit="x", samples=9)


def baseline(name: str, speedup: float | None) -> Baseline:
    if speedup is None:
        return Baseline(name=name, title=name, available=False, missing_reason="not installed")
    return Baseline(name=name, title=name, metrics={"speedup": x(speedup)}, environment={"package": f"{name} 1"})


def test_the_best_baseline_is_the_fastest_that_is_there() -> None:
    made = Calibration(
        baselines=(baseline("c-fast", 1.0), baseline("numpy", 1.3), baseline("torch", None)),
        reference="c-fast",
        noise=x(0.02),
        band=0.04,
    )
    assert best_baseline(made).name == "numpy"


@pytest.mark.parametrize(
    ("goal", "standing", "gain", "verdict"),
    [
        (Goal(ratio=1.3), Standing(ok=True), x(1.31), "reached"),
        (Goal(ratio=1.3), Standing(ok=True), x(1.29), "not reached"),
        (Goal(ratio=1.3), None, None, "no result kept"),
        (Goal(ratio=1.3), Standing(ok=False, reason="wrong_output"), x(2.0), "failed"),
        (Goal(ratio=1.3), Standing(ok=True), None, "failed"),
        (None, Standing(ok=True), x(2.0), "no goal"),
        (Goal(ratio=1.0, is_control=True), Standing(ok=True, distinguishable=True), x(1.2), "not reached"),
        (Goal(ratio=1.0, is_control=True), Standing(ok=True), x(1.0), "reached"),
        (Goal(ratio=1.0, is_control=True), None, None, "no result kept"),
    ],
)
def test_a_goal_is_reached_by_the_ratio(
    goal: Goal | None, standing: Standing | None, gain: Metric | None, verdict: str
) -> None:
    assert judged(standing, goal, gain) == verdict


def test_goals_are_of_kernel_tasks() -> None:
    assert set(GOALS) <= {task.name for task in kernel_tasks()}
    assert {"axpy", "softmax-long", "jacobi2d", "rmsnorm", "layernorm", "gemm-batched-small", "gemm-f32"} == set(GOALS)
    with pytest.raises(UserError, match="no kernel task"):
        kernel_tasks(["job-shop"])


def found(source: str) -> Found:
    return Found(
        task="softmax-long",
        program="program.c",
        sha256=sha256(source.encode()).hexdigest(),
        campaign="a-b",
        ordinal=3,
        goal="g",
        team="offline",
        preset="pair",
        seed=8,
        evaluations=24,
        active_minutes=30.0,
        how=("seed", "rewrite.stack: two"),
        state="confirmed",
        speedup=x(1.4),
        reference="c-fast",
        machine={"model": "m"},
        version="0.1.0",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_a_kept_program_is_the_one_that_was_found(tmp_path: Path) -> None:
    assert read_example(tmp_path) is None
    (tmp_path / "program.c").write_text("int a;\n")
    (tmp_path / EXAMPLE_FILE).write_text(found("int a;\n").model_dump_json())
    kept = read_example(tmp_path)
    assert kept is not None
    assert kept[1] == "int a;\n"
    (tmp_path / "program.c").write_text("int b;\n")
    with pytest.raises(UserError, match="not the one that was found"):
        read_example(tmp_path)


def test_the_kept_results_of_this_repository_are_whole() -> None:
    folders = [path for path in (ROOT / EXAMPLES).iterdir() if path.is_dir()]
    assert folders
    for folder in folders:
        kept = read_example(folder)
        assert kept is not None, folder
        assert kept[0].task == folder.name
        assert kept[0].how[0] == "seed"
        assert kept[0].evaluations > 0


def test_the_table_says_goal_gain_and_what_is_missing() -> None:
    row = KernelRow(
        task="softmax-long",
        title="Softmax",
        reference="c-fast",
        best=baseline("c-fast", 1.0),
        best_roof_pct=33.0,
        timed={"c-fast": Metric(value=8.5, unit="ms"), "numpy": Metric(value=17.0, unit="ms")},
        missing={"torch": "not installed"},
        naive=Standing(ok=True, speedup=x(0.98), cpu_ms=Metric(value=9.0, unit="ms")),
        evolved=Standing(
            ok=True,
            speedup=x(1.2),
            against={"c-fast": x(1.2)},
            cpu_ms=Metric(value=7.0, unit="ms"),
            roof_pct=Metric(value=45.0, unit="%"),
            distinguishable=True,
            limit="compute_bound: 45 % of the memory roof",
        ),
        found=found("x"),
        goal=GOALS["softmax-long"],
        gain=x(1.2),
        verdict="not reached",
        noise=x(0.02),
        machine={},
    )
    text = describe([row], None)
    for words in ("1.20 x [1.19, 1.21]", "≥ 1.3 x c-fast", "not reached", "missing   torch: not installed", "a-b.3"):
        assert words in text
    assert "held back compute_bound" in text
    assert "others    numpy 17 ms" in text
    assert "33 % of the roof" in text


def test_a_task_without_a_stated_goal_is_measured_and_not_judged() -> None:
    assert {"bias-gelu", "softmax-rows", "spmv-csr"} & set(GOALS) == set()
    row = KernelRow(
        task="spmv-csr",
        title="Sparse",
        reference="c-fast",
        best=baseline("c-fast", 1.0),
        best_roof_pct=None,
        timed={},
        missing={},
        naive=Standing(ok=True),
        evolved=None,
        found=None,
        goal=GOALS.get("spmv-csr"),
        gain=None,
        verdict=judged(None, GOALS.get("spmv-csr"), None),
        noise=x(0.02),
        machine={},
    )
    assert row.verdict == "no goal"
    assert "none stated" in describe([row], None)
