"""Line budgets: the field's own platforms rot where one file or function takes everything in."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

LONGEST_FILE = 600
LONGEST_FUNCTION = 60
CORE = ("agents", "evaluators", "nightforge", "sandbox", "tools", "workflows")
FRONT_ENDS = ("nightforge/cli/", "nightforge/report/", "nightforge/web/")
LARGEST_CORE = 66_120
"""Lines of Python, front ends apart: a release that needs more raises it in a commit that says why."""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_longer_than_600_lines(texts: Mapping[str, str]) -> None:
    python = {name: text for name, text in texts.items() if name.endswith(".py")}
    assert len(python) > 50
    assert {name: lines for name, text in python.items() if (lines := len(text.splitlines())) > LONGEST_FILE} == {}


def test_no_function_is_longer_than_60_lines(trees: Mapping[str, ast.Module]) -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": length(node)
        for name, tree in trees.items()
        for node in functions(tree)
        if length(node) > LONGEST_FUNCTION
    }
    assert long == {}


def test_the_measure_counts_a_function_of_61_lines() -> None:
    body = "\n".join("    x = 1" for _ in range(60))
    (node,) = functions(ast.parse(f"def f():\n{body}\n"))
    assert length(node) == 61


def test_no_file_is_called_utils(texts: Mapping[str, str]) -> None:
    names = {"utils", "util", "helpers", "misc", "common"}
    assert [name for name in texts if name.endswith(".py") and name.rsplit("/")[-1].removesuffix(".py") in names] == []


def test_the_core_stays_small(texts: Mapping[str, str]) -> None:
    lines = {
        package: sum(
            len(text.splitlines())
            for name, text in texts.items()
            if name.startswith(f"{package}/") and name.endswith(".py") and not name.startswith(FRONT_ENDS)
        )
        for package in CORE
    }
    assert all(lines.values())
    assert sum(lines.values()) <= LARGEST_CORE, lines
