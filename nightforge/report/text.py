"""Numbers and untrusted text as a person reads them."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nightforge.domain.candidate import Tally
    from nightforge.domain.evidence import Metric

MOST_DECIMALS = 5

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


def brief(text: str, limit: int) -> str:
    """As `clean_line`, at most `limit` characters; what was cut shows as an ellipsis."""
    line = clean_line(text)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _steers(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def number(value: float) -> str:
    """Three significant digits; whole numbers whole."""
    magnitude = abs(value)
    if value == int(value) and magnitude < 1e6:
        return str(int(value))
    if 1e-3 <= magnitude < 1e6:
        return f"{value:.{_decimals(magnitude)}f}"
    return f"{value:.2e}"


def with_interval(metric: Metric) -> str:
    """`1.59 [1.54, 1.68]`: as many decimals as the interval needs to be seen, the same for all three.

    A single value without any spread is exact, and shown with nine digits.
    """
    if is_exact(metric):
        return number(metric.value) if metric.value == int(metric.value) else f"{metric.value:.9g}"
    if metric.low is None or metric.high is None:
        return number(metric.value)
    parts = (metric.value, metric.low, metric.high)
    largest = max(map(abs, parts))
    if all(part == int(part) for part in parts) or not 1e-3 <= largest < 1e6:
        value, low, high = map(number, parts)
    else:
        half = (metric.high - metric.low) / 2
        decimals = max(_decimals(largest), -math.floor(math.log10(half)) if half > 0 else 0)
        value, low, high = (f"{part:.{min(decimals, MOST_DECIMALS)}f}" for part in parts)
    return f"{value} [{low}, {high}]"


def metric_text(metric: Metric) -> str:
    """Value, unit and interval: `1.23 x [1.2, 1.26]`."""
    value, bracket, rest = with_interval(metric).partition(" [")
    unit = f" {metric.unit}" if metric.unit else ""
    return f"{value}{unit}{bracket}{rest}"


def is_exact(metric: Metric) -> bool:
    """One value and no spread at all."""
    return metric.low == metric.high == metric.value and metric.samples == 1


def _decimals(magnitude: float) -> int:
    """So that three significant digits are shown."""
    return max(0, 2 - int(f"{magnitude:.2e}".split("e")[1]))


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def taken_words(tally: Tally) -> str:
    """How many evaluations were not run, but answered by earlier ones; empty for none."""
    return f" ({tally.evaluations_taken} of them taken from earlier ones)" if tally.evaluations_taken else ""


UNIT_WORDS = {"um2": "µm²", "mm2": "mm²", "um": "µm", "us": "µs"}


def unit_words(unit: str) -> str:
    """A unit as it is printed; evaluators write theirs in ASCII."""
    return "·".join(UNIT_WORDS.get(part, part) for part in unit.split("*"))


def titled(name: str, unit: str) -> str:
    """A quantity as an axis or a column is headed: `speedup (x)`."""
    return f"{name} ({unit_words(unit)})" if unit else name


def duration(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 10:
        return f"{minutes:.1f}".removesuffix(".0") + " min"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def money(dollars: float) -> str:
    return f"${dollars:.2f}" if dollars == 0 or dollars >= 0.01 else f"${dollars:.4f}"


def fence(code: str) -> str:
    """A run of backticks longer than any in `code`, so that the code cannot close its own block."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    return "`" * max(3, longest + 1)


def markdown_cell(text: str) -> str:
    """Untrusted text inside a table cell: one line, with nothing that Markdown or HTML acts on."""
    return re.sub(r"([\\`*_\[\]<|~&])", r"\\\1", clean_line(text))


def markdown_line(text: str) -> str:
    """Untrusted text as a line of its own: it begins no heading, list, quote or rule either."""
    inner = markdown_cell(text)
    inner = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", inner)
    return re.sub(r"^(>|[#+=-]+(?=\s|$))", r"\\\1", inner)
