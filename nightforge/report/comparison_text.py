"""A comparison as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.comparison import FEWEST_PAIRS, ComparisonSpec, Standing, Summary
from nightforge.domain.evidence import Metric
from nightforge.report.text import counted, duration

FEW = 6
"""Below it a bootstrap interval is clearly too narrow, and the text says so."""


def comparison_text(summary: Summary) -> str:
    spec = summary.spec
    first, seeds = spec.policies[0], counted(len(spec.seeds), "seed")
    rows: list[tuple[str, ...]] = [
        ("policy", "runs", "confirmed", "best measured", f"against {first}", "evaluations", "time")
    ]
    rows += [_row(standing, first) for standing in summary.standings]
    lines = [
        f"{spec.task}: {len(spec.policies)} policies x {seeds}, {_budget(spec)} each",
        "",
        *_table(rows),
        "",
        f"Means with 95 % bootstrap intervals; differences are paired by seed, in {summary.paired_by} scores "
        f"[{summary.unit}]. More is better.",
        "The best measured score was selected from noisy ones and is too good on average; the confirmed one is not.",
    ]
    if not summary.evidence_class.can_be_confirmed:
        lines.append(f"Evidence {summary.evidence_class.value}: {summary.evidence_class.meaning}.")
    if len(spec.seeds) < FEW:
        lines.append(f"From {seeds} the intervals are too narrow: read them as a lower bound of doubt.")
    if summary.left:
        lines.append(f"Yet to run: {counted(summary.left, 'campaign')}; the same command goes on.")
    return "\n".join(lines)


def _budget(spec: ComparisonSpec) -> str:
    if spec.cpu_s is not None:
        return f"{spec.cpu_s:g} s of CPU time"
    return f"{spec.evaluations} evaluations"


def _row(standing: Standing, first: str) -> tuple[str, ...]:
    if standing.policy == first:
        against = "-"
    elif standing.difference is None:
        against = "not yet"
    else:
        against = _with_interval(standing.difference, signed=True)
        if standing.difference.samples < FEWEST_PAIRS:
            against += " too few seeds to tell"
        elif not standing.distinguishable:
            against += " not distinguishable"
    seconds = duration(standing.seconds.value) if standing.seconds else "-"
    evaluations = f"{standing.evaluations.value:.0f}" if standing.evaluations else "-"
    return (
        standing.policy,
        str(standing.runs),
        _with_interval(standing.confirmed),
        _with_interval(standing.measured),
        against,
        evaluations,
        seconds,
    )


def _with_interval(metric: Metric | None, *, signed: bool = False) -> str:
    if metric is None:
        return "-"
    sign = "+" if signed else ""
    if metric.low is None or metric.high is None or metric.samples == 1:
        return f"{metric.value:{sign}.4g}"
    return f"{metric.value:{sign}.4g} [{metric.low:{sign}.4g}, {metric.high:{sign}.4g}]"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
