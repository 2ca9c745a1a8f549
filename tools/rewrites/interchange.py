"""Swap two perfectly nested loops."""

from __future__ import annotations

from collections.abc import Iterable

from tools.rewrites.affine import permutable
from tools.rewrites.loops import Loop, accesses_only, counted, is_plain, loops, subscripts, writes
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, canonical, dedent, identifiers, indent, indentation


class Interchange(Rewrite):
    name = "rewrite.interchange"
    prior = 0.4
    relieves = frozenset({"memory_bound", "cache_misses", "not_vectorised", "gather"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for outer in loops(unit):
            statements = outer.statements
            inner = counted(unit, statements[0]) if len(statements) == 1 else None
            if inner is None or statements[0].type != "for_statement":
                continue
            if _may_swap(unit, outer, inner) or permutable(unit, (outer, inner), inner.body) is not None:
                edit = Edit(outer.node.start_byte, outer.node.end_byte, _swapped(unit, outer, inner))
                note = f"line {unit.line_of(outer.node)}: loops over {outer.variable} and {inner.variable} interchanged"
                yield Variant(unit.apply([edit]), note)


def _may_swap(unit: Unit, outer: Loop, inner: Loop) -> bool:
    """Bounds are independent, and each written element is written or summed the same in any order."""
    effects = [write for write in writes(unit, inner.body) if write.operator != "declare"]
    targets = {write.target for write in effects}
    if outer.variable in inner.range_names() or targets & (inner.range_names() | outer.range_names()):
        return False
    if not effects or not is_plain(unit, [inner.body, inner.lower, inner.bound, outer.lower, outer.bound]):
        return False
    for write in effects:
        if write.index is None or not accesses_only(unit, inner.body, write.target, canonical(write.index)):
            return False
        both = {outer.variable, inner.variable} <= identifiers(write.index)
        # A sum that something else reads on its way has another value there in another order.
        alone = len(subscripts(unit, inner.body, write.target)) == 1
        if not both and (write.operator not in {"+=", "-="} or not alone):
            return False
    return True


def _swapped(unit: Unit, outer: Loop, inner: Loop) -> str:
    pad = indentation(unit, outer.node)
    body = dedent(unit.of(inner.body))
    return indent(f"{_head(unit, inner)} {{\n    {_head(unit, outer)} {indent(body, '    ')}\n}}", pad)


def _head(unit: Unit, loop: Loop) -> str:
    return (
        f"for ({loop.type} {loop.variable} = {unit.of(loop.lower)}; "
        f"{loop.variable} < {loop.upper(unit)}; {loop.variable}++)"
    )
