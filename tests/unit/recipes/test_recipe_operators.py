"""Operators of recipes: everything that they propose keeps to the grammar, and the same question has one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.offline.coder import load_operators
from nightforge.domain.team import Draft, Operator, OperatorContext, Program
from nightforge.domain.words import OperatorKind
from tools.recipes.grammar import MAX_PARTS, MAX_STEPS, parse_recipe, parts_of, print_recipe
from tools.recipes.operators import (
    LANGUAGE,
    MACROS,
    Assemble,
    Cross,
    CrossParts,
    Delete,
    Insert,
    Move,
    Part,
    Repeat,
    Tweak,
    draw_step,
)

UNHURRIED = settings(deadline=None)
"""A busy machine is no fault of the code."""

OPERATORS = [one for one in load_operators() if LANGUAGE in one.languages]
PARENT = "dch\nbalance -l\nresub -K 8 -N 2\nrewrite -z\n"
PARTNER = "&get -n; &syn3; &put\nlogic; fx; strash\ndch\n"


def proposed(
    operator: Operator, source: str = PARENT, *, partners: Sequence[str] = (PARTNER,), seed: int = 0
) -> Sequence[Draft]:
    programs = tuple(Program(ordinal=number, source=text) for number, text in enumerate(partners, 1))
    parent = Program(ordinal=0, source=source)
    return operator.propose(OperatorContext(language=LANGUAGE, parent=parent, partners=programs, seed=seed))


def test_all_are_registered() -> None:
    assert {one.name for one in OPERATORS} >= {
        *("rewrite.recipe-insert", "rewrite.recipe-delete", "rewrite.recipe-replace", "rewrite.recipe-move"),
        *("rewrite.recipe-arguments", "rewrite.recipe-macro", "rewrite.recipe-repeat", "rewrite.recipe-several"),
        *("rewrite.recipe-assemble", "rewrite.recipe-part", "crossover.recipe", "crossover.recipe-parts"),
    }


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda one: one.name)
@UNHURRIED
@given(length=st.integers(1, MAX_STEPS), random=st.randoms(use_true_random=False))
def test_proposals_are_other_recipes_within_the_rules(operator: Operator, length: int, random: object) -> None:
    from random import Random

    assert isinstance(random, Random)
    parent = print_recipe([draw_step(random) for _ in range(length)])
    drafts = proposed(operator, parent)
    assert drafts == proposed(operator, parent)
    sources = [draft.source for draft in drafts]
    assert len(set(sources)) == len(sources)
    for draft in drafts:
        assert draft.source != parent
        assert print_recipe(parse_recipe(draft.source)) == draft.source
        assert draft.operator is operator.kind
        assert draft.operator_name == operator.name
        assert draft.note


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda one: one.name)
def test_what_is_no_recipe_has_no_children(operator: Operator) -> None:
    assert proposed(operator, "read x.aig\n") == ()


def test_each_operator_does_what_its_name_says() -> None:
    size = len(parse_recipe(PARENT))
    lengths = {len(parse_recipe(draft.source)) for draft in proposed(Insert())}
    assert lengths == {size + 1}
    assert {len(parse_recipe(draft.source)) for draft in proposed(Delete())} <= {size - 1, size - 2}
    assert all(sorted(draft.source.splitlines()) == sorted(PARENT.splitlines()) for draft in proposed(Move()))
    assert all(set(draft.source.splitlines()) == set(PARENT.splitlines()) for draft in proposed(Repeat()))
    tweaked = [parse_recipe(draft.source) for draft in proposed(Tweak())]
    assert all([step.form for step in recipe] == [step.form for step in parse_recipe(PARENT)] for recipe in tweaked)


def test_a_recipe_of_one_line_is_never_emptied() -> None:
    assert proposed(Delete(), "dch\n") == ()


def test_crossover_joins_the_beginning_of_one_with_the_end_of_another() -> None:
    ours, theirs = PARENT.splitlines(), PARTNER.splitlines()
    cuts = {
        "\n".join([*a[:i], *b[j:]]) + "\n"
        for a, b in ((ours, theirs), (theirs, ours))
        for i in range(9)
        for j in range(9)
    }
    drafts = proposed(Cross())
    assert drafts
    assert {draft.source for draft in drafts} <= cuts
    assert drafts[0].operator is OperatorKind.CROSSOVER
    assert proposed(Cross(), seed=1) != drafts
    assert proposed(Cross(), partners=()) == ()


def texts(source: str) -> list[str]:
    return [print_recipe(part) for part in parts_of(parse_recipe(source))]


def test_a_part_is_added_or_takes_the_place_of_one() -> None:
    old = texts("dch\nor\nbalance\nrewrite\n")
    drafts = [draft for seed in range(4) for draft in proposed(Part(), "dch\nor\nbalance\nrewrite\n", seed=seed)]
    counts = Counter(len(texts(draft.source)) for draft in drafts)
    assert set(counts) == {2, 3}
    for draft in drafts:
        made = texts(draft.source)
        assert sum(part in old for part in made) >= len(made) - 1 - (len(made) == len(old))
        assert made[:2] == old if len(made) == 3 else sum(a != b for a, b in zip(old, made, strict=True)) == 1


def test_other_parts_make_room_for_a_new_one() -> None:
    full = "or\n".join(["balance\n" * 4] * MAX_PARTS)
    drafts = [draft for seed in range(6) for draft in proposed(Part(), full, seed=seed)]
    assert drafts
    assert all(sum(map(len, parts_of(parse_recipe(draft.source)))) <= MAX_STEPS for draft in drafts)
    assert any(len(texts(draft.source)) == MAX_PARTS for draft in drafts)


def test_recipes_are_assembled_out_of_parts() -> None:
    macros = {print_recipe(recipe) for _, recipe in MACROS}
    several = [texts(draft.source) for seed in range(5) for draft in proposed(Assemble(), seed=seed)]
    assert any(len(made) >= 3 and set(made) <= macros for made in several)


def test_parts_of_two_recipes_are_mixed() -> None:
    ours, theirs = "dch\nor\nbalance\n", "rewrite\nor\nfraig\n"
    drafts = proposed(CrossParts(), ours, partners=(theirs,))
    assert drafts
    for draft in drafts:
        made = texts(draft.source)
        assert set(made) <= {*texts(ours), *texts(theirs)}
        assert len(made) == len(set(made))
        assert "candidate 1" in draft.note
    assert any(set(texts(draft.source)) & set(texts(theirs)) for draft in drafts)
    assert proposed(CrossParts(), ours, partners=()) == ()


def test_crossover_leaves_better_partners_alone() -> None:
    def crossed(parent: float, partner: float) -> Sequence[Draft]:
        return Cross().propose(
            OperatorContext(
                language=LANGUAGE,
                parent=Program(ordinal=0, source=PARENT, score=parent),
                partners=(Program(ordinal=1, source=PARTNER, score=partner),),
                seed=0,
            )
        )

    assert crossed(1.0, 1.1) == ()
    assert crossed(1.1, 1.0)


def test_macros_keep_to_the_rules_and_have_names() -> None:
    assert all(title and 1 <= len(recipe) <= MAX_STEPS for title, recipe in MACROS)
