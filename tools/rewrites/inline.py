"""Bring what loops use into the function itself, so that other rewrites can see it.

Helper functions of the program are put in place of their calls, fields of the argument structure (`a->cols`) into
locals, and a pointer to a row of an array that is also used by its own name is written as that array. None of it
changes what is computed or how; a compiler does the same. It is the rewrites that need it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.loops import writes
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import (
    Edit,
    Unit,
    dedent,
    enclosing,
    enclosing_function,
    field,
    function_name,
    functions,
    identifiers,
    indent,
    indentation,
    is_helper,
    named,
    walk,
)

_MOST_ROUNDS = 24
_LEAVES = frozenset({"goto_statement", "labeled_statement", "return_statement", "gnu_asm_expression"})


@dataclass(frozen=True)
class Helper:
    """A function of the program that ends where its text ends: statements, and the value that it returns, if any."""

    name: str
    node: Node
    parameters: tuple[tuple[str, str], ...]
    """Name and whole declaration of each."""
    statements: tuple[Node, ...]
    value: Node | None
    local: frozenset[str]
    outermost: frozenset[str]
    """Those of its locals that its own block declares: they come to stand among the caller's."""


class Inline(Rewrite):
    name = "rewrite.inline"
    prior = 0.99
    structural = True

    def variants(self, unit: Unit) -> Iterable[Variant]:
        current, calls, fields, pointers = unit, 0, 0, 0
        for _ in range(_MOST_ROUNDS):
            # Fields first: a call then gets plain names, which need no locals of their own.
            changed = _hoisted(current)
            fields += changed is not None
            if changed is None:
                changed = _inlined(current)
                calls += changed is not None
            if changed is None:
                changed = _unpointed(current)
                pointers += changed is not None
            following = Unit.parse(changed) if changed is not None else None
            if following is None:
                break
            current = following
        if current is not unit:
            what = f"{calls} call(s) of own functions in place, fields of {fields} function(s) in locals"
            yield Variant(current.source, f"{what}, {pointers} pointer(s) resolved")


def _helpers(unit: Unit) -> dict[str, Helper]:
    found = {}
    for node in functions(unit):
        name = function_name(unit, node)
        if is_helper(name):
            continue
        helper = _helper(unit, name, node)
        if helper is not None:
            found[name] = helper
    return found


def _helper(unit: Unit, name: str, node: Node) -> Helper | None:
    declarator, body = field(node, "declarator"), field(node, "body")
    if declarator.type != "function_declarator":
        return None
    parameters = []
    for one in named(field(declarator, "parameters")):
        inner = one.child_by_field_name("declarator")
        if one.type != "parameter_declaration" or inner is None:
            return None
        while inner.type == "pointer_declarator":
            inner = field(inner, "declarator")
        if inner.type != "identifier":
            return None
        parameters.append((unit.of(inner), unit.of(one)))
    statements = named(body)
    last = statements[-1] if statements and statements[-1].type == "return_statement" else None
    value = named(last)[0] if last is not None and named(last) else None
    kept = tuple(statements[:-1] if last is not None else statements)
    if any(part.type in _LEAVES or part.type.startswith("preproc") for one in kept for part in walk(one)):
        return None
    if name in identifiers(body):
        return None
    outermost = frozenset[str]().union(*(_declared(unit, one) for one in kept if one.type == "declaration"))
    return Helper(name, node, tuple(parameters), kept, value, _declared(unit, node), outermost)


def _declared(unit: Unit, node: Node) -> frozenset[str]:
    """All names that are declared below `node`, loops' variables too, parameters not."""
    found = set[str]()
    for part in walk(field(node, "body") if node.type == "function_definition" else node):
        for declarator in part.children_by_field_name("declarator") if part.type == "declaration" else ():
            inner = declarator
            while (deeper := inner.child_by_field_name("declarator")) is not None:
                inner = deeper
            if inner.type == "identifier":
                found.add(unit.of(inner))
    return frozenset(found)


def _inlined(unit: Unit) -> str | None:
    """The program with the first call that can be replaced, replaced."""
    helpers = _helpers(unit)
    for node in walk(unit.root):
        if node.type != "call_expression" or not unit.editable(node):
            continue
        helper = helpers.get(unit.of(field(node, "function")))
        statement = _statement_of(node)
        if helper is None or statement is None or enclosing_function(node) == helper.node:
            continue
        arguments = named(field(node, "arguments"))
        made = _in_place(unit, helper, node, statement, arguments)
        if made is None:
            continue
        edits = [Edit(statement.start_byte, statement.end_byte, indent(made, indentation(unit, statement)))]
        once = sum(unit.of(leaf) == helper.name for leaf in walk(unit.root) if leaf.type == "identifier") == 2
        if once and unit.of(helper.node).startswith("static") and unit.editable(helper.node):
            edits.append(Edit(helper.node.start_byte, helper.node.end_byte, ""))
        return unit.apply(edits)
    return None


