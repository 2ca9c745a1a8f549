"""Generator programs: finding the genome in one, writing another back, and keeping the parts of a genome in step."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from tools.rtl import structures
from tools.rtl.structures import BadGenome, Genome, Rows, legal_rows, network, read_width, render
from tools.rtl.trees import Tree

MARK = "# nightforge: generator"
NAME = "GENOME"
LETTERS = {"propagate": "xo", "merge": "am", "select": "xm"}
_MAKERS = ("multiplier", "adder")
_NAMED: dict[str, Callable[..., Genome]] = {
    "named_multiplier": structures.named_multiplier,
    "named_adder": structures.named_adder,
}


@dataclass(frozen=True)
class Generator:
    """A program that prints Verilog; `first` and `last` are the lines of its genome, counted from 0."""

    lines: tuple[str, ...]
    first: int
    last: int
    maker: str
    genome: Genome

    def with_genome(self, genome: Mapping[str, object]) -> str:
        lines = [*self.lines[: self.first], *render(genome).splitlines(), *self.lines[self.last + 1 :]]
        return "\n".join(lines) + "\n"


def read_generator(source: str) -> Generator | None:
    """None for Verilog, and for a program whose genome is not one literal (or one call of a named hand design)."""
    if not source.startswith(MARK):
        return None
    try:
        tree = ast.parse(source)
        found = next(node for node in tree.body if _is_genome(node))
        genome = _value(found.value)
        maker = next(name for name in _MAKERS if f"{name}({NAME})" in source)
        whole = completed(genome, maker)
    except (SyntaxError, ValueError, StopIteration, TypeError, KeyError):
        return None
    last = (found.end_lineno or found.lineno) - 1
    return Generator(tuple(source.splitlines()), found.lineno - 1, last, maker, whole)


def _is_genome(node: ast.stmt) -> TypeGuard[ast.Assign]:
    return (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == NAME
    )


def _value(node: ast.expr) -> Genome:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [ast.literal_eval(argument) for argument in node.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
        return _NAMED[node.func.id](*arguments, **named)
    value = ast.literal_eval(node)
    if not isinstance(value, dict):
        raise BadGenome("the genome is no table")
    return {str(key): part for key, part in value.items()}


def new_generator(maker: str, genome: Mapping[str, object]) -> str:
    """A whole program."""
    settled = completed(dict(genome), maker)
    return f"{MARK}\nfrom structures import {maker}\n\n{render(settled)}\n\nprint({maker}({NAME}))\n"


def bits_of_sum(genome: Mapping[str, object], maker: str) -> int:
    """Width of the final adder."""
    return read_width(genome) * (2 if maker == "multiplier" else 1)


def rows_of(genome: Mapping[str, object]) -> Rows:
    rows = genome.get("prefix", [])
    if not isinstance(rows, list):
        raise BadGenome("prefix is a list of rows")
    return [[int(end) for end in row] for row in rows]


def completed(genome: Genome, maker: str) -> Genome:
    """Every part there and in step with the others: a legal tree, rows from the lowest bit with two operands up."""
    width = bits_of_sum(genome, maker)
    whole: Genome = {"width": read_width(genome)}
    low = 0
    if maker == "multiplier":
        tree = Tree.read(genome)
        tree.settle()
        tree.renumber()
        whole |= {"partial": tree.partial, "columns": tree.texts()}
        low = lowest(tree)
    rows = rows_of(genome)
    whole["prefix"] = legal_rows(rows, low, width - 1) if rows else network("sklansky", width, low)
    for key, letters in LETTERS.items():
        given = str(genome.get(key, ""))[:width]
        legal = "".join(letter if letter in letters else letters[0] for letter in given)
        whole[key] = legal.ljust(width, letters[0])
    return whole


def lowest(tree: Tree) -> int:
    """The lowest column that leaves two wires to the final adder; the top one when there is none."""
    top = 2 * tree.width - 1
    return next((place for place in range(top) if len(tree.left(place)) == 2), top)
