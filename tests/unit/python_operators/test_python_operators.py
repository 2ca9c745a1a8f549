"""Operators on Python programs: whatever they propose parses, keeps comments and what is fixed, and knows no task."""

from __future__ import annotations

import ast
import random as stdlib_random
from pathlib import Path
from typing import Any

import pytest

from nightforge.domain.team import OperatorContext, Program
from tools.python_operators.code import Code, Edit
from tools.python_operators.expressions import CrossFunctions, Expressions, Loops
from tools.python_operators.literals import literals_of, skeleton_of
from tools.python_operators.numbers import Family, Numbers, OneNumber, Seed
from tools.python_operators.operator import MOST_DRAFTS, PythonOperator
from tools.python_operators.refine import Refine, places_of
from tools.rules.operators import Insert
from tools.sections import fits

ROOT = Path(__file__).resolve().parents[3]
PACKING = (ROOT / "tasks" / "circle-packing" / "seed.py").read_text(encoding="utf-8")
RULE = (ROOT / "tasks" / "job-shop" / "seed.py").read_text(encoding="utf-8")
TEXT = '''"""A 26-fold docstring with 3 numbers."""

import math

LIMIT = 40  # a comment with 7


def steps(x, rounds=12, *, step: float = 0.5) -> float:
    """Two 2s."""
    total = 0.0
    for k in range(rounds):
        if x[0] < total and k != 3:
            total += 2.5 * math.sqrt(k + 1) - x[1] / 4
    return min(total, LIMIT) if total > 0 else -1e-3


def other(values):
    return [value**2 for value in values[1:]]
'''
BLOCKS = """import math

SCALE = 3.0


# EVOLVE-BLOCK-START
def run(x):
    start = [x, 2.0]
    # nf: refine start maximise worth
    return start


def worth(v):
    return -((v[0] - 1.0) ** 2) - (v[1] + 0.5) ** 2


# EVOLVE-BLOCK-END
def fixed(x):
    return SCALE * x + 17
"""
DRAWING: tuple[type[PythonOperator], ...] = (OneNumber, Numbers, Expressions, Loops)
ALL: tuple[type[PythonOperator], ...] = (*DRAWING, Family, CrossFunctions, Refine, Seed)


def context(source: str, seed: int, *partners: tuple[str, float]) -> OperatorContext:
    others = tuple(Program(ordinal=n, source=text, score=score) for n, (text, score) in enumerate(partners, 1))
    parent = Program(ordinal=0, source=source, score=1.0)
    return OperatorContext(language="python", parent=parent, partners=others, history=others, seed=seed)


@pytest.mark.parametrize("made", DRAWING)
@pytest.mark.parametrize("source", [TEXT, BLOCKS, PACKING])
def test_drafts_parse_are_new_and_follow_from_the_seed(made: type[PythonOperator], source: str) -> None:
    count = 0
    for seed in range(15):
        drafts = made().propose(context(source, seed))
        assert drafts == made().propose(context(source, seed))
        assert len(drafts) <= MOST_DRAFTS
        assert len({draft.source for draft in drafts} | {source}) == len(drafts) + 1
        for draft in drafts:
            count += 1
            ast.parse(draft.source)
            assert draft.operator_name == made.name
            assert draft.note
    assert count > 15 or (made is Loops and source == BLOCKS)


@pytest.mark.parametrize("made", DRAWING)
def test_comments_docstrings_and_fixed_parts_stay(made: type[PythonOperator]) -> None:
    for seed in range(20):
        for draft in made().propose(context(TEXT, seed)):
            assert '"""A 26-fold docstring with 3 numbers."""' in draft.source
            assert "# a comment with 7" in draft.source
            assert "import math" in draft.source
        for draft in made().propose(context(BLOCKS, seed)):
            assert draft.source.startswith(BLOCKS[: BLOCKS.index("def run")])
            assert draft.source.endswith(BLOCKS[BLOCKS.index("# EVOLVE-BLOCK-END") :])


def test_numbers_are_found_where_they_stand() -> None:
    code = Code.parse(TEXT)
    assert code is not None
    found = [(TEXT[one.start : one.end], one.is_place) for one in literals_of(code)]
    assert found == [
        ("40", False), ("12", False), ("0.5", False), ("0.0", False), ("0", True), ("3", False), ("2.5", False),
        ("1", False), ("1", True), ("4", False), ("0", False), ("1e-3", False), ("2", False), ("1", True),
    ]  # fmt: skip


