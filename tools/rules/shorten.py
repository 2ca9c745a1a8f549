"""Shorter forms of a formula to try, and the formula without a feature."""

from __future__ import annotations

from collections.abc import Iterator

from tools.rules.formula import TERMINAL, Formula, number
from tools.rules.grow import protected
from tools.rules.program import Rule
from tools.rules.simplify import is_rule, ordering, simplified


def shorter(rule: Rule, formula: Formula) -> Iterator[Formula]:
    """Each part left out or replaced by something inside it, the shortest results first. They need not do the same:
    whoever takes one compares what it does."""
    features = {feature.text: feature for feature in rule.features}
    found = {ordering(formula, features)}
    for path, node in formula.walk():
        inner = [*node.args, number(0), number(1)] if node.args else []
        found |= {simplified(protected(formula.put(path, part), features), features) for part in inner}
    seen = {formula}
    for candidate in sorted(found, key=lambda one: (one.size, str(one))):
        if candidate not in seen and candidate.size < formula.size and is_rule(candidate):
            seen.add(candidate)
            yield candidate


def without(rule: Rule, terminal: str, held: float) -> Formula:
    """The formula with a number in the feature's place."""
    formula = rule.formula
    for path, node in list(formula.walk()):
        if node.op == TERMINAL and node.name == terminal:
            formula = formula.put(path, number(held))
    features = {feature.text: feature for feature in rule.features}
    return simplified(protected(formula, features), features)
