"""Counted loops and the facts about them on which the rewrites stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.syntax import (
    Unit,
    canonical,
    enclosing,
    enclosing_function,
    field,
    identifiers,
    named,
    strip_parentheses,
    walk,
)

_INTEGER_TYPES = """
int, long, long int, long long, unsigned, unsigned int, unsigned long, size_t, ptrdiff_t, ssize_t, int32_t, int64_t,
uint32_t, uint64_t, intptr_t, uintptr_t
"""
INTEGER_TYPES = frozenset(re.split(r",\s*", _INTEGER_TYPES.strip()))
FLOAT_TYPES = frozenset({"float", "double"})
_CONTROL = frozenset(
    {
        "break_statement",
        "continue_statement",
        "goto_statement",
        "return_statement",
        "labeled_statement",
        "switch_statement",
        "gnu_asm_expression",
        "while_statement",
        "do_statement",
    }
)
_PURE_STEMS = re.findall(
    r"\w+",
    """
    exp exp2 expm1 log log2 log10 log1p sqrt cbrt sin cos tan asin acos atan atan2 sinh cosh tanh erf erfc pow hypot
    fabs fmax fmin fma floor ceil round trunc rint nearbyint copysign fmod fdim
    """,
)
PURE_CALLS = frozenset(
    prefix + stem + suffix for stem in _PURE_STEMS for prefix in ("", "__builtin_", "nf_") for suffix in ("", "f")
)
"""Functions without side effects that rewrites may move, drop or repeat."""


@dataclass(frozen=True)
class Loop:
    """`for (TYPE variable = lower; variable < upper; variable++) { statements }`, step 1, nothing leaves early."""

    node: Node
    variable: str
    type: str
    lower: Node
    bound: Node
    inclusive: bool
    """True for `<=`."""
    body: Node
    statements: tuple[Node, ...]

    def upper(self, unit: Unit) -> str:
        """The exclusive upper bound, safe to stand in any expression."""
        text = unit.of(self.bound)
        if self.inclusive:
            return f"({text} + 1)"
        return text if self.bound.type in {"identifier", "number_literal"} else f"({text})"

    def same_range(self, other: Loop) -> bool:
        return canonical(self.lower) == canonical(other.lower) and self.same_end(other)

    def same_end(self, other: Loop) -> bool:
        return canonical(self.bound) == canonical(other.bound) and self.inclusive == other.inclusive

    def range_names(self) -> frozenset[str]:
        return identifiers(self.lower) | identifiers(self.bound)


@dataclass(frozen=True)
class Write:
    """An assignment, increment or declaration; `target` is the variable or array, `index` its subscript."""

    node: Node
    target: str
    index: Node | None
    operator: str
    value: Node | None


def part_header(loop: Loop, start: str, end: str) -> str:
    """The loop's header over the part `start`..`end` of its range."""
    return f"for ({loop.type} {loop.variable} = {start}; {loop.variable} < {end}; {loop.variable}++)"


def statements_of(body: Node) -> tuple[Node, ...]:
    return tuple(named(body)) if body.type == "compound_statement" else (body,)


def loops(unit: Unit, *, editable: bool = True, whole: bool = False) -> Iterator[Loop]:
    """All counted loops in source order; `editable` leaves out those outside EVOLVE-BLOCKs.

    `whole`: for one who leaves the bodies as they are, so that macros and directives may stand in them.
    """
    for node in walk(unit.root):
        if node.type == "for_statement" and (not editable or unit.editable(node)):
            loop = counted(unit, node, whole=whole)
            if loop is not None:
                yield loop


def innermost(unit: Unit) -> Iterator[Loop]:
    for loop in loops(unit):
        if not any(inner.type == "for_statement" for inner in walk(loop.body)):
            yield loop


