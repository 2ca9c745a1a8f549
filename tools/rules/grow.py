"""Random formulas over typed features, and changes of a formula: the moves of genetic programming (Koza 1992; units
after Keijzer and Babovic 1999). Every result is simplified, bounded in size, and keeps its units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tools.rules.formula import CHOICES, NUMBER, TERMINAL, Formula, apply, number, quotient, terminal
from tools.rules.program import Feature
from tools.rules.simplify import is_rule, ordering, simplified
from tools.rules.units import NOTHING, Mismatch, Unit, base, interval, is_consistent, unit_of

MOST_NODES = 48
_WEIGHTS = (0.1, 0.2, 0.25, 0.5, 0.75, 1.5, 2.0, 3.0, 5.0, 10.0)


@dataclass
class Grower:
    """Draws formulas over the given features."""

    features: Sequence[Feature]
    random: Random
    is_ranking: bool = False
    """Only the order of values counts: shorter formulas of the same order will do."""

    def __post_init__(self) -> None:
        self.by_text: Mapping[str, Feature] = {feature.text: feature for feature in self.features}

    def leaf(self, unit: Unit | None) -> Formula:
        """A feature of that unit; where there is none, a weighted one of another."""
        fitting = [one for one in self.features if unit is None or base(one) in (None, unit)]
        if fitting:
            return terminal(self.random.choice(fitting).text)
        if unit == NOTHING:
            return self.ratio()
        return self.weighted(terminal(self.random.choice(self.features).text))

    def ratio(self) -> Formula:
        top = terminal(self.random.choice(self.features).text)
        return quotient(top, self.leaf(self.unit(top)))

    def weight(self) -> float:
        return self.random.choice(_WEIGHTS) * self.random.choice((1, 1, 1, -1))

    def weighted(self, formula: Formula) -> Formula:
        return apply("*", number(self.weight()), formula)

    def unit(self, formula: Formula) -> Unit | None:
        try:
            return unit_of(formula, self.by_text)
        except Mismatch:
            return None

    def grow(self, unit: Unit | None, depth: int) -> Formula:
        """A formula of that unit (any where None), at most `depth` operators deep or a little more."""
        if depth <= 0 or self.random.random() < 0.25:
            return self.leaf(unit)
        kind = self.random.choice(("+", "-", "*", "/", "min", "max", "if", "weigh", "+", "-", "/"))
        if kind == "weigh":
            return self.weighted(self.grow(unit, depth - 1))
        first = self.grow(unit, depth - 1)
        if kind in ("*", "/"):
            other = self.grow(NOTHING, depth - 1)
            return apply("*", first, other) if kind == "*" else quotient(first, apply("abs", other))
        found = self.unit(first)
        other = self.grow(unit if found is None else found, depth - 1)
        if kind == "if":
            one = self.leaf(None)
            return apply("if", one, self.threshold(one), first, other)
        return apply(kind, first, other)

    def threshold(self, one: Formula) -> Formula:
        other = self.leaf(self.unit(one))
        return other if other != one and self.random.random() < 0.6 else self.weighted(other)

    def usable(self, formula: Formula, parent: Formula) -> Formula | None:
        """Simplified; None where it is no rule, too long, the parent again, or breaks units that the parent keeps."""
        shortened = ordering if self.is_ranking else simplified
        short = shortened(protected(simplified(formula, self.by_text), self.by_text), self.by_text)
        if short.size > MOST_NODES or not is_rule(short) or short == parent:
            return None
        if is_consistent(parent, self.by_text) and not is_consistent(short, self.by_text):
            return None
        return short


def protected(formula: Formula, features: Mapping[str, Feature]) -> Formula:
    """Divisors that could be zero are kept at 1 or more, whatever a change made of their protection."""
    args = tuple(protected(arg, features) for arg in formula.args)
    if formula.op == "/":
        low, high = interval(args[1], features)
        if low <= 0 <= high:
            return quotient(*args)
    return Formula(formula.op, args, formula.value, formula.name)


def subtree(parent: Formula, grower: Grower) -> Formula:
    """A random part is replaced by a fresh one of the same unit."""
    path, old = _picked(parent, grower.random)
    return parent.put(path, grower.grow(grower.unit(old), grower.random.choice((1, 2, 2, 3))))


def point(parent: Formula, grower: Grower) -> Formula:
    """One operator or feature becomes another that fits in its place."""
    random = grower.random
    nodes = [(path, node) for path, node in parent.walk() if node.op != NUMBER]
    path, node = random.choice(nodes)
    if node.op == TERMINAL:
        return parent.put(path, grower.leaf(grower.unit(node)))
    swaps = {"+": "-", "-": "+", "min": "max", "max": "min"}
    if node.op in swaps:
        return parent.put(
            path, Formula(random.choice((swaps[node.op], *sorted({"min", "max"} - {node.op}))), node.args)
        )
    if node.op in CHOICES:
        one, other, then, otherwise = node.args
        return parent.put(path, apply(node.op, one, other, otherwise, then))
    if node.op in ("*", "/"):
        return parent.put(path, quotient(*node.args) if node.op == "*" else apply("*", *node.args))
    return parent.put(path, node.args[0])


def hoist(parent: Formula, grower: Grower) -> Formula:
    """A part takes the place of something around it: the formula becomes shorter."""
    inner = [path for path, _ in parent.walk() if path]
    if not inner:
        return parent
    path = grower.random.choice(inner)
    outer = path[: grower.random.randrange(len(path))]
    return parent.put(outer, parent.at(path))


def insert(parent: Formula, grower: Grower) -> Formula:
    """A feature comes in: a term, a factor, or a choice between the old and a changed part."""
    random = grower.random
    path, old = _picked(parent, random)
    unit = grower.unit(old)
    fresh = grower.leaf(unit) if random.random() < 0.5 else grower.leaf(None)
    kind = random.choice(("term", "term", "term", "factor", "factor", "choice"))
    if kind == "term":
        small = apply("*", number(grower.weight()), fresh)
        return parent.put(path, apply("+", old, small))
    if kind == "factor":
        factor = quotient(fresh, grower.leaf(grower.unit(fresh)))
        if random.random() < 0.5:
            factor = apply("+", number(1), apply("*", number(abs(grower.weight())), factor))
        return parent.put(path, apply(random.choice("**/"), old, apply("max", factor, number(0.01))))
    changed = random.choice((apply("*", number(abs(grower.weight())), old), grower.grow(unit, 1)))
    return parent.put(path, apply("if", fresh, grower.threshold(fresh), changed, old))


def numbers(parent: Formula, grower: Grower, *, reach: float = 0.5) -> Formula:
    """Numbers are multiplied by log-normal factors; a formula without any is given a weight on a part."""
    random = grower.random
    places = [(path, node) for path, node in parent.walk() if node.op == NUMBER]
    if not places or random.random() < 0.1:
        path, old = _picked(parent, random)
        return parent.put(path, apply("*", number(_rounded(math.exp(random.gauss(0, reach)))), old))
    chosen = random.sample(places, random.randint(1, min(3, len(places))))
    for path, node in chosen:
        value = node.value * math.exp(random.gauss(0, reach)) if node.value else random.gauss(0, 1)
        parent = parent.put(path, number(_rounded(-value if random.random() < 0.05 else value)))
    return parent


def cross(parent: Formula, other: Formula, grower: Grower) -> Formula:
    """A part of the parent becomes a part of the other of the same unit; or both are weighed together; or each decides
    where it may be the better one, as a feature says that all choices share."""
    random = grower.random
    kind = random.random()
    if kind < 0.2:
        weight = number(_rounded(math.exp(random.gauss(0, 1))))
        return apply("+", parent, apply("*", weight, other))
    shared = [one for one in grower.features if one.is_shared]
    if kind < 0.35 and shared:
        one = terminal(random.choice(shared).text)
        limit = grower.threshold(one) if random.random() < 0.5 else number(_rounded(10 ** random.uniform(0, 3)))
        pair = (parent, other) if random.random() < 0.5 else (other, parent)
        return apply("if", one, limit, *pair)
    path, old = _picked(parent, random)
    unit = grower.unit(old)
    fitting = [node for _, node in other.walk() if node.op != NUMBER and grower.unit(node) in (None, unit)]
    return parent.put(path, random.choice(fitting)) if fitting else parent


def linear(grower: Grower, terms: int) -> Formula:
    """A weighted sum of features, weights of either sign over two orders of magnitude: the plain rule that an evolved
    one has to beat."""
    chosen = grower.random.sample(list(grower.features), min(terms, len(grower.features)))
    formula: Formula | None = None
    for feature in chosen:
        weight = _rounded(grower.random.choice((-1, 1)) * 10 ** grower.random.uniform(-1, 1))
        term = apply("*", number(weight), terminal(feature.text))
        formula = term if formula is None else apply("+", formula, term)
    assert formula is not None
    return formula


def _picked(formula: Formula, random: Random) -> tuple[tuple[int, ...], Formula]:
    """A part, operators before leaves nine times in ten (Koza)."""
    nodes = [(path, node) for path, node in formula.walk() if node.op != NUMBER]
    inner = [(path, node) for path, node in nodes if node.args]
    return random.choice(inner if inner and random.random() < 0.7 else nodes)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
