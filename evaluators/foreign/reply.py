"""What the runner says of one evaluation, read strictly: none of it is believed, all of it is bounded."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pydantic import Field, ValidationError

from evaluators.cascade import CandidateFailed
from evaluators.foreign.contract import COMBINED, COMPLEXITY, MEAN, SCORE, ForeignSettings
from nightforge.domain.base import Frozen
from nightforge.domain.evidence import Metric
from nightforge.domain.limits import ExecResult, ExitReason
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault
from sandbox.channel import BadReply, strict_json

MOST_FEEDBACK = 8000
_PART = 2000
_ENDS = {
    ExitReason.WALL_LIMIT: ("timeout", Outcome.TIMEOUT),
    ExitReason.CPU_LIMIT: ("timeout", Outcome.TIMEOUT),
    ExitReason.MEMORY_LIMIT: ("memory_limit", Outcome.FAIL),
    ExitReason.OUTPUT_LIMIT: ("output_limit", Outcome.FAIL),
    ExitReason.DISK_LIMIT: ("disk_limit", Outcome.FAIL),
}
_NAME = re.compile(r"[^A-Za-z0-9_.:/% -]")


class StageReply(Frozen):
    stage: str
    metrics: dict[str, float | None] = Field(default_factory=dict)
    texts: dict[str, str] = Field(default_factory=dict)
    raised: str = ""
    below: float | None = None
    """The threshold that was not reached."""
    late: bool = False
    seconds: float = 0.0


class Reply(Frozen):
    stages: tuple[StageReply, ...] = ()
    ended: bool = False
    """The evaluator's process said that it was through."""
    broken: str = ""
    """Raised before any stage: the evaluator's own fault."""
    problem: str = ""
    exit: int | None = None
    output: str = ""
    marked: bool = False
    """A forged program has said that it changed something."""


def read_reply(result: ExecResult) -> Reply:
    """Raises CandidateFailed where the box ended it, or nothing readable came."""
    said = result.stderr.decode(errors="replace")[-_PART:]
    if result.reason in _ENDS:
        reason, outcome = _ENDS[result.reason]
        raise CandidateFailed(reason, f"the evaluation was ended: {result.reason.value}\n{said}", outcome)
    try:
        return Reply.model_validate(strict_json(result.stdout))
    except (BadReply, ValidationError) as error:
        how = f"exit code {result.exit_code}" if result.signal is None else f"signal {result.signal}"
        raise CandidateFailed("no_answer", f"the evaluation ended ({how}) without an answer\n{said}") from error


def check_reply(reply: Reply, where: str) -> None:
    """EvaluatorFault where the folder's evaluator broke before the candidate was met."""
    if reply.broken and not reply.stages:
        last = reply.broken.strip().splitlines()[-1] if reply.broken.strip() else "no reason"
        raise EvaluatorFault(
            f"the folder's evaluator cannot be run: {last}", where=where, hint=mend_of(last, reply.output)
        )
    if not reply.stages and reply.problem == "late":
        raise EvaluatorFault("the folder's evaluator does not get through its imports in time", where=where)


def mend_of(error: str, output: str = "") -> str:
    missing = re.search(r"No module named '([\w.]+)'", error)
    if missing:
        name = missing[1].split(".")[0]
        return f"its Python lacks {name}: name an environment that has it with --python PATH"
    return output.strip().splitlines()[-1][:200] if output.strip() else "run it by hand in that folder"


def judge_stage(stage: StageReply, reply: Reply, *, is_last: bool) -> None:
    """Raises CandidateFailed for a stage that gives no number to go on with."""
    words = feedback_of(stage, reply if is_last else None)
    if stage.late:
        raise CandidateFailed("timeout", f"longer than allowed\n{words}", Outcome.TIMEOUT)
    if stage.raised:
        raise CandidateFailed("raised", words)
    if is_last and reply.problem:
        raise CandidateFailed(reply.problem, words)
    if is_last and not reply.ended and not (stage.metrics or stage.texts):
        raise CandidateFailed("exited", f"the evaluator's process ended: {_end_words(reply.exit)}\n{words}")
    if failure := _own_word(stage):
        raise CandidateFailed(failure[0], f"{failure[1]}\n{words}".strip())
    if stage.below is not None:
        raise CandidateFailed("below_threshold", f"below the threshold {stage.below:g} of the next stage\n{words}")


def _own_word(stage: StageReply) -> tuple[str, str] | None:
    """The evaluator's own no: an error in words, `correct: false`, `validity` of 0 or less, or `error` alone."""
    error = stage.texts.get("error") or stage.texts.get("error_message") or ""
    if stage.texts.get("correct", "true") != "true":
        return "incorrect", error or "the evaluator says that it is not correct"
    if error:
        return "evaluator_error", error[:_PART]
    validity = stage.metrics.get("validity")
    if validity is not None and validity <= 0:
        return "invalid", f"the evaluator gives validity {validity:g}"
    numbers = {name for name, value in stage.metrics.items() if value is not None}
    if numbers and numbers <= {"error", "timeout"}:
        return "evaluator_error", "the evaluator gives an error and no number"
    if stage.texts.get("timeout") == "True":
        return "timeout", "the evaluator says that it took too long"
    return None


def _end_words(status: int | None) -> str:
    if status is None:
        return "how is not known"
    signal = status & 0x7F
    return f"signal {signal}" if signal else f"exit code {status >> 8}"


def feedback_of(stage: StageReply, reply: Reply | None) -> str:
    """Artifacts, then what was raised, then the ends of what was printed: for the coder and the judge."""
    parts = [f"{name}:\n{text[:_PART]}" for name, text in stage.texts.items() if text]
    if stage.raised:
        parts.append(stage.raised[-_PART:])
    if reply is not None and reply.output.strip():
        parts.append(f"printed:\n{reply.output.strip()[-_PART:]}")
    return "\n".join(parts)[:MOST_FEEDBACK]


def metrics_of(stage: StageReply) -> dict[str, Metric]:
    """Under names that a terminal and a table can take."""
    found = {_NAME.sub("_", name)[:64] or "_": value for name, value in stage.metrics.items() if value is not None}
    return {name: Metric(value=value) for name, value in found.items()}


def score_of(metrics: Mapping[str, Metric], settings: ForeignSettings) -> Metric:
    """The number that ranks; CandidateFailed where the evaluator gave none that is finite."""
    if settings.score in {COMBINED, SCORE}:
        if settings.score not in metrics:
            raise CandidateFailed("no_score", f"the evaluator gave no finite {settings.score}")
        return metrics[settings.score]
    left_out = {*settings.features, COMPLEXITY, "error", MEAN}
    known = [metric.value for name, metric in metrics.items() if name not in left_out]
    known = known or [metric.value for metric in metrics.values()]
    mean = math.fsum(known) / len(known) if known else math.nan
    if not math.isfinite(mean):
        raise CandidateFailed("no_score", "the evaluator gave no finite number")
    return Metric(value=mean)
