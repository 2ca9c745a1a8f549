"""The analyst with a model: prose for the morning report that may repeat figures and never make one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.fencing import clean_line, fence
from agents.offline.analyst import OfflineAnalyst
from agents.prompting import load_prompt
from agents.prompting_context import describe_objective, list_metrics, show_metric
from nightforge.domain.model import CallKey
from nightforge.domain.ports import ModelClient
from nightforge.domain.team import Analysis, Finalist, ReportContext
from nightforge.domain.words import Role
from tools.llm_errors import UnusableReply

DIFF_LIMIT = 4_000
MOST_FINALISTS = 5
MOST_LINES = 3
PARAGRAPH_LIMIT = 1_200
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d\"'(])")


class LlmAnalyst:
    """Implements `nightforge.domain.team.Analyst`.

    A sentence with a figure that the report does not hold is left out; where nothing usable is left, or no usable
    reply comes, the offline analyst writes.
    """

    def __init__(self, client: ModelClient, *, campaign_id: str) -> None:
        self._client = client
        self._campaign_id = campaign_id
        self._prompt = load_prompt("analyst")
        self._offline = OfflineAnalyst()

    async def analyse(self, context: ReportContext) -> Analysis:
        key = CallKey(campaign_id=self._campaign_id, step="analyse", role=Role.ANALYST)
        user = self._prompt.fill(
            "user",
            plan=_describe_plan(context),
            calibration=_describe_calibration(context),
            tally=_describe_tally(context),
            finalists=_describe_finalists(context.finalists),
            operators=_describe_operators(context),
        )
        try:
            reply = await self._client.complete(
                key, self._prompt.messages(self._prompt.fill("system"), user), schema=Analysis
            )
        except UnusableReply:
            return await self._offline.analyse(context)
        written = _checked(reply.value or Analysis(), user)
        if written.summary:
            return written
        offline = await self._offline.analyse(context)
        return offline.model_copy(
            update={
                "next_steps": written.next_steps or offline.next_steps,
                "lessons": written.lessons or offline.lessons,
            }
        )


def _checked(analysis: Analysis, shown: str) -> Analysis:
    known = {_value(number) for number in _NUMBER.findall(shown)}
    return Analysis(
        summary=_keep_known(clean_line(analysis.summary, limit=PARAGRAPH_LIMIT), known),
        next_steps=_keep_lines(analysis.next_steps, known),
        lessons=_keep_lines(analysis.lessons, known),
    )


def _keep_lines(lines: Sequence[str], known: set[float]) -> tuple[str, ...]:
    kept = (_keep_known(clean_line(line), known) for line in lines[:MOST_LINES])
    return tuple(line for line in kept if line)


def _keep_known(text: str, known: set[float]) -> str:
    """The sentences whose every figure was shown to the model, as it stands there or rounded."""
    return " ".join(
        sentence
        for sentence in _SENTENCE_END.split(text)
        if all(_is_known(number, known) for number in _NUMBER.findall(sentence))
    )


def _is_known(number: str, known: set[float]) -> bool:
    value = _value(number)
    decimals = len(number.partition(".")[2]) if "e" not in number.casefold() else 0
    return value in known or any(round(other, decimals) == value for other in known)


def _value(number: str) -> float:
    return float(number.replace(",", ""))


def _describe_plan(context: ReportContext) -> str:
    plan = context.plan
    lines = [
        f"goal: {plan.goal}",
        f"task: {plan.task}",
        f"objective: {describe_objective(plan.objectives[0], plan.parameters)}",
    ]
    return fence("The plan", "\n".join(clean_line(line) for line in lines), limit=DIFF_LIMIT)


def _describe_calibration(context: ReportContext) -> str:
    calibration = context.calibration
    if calibration is None:
        return "No calibration was made."
    lines = [f"gains are counted against: {calibration.reference}"]
    lines += [
        f"baseline {baseline.name}: {list_metrics(baseline.metrics) if baseline.available else baseline.missing_reason}"
        for baseline in calibration.baselines
    ]
    lines.append(f"smallest gain that can be told apart from noise: {calibration.band:.4g}")
    if calibration.room is not None:
        lines.append(f"largest gain that the roof leaves: {calibration.room:.4g} ({calibration.room_reason})")
    return fence("What the machine gives", "\n".join(clean_line(line) for line in lines), limit=DIFF_LIMIT)


def _describe_tally(context: ReportContext) -> str:
    tally = context.tally
    lines = [
        f"candidates: {tally.candidates}",
        f"evaluations: {tally.evaluations}, the last improvement at number {tally.last_improvement_evaluation}",
        f"cost in dollars: {tally.cost_usd:.4g}",
        f"minutes: {tally.active_s / 60:.4g}",
        *(f"failed with {reason}: {count}" for reason, count in sorted(context.failures.items())),
    ]
    return fence("What was done", "\n".join(clean_line(line) for line in lines), limit=DIFF_LIMIT)


def _describe_finalists(finalists: Sequence[Finalist]) -> str:
    if not finalists:
        return "There is no finalist."
    parts = []
    for finalist in finalists[:MOST_FINALISTS]:
        state = "suspicious" if finalist.suspicious else "confirmed" if finalist.confirmed else "not confirmed"
        numbers = ", ".join(f"{name} = {show_metric(metric)}" for name, metric in finalist.metrics.items())
        maker = clean_line(finalist.operator_name) or ("nobody: the seed" if finalist.ordinal == 0 else "an operator")
        head = f"Finalist {finalist.ordinal}: {state}, made by {maker}; {numbers}"
        parts.append(f"{head}\n" + fence("Its note and diff", f"{finalist.note}\n{finalist.diff}", limit=DIFF_LIMIT))
    return "\n\n".join(parts)


def _describe_operators(context: ReportContext) -> str:
    lines = [
        f"{clean_line(name)}: {candidates} candidates, {measured} measured"
        for name, (candidates, measured) in sorted(context.operators.items())
    ]
    return fence("Operators", "\n".join(lines) or "none", limit=DIFF_LIMIT)
