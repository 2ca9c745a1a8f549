"""A Python program as text with a syntax tree: which places may change, and how a change keeps the rest as it is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MOST_BYTES = 60_000
INSERTED = "nf_"
"""Functions of this prefix were put in by an operator: their insides are left alone, their arguments are not."""
_START, _END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
_FEATURE = re.compile(r"(?m)^[ \t]*#[ \t]*nf:[ \t]*feature\b")


@dataclass(frozen=True)
class Edit:
    """Characters `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class Code:
    """A program that parses. `parse` gives None for one that does not, or that is a rule's."""

    def __init__(self, source: str, tree: ast.Module) -> None:
        self.source = source
        self.tree = tree
        self._lines = _line_starts(source)
        self._rows = source.splitlines()
        self._blocks = _blocks(self._rows)

    @classmethod
    def parse(cls, source: str) -> Code | None:
        if len(source.encode()) > MOST_BYTES or _FEATURE.search(source):
            return None
        tree = parsed(source)
        return None if tree is None else cls(source, tree)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Characters of the source; the tree counts bytes of UTF-8."""
        last, end = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._at(node.lineno, node.col_offset), self._at(last, end)

    def _at(self, line: int, column: int) -> int:
        row = self._rows[line - 1] if line <= len(self._rows) else ""
        return self._lines[line - 1] + len(row.encode()[:column].decode(errors="ignore"))

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def may_change(self, line: int) -> bool:
        """Inside an EVOLVE-BLOCK, where the program has any."""
        return not self._blocks or any(first < line < last for first, last in self._blocks)

    def block_of(self, line: int) -> tuple[int, int] | None:
        """Lines of the markers around a line, counted from 1."""
        return next(((first, last) for first, last in self._blocks if first < line < last), None)

    @property
    def has_blocks(self) -> bool:
        return bool(self._blocks)

    def functions(self) -> Iterator[ast.FunctionDef]:
        """Of the top level, those of operators left out."""
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith(INSERTED):
                yield node

    def nodes(self) -> Iterator[ast.AST]:
        """Everything that may change, in the order of the text: functions of operators and what is fixed left out."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            if isinstance(statement, ast.FunctionDef) and statement.name.startswith(INSERTED):
                continue
            for node in walk(statement):
                line = getattr(node, "lineno", 0)
                if line and self.may_change(line):
                    yield node

    def with_edits(self, edits: Sequence[Edit]) -> str:
        """The program after edits that do not overlap; an outer one stands for those inside it."""
        source, before = self.source, len(self.source) + 1
        for edit in sorted(edits, key=lambda edit: (-edit.start, edit.end)):
            if edit.end <= before:
                source = source[: edit.start] + edit.text + source[edit.end :]
                before = edit.start
        return source


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """In the order of the text; docstrings, annotations and format specifications are left out."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "format_spec", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_text(child):
                yield from walk(child)


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ) or isinstance(node, ast.JoinedStr)


def parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _line_starts(source: str) -> list[int]:
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _blocks(rows: Sequence[str]) -> list[tuple[int, int]]:
    found, first = [], 0
    for number, row in enumerate(rows, 1):
        if _START in row and not first:
            first = number
        elif _END in row and first:
            found.append((first, number))
            first = 0
    return found
