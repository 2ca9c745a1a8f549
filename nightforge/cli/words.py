"""Numbers, states and untrusted text as a person reads them. No library but our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nightforge.report.text import clean, number, with_interval
from nightforge.report.text import duration as duration

if TYPE_CHECKING:
    from nightforge.domain.evidence import Evidence, Metric

__all__ = ["clean", "columns", "duration", "evidence_lines", "metric_text", "number"]


def columns(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> str:
    """Rows as aligned text; the last column is not padded."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def metric_text(metric: Metric) -> str:
    """Value, unit and interval: `1.23 x [1.2, 1.26]`."""
    value, bracket, rest = with_interval(metric).partition(" [")
    unit = f" {metric.unit}" if metric.unit else ""
    return f"{value}{unit}{bracket}{rest}"


def evidence_lines(evidence: Evidence, *, indent: str = "  ") -> list[str]:
    """One line a stage, then its metrics; feedback of the stage that ended it."""
    lines = []
    for stage in evidence.stages:
        reason = f" ({stage.reason})" if stage.reason else ""
        lines.append(f"{indent}{stage.stage}: {stage.outcome.value}{reason}, {duration(stage.duration_s)}")
        lines.extend(f"{indent}  {name} = {metric_text(metric)}" for name, metric in stage.metrics.items())
    failure = evidence.failure
    if failure is not None and failure.feedback:
        lines.extend(f"{indent}  | {line}" for line in clean(failure.feedback).splitlines()[:20])
    return lines
