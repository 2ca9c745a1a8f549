"""Operators on rules: whatever they draw parses, runs, keeps to the contract, and is another program."""

from __future__ import annotations

import ast
from pathlib import Path
from random import Random

import pytest

from nightforge.domain.team import OperatorContext, Program
from tools.rules.formula import text_of
from tools.rules.grow import MOST_NODES
from tools.rules.operators import (
    MOST_DRAFTS,
    Cross,
    Hoist,
    Insert,
    Linear,
    Numbers,
    Point,
    RuleOperator,
    Simplify,
    Start,
    Subtree,
)
from tools.rules.program import MOST_BYTES, rules_of
from tools.rules.shorten import shorter, without
from tools.rules.units import is_consistent

ROOT = Path(__file__).resolve().parents[3]
SEED = (ROOT / "tasks" / "job-shop" / "seed.py").read_text(encoding="utf-8")
WINQ = SEED.replace("return -f", 'return -f["next_queue"] - f')
DRAWING: tuple[type[RuleOperator], ...] = (Subtree, Point, Hoist, Insert, Numbers, Cross, Linear)
FORM = '''
def priority(f):
    """Two steps."""
    slack = f["due"] - f["now"]
    return slack / f["duration"] + len(f)
'''
TWO = """
def rank(f):
    # nf: feature upward time >= 1: longest path to the end
    # nf: feature level tasks >= 0: on the longest path from the start
    # nf: rule f["level"] -- deepest
    return f["upward"]


def place(f):
    # nf: feature finish time >= 1: earliest end
    return -f["finish"]


def helper(x):
    return x + 1
"""


def context(source: str, seed: int, *partners: str) -> OperatorContext:
    others = tuple(Program(ordinal=place, source=text) for place, text in enumerate(partners, 1))
    return OperatorContext(language="python", parent=Program(ordinal=0, source=source), partners=others, seed=seed)


def answer(source: str, random: Random) -> float:
    space: dict[str, object] = {}
    exec(source, space)
    function = space["priority"]
    assert callable(function)
    (rule,) = rules_of(source)
    features = {one.name: int(one.least or 0) + random.choice((0, 0, 1, 50, 5000)) for one in rule.features}
    value = function(features)
    assert isinstance(value, int | float)
    return float(value)


@pytest.mark.parametrize("made", DRAWING)
def test_drafts_parse_run_and_keep_to_size_imports_and_units(made: type[RuleOperator]) -> None:
    operator, random, count = made(), Random(5), 0
    source = SEED
    for seed in range(25):
        drafts = operator.propose(context(source, seed, WINQ))
        assert len(drafts) <= MOST_DRAFTS
        for draft in drafts:
            count += 1
            (rule,) = rules_of(draft.source)
            assert rule.formula.size <= MOST_NODES + 8  # a printed negative number is two nodes when it is read
            assert len(draft.source.encode()) <= MOST_BYTES
            assert "import" not in draft.source
            assert is_consistent(rule.formula, {feature.text: feature for feature in rule.features})
            assert draft.source != source
            assert draft.operator_name == operator.name
            for _ in range(4):
                answer(draft.source, random)
        if drafts and made is not Linear:
            source = drafts[-1].source  # and on from there: an evolution, not one step
    assert count > 20


@pytest.mark.parametrize("made", DRAWING)
def test_proposals_follow_from_the_seed(made: type[RuleOperator]) -> None:
    one, same = made().propose(context(SEED, 7, WINQ)), made().propose(context(SEED, 7, WINQ))
    assert one == same
    assert one != made().propose(context(SEED, 8, WINQ))


def test_declarations_outlive_a_change() -> None:
    before = rules_of(SEED)[0]
    (draft, *_) = Insert().propose(context(SEED, 1))
    after = rules_of(draft.source)[0]
    assert after.features == before.features
    assert after.known == before.known
    assert [line for line in draft.source.splitlines() if line.startswith("#")] == [
        line for line in SEED.splitlines() if line.startswith("#")
    ]


