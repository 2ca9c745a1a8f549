"""A program's difference to another as numbered hunks that can be left out one by one."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass

LONG = 24
"""Lines from which an inserted run is broken at its blank lines."""
ALIKE = 0.6
"""Ratio of matching characters from which a line is taken for another one's successor."""
MOST_PAIRS = 2500


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
        for start, old_lines, new_lines in _pieces(i, gone, come):
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


def _pieces(start: int, gone: list[str], come: list[str]) -> list[tuple[int, list[str], list[str]]]:
    """Smaller hunks of one: lines that became others that are like them, and what lies between."""
    if gone and len(gone) == len(come):
        return [(start + at, [gone[at]], [come[at]]) for at in range(len(gone))]
    pair = _most_alike(gone, come)
    if pair is not None:
        i, k = pair
        rest = (start + i + 1, gone[i + 1 :], come[k + 1 :])
        return [*_pieces(start, gone[:i], come[:k]), (start + i, [gone[i]], [come[k]]), *_pieces(*rest)]
    if not gone and len(come) >= LONG:
        return [(start, [], part) for part in _paragraphs(come)]
    return [(start, gone, come)] if gone or come else []


def _most_alike(gone: list[str], come: list[str]) -> tuple[int, int] | None:
    """The two lines that are most alike, in order of the program; None where none are, or there are too many."""
    if not gone or not come or len(gone) * len(come) > MOST_PAIRS:
        return None
    best, place = ALIKE, None
    for i, old in enumerate(gone):
        matcher = difflib.SequenceMatcher(None, autojunk=False)
        matcher.set_seq2(old)
        for k, new in enumerate(come):
            matcher.set_seq1(new)
            if matcher.quick_ratio() > best and matcher.ratio() > best:
                best, place = matcher.ratio(), (i, k)
    return place


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
