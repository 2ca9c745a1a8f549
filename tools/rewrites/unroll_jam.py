"""Unroll-and-jam: several iterations of an outer loop share one inner loop, so that what they load is loaded once.

    for (i) { T s = 0; for (p) s += a[i][p] * b[p]; c[i] = s; }
->  for (i, i + 1) {
        T s = 0, s1 = 0;
        for (p) { s += a[i][p] * b[p]; s1 += a[i + 1][p] * b[p]; }
        c[i] = s; c[i + 1] = s1;
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from tools.rewrites.affine import independent, permutable
from tools.rewrites.loops import Loop, counted, loops, part_header
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, dedent, indent, indentation, walk

FACTORS = (4, 2, 8)


class UnrollJam(Rewrite):
    name = "rewrite.unroll_jam"
    prior = 0.35
    relieves = frozenset({"compute_bound", "latency_bound", "cache_misses"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        sites = [(loop, inner, why) for loop in loops(unit) for inner, why in _site(unit, loop)]
        for factor in FACTORS:
            for outer, inner, why in sites:
                edit = Edit(outer.node.start_byte, outer.node.end_byte, _jammed(unit, outer, inner, factor))
                line = unit.line_of(outer.node)
                note = f"line {line}: {factor} iterations of {outer.variable} share one inner loop ({why})"
                yield Variant(unit.apply([edit]), note)


def _site(unit: Unit, outer: Loop) -> Iterator[tuple[Loop, str]]:
    """The one loop directly inside, when its range is the same for all iterations and their order may change."""
    found = [node for node in outer.statements if node.type == "for_statement"]
    inner = counted(unit, found[0]) if len(found) == 1 else None
    if inner is None or _nested(outer.statements, found[0]):
        return
    locals_ = _local_names(unit, outer)
    if (locals_ | {outer.variable}) & inner.range_names():
        return
    if len(outer.statements) == 1:
        why = permutable(unit, (outer, inner), inner.body) or independent(unit, outer)
    else:
        why = independent(unit, outer)
    if why is not None:
        yield inner, why


def _nested(statements: tuple[Node, ...], chosen: Node) -> bool:
    return any(part.type == "for_statement" for one in statements if one != chosen for part in walk(one))


def _local_names(unit: Unit, loop: Loop) -> frozenset[str]:
    """Variables that the statements of the body declare, directly."""
    found = set[str]()
    for statement in loop.statements:
        for declarator in statement.children_by_field_name("declarator") if statement.type == "declaration" else ():
            leaf = next((part for part in walk(declarator) if part.type == "identifier"), None)
            if leaf is not None:
                found.add(unit.of(leaf))
    return frozenset(found)


def _jammed(unit: Unit, outer: Loop, inner: Loop, factor: int) -> str:
    variable, upper = outer.variable, outer.upper(unit)
    copies = [_names(unit, outer, copy) for copy in range(factor)]
    before, after, seen = list[str](), list[str](), False
    for statement in outer.statements:
        if statement == inner.node:
            seen = True
            continue
        (after if seen else before).extend(dedent(unit.render(statement, names)) for names in copies)
    bodies = [_braced(dedent(unit.render(inner.body, names))) for names in copies]
    loop = f"{part_header(inner, unit.of(inner.lower), inner.upper(unit))} {{\n    " + indent("\n".join(bodies), "    ")
    lines = "\n".join([*before, loop + "\n}", *after])
    text = f"""{{
    {outer.type} {variable} = {unit.of(outer.lower)};
    for (; {variable} + {factor - 1} < {upper}; {variable} += {factor}) {{
        {indent(lines, "        ")}
    }}
    for (; {variable} < {upper}; {variable}++) {indent(_braced(dedent(unit.of(outer.body))), "    ")}
}}"""
    return indent(text, indentation(unit, outer.node))


def _names(unit: Unit, outer: Loop, copy: int) -> dict[str, str]:
    if copy == 0:
        return {}
    renamed = {name: unit.fresh(f"nf_{name}_{copy}") for name in _local_names(unit, outer)}
    return {outer.variable: f"({outer.variable} + {copy})", **renamed}


def _braced(body: str) -> str:
    return body if body.startswith("{") else f"{{ {body} }}"