def test_edits_count_characters_not_bytes() -> None:
    source = "def f(x):\n    return 'äöü→' if x else 25  # ü 25\n"
    code = Code.parse(source)
    assert code is not None
    (number,) = literals_of(code)
    assert code.with_edits([number.edit(26)]) == source.replace("else 25", "else 26")
    assert code.with_edits([Edit(0, 3, "def"), number.edit(25)]) == source


def test_a_seed_among_options_is_drawn_anew_and_options_come_first() -> None:
    source = (
        "def f(x):\n    return search(x, 3, rounds=40, seed=1)\n\n\ndef search(x, a, rounds, seed):\n    return x\n"
    )
    notes = [draft.note for seed in range(40) for draft in OneNumber().propose(context(source, seed))]
    assert sum(note.startswith("40 ") for note in notes) > 20
    seeds = {note for note in notes if note.startswith("1 ")}
    assert len(seeds) > 10


def test_another_seed_is_drawn_where_a_program_draws() -> None:
    source = "SEED = 4\n\n\ndef f(x):\n    return search(x, 3, rounds=40, seed=1)\n"
    drafts = Seed().propose(context(source, 1))
    assert drafts
    for draft in drafts:
        assert "rounds=40" in draft.source
        assert draft.note.startswith(("seed 1 -> ", "seed 4 -> "))
    assert Seed().propose(context(TEXT, 1)) == ()


def test_a_family_is_drawn_around_its_better_members() -> None:
    def member(a: float, b: float) -> str:
        return f"def f():\n    return [{a!r}, {b!r}]\n"

    random = stdlib_random.Random(3)
    members = [(2 + 0.1 * random.gauss(0, 1), 5 + 0.1 * random.gauss(0, 1)) for _ in range(12)]
    worse = [(20.0 + k, 50.0 + k) for k in range(12)]
    known = [(member(*one), 10.0) for one in members] + [(member(*one), 1.0) for one in worse]
    values = []
    for seed in range(10):
        for draft in Family().propose(context(member(2.0, 5.0), seed, *known)):
            space: dict[str, Any] = {}
            exec(draft.source, space)
            values.append(space["f"]())
    assert len(values) > 20
    assert all(1 < a < 3 and 4 < b < 6 for a, b in values)
    few = Family().propose(context(member(2.0, 5.0), 1, (member(3.0, 6.0), 2.0)))
    assert few
    assert Family().propose(context(member(2.0, 5.0), 1, ("def f():\n    return 7\n", 2.0))) == ()


def test_a_skeleton_forgets_numbers_and_nothing_else() -> None:
    one, same, other = (Code.parse(text) for text in (TEXT, TEXT.replace("2.5", "9.75"), TEXT.replace("min", "max")))
    assert one is not None
    assert same is not None
    assert other is not None
    assert skeleton_of(one)[0] == skeleton_of(same)[0] != skeleton_of(other)[0]


def test_a_function_of_a_partner_comes_with_what_operators_gave_it() -> None:
    refined = Refine().propose(context(BLOCKS, 0))[0].source
    drafts = CrossFunctions().propose(context(BLOCKS, 0, (refined, 2.0)))
    assert any("start = nf_pattern(" in draft.source and "def nf_pattern(" in draft.source for draft in drafts)
    for draft in drafts:
        ast.parse(draft.source)
    assert CrossFunctions().propose(context(BLOCKS, 0, (BLOCKS, 2.0))) == ()
    assert CrossFunctions().propose(context(BLOCKS, 0)) == ()


def test_programs_of_rules_are_left_alone_and_arms_are_those_that_fit() -> None:
    operators = [made() for made in ALL]
    for operator in operators:
        assert operator.propose(context(RULE, 1, (RULE, 1.0))) == ()
        assert not fits(operator, RULE)
    assert all(fits(operator, PACKING) for operator in operators)
    assert not fits(Refine(), TEXT)
    assert fits(Insert(), RULE)
    assert not fits(Insert(), PACKING)


@pytest.mark.parametrize("source", ["def f(:\n", "", "x = '\ud800'", "(" * 5000, "pass\n", "\x00"])
def test_nothing_is_proposed_for_what_is_no_program(source: str) -> None:
    for made in ALL:
        if "\ud800" in source:
            continue  # no text: it cannot become a `Program` that is stored
        assert list(made().propose(context(source, 1))) == []


def test_operators_name_no_task() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tools" / "python_operators").rglob("*.py")]
    assert len(texts) >= 10
    for word in ("circle", "packing", "radius", "radii", "matmul", "scheme", "cap set", "vectors"):
        assert [text for text in texts if word in text.casefold()] == []


