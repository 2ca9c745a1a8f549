"""Counts of what a task counts itself: the 26 of "26 circles", the 8 of "dimension 8", the 3 of "3x3".

A whole-number parameter names the noun in its unit (`circles`; `rows and columns` for square matrices). The number must
stand beside that noun, so that no other number of the goal is taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nightforge.domain.task import Parameter, Task

SQUARE = "rows and columns"
_READ_ELSEWHERE = frozenset({"s", "bits", "rows", "threads", "mm2", "elements", "float32 values"})
"""Units that the reader of goals knows by itself."""


@dataclass(frozen=True)
class Count:
    parameter: str
    value: int
    said: str


def counts_of(goal: str, task: Task) -> Sequence[Count]:
    """What the goal says of the task's counted parameters, in the order of the parameters."""
    return [count for parameter in task.parameters if _is_counted(parameter) for count in _counts(goal, parameter)]


def is_said(text: str, counts: Sequence[Count]) -> bool:
    """Whether a number that other rules found (`n=26`, `26`) stands in one of the counts."""
    wanted = " ".join(text.split()).casefold()
    return any(re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", count.said.casefold()) for count in counts)


def _is_counted(parameter: Parameter) -> bool:
    return type(parameter.default) is int and bool(parameter.unit) and parameter.unit not in _READ_ELSEWHERE


def _counts(goal: str, parameter: Parameter) -> Iterator[Count]:
    if parameter.unit == SQUARE:
        patterns = [r"(?<![\w.])(\d{1,6})\s*(?:[x×]|by)\s*\1(?![\w.])"]
    else:
        noun = re.escape(parameter.unit.removesuffix("s"))
        patterns = [
            rf"(?<![\w.,])(\d{{1,6}})[\s-]+(?:\w+\s+)?{noun}s?(?!\w)",
            rf"(?<!\w){noun}s?\s*[=:]?\s*(\d{{1,6}})(?![\w.])",
            r"(?<!\w)n\s*=\s*(\d{1,6})(?![\w.])",
        ]
    for pattern in patterns:
        for match in re.finditer(pattern, goal, re.IGNORECASE):
            yield Count(parameter.name, int(match[1]), match.group())
