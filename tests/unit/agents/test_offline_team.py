"""The offline team's words: read off the evidence, never invented."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from agents.offline.analyst import OfflineAnalyst
from agents.offline.coder import OfflineCoder
from agents.offline.judge import OfflineJudge
from agents.offline.team import OfflineTeam
from nightforge.catalogue import shipped_tasks
from nightforge.domain.candidate import Tally, Verdict
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, Finalist, NoDraft, ReportContext, StepContext
from nightforge.domain.words import Direction, Outcome, SandboxTier

ContextMaker = Callable[..., StepContext]


def evidence(*stages: StageEvidence) -> Evidence:
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=stages)


def passed(**metrics: Metric) -> Evidence:
    return evidence(StageEvidence(stage="full", outcome=Outcome.PASS, metrics=metrics))


async def test_the_team_reads_a_goal_and_discloses_that_no_model_is_used() -> None:
    team = OfflineTeam(OfflineCoder())
    assert team.disclosure == "No model is used; nothing leaves this machine."
    reading = await team.planner.read_goal("fast softmax over one row of 16 million floats", shipped_tasks())
    assert reading.task == "softmax-long"


async def test_the_teams_coder_writes(make_context: ContextMaker) -> None:
    made = await OfflineTeam(OfflineCoder()).coder.write(make_context(), random=Random(1), is_known=lambda _: False)
    assert isinstance(made, Draft | NoDraft)


async def test_a_step_passes_on_what_the_judge_said_of_the_parent(make_context: ContextMaker) -> None:
    planner = OfflineTeam(OfflineCoder()).planner
    context = make_context()
    assert (await planner.plan_step(context)).hint == ""
    parent = context.parent.model_copy(update={"verdict": Verdict(bottleneck="stores", next_step="Stream them.")})
    step = await planner.plan_step(context.model_copy(update={"parent": parent}))
    assert (step.operator, step.hint, step.reason) == (None, "Stream them.", "parent: stores")


@pytest.mark.parametrize(
    ("stage", "reason", "outcome", "bottleneck", "word"),
    [
        ("compile", "compile_error", Outcome.FAIL, "compile failed: compile error", "compiler"),
        ("correctness", "wrong_output", Outcome.FAIL, "correctness failed: wrong output", "numerics"),
        ("correctness", "out_of_bounds", Outcome.FAIL, "correctness failed: out of bounds", "index"),
        ("quick", "timeout", Outcome.TIMEOUT, "quick ran out of time: timeout", "loop"),
        ("quick", "slower", Outcome.FAIL, "quick failed: slower", "another kind"),
        ("odd", "", Outcome.ERROR, "odd broke: error", "feedback"),
    ],
)
async def test_a_failure_is_named_with_a_next_step(
    stage: str, reason: str, outcome: Outcome, bottleneck: str, word: str, make_context: ContextMaker
) -> None:
    failed = StageEvidence(stage=stage, outcome=outcome, reason=reason, feedback="\nline one\nline two")
    verdict = await OfflineJudge().judge(make_context(), "x", evidence(failed))
    assert verdict.bottleneck == bottleneck
    assert word in verdict.next_step
    assert verdict.summary == "line one"
    assert verdict.suspicion == ""


@pytest.mark.parametrize(
    ("metrics", "bottleneck"),
    [
        ({"roof_pct": Metric(value=92)}, "memory bandwidth, at 92 % of the roof"),
        ({"roof_pct": Metric(value=30)}, "computation or latency, at 30 % of the roof"),
        ({"roof_pct": Metric(value=70)}, "between computation and memory, at 70 % of the roof"),
        ({"roof_pct": Metric(value=30), "page_faults": Metric(value=16384)}, "page faults in the call"),
        ({}, ""),
    ],
)
async def test_a_bottleneck_is_read_off_the_metrics(
    metrics: dict[str, Metric], bottleneck: str, make_context: ContextMaker
) -> None:
    assert (await OfflineJudge().judge(make_context(), "x", passed(**metrics))).bottleneck == bottleneck


@pytest.mark.parametrize(
    ("metrics", "word"),
    [
        ({"roof_pct": Metric(value=120, low=110)}, "roof"),
        ({"err_rel": Metric(value=1e-3)}, "accuracy"),
        ({"cpu_ms": Metric(value=5), "wall_ms": Metric(value=20)}, "waits"),
    ],
)
async def test_what_is_odd_is_suspicious(metrics: dict[str, Metric], word: str, make_context: ContextMaker) -> None:
    context = make_context()
    parent = context.parent.model_copy(update={"metrics": {"err_rel": Metric(value=1e-6)}})
    verdict = await OfflineJudge().judge(context.model_copy(update={"parent": parent}), "x", passed(**metrics))
    assert word in verdict.suspicion
    plain = await OfflineJudge().judge(context, "x", passed(roof_pct=Metric(value=90), err_rel=Metric(value=1e-6)))
    assert plain.suspicion == ""


@pytest.mark.parametrize(
    ("low", "value", "high", "summary"),
    [
        (1.2, 1.3, 1.4, "Better than its parent in speedup."),
        (0.8, 0.9, 1.0, "Worse than its parent in speedup."),
        (1.0, 1.12, 1.2, "Not told apart from its parent in speedup."),
    ],
)
async def test_a_gain_over_the_parent_needs_separate_intervals(
    low: float, value: float, high: float, summary: str, make_context: ContextMaker
) -> None:
    speedup = Metric(value=value, low=low, high=high, unit="x")
    assert (await OfflineJudge().judge(make_context(), "x", passed(speedup=speedup))).summary == summary
    noise = passed(speedup=speedup, distinguishable=Metric(value=0))
    assert "noise" in (await OfflineJudge().judge(make_context(), "x", noise)).summary


def report(**changes: Any) -> ReportContext:
    fields: dict[str, Any] = {
        "plan": Plan(
            goal="g",
            task="softmax-long",
            objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
            budget=Budget(evaluations=60),
        ),
        "calibration": Calibration(
            baselines=(Baseline(name="c-fast", title="C", metrics={"speedup": Metric(value=1.0, unit="x")}),),
            reference="c-fast",
            noise=Metric(value=0.01),
            band=0.03,
            room=2.1,
        ),
        "tally": Tally(candidates=61, evaluations=40, last_improvement_evaluation=12),
        "finalists": (
            Finalist(
                ordinal=9,
                confirmed=True,
                metrics={"speedup": Metric(value=1.31, low=1.28, high=1.34, unit="x")},
                operator_name="rewrite.fuse",
            ),
            Finalist(ordinal=7, confirmed=False, suspicious=True, metrics={"speedup": Metric(value=3.0, unit="x")}),
        ),
        "operators": {"rewrite.unroll": (8, 0), "rewrite.fuse": (5, 4), "tune.N": (2, 0)},
        "failures": {"compile_error": 20, "duplicate": 1},
    }
    return ReportContext(**{**fields, **changes})


async def test_a_win_is_summarised_from_the_confirmed_finalist() -> None:
    analysis = await OfflineAnalyst().analyse(report())
    assert analysis.summary.startswith(
        "Candidate 9, made by rewrite.fuse, is confirmed at speedup 1.31x (1.28 to 1.34)."
    )
    assert "compile error (20)" in analysis.summary
    assert "1 finalist did not hold" in analysis.summary
    assert any("Compile error is frequent" in step for step in analysis.next_steps)
    assert "On softmax-long, rewrite.fuse made a confirmed candidate." in analysis.lessons
    assert "On softmax-long, rewrite.unroll made 8 candidates and none was measured." in analysis.lessons
    assert not any("tune.N" in lesson for lesson in analysis.lessons), "two tries teach nothing"


async def test_a_gain_inside_the_band_is_no_win() -> None:
    near = Finalist(ordinal=4, confirmed=True, metrics={"speedup": Metric(value=1.02, low=1.0, high=1.04, unit="x")})
    analysis = await OfflineAnalyst().analyse(report(finalists=(near,)))
    assert analysis.summary.startswith(
        "Nothing confirmed beats the reference beyond the noise band; candidate 4 comes nearest"
    )


async def test_without_finalists_and_without_room_it_says_so() -> None:
    context = report(finalists=(), failures={}, operators={})
    assert context.calibration is not None
    small = context.calibration.model_copy(update={"room": 1.01})
    analysis = await OfflineAnalyst().analyse(context.model_copy(update={"calibration": small}))
    assert analysis.summary.startswith("No candidate was confirmed.")
    assert any("less room than the noise band" in step for step in analysis.next_steps)


@pytest.mark.parametrize("changes", [{}, {"finalists": ()}, {"calibration": None}, {"failures": {}}])
async def test_no_number_is_invented(changes: dict[str, Any]) -> None:
    context = report(**changes)
    shown = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", context.model_dump_json())} | {1.0}
    analysis = await OfflineAnalyst().analyse(context)
    text = " ".join((analysis.summary, *analysis.next_steps, *analysis.lessons))
    assert {float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)} <= shown
