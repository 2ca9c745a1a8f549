"""Units of formulas, and values that they are surely between.

A number fits any unit: it is the weight that makes unlike things comparable (3 * count + time is a weighing somebody
made; count + time is a slip).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tools.rules.formula import CHOICES, NUMBER, TERMINAL, Formula
from tools.rules.program import PLAIN, Feature

Unit = tuple[tuple[str, int], ...]
"""Exponents of base units, sorted, without zeros; () is a plain number."""
NOTHING: Unit = ()
Interval = tuple[float, float]
ALL: Interval = (-math.inf, math.inf)


class Mismatch(Exception):
    """Unlike units are added or compared."""


def base(feature: Feature) -> Unit | None:
    if not feature.unit:
        return None
    return NOTHING if feature.unit == PLAIN else ((feature.unit, 1),)


def product(one: Unit | None, other: Unit | None, sign: int = 1) -> Unit | None:
    """Of two units, or their ratio; None is `any`."""
    if one is None or other is None:
        return None
    exponents = dict(one)
    for name, exponent in other:
        exponents[name] = exponents.get(name, 0) + sign * exponent
    return tuple(sorted((name, exponent) for name, exponent in exponents.items() if exponent))


def unit_of(formula: Formula, features: Mapping[str, Feature]) -> Unit | None:
    """None where it fits any. Raises Mismatch."""
    if formula.op == NUMBER:
        return None
    if formula.op == TERMINAL:
        feature = features.get(formula.name)
        return None if feature is None else base(feature)
    units = [unit_of(arg, features) for arg in formula.args]
    if formula.op == "*":
        return product(units[0], units[1])
    if formula.op == "/":
        return product(units[0], units[1], -1)
    if formula.op in CHOICES:
        _common(units[:2])
        return _common(units[2:])
    return _common(units)


def _common(units: Sequence[Unit | None]) -> Unit | None:
    known = {unit for unit in units if unit is not None}
    if len(known) > 1:
        raise Mismatch
    return next(iter(known), None)


def is_consistent(formula: Formula, features: Mapping[str, Feature]) -> bool:
    try:
        unit_of(formula, features)
    except Mismatch:
        return False
    return True


def interval(formula: Formula, features: Mapping[str, Feature]) -> Interval:
    """Between which values it lies for sure (interval arithmetic, Moore 1966), from the features' least values."""
    if formula.op == NUMBER:
        return formula.value, formula.value
    if formula.op == TERMINAL:
        feature = features.get(formula.name)
        return ALL if feature is None or feature.least is None else (feature.least, math.inf)
    parts = [interval(arg, features) for arg in formula.args]
    if formula.op in CHOICES:
        return min(parts[2][0], parts[3][0]), max(parts[2][1], parts[3][1])
    (a, b), (c, d) = parts[0], parts[-1]
    if formula.op == "neg":
        return -b, -a
    if formula.op == "abs":
        return (a, b) if a >= 0 else (-b, -a) if b <= 0 else (0.0, max(-a, b))
    if formula.op == "+":
        return a + c, b + d
    if formula.op == "-":
        return a - d, b - c
    if formula.op == "min":
        return min(a, c), min(b, d)
    if formula.op == "max":
        return max(a, c), max(b, d)
    return _scaled(formula.op, (a, b), (c, d))


def _scaled(op: str, one: Interval, other: Interval) -> Interval:
    if op == "/":
        if other[0] <= 0 <= other[1]:
            return ALL
        other = (1 / other[1], 1 / other[0])
    corners = [_times(x, y) for x in one for y in other]
    return min(corners), max(corners)


def _times(x: float, y: float) -> float:
    """Zero times an end that is open is zero: the value itself is finite."""
    return 0.0 if x == 0 or y == 0 else x * y
