"""Shorter formulas of the same value: a few sound rewrites, over and over.

They hold for finite values within the features' declared bounds; what floating point rounds is not kept to the last
bit, so that whoever replaces a rule has it evaluated again. Own rewrites instead of a computer algebra system: rules
are small, min, max and choices are half of them, and which of two forms reads better is ours to say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tools.rules.formula import CHOICES, NUMBER, TERMINAL, Formula, apply, number
from tools.rules.program import Feature
from tools.rules.units import interval

Features = Mapping[str, Feature]
_ROUNDS = 8
_ZERO, _ONE = number(0), number(1)


def simplified(formula: Formula, features: Features) -> Formula:
    """The same value everywhere, never larger."""
    for _ in range(_ROUNDS):
        shorter = _bottom_up(formula, features)
        if shorter == formula:
            break
        formula = shorter
    return formula


def ordering(formula: Formula, features: Features) -> Formula:
    """A shorter formula that puts things into the same order: at the root no positive factor, and no term that is the
    same for all.

    For functions of which only the largest value counts.
    """
    while True:
        formula = simplified(formula, features)
        stripped = _stripped(formula, features)
        if stripped == formula:
            return formula
        formula = stripped


def _stripped(formula: Formula, features: Features) -> Formula:
    if formula.op in ("+", "-", "*", "/"):
        one, other = formula.args
        if formula.op == "+" and _is_same_for_all(one, features):
            return other
        if formula.op == "-" and _is_same_for_all(one, features):
            return apply("neg", other)
        if formula.op in ("+", "-") and _is_same_for_all(other, features):
            return one
        if formula.op == "*" and _is_same_for_all(one, features) and interval(one, features)[0] > 0:
            return other
        if formula.op in ("*", "/") and _is_same_for_all(other, features) and interval(other, features)[0] > 0:
            return one
    if formula.op == "neg":
        inner = _stripped(formula.args[0], features)
        return formula if inner == formula.args[0] else apply("neg", inner)
    return formula


def _is_same_for_all(formula: Formula, features: Features) -> bool:
    named = (node.name for _, node in formula.walk() if node.op == TERMINAL)
    return all(name in features and features[name].is_shared for name in named)


def _bottom_up(formula: Formula, features: Features) -> Formula:
    args = tuple(_bottom_up(arg, features) for arg in formula.args)
    node = Formula(formula.op, args, formula.value, formula.name)
    if args and all(arg.op == NUMBER for arg in args):
        return _folded(node, features)
    for rewrite in (_sum, _product, _choice):
        shorter = rewrite(node, features)
        if shorter is not None:
            return shorter
    return node


def _folded(node: Formula, features: Features) -> Formula:
    low, high = interval(node, features)
    is_known = math.isfinite(low) and low == high
    if node.op in CHOICES:
        one, other, then, otherwise = node.args
        return then if (one.value < other.value if node.op == "if" else one.value == other.value) else otherwise
    return number(low) if is_known else node


def _sum(node: Formula, features: Features) -> Formula | None:
    if node.op == "neg":
        (inner,) = node.args
        if inner.op == "neg":
            return inner.args[0]
        if inner.op == "-":
            return apply("-", inner.args[1], inner.args[0])
        return None
    if node.op not in ("+", "-"):
        return None
    one, other = node.args
    if other == _ZERO:
        return one
    if one == _ZERO:
        return other if node.op == "+" else apply("neg", other)
    if one == other:
        return _ZERO if node.op == "-" else apply("*", number(2), one)
    if other.op == "neg":
        return apply("-" if node.op == "+" else "+", one, other.args[0])
    if one.op == "neg" and node.op == "+":
        return apply("-", other, one.args[0])
    if node.op == "-":
        return one.args[0] if one.op == "+" and one.args[1] == other else _cancelled(one, other)
    return _gathered(one, other)


def _cancelled(one: Formula, other: Formula) -> Formula | None:
    """(a + b) - a = b; a - (a + b) = -b."""
    if one.op == "+" and one.args[0] == other:
        return one.args[1]
    if other.op == "+" and one in other.args:
        return apply("neg", other.args[1] if other.args[0] == one else other.args[0])
    return None


def _gathered(one: Formula, other: Formula) -> Formula | None:
    """p * x + q * x = (p + q) * x."""
    (p, x), (q, y) = _weighted(one), _weighted(other)
    if x == y:
        return apply("*", number(p + q), x)
    if one.op == "+":  # (a + p * x) + q * x
        p, x = _weighted(one.args[1])
        if x == y:
            return apply("+", one.args[0], apply("*", number(p + q), x))
    return None


def _weighted(formula: Formula) -> tuple[float, Formula]:
    if formula.op == "*" and formula.args[0].op == NUMBER:
        return formula.args[0].value, formula.args[1]
    return 1.0, formula


def _product(node: Formula, features: Features) -> Formula | None:
    if node.op not in ("*", "/"):
        return None
    one, other = node.args
    if other == _ONE:
        return one
    if one == _ZERO and (node.op == "*" or _is_never_zero(other, features)):
        return _ZERO
    if one.op == "neg" and other.op == "neg":
        return apply(node.op, one.args[0], other.args[0])
    if one.op == "neg":  # signs stand outside, where sums take them in
        return apply("neg", apply(node.op, one.args[0], other))
    if other.op == "neg" and one.op != NUMBER:
        return apply("neg", apply(node.op, one, other.args[0]))
    if node.op == "/":
        return _ONE if one == other and _is_never_zero(other, features) else None
    if other == _ZERO:
        return _ZERO
    return _multiple(one, other)


def _multiple(one: Formula, other: Formula) -> Formula | None:
    """Numbers stand left and are gathered."""
    if one == _ONE:
        return other
    if other.op == NUMBER and one.op != NUMBER:
        return apply("*", other, one)
    if one.op != NUMBER:
        return None
    if other.op == "neg":
        return apply("*", number(-one.value), other.args[0])
    if other.op == "*" and other.args[0].op == NUMBER:
        return apply("*", number(one.value * other.args[0].value), other.args[1])
    return apply("neg", other) if one.value == -1 else None


def _is_never_zero(formula: Formula, features: Features) -> bool:
    low, high = interval(formula, features)
    return low > 0 or high < 0


def _choice(node: Formula, features: Features) -> Formula | None:
    if node.op == "abs":
        low, high = interval(node.args[0], features)
        return node.args[0] if low >= 0 else apply("neg", node.args[0]) if high <= 0 else None
    if node.op in ("min", "max"):
        return _extreme(node, features)
    if node.op not in CHOICES:
        return None
    one, other, then, otherwise = node.args
    if then == otherwise:
        return then
    if node.op == "if=":
        (a, b), (c, d) = interval(one, features), interval(other, features)
        return then if one == other else otherwise if b < c or d < a else None
    (p, x), (q, y) = _weighted(one), _weighted(other)
    if x == y and interval(x, features)[0] > 0:
        return then if p < q else otherwise
    (a, b), (c, d) = interval(one, features), interval(other, features)
    return then if b < c else otherwise if a >= d or one == other else None


def _extreme(node: Formula, features: Features) -> Formula | None:
    one, other = node.args
    (a, b), (c, d) = interval(one, features), interval(other, features)
    least, most = (one, other) if node.op == "min" else (other, one)
    if one == other or b <= c:
        return least
    if d <= a:
        return most
    if one.op == node.op and other in one.args:
        return one
    return other if other.op == node.op and one in other.args else None


def is_rule(formula: Formula) -> bool:
    """It looks at something."""
    return any(node.op == TERMINAL for _, node in formula.walk())
