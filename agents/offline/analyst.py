"""The analyst without a model: the morning's sentences from the report's own figures, none of them new."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.evidence import Metric
from nightforge.domain.scoring import room_is_small, smallest_gain
from nightforge.domain.team import Analysis, Finalist, ReportContext
from nightforge.domain.words import Direction

COMMON_FAILURE_SHARE = 0.3
"""Share of all candidates from which one kind of failure is worth a next step."""
FEW_TRIES = 3


class OfflineAnalyst:
    """Implements `nightforge.domain.team.Analyst`; pure."""

    async def analyse(self, context: ReportContext) -> Analysis:
        return Analysis(
            summary=" ".join(_summary(context)),
            next_steps=tuple(_next_steps(context)),
            lessons=tuple(_lessons(context)),
        )


def _best(context: ReportContext) -> Finalist | None:
    objective = context.plan.objectives[0]
    sign = 1.0 if objective.direction is Direction.MAX else -1.0
    sound = [
        finalist
        for finalist in context.finalists
        if finalist.ordinal != 0
        and finalist.confirmed
        and not finalist.suspicious
        and objective.metric in finalist.metrics
    ]
    return max(sound, key=lambda finalist: sign * finalist.metrics[objective.metric].value, default=None)


def _won(context: ReportContext) -> bool:
    """A confirmed gain over the reference beyond the band, by its lower bound."""
    best, objective = _best(context), context.plan.objectives[0]
    if best is None or context.calibration is None:
        return False
    metric, bound = best.metrics[objective.metric], smallest_gain(objective, context.calibration)
    if objective.direction is Direction.MAX:
        low = metric.low if metric.low is not None else metric.value
    else:
        low = -(metric.high if metric.high is not None else metric.value)
    return bound is not None and low > bound


def _summary(context: ReportContext) -> list[str]:
    tally, objective = context.tally, context.plan.objectives[0]
    sentences = []
    best = _best(context)
    if best is None:
        sentences.append("No candidate was confirmed.")
    else:
        value = _value(best.metrics[objective.metric])
        made_by = f", made by {best.operator_name}" if best.operator_name else ""
        if _won(context):
            sentences.append(f"Candidate {best.ordinal}{made_by}, is confirmed at {objective.metric} {value}.")
        else:
            sentences.append(
                "Nothing confirmed beats the reference beyond the noise band; "
                f"candidate {best.ordinal} comes nearest at {objective.metric} {value}."
            )
    sentences.append(f"{_count(tally.candidates, 'candidate')}, {_count(tally.evaluations, 'evaluation')}.")
    if context.failures:
        reason, count = max(context.failures.items(), key=lambda item: (item[1], item[0]))
        sentences.append(f"The most frequent failure is {reason.replace('_', ' ')} ({count}).")
    suspicious = sum(finalist.suspicious for finalist in context.finalists)
    if suspicious:
        sentences.append(
            f"{_count(suspicious, 'finalist')} did not hold its figure when measured again and is marked suspicious."
        )
    return sentences


def _next_steps(context: ReportContext) -> list[str]:
    steps = []
    calibration, tally = context.calibration, context.tally
    if calibration is not None and room_is_small(context.plan.objectives[0], calibration):
        steps.append(
            "The roof leaves less room than the noise band: another task, shape or machine pays more than more search."
        )
    elif tally.evaluations and tally.evaluations - tally.last_improvement_evaluation <= max(3, tally.evaluations // 5):
        steps.append("The last improvement came late in the run: continue the campaign with a larger budget.")
    elif not _won(context):
        steps.append(
            "The search stands still: let a language model write candidates, or add an operator of another kind."
        )
    else:
        steps.append("The last improvement came early in the run: read the best candidate's diff before spending more.")
    for reason, count in sorted(context.failures.items(), key=lambda item: (-item[1], item[0])):
        if tally.candidates and count >= COMMON_FAILURE_SHARE * tally.candidates and reason != "duplicate":
            steps.append(f"{reason.replace('_', ' ').capitalize()} is frequent ({count}): read one of its candidates.")
    if context.failures.get("duplicate", 0) >= COMMON_FAILURE_SHARE * max(tally.candidates, 1):
        steps.append("Many candidates repeat known programs: the operators are close to exhausted on this task.")
    return steps


def _lessons(context: ReportContext) -> list[str]:
    lessons = []
    winners = [
        finalist.operator_name
        for finalist in context.finalists
        if finalist.ordinal != 0 and finalist.confirmed and not finalist.suspicious
    ]
    for name in _distinct(winners):
        lessons.append(f"On {context.plan.task}, {name} made a confirmed candidate.")
    for name, (candidates, measured) in sorted(context.operators.items()):
        if candidates >= FEW_TRIES and measured == 0:
            lessons.append(f"On {context.plan.task}, {name} made {candidates} candidates and none was measured.")
    return lessons


def _distinct(names: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name]


def _value(metric: Metric) -> str:
    unit = f" {metric.unit}" if metric.unit and metric.unit != "x" else metric.unit
    known = metric.low is not None and metric.high is not None
    interval = f" ({_number(metric.low)} to {_number(metric.high)})" if known else ""
    return f"{_number(metric.value)}{unit}{interval}"


def _number(value: float | None) -> str:
    """Three significant digits, as the report's tables show them; large numbers whole."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