def counted(unit: Unit, node: Node, *, whole: bool = False) -> Loop | None:
    parts = {name: node.child_by_field_name(name) for name in ("initializer", "condition", "update", "body")}
    initializer, condition, update, body = (parts[n] for n in ("initializer", "condition", "update", "body"))
    if initializer is None or condition is None or update is None or body is None:
        return None
    start = _start(unit, initializer)
    condition = strip_parentheses(condition)
    if start is None or condition.type != "binary_expression":
        return None
    variable, kind, lower = start
    relation = unit.of(field(condition, "operator"))
    bound = field(condition, "right")
    is_up = relation in {"<", "<="} and unit.of(field(condition, "left")) == variable
    if not is_up or not _steps_by_one(unit, update, variable):
        return None
    kept = {"preproc_def", "preproc_call", "preproc_directive", "preproc_arg"} if whole else set()
    if any(
        inner.type in _CONTROL or (inner.type.startswith("preproc") and inner.type not in kept) for inner in walk(body)
    ):
        return None
    changed = {write.target for write in writes(unit, body)}
    if variable in changed or changed & identifiers(bound) or _has_opaque(unit, bound):
        return None
    return Loop(node, variable, kind, lower, bound, relation == "<=", body, statements_of(body))


def _start(unit: Unit, initializer: Node) -> tuple[str, str, Node] | None:
    """Variable, type and lower bound; None unless the loop declares its own integer variable."""
    if initializer.type != "declaration":
        return None
    declarators = [child for child in named(initializer) if child.type == "init_declarator"]
    kind = unit.of(field(initializer, "type"))
    if len(declarators) != 1 or len(named(initializer)) != 2 or kind not in INTEGER_TYPES:
        return None
    name = field(declarators[0], "declarator")
    return (unit.of(name), kind, field(declarators[0], "value")) if name.type == "identifier" else None


def _steps_by_one(unit: Unit, update: Node, variable: str) -> bool:
    if update.type == "update_expression":
        return unit.of(field(update, "argument")) == variable and unit.of(field(update, "operator")) == "++"
    return canonical(update) in {
        f"assignment_expression({variable} += 1)",
        f"assignment_expression({variable} = binary_expression({variable} + 1))",
    }


def writes(unit: Unit, node: Node) -> Iterator[Write]:
    """Everything that `node` assigns or declares. A write through `*p`, `s.f` or `a[i][j]` has its root as target."""
    for found in walk(node):
        if found.type == "assignment_expression":
            target, index = _target(unit, field(found, "left"))
            yield Write(found, target, index, unit.of(field(found, "operator")), field(found, "right"))
        elif found.type == "update_expression":
            target, index = _target(unit, field(found, "argument"))
            yield Write(found, target, index, unit.of(field(found, "operator")), None)
        elif found.type == "init_declarator":
            target, _ = _target(unit, field(found, "declarator"))
            yield Write(found, target, None, "declare", field(found, "value"))


def _target(unit: Unit, left: Node) -> tuple[str, Node | None]:
    left = strip_parentheses(left)
    if left.type == "subscript_expression" and field(left, "argument").type == "identifier":
        return unit.of(field(left, "argument")), field(left, "index")
    root = next((leaf for leaf in walk(left) if leaf.type == "identifier"), left)
    return unit.of(root), None


def _has_opaque(unit: Unit, node: Node, *, fields: bool = False) -> bool:
    """True when `node` calls a function that is not known to be pure, or works through a pointer we cannot follow."""
    through = {"pointer_expression", "comma_expression"} | (set() if fields else {"field_expression"})
    for found in walk(node):
        if found.type == "call_expression" and unit.of(field(found, "function")) not in PURE_CALLS:
            return True
        if found.type in through:
            return True
    return False


def is_plain(unit: Unit, nodes: Sequence[Node], *, fields: bool = False) -> bool:
    """True when `nodes` hold only scalars, subscripts and pure calls: what we see is all that happens.

    With `fields` also arrays and sizes that are taken from a struct.
    """
    return not any(_has_opaque(unit, node, fields=fields) or _has_inner_subscript(node, fields) for node in nodes)


