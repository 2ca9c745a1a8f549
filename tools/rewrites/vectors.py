"""Loops written with explicit vectors (GCC's vector extension): sums in several registers, stores past the caches.

A compiler vectorises such loops, too, but never makes streaming stores of them, keeps one register for a sum where no
flag lets it do more, and gives up on a loop that asks for data ahead. Only expressions of + - * / over neighbouring
elements and numbers that do not change in the loop are turned into vectors; everything else stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.loops import (
    FLOAT_TYPES,
    Loop,
    accesses_only,
    element_type,
    innermost,
    is_affine,
    is_plain,
    scalar_type,
    writes,
)
from tools.rewrites.recompute import Store, store_of
from tools.rewrites.reductions import Reduction, body_locals, sole_reduction
from tools.rewrites.rewrite import Rewrite, Variant, tunable
from tools.rewrites.stream_store import is_read_back, outermost_end
from tools.rewrites.syntax import (
    Edit,
    Unit,
    asset,
    canonical,
    dedent,
    field,
    helper_edit,
    identifiers,
    indent,
    indentation,
    strip_parentheses,
    walk,
)

AHEAD = 1024
AHEAD_CHOICES = (256, 512, 1024, 2048, 4096, 8192)
PARTS = (4, 8, 2)
_OPERATORS = frozenset({"+", "-", "*", "/"})


@dataclass(frozen=True)
class Shape:
    """What a loop's statements become: the element type, locals as vectors, arrays that are read in order."""

    kind: str
    locals: frozenset[str]
    reads: tuple[str, ...]


def vector_text(unit: Unit, node: Node, loop: Loop, shape: Shape, at: str) -> str | None:
    """`node` for as many neighbouring iterations as a vector has lanes, from the iteration `at` on."""
    node = strip_parentheses(node)
    if node.type == "subscript_expression":
        return _element(unit, node, loop, shape, at)
    if node.type == "identifier":
        name = unit.of(node)
        if name in shape.locals:
            return name
        return name if scalar_type(unit, node, name) == shape.kind else None
    if node.type == "number_literal":
        text = unit.of(node)
        is_whole = text.isdecimal()
        fits = text.lower().endswith("f") == (shape.kind == "float") and "." in text
        return f"({shape.kind}){text}" if is_whole else text if fits else None
    if node.type == "unary_expression" and unit.of(field(node, "operator")) == "-":
        inner = vector_text(unit, field(node, "argument"), loop, shape, at)
        return f"-({inner})" if inner is not None else None
    if node.type == "binary_expression" and unit.of(field(node, "operator")) in _OPERATORS:
        left = vector_text(unit, field(node, "left"), loop, shape, at)
        right = vector_text(unit, field(node, "right"), loop, shape, at)
        if left is not None and right is not None:
            return f"({left} {unit.of(field(node, 'operator'))} {right})"
    return None


def _element(unit: Unit, node: Node, loop: Loop, shape: Shape, at: str) -> str | None:
    array, index = unit.of(field(node, "argument")), field(node, "index")
    if element_type(unit, node, array) != shape.kind:
        return None
    if loop.variable not in identifiers(index):
        return unit.of(node)
    if not is_affine(unit, index, loop.variable):
        return None
    return f"(*(const nf_pack_{shape.kind} *)&{array}[{unit.render(index, {loop.variable: at})}])"


def _shape(unit: Unit, loop: Loop, kind: str) -> Shape | None:
    values = body_locals(unit, loop)
    if values is None or kind not in FLOAT_TYPES or not is_plain(unit, [loop.body, loop.lower, loop.bound]):
        return None
    for statement in loop.statements:
        if statement.type == "declaration" and unit.of(field(statement, "type")) != kind:
            return None
    changed = {write.target for write in writes(unit, loop.body)}
    reads: dict[str, None] = {}
    for node in walk(loop.body):
        if node.type == "subscript_expression" and field(node, "argument").type == "identifier":
            array = unit.of(field(node, "argument"))
            if array not in changed and loop.variable in identifiers(field(node, "index")):
                reads[array] = None
    return Shape(kind, frozenset(values), tuple(reads))


