"""Numbers of a program: where they stand, and other values for them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from tools.python_operators.code import Code, Edit

MOST_NUMBERS = 64
"""A program of more numbers is mostly data: of these the first are looked at, and those after them left alone."""
SEED = "seed"
"""An option of this name has no neighbours: any other value is another draw."""
_SMALL = 3
_NUMBER = re.compile(r"\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?|\.\d[\d_]*(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Literal:
    """A number as it stands in the text, without a sign."""

    start: int
    end: int
    value: int | float
    is_place: bool = False
    """It chooses a part of something: `v[2]`, `v[0::3]`."""
    option: str = ""
    """Name of the keyword argument that it is: `rounds=60`; `seed` for a constant of that name, too."""

    @property
    def is_whole(self) -> bool:
        return isinstance(self.value, int)

    def edit(self, value: int | float) -> Edit:
        return Edit(self.start, self.end, text_of(value))


def literals_of(code: Code) -> tuple[Literal, ...]:
    options = {id(node.value): node.arg or "" for node in ast.walk(code.tree) if isinstance(node, ast.keyword)}
    assigned = [node for node in ast.walk(code.tree) if isinstance(node, ast.Assign)]
    options |= {id(node.value): SEED for node in assigned if ast.unparse(node.targets[0]).casefold() == SEED}
    places = {id(leaf) for node in code.nodes() if isinstance(node, ast.Subscript) for leaf in ast.walk(node.slice)}
    found = []
    for node in code.nodes():
        if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
            continue
        start, end = code.span(node)
        is_plain = _NUMBER.fullmatch(code.source[start:end]) is not None
        if is_plain and isinstance(node.value, int | float) and math.isfinite(node.value):
            found.append(Literal(start, end, node.value, id(node) in places, options.get(id(node), "")))
    return tuple(sorted(found, key=lambda one: one.start)[:MOST_NUMBERS])


def skeleton_of(code: Code) -> tuple[str, tuple[int | float, ...]]:
    """The program with a mark for each number, and the numbers: two programs of one skeleton differ in numbers only."""
    literals = literals_of(code)
    return code.with_edits([Edit(one.start, one.end, "#") for one in literals]), tuple(one.value for one in literals)


def text_of(value: int | float) -> str:
    """Four significant digits for what was drawn; a sign in brackets."""
    text = str(value) if isinstance(value, int) else repr(float(f"{value:.4g}"))
    return f"({text})" if value < 0 else text


def other_value(one: Literal, random: Random) -> int | float:
    """One step of a size that is itself drawn: whole numbers stay whole, small ones move by one or two; a seed is
    another one."""
    value = one.value
    if one.option == SEED:
        return random.randrange(1_000_000)
    if isinstance(value, int):
        if value <= _SMALL or random.random() < 0.3:
            return max(0, value + random.choice((-2, -1, 1, 2)))
        return max(1, round(value * random.choice((0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 4.0))))
    if value == 0.0:
        return random.choice((0.001, 0.01, 0.1, 0.5, 1.0))
    width = random.choice((0.01, 0.1, 0.5, 1.5))
    return float(value * math.exp(random.gauss(0.0, width)))


def neighbour(value: int | float, width: float, random: Random) -> int | float:
    """A value near this one: by a share of about `width`; whole numbers by chance to one side or the other."""
    if isinstance(value, int):
        if value <= _SMALL:
            return value if random.random() > width else max(0, value + random.choice((-1, 1)))
        return max(1, round(value * math.exp(random.gauss(0.0, width)) + random.uniform(-0.5, 0.5)))
    return float(value * math.exp(random.gauss(0.0, width)) if value else random.gauss(0.0, 0.1 * width))


def changed(code: Code, literals: Sequence[Literal], values: Sequence[int | float]) -> str:
    return code.with_edits(
        [one.edit(value) for one, value in zip(literals, values, strict=True) if text_of(value) != text_of(one.value)]
    )