def _has_inner_subscript(node: Node, fields: bool = False) -> bool:
    simple = {"identifier", "field_expression"} if fields else {"identifier"}
    return any(
        found.type == "subscript_expression" and strip_parentheses(field(found, "argument")).type not in simple
        for found in walk(node)
    )


def subscripts(unit: Unit, node: Node, array: str) -> tuple[Node, ...]:
    """All `array[...]` below `node`."""
    return tuple(
        found
        for found in walk(node)
        if found.type == "subscript_expression" and unit.of(field(found, "argument")) == array
    )


def mentions(unit: Unit, node: Node, name: str) -> int:
    return sum(1 for leaf in walk(node) if leaf.type == "identifier" and unit.of(leaf) == name)


def accesses_only(unit: Unit, node: Node, array: str, index: str) -> bool:
    """True when each use of `array` below `node` is `array[index]` (`index` in canonical form)."""
    found = subscripts(unit, node, array)
    return len(found) == mentions(unit, node, array) and all(canonical(field(f, "index")) == index for f in found)


def is_affine(unit: Unit, index: Node, variable: str) -> bool:
    """True for `i`, `A + i` and `i + A` with `A` free of `i`: neighbouring iterations touch neighbouring elements."""
    index = strip_parentheses(index)
    if unit.of(index) == variable:
        return True
    if index.type != "binary_expression" or unit.of(field(index, "operator")) != "+":
        return False
    left, right = field(index, "left"), field(index, "right")
    if variable not in identifiers(left):
        return is_affine(unit, right, variable)
    return variable not in identifiers(right) and is_affine(unit, left, variable)


def element_type(unit: Unit, at: Node, name: str) -> str | None:
    """`float` for `const float *restrict name` or `float name[8]`; None when unknown or declared twice."""
    return _declared(unit, at, name, {"pointer_declarator", "array_declarator"})


def scalar_type(unit: Unit, at: Node, name: str) -> str | None:
    """`float` for `float name = 0`; None when unknown or declared twice with different types."""
    return _declared(unit, at, name, set())


def _declared(unit: Unit, at: Node, name: str, wrappers: set[str]) -> str | None:
    function = enclosing_function(at)
    if function is None:
        return None
    kinds: set[str | None] = set()
    for node in walk(function):
        if node.type not in {"declaration", "parameter_declaration"}:
            continue
        for child in node.children_by_field_name("declarator"):
            shape = _shape(unit, child, name)
            if shape is not None:
                kind = unit.of(field(node, "type"))
                kinds.add(kind if _matches(shape, wrappers) else None)
    return kinds.pop() if len(kinds) == 1 else None


def _matches(shape: tuple[str, ...], wrappers: set[str]) -> bool:
    return len(shape) == 1 and shape[0] in wrappers if wrappers else not shape


def _shape(unit: Unit, declarator: Node, name: str) -> tuple[str, ...] | None:
    """The declarators around `name`, outermost first; None when `declarator` declares another name."""
    shape: list[str] = []
    node: Node | None = declarator
    while node is not None:
        if node.type == "identifier":
            return tuple(shape) if unit.of(node) == name else None
        if node.type != "init_declarator":
            shape.append(node.type)
        node = node.child_by_field_name("declarator")
    return None


def enclosing_loops(unit: Unit, node: Node, *, below: bool = False) -> tuple[Loop, ...]:
    """Counted loops around `node`, innermost first; with `below` those inside it."""
    if below:
        inner = (counted(unit, part) for part in walk(node) if part.type == "for_statement")
        return tuple(loop for loop in inner if loop is not None)
    found = []
    parent = enclosing(node, "for_statement")
    while parent is not None:
        loop = counted(unit, parent)
        if loop is not None:
            found.append(loop)
        parent = enclosing(parent, "for_statement")
    return tuple(found)