def _declarations(unit: Unit, loop: Loop, shape: Shape, at: str, upto: Node) -> list[str] | None:
    lines = []
    for statement in loop.statements:
        if statement == upto:
            break
        for one in statement.children_by_field_name("declarator") if statement.type == "declaration" else ():
            value = vector_text(unit, field(one, "value"), loop, shape, at)
            if value is None:
                return None
            lines.append(f"const nf_pack_{shape.kind} {unit.of(field(one, 'declarator'))} = {_wide(value, shape)};")
    return lines


def _wide(text: str, shape: Shape) -> str:
    """A number that is the same for all lanes as a vector; what is one already as it is."""
    is_vector = "nf_pack_" in text or any(re.search(rf"\b{name}\b", text) for name in shape.locals)
    return text if is_vector else f"(nf_pack_{shape.kind}){{0}} + {text}"


def _fetch(unit: Unit, loop: Loop, arrays: Iterable[str], at: str, ahead: str) -> list[str]:
    """Requests for the elements `ahead` of `at`, of each array by the subscript that it is used with."""
    lines = []
    for array in arrays:
        for node in walk(loop.body):
            if node.type == "subscript_expression" and unit.of(field(node, "argument")) == array:
                index = unit.render(field(node, "index"), {loop.variable: f"({at} + {ahead})"})
                lines.append(f"__builtin_prefetch(&{array}[{index}], 0, 3);")
                break
    return lines


def _helper(unit: Unit) -> Edit | None:
    return helper_edit(unit, "" if "nf_past(" in unit.source else asset("snippets/vectors.h"))


