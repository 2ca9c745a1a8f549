"""Lines of a recipe: only what the list names gets through, and what ABC is given is printed anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.accelerators.recipe.fixed import FIXED
from tools.recipes.grammar import (
    FORMS,
    MAX_PARTS,
    MAX_STEPS,
    OR,
    Form,
    Recipe,
    RecipeError,
    Step,
    is_recipe,
    parse_recipe,
    parts_of,
    print_recipe,
)

UNHURRIED = settings(deadline=None)
"""A busy machine is no fault of the code."""

COMMANDS = {
    *("balance", "rewrite", "refactor", "resub", "dc2", "drw", "drf", "dch", "ifraig", "fraig", "scorr", "strash"),
    *("&get", "&syn2", "&syn3", "&syn4", "&put", "if", "mfs2", "logic", "fx", "extract"),
    *("iresyn", "&b", "&dc2", "&if", "&mfs", "&st", "bidec", "sop"),
}
"""Written out on its own: a form that is added to the grammar must be added here, by somebody who thought of it."""
SAFE = re.compile(r"(?: -[A-Za-z](?: \d+)?)*")


def is_harmless(commands: str) -> bool:
    for command in commands.split("; "):
        word, _, rest = command.partition(" ")
        if word not in COMMANDS or not SAFE.fullmatch(" " + rest if rest else ""):
            return False
    return True


@st.composite
def steps(draw: st.DrawFn) -> Step:
    form: Form = draw(st.sampled_from(FORMS))
    options: list[tuple[str, int | None]] = []
    for letter, (least, most, _) in form.numbers.items():
        if letter in form.required or draw(st.booleans()):
            options.append((letter, draw(st.integers(least, most))))
    options += [(letter, None) for letter in form.flags if draw(st.booleans())]
    return Step(form, tuple(options))


parts = st.lists(st.lists(steps(), min_size=1, max_size=MAX_STEPS // MAX_PARTS), min_size=1, max_size=MAX_PARTS)
recipes = st.one_of(
    st.lists(steps(), min_size=1, max_size=MAX_STEPS).map(tuple),
    parts.map(lambda found: tuple(step for part in found for step in (OR, *part))[1:]),
)
near_misses = st.lists(
    st.one_of(
        st.sampled_from(
            [*COMMANDS, "read", "write", "source", "alias", "cec", ";", "; ", " ", "\n", "-l", "-K 6", "!ls"]
        ),
        st.text(max_size=6),
    ),
    max_size=12,
).map("".join)


@UNHURRIED
@given(recipes)
def test_what_is_printed_parses_to_the_same_steps(recipe: Recipe) -> None:
    assert parse_recipe(print_recipe(recipe)) == recipe


@UNHURRIED
@given(st.one_of(st.text(max_size=300), near_misses, st.lists(near_misses, max_size=6).map("\n".join)))
def test_any_text_is_refused_or_harmless(text: str) -> None:
    try:
        recipe = parse_recipe(text)
    except RecipeError:
        return
    assert 1 <= sum(map(len, parts_of(recipe))) <= MAX_STEPS
    assert all(is_harmless(step.commands) for part in parts_of(recipe) for step in part)
    assert parse_recipe(print_recipe(recipe)) == recipe


@UNHURRIED
@given(recipes, st.text(min_size=1, max_size=3), st.data())
def test_letters_put_in_anywhere_never_add_a_command(recipe: Recipe, letters: str, data: st.DataObject) -> None:
    text = print_recipe(recipe)
    place = data.draw(st.integers(0, len(text)))
    try:
        found = parse_recipe(text[:place] + letters + text[place:])
    except RecipeError:
        return
    assert all(is_harmless(step.commands) for part in parts_of(found) for step in part)


@pytest.mark.parametrize(
    ("line", "canonical"),
    [
        ("resub -l -K 6", "resub -K 6 -l"),
        ("  rewrite   -l  -z ", "rewrite -z -l"),
        ("&get -n;&syn3;&put", "&get -n; &syn3; &put"),
        ("if -K 6 -a ;mfs2; strash", "if -K 6 -a; mfs2; strash"),
        ("refactor -N 04", "refactor -N 4"),
    ],
)
def test_spaces_and_the_order_of_options_are_free(line: str, canonical: str) -> None:
    assert print_recipe(parse_recipe(line)) == f"{canonical}\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("resub", "needs -K"),
        ("resub -K 5", "-K 6 to 12, not 5"),
        ("resub -K 6 -K 7", "does not take '-K 7'"),
        ("balance -q", "no -q"),
        ("balance -l 3", "no -l with a number"),
        ("rewrite -z -z", "does not take '-z'"),
        ("if -K 6", "not allowed"),
        ("&syn3", "not allowed"),
        ("dch -f", "no -f"),
        ("\tbalance", "character '\\\\t'"),
        ("balance\r", "character '\\\\r'"),
        ("balance\u2028read x", "character '\\\\u2028'"),
        ("rewrite \u2212z", "character '\\\\u2212'"),
        ("b\u0430lance", "character '\\\\u0430'"),
        ("balance" + " " * 80, "more than 80"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(line: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as refused:
        parse_recipe(f"# first\nbalance\n{line}\n")
    assert "line 3" in str(refused.value)


def test_at_most_twenty_lines_comments_apart() -> None:
    twenty = "# a comment\n\n" + "balance\n" * MAX_STEPS
    assert len(parse_recipe(twenty)) == MAX_STEPS
    with pytest.raises(RecipeError, match="21 commands"):
        parse_recipe(twenty + "balance\n")
    with pytest.raises(RecipeError, match="no command"):
        parse_recipe("# nothing\n")
    with pytest.raises(RecipeError, match="more than 4096"):
        parse_recipe("#" * 5000)


def test_parts_are_told_apart() -> None:
    recipe = parse_recipe("dch\n or \nbalance\nrewrite -z\n# none\nor\ndch\n")
    assert [print_recipe(part) for part in parts_of(recipe)] == ["dch\n", "balance\nrewrite -z\n", "dch\n"]
    assert print_recipe(recipe) == "dch\nor\nbalance\nrewrite -z\nor\ndch\n"
    assert parts_of(parse_recipe("dch\ndch\n")) == [parse_recipe("dch\ndch\n")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("or\n", "no command"),
        ("or\ndch\n", "part 1 has no command"),
        ("dch\nor\n", "part 2 has no command"),
        ("dch\nor\nor\ndch\n", "part 2 has no command"),
        ("dch\nor\n" * MAX_PARTS + "dch\n", "6 parts, more than 5"),
        ("dch\n" * 11 + "or\n" + "dch\n" * 10, "21 commands, more than 20"),
        ("dch\nor -l\ndch\n", "'or -l' is not allowed"),
        ("dch; or; dch\n", "not allowed"),
    ],
)
def test_what_is_wrong_with_parts_is_named(text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        parse_recipe(text)


def test_twenty_commands_in_five_parts_are_a_recipe() -> None:
    part = parse_recipe("dch\n" * 4)
    assert is_recipe((*part, *[step for _ in range(4) for step in (OR, *part)]))
    assert not is_recipe((OR, *part))
    assert not is_recipe(())


def test_the_fixed_recipes_keep_to_the_rules() -> None:
    assert {name: len(recipe) for name, recipe in FIXED.items()} == {
        "resyn2": 10,
        "resyn2rs": 18,
        "compress2rs": 18,
        "dch3": 3,
        "syn3": 3,
    }


def test_the_examples_are_recipes() -> None:
    folder = Path(__file__).parents[3] / "examples" / "recipes"
    sizes = {path.stem: [len(part) for part in parts_of(parse_recipe(path.read_text()))] for path in folder.iterdir()}
    assert sizes == {"adp-one-part": [4], "adp-five-parts": [2, 4, 4, 4, 3]}
    one, several = (parse_recipe((folder / f"adp-{name}.txt").read_text()) for name in ("one-part", "five-parts"))
    assert one in parts_of(several)
