"""Numbers, states and untrusted text as a person reads them. No library but our own."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nightforge.report.text import brief, clean, metric_text, number
from nightforge.report.text import duration as duration

if TYPE_CHECKING:
    from nightforge.domain.evidence import Evidence

__all__ = ["clean", "columns", "duration", "evidence_lines", "folded", "metric_text", "number"]

LEAST_LAST = 16
"""Characters that a last column is worth showing with."""


def columns(
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    width: int | None = None,
    minor: Sequence[int] = (),
) -> str:
    """Rows as aligned text; the last column is not padded.

    Where `width` is too narrow the `minor` columns go, in their order, and the last one is cut, or goes as well.
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    if width is not None:
        rows, widths, right = _fitted(rows, widths, right, width, minor)
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _fitted(
    rows: Sequence[Sequence[str]], widths: Sequence[int], right: frozenset[int], width: int, minor: Sequence[int]
) -> tuple[list[list[str]], list[int], frozenset[int]]:
    shown, last, gone = list(range(len(widths))), len(widths) - 1, list(minor)

    def left() -> int:
        """What the last column may take."""
        return width - sum(widths[place] + 2 for place in shown if place != last)

    while gone and left() < min(widths[last], LEAST_LAST):
        shown.remove(gone.pop(0))
    most = left()
    if most < min(widths[last], LEAST_LAST):
        shown.remove(last)
    cut = [[brief(row[place], most) if place == last else row[place] for place in shown] for row in rows]
    fitted = [min(widths[place], most) if place == last else widths[place] for place in shown]
    return cut, fitted, frozenset(at for at, place in enumerate(shown) if place in right)


def folded(line: str, width: int | None, indent: int) -> str:
    """A line broken at blanks where a terminal of `width` ends, what follows indented."""
    if width is None or len(line) <= width:
        return line
    parts = textwrap.wrap(
        line,
        width=max(width, indent + LEAST_LAST),
        subsequent_indent=" " * indent,
        replace_whitespace=False,
        drop_whitespace=True,
        break_on_hyphens=False,
    )
    return "\n".join(parts)


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