class VectorStream(Rewrite):
    name = "rewrite.vector_stream"
    prior = 0.72
    structural = True
    relieves = frozenset({"memory_bound", "store_traffic", "near_roof"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        helper = _helper(unit)
        if helper is None:
            return
        for loop in innermost(unit):
            store = _sole_store(unit, loop)
            shape = _shape(unit, loop, store.type) if store is not None else None
            text = _streamed(unit, loop, store, shape) if store is not None and shape is not None else None
            if store is None or text is None:
                continue
            end = outermost_end(unit, loop, "nf_past_end();")
            edit = Edit(loop.node.start_byte, loop.node.end_byte, indent(text, indentation(unit, loop.node)))
            edits = [helper, edit, end]
            note = f"line {unit.line_of(loop.node)}: vectors of {store.array} stored past the caches"
            yield Variant(unit.apply(edits), f"{note} (assumes that {store.array} overlaps no other array partly)")


def _sole_store(unit: Unit, loop: Loop) -> Store | None:
    """`y[i] = e;`, the loop's only effect, which reads no y itself."""
    effects = [write for write in writes(unit, loop.body) if write.operator != "declare"]
    if len(effects) != 1 or effects[0].index is None or effects[0].operator != "=":
        return None
    store = store_of(unit, loop, effects[0].target)
    if store is None or store.write.index is None or store.position != len(loop.statements) - 1:
        return None
    index = store.write.index
    inside = loop.node.parent is not None and loop.node.parent.type == "compound_statement"
    once = accesses_only(unit, loop.body, store.array, canonical(index))
    fits = inside and once and is_affine(unit, index, loop.variable) and not is_read_back(unit, loop, store.array)
    return store if fits else None


def _streamed(unit: Unit, loop: Loop, store: Store, shape: Shape) -> str | None:
    variable, kind, upper = loop.variable, shape.kind, loop.upper(unit)
    assert store.write.index is not None
    assert store.write.value is not None
    lines = _declarations(unit, loop, shape, variable, store.statement)
    value = vector_text(unit, store.write.value, loop, shape, variable)
    if lines is None or value is None:
        return None
    made, lanes = unit.fresh("nf_made"), f"(NF_BYTES / {8 if kind == 'double' else 4})"
    target = f"&{store.array}[{unit.of(store.write.index)}]"
    single = _braced(unit, loop)
    inner = "\n".join(
        [
            *lines,
            f"const nf_pack_{kind} {made} = {_wide(value, shape)};",
            f"nf_past({target}, &{made});",
        ]
    )
    return f"""{{
    {loop.type} {variable} = {unit.of(loop.lower)};
    for (; {variable} < {upper} && (unsigned long)({target}) % NF_BYTES != 0; {variable}++) {indent(single, "    ")}
    for (; {variable} + {lanes} <= {upper}; {variable} += {lanes}) {{
        {indent(inner, "        ")}
    }}
    for (; {variable} < {upper}; {variable}++) {indent(single, "    ")}
}}"""


def _braced(unit: Unit, loop: Loop) -> str:
    text = dedent(unit.of(loop.body))
    return text if loop.body.type == "compound_statement" else f"{{ {text} }}"


class VectorSum(Rewrite):
    name = "rewrite.vector_sum"
    prior = 0.71
    structural = True
    relieves = frozenset({"latency_bound", "not_vectorised", "memory_bound", "cache_misses"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        helper = _helper(unit)
        if helper is None:
            return
        sites = [(loop, sum_) for loop in innermost(unit) if (sum_ := sole_reduction(unit, loop, "sum")) is not None]
        for parts in PARTS:
            for fetches in (True, False):
                for loop, total in sites:
                    yield from _summed(unit, helper, (loop, total), parts, fetches)


def _summed(unit: Unit, helper: Edit, site: tuple[Loop, Reduction], parts: int, fetches: bool) -> Iterator[Variant]:
    loop, total = site
    shape = _shape(unit, loop, total.type)
    text = _sum_text(unit, loop, total, shape, parts, fetches) if shape is not None and shape.reads else None
    if text is None:
        return
    edit = Edit(loop.node.start_byte, loop.node.end_byte, indent(text, indentation(unit, loop.node)))
    ahead = f", data fetched {AHEAD} elements ahead" if fetches else ""
    note = f"line {unit.line_of(loop.node)}: {total.accumulator} in {parts} vectors{ahead} (adds in another order)"
    yield Variant(unit.apply([helper, edit]), note)


def _sum_text(unit: Unit, loop: Loop, total: Reduction, shape: Shape, parts: int, fetches: bool) -> str | None:
    kind, variable, upper = shape.kind, loop.variable, loop.upper(unit)
    lanes, ahead = f"(NF_BYTES / {8 if kind == 'double' else 4})", unit.fresh("NF_AHEAD")
    sums = [unit.fresh(f"nf_sum_{k}") for k in range(parts)]
    steps = [
        _sum_step(unit, loop, total, shape, (name, f"({variable} + {k} * {lanes})" if k else variable))
        for k, name in enumerate(sums)
    ]
    if any(step is None for step in steps):
        return None
    fetch = [
        line
        for k in range(parts if fetches else 0)
        for line in _fetch(unit, loop, shape.reads, f"{variable} + {k} * {lanes}", ahead)
    ]
    head = tunable(ahead, AHEAD, AHEAD_CHOICES) if fetches else ""
    inner = "\n".join([*fetch, *(step for step in steps if step is not None)])
    declared = ", ".join(f"{name} = {{0}}" for name in sums)
    return f"""{{
{head}    nf_pack_{kind} {declared};
    {loop.type} {variable} = {unit.of(loop.lower)};
    for (; {variable} + {parts} * {lanes} <= {upper}; {variable} += {parts} * {lanes}) {{
        {indent(inner, "        ")}
    }}
    for (; {variable} + {lanes} <= {upper}; {variable} += {lanes}) {{
        {indent(steps[0] or "", "        ")}
    }}
    {total.accumulator} += nf_sum_{kind}({_tree(sums)});
    for (; {variable} < {upper}; {variable}++) {indent(_braced(unit, loop), "    ")}
}}"""


def _tree(names: list[str]) -> str:
    """Their sum by halves, so that no long chain is left."""
    if len(names) == 1:
        return names[0]
    half = len(names) // 2
    return f"({_tree(names[:half])} + {_tree(names[half:])})"


def _sum_step(unit: Unit, loop: Loop, total: Reduction, shape: Shape, place: tuple[str, str]) -> str | None:
    name, at = place
    lines = _declarations(unit, loop, shape, at, total.statement)
    value = vector_text(unit, total.value, loop, shape, at)
    if lines is None or value is None:
        return None
    return "{ " + " ".join([*lines, f"{name} += {_wide(value, shape)};"]) + " }"
