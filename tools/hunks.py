"""A program's difference to another as numbered hunks that can be left out one by one."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

LONG = 24
"""Lines from which an inserted run is broken at its blank lines."""


@dataclass(frozen=True)
class Change:
    """`before` lines of the old program at `start` become `after`."""

    number: int
    start: int
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def diff(self) -> str:
        return "\n".join(
            [*(f"-{line.rstrip()}" for line in self.before), *(f"+{line.rstrip()}" for line in self.after)]
        )


def changes_between(old: str, new: str) -> tuple[Change, ...]:
    """In the order of the program, numbered from 1. Lines changed one for one are hunks of their own."""
    before, after = _lines(old), _lines(new)
    found: list[Change] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        gone, come = before[i:j], after[k:m]
        if tag == "replace" and len(gone) == len(come):
            pieces = [(i + at, [gone[at]], [come[at]]) for at in range(len(gone))]
        elif tag == "insert" and len(come) >= LONG:
            pieces = [(i, [], part) for part in _paragraphs(come)]
        else:
            pieces = [(i, gone, come)]
        for start, old_lines, new_lines in pieces:
            found.append(Change(len(found) + 1, start, tuple(old_lines), tuple(new_lines)))
    return tuple(found)


def without(old: str, new: str, left_out: Collection[int]) -> str:
    """`new` without the hunks of these numbers: the old lines stand there."""
    before = _lines(old)
    built: list[str] = []
    at = 0
    for change in changes_between(old, new):
        built += before[at : change.start]
        built += change.before if change.number in left_out else change.after
        at = change.start + len(change.before)
    return "".join([*built, *before[at:]])


def _lines(text: str) -> list[str]:
    """With their ends: a program without a last line feed stays one."""
    return text.splitlines(keepends=True)


def _paragraphs(lines: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in lines:
        parts[-1].append(line)
        if not line.strip():
            parts.append([])
    return [part for part in parts if part]
