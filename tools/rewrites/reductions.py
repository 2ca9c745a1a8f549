"""Recognising what a loop body computes: its locals, its stores and its reductions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node

from tools.rewrites.loops import FLOAT_TYPES, Loop, element_type, mentions, scalar_type, writes
from tools.rewrites.syntax import Unit, canonical, canonical_text, field, named, strip_parentheses

ReductionKind = Literal["sum", "max", "min"]
_ZERO = re.compile(r"[-+]?0*\.?0*([eE][-+]?\d+)?[fFlL]?")
_EXTREMA: tuple[tuple[str, ReductionKind], ...] = (("fmax", "max"), ("fmin", "min"))
_PAIR_CALLS: Mapping[str, ReductionKind] = {
    f"{prefix}{stem}{suffix}": kind for prefix in ("", "__builtin_") for stem, kind in _EXTREMA for suffix in ("", "f")
}


@dataclass(frozen=True)
class Reduction:
    """`statement` folds `value` into the scalar `accumulator`."""

    kind: ReductionKind
    accumulator: str
    type: str
    value: Node
    statement: Node

    @property
    def identity(self) -> str:
        """What an empty part of the reduction starts from: 0 for a sum, the accumulator itself for an extremum."""
        return "0" if self.kind == "sum" else self.accumulator


def reductions(unit: Unit, loop: Loop) -> tuple[Reduction, ...]:
    """The reductions among the statements of `loop`: floating-point accumulators used nowhere else in the body."""
    found: list[Reduction] = []
    for statement in loop.statements:
        match = _match(unit, statement)
        if match is None:
            continue
        kind, accumulator, value = match
        type_name = scalar_type(unit, loop.node, accumulator)
        used = mentions(unit, loop.body, accumulator)
        if type_name in FLOAT_TYPES and used == mentions(unit, statement, accumulator):
            found.append(Reduction(kind, accumulator, type_name or "", value, statement))
    return tuple(found)


def _match(unit: Unit, statement: Node) -> tuple[ReductionKind, str, Node] | None:
    if statement.type == "if_statement":
        return _guarded(unit, statement)
    if statement.type != "expression_statement" or not named(statement):
        return None
    assignment = named(statement)[0]
    if assignment.type != "assignment_expression" or field(assignment, "left").type != "identifier":
        return None
    accumulator = unit.of(field(assignment, "left"))
    operator = unit.of(field(assignment, "operator"))
    value = strip_parentheses(field(assignment, "right"))
    if operator == "+=":
        return _free("sum", accumulator, value, unit)
    if operator != "=":
        return None
    return _added(unit, accumulator, value) or _chosen(unit, accumulator, value) or _called(unit, accumulator, value)


def _free(kind: ReductionKind, accumulator: str, value: Node, unit: Unit) -> tuple[ReductionKind, str, Node] | None:
    return (kind, accumulator, value) if not mentions(unit, value, accumulator) else None


def _added(unit: Unit, accumulator: str, value: Node) -> tuple[ReductionKind, str, Node] | None:
    """`s = s + e` and `s = e + s`."""
    if value.type != "binary_expression" or unit.of(field(value, "operator")) != "+":
        return None
    left, right = field(value, "left"), field(value, "right")
    if canonical(left) == accumulator:
        return _free("sum", accumulator, right, unit)
    return _free("sum", accumulator, left, unit) if canonical(right) == accumulator else None


def _chosen(unit: Unit, accumulator: str, value: Node) -> tuple[ReductionKind, str, Node] | None:
    """`m = e > m ? e : m` and its mirrors."""
    if value.type != "conditional_expression":
        return None
    condition = strip_parentheses(field(value, "condition"))
    return _compared(unit, accumulator, condition, field(value, "consequence"), field(value, "alternative"))


def _guarded(unit: Unit, statement: Node) -> tuple[ReductionKind, str, Node] | None:
    """`if (e > m) m = e;`"""
    if statement.child_by_field_name("alternative") is not None:
        return None
    body = field(statement, "consequence")
    inner = named(body) if body.type == "compound_statement" else [body]
    if len(inner) != 1 or inner[0].type != "expression_statement" or len(named(inner[0])) != 1:
        return None
    assignment = named(inner[0])[0]
    if assignment.type != "assignment_expression" or unit.of(field(assignment, "operator")) != "=":
        return None
    left, right = field(assignment, "left"), field(assignment, "right")
    if left.type != "identifier":
        return None
    return _compared(unit, unit.of(left), strip_parentheses(field(statement, "condition")), right, left)


def _compared(
    unit: Unit, accumulator: str, condition: Node, then: Node, otherwise: Node
) -> tuple[ReductionKind, str, Node] | None:
    if condition.type != "binary_expression":
        return None
    relation = unit.of(field(condition, "operator"))
    left, right = field(condition, "left"), field(condition, "right")
    if relation not in {"<", "<=", ">", ">="}:
        return None
    if {canonical(then), canonical(otherwise)} != {canonical(left), canonical(right)}:
        return None
    takes_larger = (canonical(then) == canonical(left)) == (relation in {">", ">="})
    kind: ReductionKind = "max" if takes_larger else "min"
    if canonical(left) == accumulator:
        return _free(kind, accumulator, right, unit)
    return _free(kind, accumulator, left, unit) if canonical(right) == accumulator else None


def _called(unit: Unit, accumulator: str, value: Node) -> tuple[ReductionKind, str, Node] | None:
    """`m = fmaxf(m, e)`."""
    if value.type != "call_expression":
        return None
    kind = _PAIR_CALLS.get(unit.of(field(value, "function")))
    arguments = named(field(value, "arguments"))
    if kind is None or len(arguments) != 2:
        return None
    first, second = arguments
    if canonical(first) == accumulator:
        return _free(kind, accumulator, second, unit)
    return _free(kind, accumulator, first, unit) if canonical(second) == accumulator else None


def body_locals(unit: Unit, loop: Loop) -> dict[str, str] | None:
    """Each scalar declared in the body → its value as an expression over what is declared outside.

    A declaration whose type may differ from that of its value gets a cast. None when a local is assigned again or
    declared without a value: then its value has no single expression.
    """
    values: dict[str, str] = {}
    for statement in loop.statements:
        if statement.type != "declaration":
            continue
        declarators = statement.children_by_field_name("declarator")
        for declarator in declarators:
            if declarator.type != "init_declarator" or field(declarator, "declarator").type != "identifier":
                return None
            name = unit.of(field(declarator, "declarator"))
            value = field(declarator, "value")
            text = unit.render(value, values)
            kind = unit.of(field(statement, "type"))
            values[name] = f"({text})" if expression_type(unit, value) == kind else f"(({kind})({text}))"
    assigned = [write.target for write in writes(unit, loop.body) if write.operator != "declare"]
    return None if set(assigned) & values.keys() else values


def expression_type(unit: Unit, node: Node) -> str | None:
    """`float` or `double` where the syntax shows it; None where it does not."""
    node = strip_parentheses(node)
    if node.type == "identifier":
        return scalar_type(unit, node, unit.of(node))
    if node.type == "subscript_expression":
        return element_type(unit, node, unit.of(field(node, "argument")))
    if node.type == "number_literal":
        text = unit.of(node).lower()
        is_real = "." in text or ("e" in text and "x" not in text)
        return None if not is_real else "float" if text.endswith("f") else "double"
    if node.type == "call_expression":
        return "float" if unit.of(field(node, "function")).endswith("f") else "double"
    if node.type == "cast_expression":
        return unit.of(field(node, "type"))
    if node.type == "unary_expression":
        return expression_type(unit, field(node, "argument"))
    if node.type == "binary_expression":
        kinds = {expression_type(unit, field(node, "left")), expression_type(unit, field(node, "right"))}
        return kinds.pop() if len(kinds) == 1 else None
    return None


def is_zero(unit: Unit, node: Node) -> bool:
    return node.type == "number_literal" and _ZERO.fullmatch(unit.of(node)) is not None


def resolved(unit: Unit, node: Node, values: Mapping[str, str]) -> str:
    """Canonical form of `node` once locals are replaced by what they stand for."""
    return canonical_text(unit.render(node, values))


def sole_reduction(unit: Unit, loop: Loop, kind: str) -> Reduction | None:
    """The loop's reduction when besides it there are only locals."""
    found = reductions(unit, loop)
    others = [s for s in loop.statements if s.type != "declaration" and s not in [r.statement for r in found]]
    others = [s for s in others if named(s)]
    return found[0] if len(found) == 1 and found[0].kind == kind and not others else None


def is_zero_before(unit: Unit, loop: Loop, total: str) -> bool:
    """The sum's last write before `loop` gives 0."""
    block = loop.node.parent
    if block is None:
        return False
    last = None
    for statement in named(block):
        if statement.end_byte > loop.node.start_byte:
            break
        for write in writes(unit, statement):
            if write.target == total:
                last = (write, statement)
    if last is None or last[1].type not in {"declaration", "expression_statement"}:
        return False
    write = last[0]
    return write.operator in {"=", "declare"} and write.value is not None and is_zero(unit, write.value)