def test_rules_by_people_come_first_and_only_from_one_of_them() -> None:
    drafts = Start().propose(context(SEED, 0))
    rule = rules_of(SEED)[0]
    assert [rules_of(draft.source)[0].formula for draft in drafts] == [
        known.formula for known in rule.known if known.formula != rule.formula
    ]
    (evolved, *_) = Insert().propose(context(SEED, 1))
    assert Start().propose(context(evolved.source, 0)) == ()


def test_the_seed_quotes_its_baselines() -> None:
    folder = ROOT / "tasks" / "job-shop" / "baselines"
    programs = {text_of(rules_of(path.read_text(encoding="utf-8"))[0].formula) for path in folder.glob("*.py")}
    quoted = {known.name: text_of(known.formula) for known in rules_of(SEED)[0].known}
    waiting = {name: text for name, text in quoted.items() if "may wait" in name}
    assert len(waiting) == 2, "where the search learns that a machine may wait"
    never = {f'{text} - 1000000 * f["wait"]' for text in waiting.values()}
    assert {*quoted.values(), *never} - {*waiting.values()} <= programs


def test_local_names_are_written_out_and_what_is_no_arithmetic_stays() -> None:
    (rule,) = rules_of(FORM)
    assert text_of(rule.formula) == '(f["due"] - f["now"]) / f["duration"] + len(f)'
    assert [feature.name for feature in rule.features] == ["due", "now", "duration", "len(f)"]
    assert rule.with_formula(rule.formula).endswith('    return (f["due"] - f["now"]) / f["duration"] + len(f)\n')


def test_features_inside_a_function_are_its_own() -> None:
    rank, place = rules_of(TWO)
    assert [rule.function for rule in (rank, place)] == ["rank", "place"]
    assert [feature.name for feature in rank.features] == ["upward", "level"]
    assert [feature.name for feature in place.features] == ["finish"]
    assert [known.name for known in rank.known] == ["deepest"]
    changed = place.with_formula(place.formula.args[0])
    assert 'return f["finish"]' in changed
    assert changed.count("nf: feature") == 3


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = 1\n",
        "def priority(f):\n    for x in f:\n        return x\n",
        "def priority(f): return 1\n",
        "def (",
        "\0",
    ],
)
def test_what_is_no_rule_is_left_alone(source: str) -> None:
    assert rules_of(source) == ()
    assert Insert().propose(context(source, 0)) == ()


def test_simplify_offers_the_shorter_form() -> None:
    short = 'return -f["duration"] / f["remaining"] - 1000000 * f["wait"]\n'
    long = SEED.replace(short, 'return 0 * f["now"] - f["duration"] / max(f["remaining"], 1)\n')
    assert long != SEED
    (draft,) = Simplify().propose(context(long, 0))
    assert text_of(rules_of(draft.source)[0].formula) == '-(f["duration"] / f["remaining"])'
    assert Simplify().propose(context(SEED, 0)) == ()


def test_shorter_forms_are_shorter_and_a_dropped_feature_is_gone() -> None:
    (draft, *_) = Linear().propose(context(SEED, 3))
    (rule,) = rules_of(draft.source)
    forms = list(shorter(rule, rule.formula))
    assert forms
    assert all(form.size < rule.formula.size for form in forms)
    for terminal in rule.formula.terminals():
        assert terminal not in without(rule, terminal, 30.0).terminals()
        ast.parse(rule.with_formula(without(rule, terminal, 30.0)))


def test_linear_rules_of_two_functions_are_drawn_for_either_and_for_both() -> None:
    seed = (ROOT / "tasks" / "het-dag" / "seed.py").read_text(encoding="utf-8")
    drawn = [draft for seed_number in range(20) for draft in Linear().propose(context(seed, seed_number))]
    before = [rule.formula for rule in rules_of(seed)]
    changed = []
    for draft in drawn:
        rules = rules_of(draft.source)
        changed.append(tuple(rule.function for rule, old in zip(rules, before, strict=True) if rule.formula != old))
        assert all(len(rule.formula.terminals()) <= 6 for rule in rules)
    assert set(changed) == {("rank",), ("place",), ("rank", "place")}
