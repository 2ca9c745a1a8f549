"""Boolean functions of Liberty cells: `!`, `'`, `&`, `*`, a blank, `|`, `+`, `^`, parentheses, 0 and 1."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from evaluators.accelerators.netlist import Gate, Kind

_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_\[\]]*|[01]|[()!'&*|+^])")
_KINDS: Mapping[str, Kind] = {"&": "AND", "|": "OR", "^": "XOR"}


@dataclass(frozen=True, slots=True)
class Expression:
    """`pin` with a name, `const` with "0" or "1", `not` with one argument, `&` `|` `^` with two."""

    operator: Literal["pin", "const", "not", "&", "|", "^"]
    name: str = ""
    arguments: tuple[Expression, ...] = ()

    def gates(self, nets: Mapping[str, int], fresh: Callable[[], int], emit: Callable[[Gate], None]) -> int:
        """Emit gates that compute it from the pins' nets; the net that holds the value."""
        if self.operator == "pin":
            return nets[self.name]
        if self.operator == "const":
            return int(self.name)
        inputs = tuple(argument.gates(nets, fresh, emit) for argument in self.arguments)
        output = fresh()
        emit(Gate("NOT" if self.operator == "not" else _KINDS[self.operator], inputs, output))
        return output

    @property
    def pins(self) -> frozenset[str]:
        if self.operator == "pin":
            return frozenset({self.name})
        return frozenset[str]().union(*(argument.pins for argument in self.arguments))


def parse_function(text: str) -> Expression:
    """Precedence by the Liberty manual: `!` and `'`, then `^`, then and, then or. ValueError says what is wrong."""
    tokens: list[str] = []
    at = 0
    stripped = text.rstrip()
    while at < len(stripped):
        found = _TOKEN.match(stripped, at)
        if found is None:
            raise ValueError(f"the function {text!r} cannot be read at {stripped[at : at + 10]!r}")
        tokens.append(found[1])
        at = found.end()
    parser = _Parser(tokens, text)
    return parser.whole()


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens = [*tokens, ""]
        self._text = text
        self._at = 0

    def whole(self) -> Expression:
        expression = self._or()
        if self._tokens[self._at]:
            raise ValueError(f"the function {self._text!r} goes on after its end at {self._tokens[self._at]!r}")
        return expression

    def _or(self) -> Expression:
        left = self._and()
        while self._tokens[self._at] in ("|", "+"):
            self._at += 1
            left = Expression("|", arguments=(left, self._and()))
        return left

    def _and(self) -> Expression:
        left = self._xor()
        while True:
            token = self._tokens[self._at]
            if token in ("&", "*"):
                self._at += 1
            elif not (token in ("(", "!", "0", "1") or token[:1].isalpha() or token[:1] == "_"):
                return left
            left = Expression("&", arguments=(left, self._xor()))

    def _xor(self) -> Expression:
        left = self._unary()
        while self._tokens[self._at] == "^":
            self._at += 1
            left = Expression("^", arguments=(left, self._unary()))
        return left

    def _unary(self) -> Expression:
        token = self._tokens[self._at]
        self._at += 1
        if token == "!":
            return Expression("not", arguments=(self._unary(),))
        if token == "(":
            inner = self._or()
            if self._tokens[self._at] != ")":
                raise ValueError(f"the function {self._text!r} lacks a closing parenthesis")
            self._at += 1
        elif token in ("0", "1"):
            inner = Expression("const", token)
        elif token[:1].isalpha() or token[:1] == "_":
            inner = Expression("pin", token)
        else:
            raise ValueError(f"the function {self._text!r} ends too early")
        while self._tokens[self._at] == "'":
            self._at += 1
            inner = Expression("not", arguments=(inner,))
        return inner
