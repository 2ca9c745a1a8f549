"""Programs and their differences as lines of marked-up text. The only place that turns a candidate's text into HTML.

Pygments splits the text into tokens; each is escaped here. Words that changed within a line are found by difflib.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Token, _TokenType
from pygments.util import ClassNotFound

from nightforge.domain.base import Frozen
from nightforge.report.text import clean

LEXERS = {"c": "c", "python": "python", "verilog": "verilog", "json": "json", "bundle": "text", "recipe": "bash"}
"""A task's language → the lexer's name; others are shown without colours."""
MOST_LINES = 4000
"""Of a program on a page; the rest is in its raw form."""
CONTEXT = 3
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_KINDS = (
    (Token.Comment, "cc"),
    (Token.Keyword, "ck"),
    (Token.Literal.String, "cs"),
    (Token.Literal.Number, "cn"),
    (Token.Name.Function, "cf"),
    (Token.Name.Builtin, "cb"),
)


@lru_cache(maxsize=16)
def _lexer(language: str) -> Lexer:
    try:
        return get_lexer_by_name(LEXERS.get(language, "text"), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return get_lexer_by_name("text", stripnl=False, ensurenl=False)


@lru_cache(maxsize=32)
def highlighted(source: str, language: str) -> tuple[Markup, ...]:
    """One entry a line, without its end; control characters are replaced, markup is escaped."""
    lines: list[list[str]] = [[]]
    for kind, text in _lexer(language).get_tokens(clean(source)):
        look = _look(kind)
        for at, piece in enumerate(text.split("\n")):
            if at:
                lines.append([])
            if piece:
                lines[-1].append(f'<i class="{look}">{escape(piece)}</i>' if look else str(escape(piece)))
    if lines and not lines[-1]:
        lines.pop()
    return tuple(Markup("".join(line)) for line in lines)


def _look(kind: _TokenType) -> str:
    return (
        next((look for token, look in _KINDS if kind in token), "") if kind in STANDARD_TYPES or kind in Token else ""
    )


class DiffLine(Frozen):
    """`mark` as in a unified diff; numbers are None where the line is not in that program."""

    mark: Literal[" ", "-", "+"]
    old: int | None = None
    new: int | None = None
    text: str


class DiffHunk(Frozen):
    lines: tuple[DiffLine, ...]
    skipped: int = 0
    """Equal lines that were left out before it."""


class Difference(Frozen):
    hunks: tuple[DiffHunk, ...]
    added: int
    removed: int
    skipped_at_end: int = 0

    @property
    def is_empty(self) -> bool:
        return not self.hunks


def difference(before: str, after: str) -> Difference:
    """As `diff -u` would say it, line for line."""
    old, new = clean(before).splitlines(), clean(after).splitlines()
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    hunks, at = [], 0
    added = removed = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        lines: list[DiffLine] = []
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [DiffLine(mark=" ", old=i + 1, new=j1 + i - i1 + 1, text=old[i]) for i in range(i1, i2)]
                continue
            lines += [DiffLine(mark="-", old=i + 1, text=old[i]) for i in range(i1, i2)]
            lines += [DiffLine(mark="+", new=j + 1, text=new[j]) for j in range(j1, j2)]
            removed, added = removed + i2 - i1, added + j2 - j1
        hunks.append(DiffHunk(lines=tuple(lines), skipped=group[0][1] - at))
        at = group[-1][2]
    return Difference(hunks=tuple(hunks), added=added, removed=removed, skipped_at_end=len(old) - at if hunks else 0)


@dataclass(frozen=True)
class ShownLine:
    look: str
    """`a` added, `d` taken away, `c` on both sides, `h` a gap."""
    old: str
    new: str
    html: Markup


def shown_lines(found: Difference) -> list[ShownLine]:
    """For the page: gaps said, words that changed within a pair of lines marked."""
    shown: list[ShownLine] = []
    for hunk in found.hunks:
        if hunk.skipped:
            shown.append(_gap(hunk.skipped))
        for run in _runs(hunk.lines):
            shown += _shown_run(run)
    if found.skipped_at_end:
        shown.append(_gap(found.skipped_at_end))
    return shown


def _gap(lines: int) -> ShownLine:
    return ShownLine("h", "", "", Markup(f"{lines} equal line{'s' if lines > 1 else ''}"))


def _runs(lines: Sequence[DiffLine]) -> Iterator[list[DiffLine]]:
    """Equal lines, or lines taken away with those that stand in their place."""
    run: list[DiffLine] = []
    for line in lines:
        if run and (line.mark == " ") != (run[-1].mark == " "):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _shown_run(run: Sequence[DiffLine]) -> list[ShownLine]:
    gone = [line for line in run if line.mark == "-"]
    come = [line for line in run if line.mark == "+"]
    marked: dict[int, Markup] = {}
    if len(gone) == len(come):
        for before, after in zip(gone, come, strict=True):
            old, new = _marked_words(before.text, after.text)
            marked[id(before)], marked[id(after)] = old, new
    look = {" ": "c", "-": "d", "+": "a"}
    return [
        ShownLine(
            look[line.mark],
            str(line.old or ""),
            str(line.new or ""),
            marked.get(id(line), escape(line.text)),
        )
        for line in run
    ]


def _marked_words(before: str, after: str) -> tuple[Markup, Markup]:
    """Without marks where hardly anything is the same: then the whole line is new."""
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.4:
        return escape(before), escape(after)
    left: list[str] = []
    right: list[str] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        for pieces, words in ((left, old[i1:i2]), (right, new[j1:j2])):
            text = str(escape("".join(words)))
            if text:
                pieces.append(text if tag == "equal" else f"<b>{text}</b>")
    return Markup("".join(left)), Markup("".join(right))
