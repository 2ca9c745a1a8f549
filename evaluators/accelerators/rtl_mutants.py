"""The fixed list of mutations of combinational Verilog: one place of one assignment is changed.

The classes are the usual ones of gate-level faults and of mutation testing (Offutt et al., TOSEM 1996): another
operator, an inversion more or less, a wire stuck at 0 or 1, another wire in its place, arms of a choice exchanged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evaluators.accelerators.static_rules import strip_comments
from evaluators.integrity.seams import Change

_ASSIGNMENT = re.compile(r"\b(?:assign|wire)\s+(?P<name>\w+)(?:\s*\[\d+\])?\s*=(?!=)(?P<value>[^;]*);")
_OPERAND = re.compile(r"\b[A-Za-z_]\w*(?:\[(\d+)\])?")
_CLASSES = ("&|^", "+-*")
_BINARY = re.compile(r"(?<=[\w\])])\s*([&|^+*-])\s*(?=[\w~(])")
_CHOICE = re.compile(r"\?([^?:]+):([^?:]+)$")


def mutate_verilog(source: str) -> Iterator[Change]:
    """Every mutant of the list, in the order of the text; comments are left alone."""
    plain = strip_comments(source)
    before = ""
    for match in _ASSIGNMENT.finditer(plain):
        start, value = match.start("value"), match["value"]
        line = plain.count("\n", 0, start) + 1
        for operator, first, last, text in _edits(value, before):
            fresh = f"{source[: start + first]}{text}{source[start + last :]}"
            yield Change(operator, line, value.strip(), f"{value[:first]}{text}{value[last:]}".strip(), fresh)
        if match[0].startswith("wire"):
            before = match["name"]


def _edits(value: str, before: str) -> Iterator[tuple[str, int, int, str]]:
    """(operator of the list, first, last, text in its place); `before` is a wire that was there already."""
    for found in _BINARY.finditer(value):
        signs = next(signs for signs in _CLASSES if found[1] in signs)
        for sign in signs.replace(found[1], ""):
            yield "operator", found.start(1), found.end(1), sign
    for at in (at for at, sign in enumerate(value) if sign == "~"):
        yield "inversion", at, at + 1, ""
    if value.strip():
        yield "inversion", 0, len(value), f" ~({value.strip()})"
    for found in _OPERAND.finditer(value):
        for constant in ("1'b0", "1'b1"):
            yield "stuck-at", *found.span(), constant
        if found[1] is not None:
            name = found[0].split("[")[0]
            yield "wire", *found.span(), f"{name}[{max(0, int(found[1]) - 1)}]"
        if before and before != found[0]:
            yield "wire", *found.span(), before
    choice = _CHOICE.search(value)
    if choice is not None:
        yield "arms", choice.start(1), choice.end(2), f"{choice[2]}:{choice[1]}"
