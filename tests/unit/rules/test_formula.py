"""Formulas: reading, printing, values, units, simplification; on drawn formulas and on those that people write."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from random import Random

import pytest

from tools.rules.formula import Formula, apply, number, parse, terminal, text_of, value_of
from tools.rules.grow import Grower, protected
from tools.rules.likeness import same_choices
from tools.rules.program import Feature
from tools.rules.simplify import is_rule, ordering, simplified
from tools.rules.units import interval, is_consistent, unit_of

FEATURES = (
    Feature("duration", 'f["duration"]', "time", 1),
    Feature("remaining", 'f["remaining"]', "time", 1),
    Feature("waited", 'f["waited"]', "time", 0),
    Feature("queue", 'f["queue"]', "operations", 1),
    Feature("share", 'f["share"]', "1", 0),
    Feature("drift", 'f["drift"]', "1"),
)
BY_TEXT = {feature.text: feature for feature in FEATURES}
COUNT = 200


def drawn(count: int = COUNT) -> list[Formula]:
    found = []
    for seed in range(count):
        grower = Grower(FEATURES, Random(seed))
        found.append(protected(grower.grow(grower.random.choice((None, (("time", 1),), ())), 4), BY_TEXT))
    return found


def values(random: Random) -> dict[str, float]:
    return {
        feature.text: (feature.least if feature.least is not None else -50.0) + random.choice((0, 1, 7, 40, 900))
        for feature in FEATURES
    }


def python_value(formula: Formula, known: Mapping[str, float]) -> float:
    """What Python itself makes of the printed formula."""
    names = {feature.name: known[feature.text] for feature in FEATURES}
    return float(eval(text_of(formula), {"__builtins__": {}, "min": min, "max": max, "abs": abs}, {"f": names}))


def test_what_is_printed_reads_back_as_the_same_formula() -> None:
    for formula in drawn():
        text = text_of(formula)
        assert text_of(parse(text)) == text
        assert parse(text_of(parse(text))) == parse(text)


def test_python_computes_the_value_that_we_say_and_never_raises() -> None:
    random = Random(1)
    for formula in drawn():
        known = values(random)
        read = parse(text_of(formula))
        assert python_value(read, known) == pytest.approx(value_of(read, known), rel=1e-12)


def test_simplified_formulas_keep_their_values_and_are_never_longer() -> None:
    random, shorter = Random(2), 0
    for formula in drawn():
        short = simplified(formula, BY_TEXT)
        assert short.size <= formula.size
        shorter += short.size < formula.size
        for _ in range(5):
            known = values(random)
            assert value_of(short, known) == pytest.approx(value_of(formula, known), rel=1e-9, abs=1e-9), text_of(
                formula
            )
    assert shorter > COUNT // 10


def test_the_short_ordering_keeps_the_order() -> None:
    random = Random(3)
    for formula in drawn():
        short = ordering(formula, BY_TEXT)
        one, other = values(random), values(random)
        before = value_of(formula, one) - value_of(formula, other)
        after = value_of(short, one) - value_of(short, other)
        if abs(before) > 1e-6 and is_rule(short):
            assert math.copysign(1, before) == math.copysign(1, after), text_of(formula)


def test_intervals_hold_the_values() -> None:
    random = Random(4)
    for formula in drawn():
        low, high = interval(formula, BY_TEXT)
        value = value_of(formula, values(random))
        slack = 1e-9 * max(1.0, abs(value))
        assert low - slack <= value <= high + slack


def test_drawn_formulas_keep_their_units() -> None:
    for formula in drawn():
        assert is_consistent(formula, BY_TEXT), text_of(formula)


@pytest.mark.parametrize(
    ("text", "is_sound"),
    [
        ('f["duration"] + f["waited"]', True),
        ('f["duration"] + f["queue"]', False),
        ('f["duration"] + 3 * f["queue"]', True),
        ('f["duration"] / f["remaining"] + f["share"]', True),
        ('f["duration"] / f["remaining"] + f["waited"]', False),
        ('f["waited"] if f["queue"] < f["duration"] else f["duration"]', False),
        ('f["waited"] if f["queue"] < 3 else f["duration"]', True),
    ],
)
def test_unlike_units_are_not_added(text: str, is_sound: bool) -> None:
    assert is_consistent(parse(text), BY_TEXT) is is_sound


def test_units_multiply_and_cancel() -> None:
    assert unit_of(parse('f["duration"] * f["queue"]'), BY_TEXT) == (("operations", 1), ("time", 1))
    assert unit_of(parse('f["duration"] / f["waited"]'), BY_TEXT) == ()
    assert unit_of(parse('2 * f["duration"]'), BY_TEXT) is None


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ('f["waited"] + 0 * f["duration"]', 'f["waited"]'),
        ('max(f["duration"], 1)', 'f["duration"]'),
        ('f["waited"] / max(f["duration"], 1)', 'f["waited"] / f["duration"]'),
        ('f["waited"] / max(f["waited"], 1)', 'f["waited"] / max(f["waited"], 1)'),
        ('f["drift"] / f["drift"]', 'f["drift"] / f["drift"]'),
        ('2 * f["duration"] + 3 * f["duration"]', '5 * f["duration"]'),
        ('f["duration"] - (f["duration"] + f["waited"])', '-f["waited"]'),
        ('f["waited"] if f["duration"] < 0 else f["queue"]', 'f["queue"]'),
        ('f["waited"] if f["duration"] >= 1 else f["queue"]', 'f["waited"]'),
        ('f["waited"] if f["duration"] == 0 else f["queue"]', 'f["queue"]'),
        ('f["waited"] if f["duration"] < 5 * f["duration"] else f["queue"]', 'f["waited"]'),
        ('abs(f["waited"])', 'f["waited"]'),
        ('abs(f["drift"])', 'abs(f["drift"])'),
        ('min(max(f["waited"], 3), 2)', "2"),
    ],
)
def test_sound_rewrites(text: str, short: str) -> None:
    assert text_of(simplified(parse(text), BY_TEXT)) == short


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
def test_comparisons_of_all_kinds_are_read(sign: str) -> None:
    text = f'1 if f["waited"] {sign} f["share"] else 2'
    for waited in (1.0, 2.0, 3.0):
        known = {'f["waited"]': waited, 'f["share"]': 2.0}
        wanted = eval(text, {"f": {"waited": waited, "share": 2.0}})
        assert value_of(parse(text), known) == wanted
        assert value_of(parse(text_of(parse(text))), known) == wanted


def test_what_all_share_decides_nothing_by_itself() -> None:
    features = (*FEATURES, Feature("now", 'f["now"]', "time", 0, is_shared=True))
    known = {feature.text: feature for feature in features}
    rule = parse('f["duration"] / f["remaining"]')
    for text in (
        '3 * (f["duration"] / f["remaining"]) + f["now"]',
        '(f["now"] + 1) * (f["duration"] / f["remaining"])',
    ):
        assert ordering(parse(text), known) == rule
        assert same_choices(parse(text), rule, features)
    other = parse('f["duration"] - 0.5 * f["now"] * f["share"]')
    assert ordering(other, known) == other
    assert not same_choices(other, parse('f["duration"]'), features)


def test_what_is_not_arithmetic_stays_as_it_is() -> None:
    text = 'math.sqrt(f["waited"] + 1) + (3 if len(f) == 2 else 4)'
    assert ast.dump(ast.parse(text_of(parse(text)))) == ast.dump(ast.parse(text))


def test_the_same_choices_are_seen_and_others_are_not() -> None:
    rule = parse('-f["duration"] / f["remaining"]')
    assert same_choices(rule, apply("*", number(3), rule), FEATURES)
    assert same_choices(rule, apply("+", rule, number(7)), FEATURES)
    assert not same_choices(rule, apply("neg", rule), FEATURES)
    assert not same_choices(rule, terminal('f["remaining"]'), FEATURES)
