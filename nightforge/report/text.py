"""Numbers and untrusted text as a person reads them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightforge.domain.evidence import Metric

_ESCAPES = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|\[[0-?]*[ -/]*[@-~]|[ -/]*[0-~])"
)


def clean(text: str) -> str:
    """Untrusted text without anything that steers a terminal or reorders what is read.

    Escape sequences go as a whole; other control, bidirectional-format and line-separator characters become `·`;
    tabs and newlines stay.
    """
    plain = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return "".join("·" if _steers(char) else char for char in plain)


def clean_line(text: str) -> str:
    """As `clean`, on one line."""
    return " ".join(clean(text).split())


def _steers(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def number(value: float) -> str:
    """Three significant digits, more only for whole numbers."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    magnitude = abs(value)
    if 1e-3 <= magnitude < 1e6:
        decimals = max(0, 2 - _exponent(magnitude))
        return f"{value:.{decimals}f}"
    return f"{value:.2e}"


def _exponent(magnitude: float) -> int:
    return int(f"{magnitude:.2e}".split("e")[1])


def interval(metric: Metric) -> str:
    """` [low, high]`, or nothing when it was not repeated."""
    if metric.low is None or metric.high is None:
        return ""
    return f" [{number(metric.low)}, {number(metric.high)}]"


def duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def money(dollars: float) -> str:
    return f"${dollars:.2f}" if dollars == 0 or dollars >= 0.01 else f"${dollars:.4f}"


def fence(code: str) -> str:
    """A run of backticks longer than any in `code`, so that the code cannot close its own block."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    return "`" * max(3, longest + 1)


def markdown_cell(text: str) -> str:
    """Untrusted text inside a table cell or a sentence: one line, with nothing that Markdown or HTML acts on."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", clean_line(text))
