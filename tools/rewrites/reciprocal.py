"""Strength reduction: a division by a loop invariant becomes a multiplication by its reciprocal, computed once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from tools.rewrites.loops import FLOAT_TYPES, Loop, loops, scalar_type, writes
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, field, indentation, strip_parentheses, walk


class Reciprocal(Rewrite):
    name = "rewrite.reciprocal"
    prior = 0.35

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for loop in loops(unit):
            if loop.node.parent is None or loop.node.parent.type != "compound_statement":
                continue
            changed = {write.target for write in writes(unit, loop.body)}
            for divisor, sites in _divisors(unit, loop).items():
                kind = scalar_type(unit, loop.node, divisor)
                if divisor in changed or kind not in FLOAT_TYPES:
                    continue
                name = unit.fresh("nf_inverse")
                declaration = f"const {kind} {name} = 1 / {divisor};\n{indentation(unit, loop.node)}"
                edits = [Edit(loop.node.start_byte, loop.node.start_byte, declaration)]
                edits += [edit for site in sites for edit in _multiplied(site, name)]
                note = f"line {unit.line_of(loop.node)}: multiply by 1 / {divisor} instead of dividing (rounds twice)"
                yield Variant(unit.apply(edits), note)


def _divisors(unit: Unit, loop: Loop) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for node in _divisions(unit, loop.body):
        divisor = strip_parentheses(field(node, "right"))
        if divisor.type == "identifier":
            found.setdefault(unit.of(divisor), []).append(node)
    return found


def _divisions(unit: Unit, body: Node) -> Iterator[Node]:
    for node in walk(body):
        is_binary = node.type == "binary_expression" and unit.of(field(node, "operator")) == "/"
        is_assignment = node.type == "assignment_expression" and unit.of(field(node, "operator")) == "/="
        if is_binary or is_assignment:
            yield node


def _multiplied(division: Node, name: str) -> list[Edit]:
    operator, right = field(division, "operator"), field(division, "right")
    sign = "*=" if division.type == "assignment_expression" else "*"
    return [
        Edit(operator.start_byte, operator.end_byte, sign),
        Edit(right.start_byte, right.end_byte, name),
    ]
