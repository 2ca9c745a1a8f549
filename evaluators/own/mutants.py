"""Mutants of a program of several files: each file by the list for its language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from evaluators.integrity.c_mutants import mutate_c
from evaluators.integrity.python_mutants import mutate_python
from evaluators.integrity.seams import Change
from nightforge.domain.bundle import BLOCK_START, format_bundle, language_of, parse_bundle
from nightforge.errors import UserError
from tools.patching import fixed_parts

_SIGNS = (
    *((" + ", " - "), (" - ", " + "), (" * ", " + "), (" < ", " <= "), (" > ", " >= "), (" <= ", " < ")),
    *((" += ", " -= "), (" -= ", " += "), (" *= ", " += "), ("..=", ".."), (" << ", " >> "), (" >> ", " << ")),
    *((" >= ", " > "), (" == ", " != "), (" != ", " == "), (" && ", " || "), (" || ", " && "), ("true", "false")),
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_STATEMENT = re.compile(
    r"(?!(?:let|const|static|return|use|import|using|var|auto|typedef|pub|package)\b)[\w*].*[=(].*;"
)
_COMMENT = re.compile(r"^\s*(//|#|/?\*|--|!|%)")
_CODE = frozenset({"c++", "rust", "go", "java", "javascript", "typescript", "julia", "fortran", "cuda", "zig", "swift"})


def mutate_bundle(source: str) -> Iterator[Change]:
    """Same program, same mutants in the same order. A file in a language without a list is left as it is."""
    bundle = parse_bundle(source)
    for path, text in bundle.files.items():
        for change in _of_file(text, language_of(path)):
            if BLOCK_START in text and fixed_parts(text) != fixed_parts(change.source):
                continue
            whole = format_bundle(bundle.replaced(path, change.source))
            yield Change(change.operator, change.line, f"{path}: {change.before}", change.after, whole)


def _of_file(text: str, language: str) -> Iterator[Change]:
    try:
        if language == "python":
            yield from mutate_python(text)
        elif language == "c":
            yield from mutate_c(text)
        elif language in _CODE:
            yield from mutate_text(text)
    except UserError:
        yield from mutate_text(text)


def mutate_text(text: str) -> Iterator[Change]:
    """For languages of which no parser is at hand: signs between blanks, whole numbers,
    statements that are one line; comment lines apart."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if _COMMENT.match(line):
            continue
        for before, after in _SIGNS:
            at = line.find(before)
            if at >= 0:
                yield _changed(lines, place, "operator", line[:at] + after + line[at + len(before) :])
        if _STATEMENT.fullmatch(line.strip()):
            yield _changed(lines, place, "dropped statement", line[: len(line) - len(line.lstrip())] + ";")
        for match in _NUMBER.finditer(line):
            other = str(int(match[0]) + 1)
            yield _changed(lines, place, "constant", line[: match.start()] + other + line[match.end() :])


def _changed(lines: list[str], place: int, operator: str, line: str) -> Change:
    source = "\n".join([*lines[:place], line, *lines[place + 1 :]])
    return Change(operator, place + 1, lines[place].strip(), line.strip(), source)