# Refinement


def run_with(source: str, name: str, *arguments: object) -> Any:
    space: dict[str, Any] = {}
    exec(source, space)
    return space[name](*arguments)


def test_a_declared_vector_gets_a_method_and_another_one_in_its_place() -> None:
    drafts = Refine().propose(context(BLOCKS, 0))
    assert [draft.note for draft in drafts] == [
        "start: pattern for worth",
        "start: anneal for worth",
        "start: restarts of pattern for worth",
        "start: restarts of anneal for worth",
    ]
    for draft in drafts:
        a, b = run_with(draft.source, "run", 0.0)
        assert abs(a - 1.0) < 0.05
        assert abs(b + 0.5) < 0.05
        assert draft.source.endswith(BLOCKS[BLOCKS.index("# EVOLVE-BLOCK-END") :])
        again = Refine().propose(context(draft.source, 0))
        inner = draft.note.split()[-3]
        if "restarts" not in draft.note:
            assert again[0].note == f"start: restarts of {inner} for worth"
        assert not any(one.note == f"start: {inner} for worth" for one in again)
        assert draft.source not in {one.source for one in again}
        assert all(one.source.count("start = nf_") == 1 for one in again)


CONSTRAINED = """
def answer(seconds):
    point = [0.1, 0.1, 0.1]
    # nf: refine point maximise height keeping room within seconds
    return point


def height(v):
    return v[0] + 2 * v[1] + 3 * v[2]


def room(v):
    return [1 - v[0] ** 2 - v[1] ** 2 - v[2] ** 2, v[0], v[1], 0.5 - v[2]]
"""


@pytest.mark.parametrize("number", range(3))
def test_methods_find_a_constrained_maximum(number: int) -> None:
    """On the sphere with a lid: x : y = 1 : 2, and the third coordinate at 0.5."""
    draft = Refine().propose(context(CONSTRAINED, 0))[number]
    x, y, z = run_with(draft.source, "answer", 1e9)
    exact = (0.75 / 5) ** 0.5
    wide = {"barrier": 1e-5, "pattern": 0.4, "anneal": 0.1}[draft.note.split()[1]]
    assert x + 2 * y + 3 * z == pytest.approx(5 * exact + 1.5, abs=wide)
    assert min(1 - x * x - y * y - z * z, x, y, 0.5 - z) > -1e-2


def test_the_interior_point_starts_outside_too() -> None:
    outside = CONSTRAINED.replace("[0.1, 0.1, 0.1]", "[3.0, -2.0, 1.0]")
    draft = Refine().propose(context(outside, 0))[0]
    assert "barrier" in draft.note
    x, y, z = run_with(draft.source, "answer", 1e9)
    assert x + 2 * y + 3 * z == pytest.approx(5 * (0.75 / 5) ** 0.5 + 1.5, abs=1e-3)


def test_a_method_ends_with_the_time_that_the_program_has() -> None:
    for draft in Refine().propose(context(CONSTRAINED, 0)):
        assert ", 0.8 * seconds, " in draft.source
        assert run_with(draft.source, "answer", 1e-9) is not None


def test_the_seed_of_a_packing_is_improved_at_once() -> None:
    """One proposal, no search: the interior point on the grid."""
    drafts = Refine().propose(context(PACKING, 0))
    plain = sum(r for _, _, r in run_with(PACKING, "pack", 26, 1e9))
    better = sum(r for _, _, r in run_with(drafts[0].source, "pack", 26, 1e9))
    assert plain == pytest.approx(2.5414, abs=1e-4)
    assert better > 2.58


@pytest.mark.parametrize(
    "line",
    [
        "# nf: refine start maximise nothing",
        "# nf: refine start maximise worth keeping nothing",
        "# nf: refine maximise worth",
        "# nf: refine start minimise worth",
        "start = 1  # nf: refine start maximise worth",
    ],
)
def test_a_declaration_that_names_what_is_not_there_is_none(line: str) -> None:
    code = Code.parse(BLOCKS.replace("# nf: refine start maximise worth", line))
    assert code is not None
    assert places_of(code) == ()


def test_a_declaration_outside_the_blocks_is_left_alone() -> None:
    moved = BLOCKS.replace("    # nf: refine start maximise worth\n", "").replace(
        "    return SCALE * x + 17", "    start = [1.0]\n    # nf: refine start maximise worth\n    return start"
    )
    assert Refine().propose(context(moved, 0)) == ()
