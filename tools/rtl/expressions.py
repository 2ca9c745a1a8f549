"""Verilog expressions of bitwise operators, + and *, as trees, and identities by which they may be written anew.

All these operators are determined by their context (IEEE 1364-2005, 5.4): every operand is extended to the width of the
whole expression. An identity that keeps the set of operands therefore holds at any width, and so it does for signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

TOKEN = re.compile(r"\s*(?:(\d*'s?[bdhoBDHO][\da-fA-F_]+|\d+|[A-Za-z_]\w*(?:\s*\[[^\[\]]*\])*)|([~&|^+*()]))")
LEVELS = ("|", "^", "&", "+", "*")
"""Binary operators, the loosest first."""


@dataclass(frozen=True)
class Expression:
    """`operator` is empty for a leaf, whose `text` is a name, a select or a number."""

    operator: str
    parts: tuple[Expression, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        if not self.operator:
            return self.text
        if self.operator == "~":
            return f"~{_wrapped(self.parts[0])}"
        return f" {self.operator} ".join(_wrapped(part) for part in self.parts)


def _wrapped(part: Expression) -> str:
    return str(part) if part.operator in ("", "~") else f"({part})"


def leaf(text: str) -> Expression:
    return Expression("", text=text)


def join(operator: str, *parts: Expression) -> Expression:
    return Expression(operator, parts)


def inverse(part: Expression) -> Expression:
    return part.parts[0] if part.operator == "~" else join("~", part)


def parse(text: str) -> Expression | None:
    """None where there is anything but names, selects, numbers, parentheses and the operators ~ & | ^ + *."""
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            return None
        tokens.append(match[1] or match[2])
        at = match.end()
    reader = _Reader(tokens)
    try:
        found = reader.binary(0)
    except (IndexError, ValueError):
        return None
    return found if reader.at == len(tokens) else None


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def binary(self, level: int) -> Expression:
        if level == len(LEVELS):
            return self.unary()
        found = self.binary(level + 1)
        while self.at < len(self.tokens) and self.tokens[self.at] == LEVELS[level]:
            self.at += 1
            found = join(LEVELS[level], found, self.binary(level + 1))
        return found

    def unary(self) -> Expression:
        token = self.tokens[self.at]
        self.at += 1
        if token == "~":
            return join("~", self.unary())
        if token == "(":
            found = self.binary(0)
            if self.tokens[self.at] != ")":
                raise ValueError("a parenthesis is open")
            self.at += 1
            return found
        if token in "&|^+*)":
            raise ValueError("an operator stands where an operand should")
        return leaf(token)


def rewritten(whole: Expression) -> Iterator[tuple[Expression, str]]:
    """The expression after one identity at one place, with the identity's name; nearer the root first."""
    yield from _here(whole)
    for number, part in enumerate(whole.parts):
        for fresh, note in rewritten(part):
            yield Expression(whole.operator, (*whole.parts[:number], fresh, *whole.parts[number + 1 :])), note


def _here(one: Expression) -> Iterator[tuple[Expression, str]]:
    if one.operator == "~" and one.parts[0].operator in ("&", "|"):
        inner = one.parts[0]
        other = "|" if inner.operator == "&" else "&"
        yield join(other, *(inverse(part) for part in inner.parts)), "De Morgan"
    if len(one.parts) != 2:
        return
    left, right = one.parts
    if one.operator in ("&", "|") and left.operator == right.operator == "~":
        other = "|" if one.operator == "&" else "&"
        yield join("~", join(other, left.parts[0], right.parts[0])), "De Morgan"
    if one.operator == "^":
        yield join("&", join("|", left, right), join("~", join("&", left, right))), "exclusive or spelled out"
        if left.operator == "~" or right.operator == "~":
            yield (
                join("~", join("^", left.parts[0] if left.operator == "~" else left, _bare(left, right))),
                "inversion moved",
            )
    yield from _factored(one, left, right)
    if left.operator == one.operator:
        first, second = left.parts
        yield join(one.operator, first, join(one.operator, second, right)), "associated to the right"
        yield join(one.operator, join(one.operator, first, right), second), "operands exchanged"
    elif right.operator == one.operator:
        first, second = right.parts
        yield join(one.operator, join(one.operator, left, first), second), "associated to the left"


def _bare(left: Expression, right: Expression) -> Expression:
    """The right operand of an exclusive or when one inversion is taken out: the left one's first."""
    return right if left.operator == "~" else right.parts[0]


def _factored(one: Expression, left: Expression, right: Expression) -> Iterator[tuple[Expression, str]]:
    """x&y | x&z = x&(y|z) and its like, both ways."""
    for outer, inner in (("|", "&"), ("&", "|"), ("^", "&"), ("+", "*")):
        if one.operator == outer and left.operator == right.operator == inner:
            for x in left.parts:
                if x in right.parts:
                    y, z = (_other(part, x) for part in (left, right))
                    yield join(inner, x, join(outer, y, z)), "factored"
        if one.operator == inner:
            for x, sums in ((left, right), (right, left)):
                if sums.operator == outer:
                    yield join(outer, *(join(inner, x, part) for part in sums.parts)), "multiplied out"


def _other(pair: Expression, one: Expression) -> Expression:
    return pair.parts[1] if pair.parts[0] == one else pair.parts[0]
