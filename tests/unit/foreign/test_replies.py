"""What the runner says is read strictly; an evaluator's own no is a failure, and never a number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.cascade import CandidateFailed
from evaluators.foreign.contract import Contract, ForeignSettings, ScoreName
from evaluators.foreign.reply import (
    Reply,
    StageReply,
    check_reply,
    feedback_of,
    judge_stage,
    mend_of,
    metrics_of,
    read_reply,
    score_of,
)
from nightforge.domain.evidence import Metric
from nightforge.domain.limits import ExecResult, ExitReason
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault

ENDED = Reply(ended=True)


def settings(score: ScoreName, *features: str) -> ForeignSettings:
    return ForeignSettings(contract=Contract.PATHS, evaluator="evaluator.py", score=score, features=features)


def ran(stdout: bytes, reason: ExitReason = ExitReason.EXITED, exit_code: int | None = 0) -> ExecResult:
    return ExecResult(reason=reason, exit_code=exit_code, stdout=stdout)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"no json",
        b"[]",
        b'{"stages": 3}',
        b'{"stages": [{"stage": "a", "metrics": {"x": NaN}}]}',
        b'{"stages": [{"stage": "a", "metrics": {"x": "1"}}], "ended": true} trailing',
        b'{"stages": [{"stage": "a", "unknown": 1}]}',
        b'{"stages": [{"stage": "a", "metrics": {"x": 1e999}}]}',
    ],
)
def test_a_reply_that_is_none_is_the_candidates_failure(said: bytes) -> None:
    with pytest.raises(CandidateFailed) as caught:
        read_reply(ran(said))
    assert caught.value.reason == "no_answer"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(said: bytes) -> None:
    with suppress(CandidateFailed):
        read_reply(ran(said))


@pytest.mark.parametrize(
    ("reason", "slug", "outcome"),
    [
        (ExitReason.WALL_LIMIT, "timeout", Outcome.TIMEOUT),
        (ExitReason.MEMORY_LIMIT, "memory_limit", Outcome.FAIL),
        (ExitReason.OUTPUT_LIMIT, "output_limit", Outcome.FAIL),
    ],
)
def test_what_the_box_ended_is_told_by_the_box(reason: ExitReason, slug: str, outcome: Outcome) -> None:
    good = json.dumps({"stages": [], "ended": True}).encode()
    with pytest.raises(CandidateFailed) as caught:
        read_reply(ran(good, reason, None))
    assert (caught.value.reason, caught.value.outcome) == (slug, outcome)


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (
            StageReply(stage="e", texts={"error": "Missing function"}, metrics={"combined_score": 0.0}),
            "evaluator_error",
        ),
        (StageReply(stage="e", texts={"correct": "false"}, metrics={"combined_score": 5.0}), "incorrect"),
        (StageReply(stage="e", metrics={"combined_score": 5.0, "validity": 0.0}), "invalid"),
        (StageReply(stage="e", metrics={"combined_score": 5.0, "validity": -1.0}), "invalid"),
        (StageReply(stage="e", metrics={"error": 0.0}), "evaluator_error"),
        (StageReply(stage="e", metrics={"error": 0.0}, texts={"timeout": "True"}), "evaluator_error"),
        (StageReply(stage="e", raised="Traceback\nValueError: no"), "raised"),
        (StageReply(stage="e", late=True), "timeout"),
        (StageReply(stage="e", metrics={"combined_score": 0.1}, below=0.5), "below_threshold"),
    ],
)
def test_an_evaluators_own_no_is_a_failure_whatever_number_stands_beside_it(stage: StageReply, reason: str) -> None:
    with pytest.raises(CandidateFailed) as caught:
        judge_stage(stage, ENDED, is_last=True)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "stage",
    [
        StageReply(stage="e", metrics={"combined_score": -3.0}),
        StageReply(stage="e", metrics={"combined_score": 1.0, "validity": 1.0}),
        StageReply(stage="e", metrics={"combined_score": 1.0, "error": 0.25}),
        StageReply(stage="e", texts={"correct": "true"}, metrics={"combined_score": 0.0}),
    ],
)
def test_a_number_that_is_meant_passes_whatever_its_sign(stage: StageReply) -> None:
    judge_stage(stage, ENDED, is_last=True)


def test_a_process_that_ended_within_a_stage_is_told_with_its_exit_code() -> None:
    with pytest.raises(CandidateFailed, match="exit code 3") as caught:
        judge_stage(StageReply(stage="e"), Reply(exit=3 << 8), is_last=True)
    assert caught.value.reason == "exited"
    with pytest.raises(CandidateFailed, match="signal 11"):
        judge_stage(StageReply(stage="e"), Reply(exit=11), is_last=True)


def test_an_evaluator_that_breaks_by_itself_is_our_sides_fault_with_the_mend() -> None:
    broken = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'numpy.linalg'"
    with pytest.raises(EvaluatorFault) as caught:
        check_reply(Reply(broken=broken, ended=True), "evaluator.py")
    assert "numpy" in caught.value.hint
    assert "--python" in caught.value.hint


def test_a_hint_without_a_missing_module_shows_the_last_words() -> None:
    assert mend_of("ValueError: x", "first\nlast words\n") == "last words"
    assert mend_of("ValueError: x") == "run it by hand in that folder"


def metrics(**values: float) -> Mapping[str, Metric]:
    return {name: Metric(value=value) for name, value in values.items()}


def test_a_score_is_the_named_metric_or_none() -> None:
    assert score_of(metrics(combined_score=2.0, other=9.0), settings(ScoreName.COMBINED)).value == 2.0
    with pytest.raises(CandidateFailed) as caught:
        score_of(metrics(other=9.0), settings(ScoreName.COMBINED))
    assert caught.value.reason == "no_score"


def test_a_mean_leaves_feature_dimensions_and_errors_out() -> None:
    found = score_of(metrics(a=1.0, b=3.0, colour=100.0, error=7.0), settings(ScoreName.MEAN, "colour"))
    assert found.value == 2.0


def test_a_mean_over_nothing_but_features_takes_them_all() -> None:
    assert score_of(metrics(colour=4.0), settings(ScoreName.MEAN, "colour")).value == 4.0


def test_no_number_at_all_is_a_failure() -> None:
    with pytest.raises(CandidateFailed):
        score_of({}, settings(ScoreName.MEAN))


@given(st.dictionaries(st.text(max_size=80), st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=9))
def test_names_of_metrics_are_fit_for_a_terminal_and_nothing_that_is_no_number_stays(
    values: Mapping[str, float | None],
) -> None:
    found = metrics_of(StageReply(stage="e", metrics=dict(values)))
    assert all(name.isprintable() and name.isascii() and 1 <= len(name) <= 64 for name in found)
    assert set(values.values()) >= {metric.value for metric in found.values()}


def test_feedback_is_bounded_and_holds_artifacts_and_the_end_of_what_was_printed() -> None:
    stage = StageReply(stage="e", texts={"note": "n" * 50_000, "other": "here"})
    words = feedback_of(stage, Reply(output="p" * 50_000 + "last"))
    assert len(words) <= 8000
    assert "note:" in words
    assert "here" in words
    assert words.endswith("last")
