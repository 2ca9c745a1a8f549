"""Functions that return at once: of which languages, and what `task check` says of those that nothing misses."""

from __future__ import annotations

import pytest
from own_trees import SUMS, TIMED, MakeTask

from evaluators.integrity.examination import Extent, examine_task
from evaluators.own.evaluator import OwnEvaluator
from evaluators.own.impostors import idle_functions
from evaluators.own.mutants import mutate_text
from nightforge.domain.bundle import Bundle, parse_bundle
from sandbox.probe import open_sandbox

C = """#include <stddef.h>
struct pair { int a, b; };
static double half(double x) { return x / 2; }
struct pair both(int x) { struct pair p = { x, x }; return p; }
void fill(int *at, size_t n) { for (size_t i = 0; i < n; i++) at[i] = 1; }
const int *first(const int *at) { return at; }
int nothing(void) { }
"""
PYTHON = '''class Sum:
    """Adds."""

    def __init__(self):
        self.total = 0

    def add(self, x):
        """Not yet counted."""
        self.total += x


def none():
    return None


def twice(x):
    y = 2 * x
    return y
'''


def test_c_functions_return_zero_or_nothing() -> None:
    made = idle_functions(Bundle({"a.c": C}), most=9)
    assert [one.title.split("(")[0] for one in made] == ["half", "fill", "first"]
    texts = [parse_bundle(one.source).files["a.c"] for one in made]
    assert "half(double x) { return 0; return x / 2; }" in texts[0]
    assert "size_t n) { return; for" in texts[1]
    assert "*at) { return 0; return at; }" in texts[2]


def test_python_functions_keep_their_words_and_trivial_ones_are_left_out() -> None:
    made = idle_functions(Bundle({"m.py": PYTHON}), most=9)
    assert [one.title.split("(")[0] for one in made] == ["twice", "Sum.add"]
    assert '    """Not yet counted."""\n        return None\n        self.total += x\n' in made[1].source
    compile(parse_bundle(made[0].source).files["m.py"], "m.py", "exec")


def test_files_take_turns_and_what_a_block_protects_stays() -> None:
    fixed = "def a(x):\n    return x + 1\n# EVOLVE-BLOCK-START\ndef b(x):\n    return x + 2\n# EVOLVE-BLOCK-END\n"
    made = idle_functions(Bundle({"m.py": PYTHON, "n.py": fixed, "o.rs": "fn f() -> u8 { 3 }\n"}), most=2)
    assert [one.name.split(":")[0] for one in made] == ["m.py", "n.py"]
    assert made[1].title == "b() returns at once"


def test_statements_of_other_languages_are_dropped_and_their_signs_turned() -> None:
    changes = list(mutate_text("    let x = 1;\n    sum += at;\n    f(x);\n    return x;\n"))
    found = {(one.operator, one.line, one.after) for one in changes}
    assert ("operator", 2, "sum -= at;") in found
    assert {line for operator, line, _ in found if operator == "dropped statement"} == {2, 3}


@pytest.mark.box
async def test_a_function_that_nothing_misses_is_named(make_task: MakeTask) -> None:
    library = SUMS["lib.py"] + "\n\ndef spare(x):\n    return x + 1\n"
    task = make_task({**SUMS, "lib.py": library}, measure=TIMED, check="python3 tests.py")
    extent = Extent(mutants=0, rehearsal=False, seed=3)
    report = await examine_task(OwnEvaluator(open_sandbox()), task, {}, extent, say=lambda _: None)
    held = {one.title: one.held for one in report.admission if one.expect == "reject"}
    assert held == {"total() returns at once": True, "spare() returns at once": False}
    assert any("spare() returns at once" in one for one in report.complaints)