def _statement_of(call: Node) -> Node | None:
    """`f(...);`, `v = f(...);` or `T v = f(...);` as a whole, where it stands directly in a block."""
    parent = call.parent
    if parent is not None and parent.type in {"assignment_expression", "init_declarator"}:
        side = "right" if parent.type == "assignment_expression" else "value"
        if field(parent, side) != call or (parent.type == "init_declarator" and parent.parent is None):
            return None
        parent = parent.parent
    if parent is None or parent.type not in {"expression_statement", "declaration"}:
        return None
    if parent.type == "declaration" and len(parent.children_by_field_name("declarator")) != 1:
        return None
    return parent if parent.parent is not None and parent.parent.type == "compound_statement" else None


def _in_place(unit: Unit, helper: Helper, call: Node, statement: Node, arguments: Sequence[Node]) -> str | None:
    if len(arguments) != len(helper.parameters) or (helper.value is None) != (call.parent == statement):
        return None
    caller = enclosing_function(call)
    if caller is None:
        return None
    taken = identifiers(caller) | _declared(unit, caller)
    assigned = {w.target for one in helper.statements for w in writes(unit, one) if w.index is None}
    names: dict[str, str] = {}
    begun = []
    for (parameter, declaration), argument in zip(helper.parameters, arguments, strict=True):
        if argument.type in {"identifier", "number_literal"} and parameter not in assigned:
            names[parameter] = unit.of(argument)
            continue
        name = unit.fresh(f"nf_{parameter}") if parameter in taken else parameter
        names[parameter] = name
        head = declaration if name == parameter else f"{declaration[: declaration.rindex(parameter)]}{name}"
        begun.append(f"{head} = {unit.of(argument)};")
    given = frozenset().union(*(identifiers(argument) for argument in arguments))
    for local in helper.local:
        if local in given or (local in helper.outermost and local in taken):
            names[local] = unit.fresh(f"nf_{local}")
    lines = begun + [dedent(unit.render(one, names)) for one in helper.statements]
    if helper.value is not None:
        lines.append(unit.render(statement, {}, {call.id: f"({unit.render(helper.value, names)})"}))
    return "\n".join(lines) if lines else ";"


@dataclass(frozen=True)
class _Field:
    """`parameter->name`, its type as it is declared, and every place that uses it."""

    parameter: str
    name: str
    declaration: str
    uses: tuple[Node, ...]


def _hoisted(unit: Unit) -> str | None:
    """The program with the fields that loops of one function use in locals of that function."""
    for function in functions(unit):
        found = list(_fields(unit, function))
        body = field(function, "body")
        if not found or not unit.editable(function):
            continue
        edits, lines = [], []
        for one in found:
            local = _known_local(unit, body, one)
            if local is None:
                local = one.name if one.name not in _words(unit, function, one) else unit.fresh(f"nf_{one.name}")
                lines.append(f"{one.declaration}{local} = {one.parameter}->{one.name};")
            edits += [Edit(use.start_byte, use.end_byte, local) for use in one.uses]
        statements = named(body)
        if lines:
            pad = indentation(unit, statements[0])
            place = statements[0].start_byte
            edits.append(Edit(place, place, f"\n{pad}".join([*lines, ""])))
        return unit.apply(edits)
    return None


def _words(unit: Unit, function: Node, one: _Field) -> frozenset[str]:
    """Names of variables in the function; a field's own name, after `->`, is none."""
    return identifiers(function) | _declared(unit, function)


def _known_local(unit: Unit, body: Node, one: _Field) -> str | None:
    """A local of the function's own block that has the field's value and keeps it."""
    for write in writes(unit, body):
        if write.operator != "declare" or write.value is None or write.value.type != "field_expression":
            continue
        declaration = enclosing(write.node, "declaration") if write.node.type != "declaration" else write.node
        outermost = declaration is not None and declaration.parent == body
        if not outermost or unit.of(write.value) != f"{one.parameter}->{one.name}":
            continue
        if sum(other.target == write.target and other.index is None for other in writes(unit, body)) == 1:
            return write.target
    return None


