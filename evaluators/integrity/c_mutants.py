"""The fixed list of mutation operators for C, over the syntax tree: constant, operator, bound, dropped statement,
swapped operand, precision. First-order: each mutant differs from the correct program in one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from evaluators.integrity.seams import Change
from nightforge.errors import UserError
from tools.rewrites.syntax import Edit, Unit, canonical, field, functions, named, walk

_CLASSES = (
    ("+", "-", "*", "/"),
    ("<", "<=", ">", ">=", "==", "!="),
    ("&&", "||"),
    ("&", "|", "^"),
    ("<<", ">>"),
    ("+=", "-=", "*=", "/=", "="),
    ("&=", "|=", "^="),
)
"""Every operator is replaced by every other of its class (Offutt et al., TOSEM 1996: the sufficient operators)."""
_OPERATORS: Mapping[str, tuple[str, ...]] = {
    **{sign: tuple(other for other in signs if other != sign) for signs in _CLASSES for sign in signs},
    "%": ("*", "/"),
    "=": (),
}
_NOT_COMMUTATIVE = {"-", "/", "%", "<<", ">>"}
_ROUNDINGS = {
    "bfloat16": "({{ union {{ float f; unsigned u; }} nf_v = {{ (float)({0}) }}; nf_v.u &= 0xffff0000u; nf_v.f; }})",
    "float16": "((float)(_Float16)({0}))",
}
_INTEGERS = {"int64_t", "int32_t", "int", "long", "size_t", "uint64_t"}


def mutate_c(source: str) -> Iterator[Change]:
    """Every mutant of the fixed list. Raises UserError for a source that does not parse."""
    unit = Unit.parse(source)
    if unit is None:
        hint = "write what the parser cannot read in another way: `_Alignas(64) float a[8];`, no attribute behind it"
        raise UserError("mutants need a C source that parses", where="c_mutants", hint=hint)
    floats = _float_names(unit)
    for node in walk(unit.root):
        if not _mutable(node):
            continue
        for operator, target, text in _edits(unit, node, floats):
            before = unit.of(target)
            if text != before:
                edit = Edit(target.start_byte, target.end_byte, text)
                yield Change(operator, unit.line_of(target), before, text or ";", unit.apply([edit]))


def _mutable(node: Node) -> bool:
    """Inside a function, or the number of a macro that functions use and that is no declared tunable."""
    parent: Node | None = node
    while parent is not None:
        if parent.type == "function_definition":
            return True
        if parent.type == "preproc_def":
            return node.type == "preproc_arg" and not _is_declared_free(parent)
        parent = parent.parent
    return False


def _is_declared_free(definition: Node) -> bool:
    """A tunable: its source says that any of several values is right, so that another value is no defect."""
    before = definition.prev_sibling
    return before is not None and before.type == "comment" and b"nf: tune" in (before.text or b"")


def _edits(unit: Unit, node: Node, floats: frozenset[str]) -> Iterator[tuple[str, Node, str]]:
    """(operator of the list, node to replace, its new text)."""
    if node.type == "number_literal" or (node.type == "preproc_arg" and _number(unit.of(node)) is not None):
        yield from (("constant", node, text) for text in _other_numbers(unit.of(node)))
    elif node.type == "binary_expression":
        yield from _binary(unit, node)
    elif node.type == "assignment_expression":
        yield from _assignment(unit, node, floats)
    elif node.type == "update_expression":
        sign = unit.of(field(node, "operator"))
        yield "operator", node, unit.of(node).replace(sign, "--" if sign == "++" else "++")
    elif node.type == "conditional_expression":
        texts = [unit.of(field(node, part)) for part in ("condition", "alternative", "consequence")]
        yield "swapped operand", node, f"{texts[0]} ? {texts[1]} : {texts[2]}"
        yield "operator", field(node, "condition"), f"!({texts[0]})"
    elif node.type == "for_statement":
        yield from _bounds(unit, node)
        yield "dropped statement", node, ";"
    elif node.type in {"expression_statement", "while_statement", "do_statement", "if_statement"}:
        yield "dropped statement", node, ";"
        if node.type == "if_statement":
            asked = field(node, "condition")
            yield "operator", asked, f"(!{unit.of(asked)})"
    elif node.type == "call_expression":
        yield from _call(unit, node)
    elif node.type == "init_declarator":
        yield from _declared(unit, node, floats)


def _binary(unit: Unit, node: Node) -> Iterator[tuple[str, Node, str]]:
    sign_node = field(node, "operator")
    left, right, sign = unit.of(field(node, "left")), unit.of(field(node, "right")), unit.of(sign_node)
    for other in _OPERATORS.get(sign, ()):
        yield "operator", node, f"{left} {other} {right}"
    if sign in _NOT_COMMUTATIVE:
        yield "swapped operand", node, f"{right} {sign} {left}"


def _assignment(unit: Unit, node: Node, floats: frozenset[str]) -> Iterator[tuple[str, Node, str]]:
    left, right = field(node, "left"), field(node, "right")
    sign = unit.of(field(node, "operator"))
    for other in _OPERATORS.get(sign, ()):
        yield "operator", node, f"{unit.of(left)} {other} {unit.of(right)}"
    if _root_name(unit, left) in floats:
        yield from (("precision", right, form.format(unit.of(right))) for form in _ROUNDINGS.values())


def _declared(unit: Unit, node: Node, floats: frozenset[str]) -> Iterator[tuple[str, Node, str]]:
    """A variable at its start: dropped initialiser, lower precision, a shorter integer."""
    declarator, value = field(node, "declarator"), field(node, "value")
    if declarator.type != "identifier":
        return
    declaration = node.parent
    kind = "" if declaration is None else unit.of(field(declaration, "type"))
    if unit.of(declarator) in floats:
        yield from (("precision", value, form.format(unit.of(value))) for form in _ROUNDINGS.values())
        yield "dropped statement", value, "0.0f"
    elif kind in _INTEGERS:
        yield "precision", value, f"(int16_t)({unit.of(value)})"


def _bounds(unit: Unit, node: Node) -> Iterator[tuple[str, Node, str]]:
    """Start, end and step of a counted loop, each one off."""
    start, condition, update = (node.child_by_field_name(part) for part in ("initializer", "condition", "update"))
    first = None if start is None else next((one for one in walk(start) if one.type == "init_declarator"), None)
    if first is not None:
        value = field(first, "value")
        yield from (("bound", value, f"{unit.of(value)} {sign} 1") for sign in "+-")
    if condition is not None and condition.type == "binary_expression":
        right = field(condition, "right")
        yield from (("bound", right, f"{unit.of(right)} {sign} 1") for sign in "+-")
    if update is not None and update.type == "update_expression":
        yield "bound", update, f"{unit.of(field(update, 'argument'))} += 2"
    elif update is not None and update.type == "assignment_expression":
        right = field(update, "right")
        yield from (("bound", right, f"{unit.of(right)} {sign} 1") for sign in "+-")


def _call(unit: Unit, node: Node) -> Iterator[tuple[str, Node, str]]:
    arguments = named(field(node, "arguments"))
    if len(arguments) >= 2 and canonical(arguments[0]) != canonical(arguments[1]):
        texts = [unit.of(argument) for argument in arguments]
        texts[:2] = texts[1::-1]
        yield "swapped operand", field(node, "arguments"), f"({', '.join(texts)})"
    if len(arguments) == 1:
        yield "operator", node, f"({unit.of(arguments[0])})"


def _float_names(unit: Unit) -> frozenset[str]:
    """Variables and arrays of float: in functions, parameters and structs."""
    found: set[str] = set()
    for function in functions(unit):
        for node in walk(function):
            if node.type in {"declaration", "parameter_declaration"}:
                kind = node.child_by_field_name("type")
                if kind is not None and unit.of(kind) in {"float", "double"}:
                    found |= {
                        unit.of(leaf)
                        for declarator in node.children_by_field_name("declarator")
                        if (leaf := _declared_name(declarator)) is not None
                    }
    return frozenset(found)


def _declared_name(node: Node) -> Node | None:
    while node.type in {"init_declarator", "pointer_declarator", "array_declarator"}:
        inner = node.child_by_field_name("declarator")
        if inner is None:
            return None
        node = inner
    return node if node.type == "identifier" else None


def _root_name(unit: Unit, node: Node) -> str:
    while node.type == "subscript_expression":
        node = field(node, "argument")
    return unit.of(node) if node.type == "identifier" else ""


_NUMBER = re.compile(r"(?P<digits>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<suffix>[a-zA-Z]*)")


def _number(text: str) -> tuple[str, str] | None:
    match = _NUMBER.fullmatch(text.strip())
    return None if match is None else (match["digits"], match["suffix"])


def _other_numbers(text: str) -> Iterator[str]:
    parsed = _number(text)
    if parsed is None:
        return
    digits, suffix = parsed
    if re.fullmatch(r"\d+", digits) and "f" not in suffix.lower():
        value = int(digits)
        others = {value + 1, max(0, value - 1), 0, 1, 2 * value}
        yield from (f"{other}{suffix}" for other in sorted(others - {value}))
        if value:
            yield f"(-{value}{suffix})"
    else:
        real = float(digits)
        others_real = {0.0, 1.0, 2.0 * real, 0.5 * real, 1.01 * real, real + 1.0}
        yield from (f"{other!r}{suffix}" for other in sorted(others_real - {real}))
        if real:
            yield f"(-{real!r}{suffix})"
