"""Mutants of Python and of programs of several files."""

from __future__ import annotations

import ast

from hypothesis import given
from hypothesis import strategies as st

from evaluators.integrity.python_mutants import mutate_python
from evaluators.own.mutants import mutate_bundle, mutate_text
from nightforge.domain.bundle import Bundle, format_bundle, parse_bundle

SOURCE = '''LIMIT = 10

def clip(values, low=0):
    """Keeps é in range."""
    kept = []
    for place in range(len(values)):
        value = values[place] - low
        if value >= low and value < LIMIT:
            kept.append(max(value, 1.5))
        total = value / 2
    return kept
'''


def test_every_mutant_is_another_program_that_parses() -> None:
    mutants = list(mutate_python(SOURCE))
    assert len({one.source for one in mutants}) == len(mutants)
    assert all(one.source != SOURCE for one in mutants)
    for one in mutants:
        ast.parse(one.source)
    operators = {one.operator for one in mutants}
    assert operators >= {"constant", "operator", "comparison", "bound", "dropped statement", "swapped operand"}


def test_a_mutant_differs_in_one_place() -> None:
    changed = [one for one in mutate_python(SOURCE) if one.before == "values[place] - low"]
    assert {one.after for one in changed} == {
        "((values[place]) + (low))",
        "((values[place]) * (low))",
        "((low) - (values[place]))",
    }
    assert all(one.line == 7 for one in changed)


@given(st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "&", "<<"]), st.integers(0, 9), st.floats(0, 9))
def test_mutants_of_expressions_evaluate_or_fail_but_parse(sign: str, left: int, right: float) -> None:
    for one in mutate_python(f"def f(a, b):\n    return (a {sign} b) + {left} - {right!r}\n"):
        ast.parse(one.source)


def test_blocks_are_kept_and_files_are_mutated_by_their_language() -> None:
    python = "A = 1\n# EVOLVE-BLOCK-START\ndef f(x):\n    return x + 2\n# EVOLVE-BLOCK-END\n"
    rust = "fn g(x: i64) -> i64 {\n    // add 1 + 1\n    x + 3\n}\n"
    text = format_bundle(Bundle({"a.py": python, "b.rs": rust, "c.json": '{"x": 1 + 2}\n'}))
    changes = list(mutate_bundle(text))
    files = [dict(parse_bundle(one.source).files) for one in changes]
    assert all(one["a.py"].startswith("A = 1\n") for one in files)
    assert any(one["a.py"] != python for one in files)
    assert any(one["b.rs"] != rust for one in files)
    assert all(one["c.json"] == '{"x": 1 + 2}\n' for one in files)


def test_text_without_a_parser_leaves_comments_alone() -> None:
    assert {one.source for one in mutate_text("a + 1\n# b + 1\n")} == {"a - 1\n# b + 1\n", "a + 2\n# b + 1\n"}