def _fields(unit: Unit, function: Node) -> Iterator[_Field]:
    """Fields of a constant structure that stand in a loop: in its head or its body."""
    helper = _helper(unit, "", function) or None
    declarator = field(function, "declarator")
    if declarator.type != "function_declarator" or helper is None:
        return
    changed = {write.target for write in writes(unit, field(function, "body")) if write.index is None}
    for parameter, declaration in helper.parameters:
        if not declaration.startswith("const ") or declaration.count("*") != 1 or parameter in changed:
            continue
        kind = declaration.removeprefix("const ").split("*")[0].strip()
        members = _members(unit, kind)
        uses: dict[str, list[Node]] = {}
        for node in walk(field(function, "body")):
            inside = node.type == "field_expression" and enclosing(node, "for_statement") is not None
            if inside and unit.of(field(node, "argument")) == parameter:
                uses.setdefault(unit.of(field(node, "field")), []).append(node)
        for name, places in uses.items():
            if name in members:
                yield _Field(parameter, name, members[name], tuple(places))


def _members(unit: Unit, kind: str) -> dict[str, str]:
    """Fields of a structure that the program declares: what stands before the name, e.g. `const float *`."""
    for node in walk(unit.root):
        if node.type not in {"type_definition", "struct_specifier"}:
            continue
        names = {unit.of(one) for one in node.children_by_field_name("declarator")}
        tag = node.child_by_field_name("name")
        if kind not in names and (tag is None or kind != f"struct {unit.of(tag)}"):
            continue
        found = {}
        for one in walk(node):
            if one.type != "field_declaration":
                continue
            for declarator in one.children_by_field_name("declarator"):
                stars, inner = "", declarator
                while inner.type == "pointer_declarator":
                    stars, inner = stars + "*", field(inner, "declarator")
                if inner.type == "field_identifier":
                    head = unit.text[one.start_byte : one.children_by_field_name("declarator")[0].start_byte].decode()
                    found[unit.of(inner)] = head.rstrip() + " " + stars
        return found
    return {}


def _unpointed(unit: Unit) -> str | None:
    """The program with the uses of one pointer into an array written as uses of the array.

    Only where the array has subscripts of its own in the same function: two names of one array hide from other rewrites
    that both mean the same element.
    """
    for function in functions(unit):
        body = field(function, "body")
        by_name: dict[str, list[Node]] = {}
        for node in walk(body):
            if node.type == "subscript_expression" and field(node, "argument").type == "identifier":
                by_name.setdefault(unit.of(field(node, "argument")), []).append(node)
        assigned = {
            write.target
            for write in writes(unit, body)
            if write.operator != "declare" and write.index is None and not _is_step(write.node)
        }
        for name, base, offset in _pointers(unit, body):
            uses = by_name.get(name, [])
            total = sum(unit.of(leaf) == name for leaf in walk(body) if leaf.type == "identifier")
            plain = {name, base} & assigned or identifiers(offset) & assigned
            if base not in by_name or not uses or plain or total != len(uses) + 1 or not unit.editable(body):
                continue
            start = unit.of(offset)
            declaration = enclosing(offset, "declaration")
            edits = []
            if declaration is not None and len(declaration.children_by_field_name("declarator")) == 1:
                edits.append(Edit(declaration.start_byte, declaration.end_byte, ""))
            for use in uses:
                index = field(use, "index")
                edits.append(Edit(field(use, "argument").start_byte, field(use, "argument").end_byte, base))
                if start != "0":
                    edits.append(Edit(index.start_byte, index.start_byte, f"{start} + "))
            return unit.apply(edits)
    return None


def _is_step(node: Node) -> bool:
    """`i++` in the head of a loop: within the body, between a pointer and its uses, `i` stays."""
    return node.type == "update_expression" and node.parent is not None and node.parent.type == "for_statement"


def _pointers(unit: Unit, body: Node) -> Iterator[tuple[str, str, Node]]:
    """Locals `T *name = base + offset;`, each declared once."""
    seen: dict[str, int] = {}
    found = []
    for node in walk(body):
        if node.type != "init_declarator" or field(node, "declarator").type != "pointer_declarator":
            continue
        name, value = unit.of(field(field(node, "declarator"), "declarator")), field(node, "value")
        seen[name] = seen.get(name, 0) + 1
        is_sum = value.type == "binary_expression" and unit.of(field(value, "operator")) == "+"
        if is_sum and field(value, "left").type == "identifier":
            found.append((name, unit.of(field(value, "left")), field(value, "right")))
    return (one for one in found if seen[one[0]] == 1)
