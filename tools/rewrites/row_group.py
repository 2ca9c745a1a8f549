"""Rows of a compressed sparse matrix, several at once or with several sums each.

    for (i) { T s = 0; for (p = start[i]; p < start[i + 1]; p++) s += value[p] * x[column[p]]; y[i] = s; }

A short row is one chain of dependent additions, and its reads of x wait for memory one after another. Rows that go
side by side have independent chains and more reads under way; a long row gets several sums of its own; reads of x can
be asked for ahead, since their subscripts are known. Bounds and order of rows stay as they are; only the order of the
additions of one row changes, and only where it has several sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from tools.rewrites.affine import NO_OVERLAP
from tools.rewrites.loops import Loop, counted, element_type, is_plain, loops, subscripts, writes
from tools.rewrites.reductions import Reduction, body_locals, is_zero, sole_reduction
from tools.rewrites.rewrite import Rewrite, Variant, tunable
from tools.rewrites.syntax import Edit, Unit, dedent, field, identifiers, indent, indentation, walk

ROWS = (4, 8, 2)
SUMS = (4, 2, 8)
AHEAD = 32
AHEAD_CHOICES = (8, 16, 32, 64, 128)


@dataclass(frozen=True)
class Site:
    """A loop over rows whose only inner loop has bounds of its own in each row."""

    rows: Loop
    inner: Loop
    total: Reduction
    before: tuple[Node, ...]
    after: tuple[Node, ...]


class RowGroup(Rewrite):
    name = "rewrite.row_group"
    prior = 0.6
    structural = True
    relieves = frozenset({"latency_bound", "gather", "cache_misses", "not_vectorised", "memory_bound"})

    def variants(self, unit: Unit) -> Iterable[Variant]:
        sites = list(_sites(unit))
        for rows, sums in ((ROWS[0], SUMS[0]), (ROWS[1], SUMS[1]), (ROWS[2], SUMS[2])):
            for site in sites:
                line = unit.line_of(site.rows.node)
                edit = _replaced(unit, site.rows, _grouped(unit, site, rows))
                yield Variant(unit.apply([edit]), f"line {line}: {rows} rows side by side ({NO_OVERLAP})")
                edit = _replaced(unit, site.inner, _summed(unit, site, sums))
                note = f"line {unit.line_of(site.inner.node)}: {sums} sums for each row, no vectors"
                yield Variant(unit.apply([edit]), f"{note} (adds in another order)")
        for site in sites:
            yield from _fetched(unit, site)


def _replaced(unit: Unit, loop: Loop, text: str) -> Edit:
    return Edit(loop.node.start_byte, loop.node.end_byte, indent(text, indentation(unit, loop.node)))


def _sites(unit: Unit) -> Iterator[Site]:
    for rows in loops(unit):
        found = [node for node in rows.statements if node.type == "for_statement"]
        inner = counted(unit, found[0]) if len(found) == 1 else None
        if inner is None or not is_plain(unit, [rows.body, rows.lower, rows.bound]):
            continue
        place = rows.statements.index(found[0])
        before, after = rows.statements[:place], rows.statements[place + 1 :]
        total = sole_reduction(unit, inner, "sum")
        if total is None or not _depends(unit, rows, before, inner) or not _is_closed(unit, rows, before, after, total):
            continue
        yield Site(rows, inner, total, before, after)


def _depends(unit: Unit, rows: Loop, before: Iterable[Node], inner: Loop) -> bool:
    """The inner bounds differ from row to row, so that no other rewrite can join rows."""
    moving = {rows.variable}
    for node in before:
        moving |= {write.target for write in writes(unit, node) if write.value and identifiers(write.value) & moving}
    return bool(inner.range_names() & moving)


def _is_closed(unit: Unit, rows: Loop, before: tuple[Node, ...], after: tuple[Node, ...], total: Reduction) -> bool:
    """Before the inner loop only declarations, the sum's among them at 0; after it only stores to the row's element."""
    if any(node.type != "declaration" for node in before) or any(node.type != "expression_statement" for node in after):
        return False
    made = {write.target: write for node in before for write in writes(unit, node)}
    start = made.get(total.accumulator)
    if start is None or start.value is None or not is_zero(unit, start.value):
        return False
    stores = [write for node in after for write in writes(unit, node)]
    read = {unit.of(leaf) for leaf in walk(rows.body) if leaf.type == "identifier"}
    for store in stores:
        if store.index is None or rows.variable not in identifiers(store.index):
            return False
        if len(subscripts(unit, rows.body, store.target)) != 1:
            return False
    return bool(stores) and total.accumulator in read


def _names(unit: Unit, site: Site, copy: int) -> dict[str, str]:
    local = {write.target for node in site.before for write in writes(unit, node)}
    local |= set(body_locals(unit, site.inner) or ())
    row = site.rows.variable
    renamed = {name: unit.fresh(f"nf_{name}_{copy}") for name in local}
    return {**renamed, row: f"({row} + {copy})" if copy else row}


def _grouped(unit: Unit, site: Site, count: int) -> str:
    rows, inner = site.rows, site.inner
    copies = [_names(unit, site, copy) for copy in range(count)]
    low = [unit.render(inner.lower, names) for names in copies]
    high = [unit.render(inner.bound, names) + (" + 1" if inner.inclusive else "") for names in copies]
    step, least = unit.fresh("nf_step"), unit.fresh("nf_least")
    firsts = [unit.fresh(f"nf_first_{copy}") for copy in range(count)]
    lasts = [unit.fresh(f"nf_last_{copy}") for copy in range(count)]
    kind = inner.type
    begun = "\n".join(dedent(unit.render(node, names)) for names in copies for node in site.before)
    ends = "\n".join(
        f"const {kind} {first} = {a}, {last} = {b};" for first, last, a, b in zip(firsts, lasts, low, high, strict=True)
    )
    shortest = "\n".join(
        f"if ({last} - {first} < {least}) {least} = {last} - {first};"
        for first, last in zip(firsts[1:], lasts[1:], strict=True)
    )
    together = "\n".join(
        _body(unit, site, {**names, inner.variable: f"({first} + {step})"})
        for names, first in zip(copies, firsts, strict=True)
    )
    rest = "\n".join(
        f"for ({kind} {inner.variable} = {first} + ({least} > 0 ? {least} : 0); {inner.variable} < {last}; "
        f"{inner.variable}++) {_body(unit, site, names)}"
        for names, first, last in zip(copies, firsts, lasts, strict=True)
    )
    ended = "\n".join(dedent(unit.render(node, names)) for names in copies for node in site.after)
    lines = (
        f"{begun}\n{ends}\n{kind} {least} = {lasts[0]} - {firsts[0]};\n{shortest}\n"
        f"for ({kind} {step} = 0; {step} < {least}; {step}++) {{\n    {indent(together, '    ')}\n}}\n{rest}\n{ended}"
    )
    row, upper = rows.variable, rows.upper(unit)
    whole = unit.of(rows.body) if rows.body.type == "compound_statement" else f"{{ {unit.of(rows.body)} }}"
    return f"""{{
    {rows.type} {row} = {unit.of(rows.lower)};
    for (; {row} + {count - 1} < {upper}; {row} += {count}) {{
        {indent(lines, "        ")}
    }}
    for (; {row} < {upper}; {row}++) {indent(dedent(whole), "    ")}
}}"""


def _body(unit: Unit, site: Site, names: dict[str, str]) -> str:
    text = dedent(unit.render(site.inner.body, names))
    return text if text.startswith("{") else f"{{ {text} }}"


def _summed(unit: Unit, site: Site, count: int) -> str:
    """The inner loop by `count` with a sum for each, kept scalar: short rows do not fill vectors."""
    inner, total = site.inner, site.total
    variable, upper, into = inner.variable, inner.upper(unit), total.accumulator
    sums = [into, *(unit.fresh(f"nf_sum_{k}") for k in range(1, count))]
    declared = ", ".join(f"{name} = 0" for name in sums[1:])
    copies = "\n".join(
        _body(unit, site, {into: name, variable: f"({variable} + {k})" if k else variable})
        for k, name in enumerate(sums)
    )
    return f"""{{
    {total.type} {declared};
    {inner.type} {variable} = {unit.of(inner.lower)};
    for (; {variable} + {count - 1} < {upper}; {variable} += {count}) {{
        {indent(copies, "        ")}
    }}
    for (; {variable} < {upper}; {variable}++) {_body(unit, site, {})}
    {into} += {" + ".join(sums[1:])};
}}"""


def _fetched(unit: Unit, site: Site) -> Iterator[Variant]:
    """Ask ahead for `x[column[p + AHEAD]]`; the last subscripts are asked for again rather than read beyond the end."""
    inner, rows = site.inner, site.rows
    for access in walk(inner.body):
        if access.type != "subscript_expression" or field(access, "argument").type != "identifier":
            continue
        index = field(access, "index")
        array, through = unit.of(field(access, "argument")), None
        for part in walk(index):
            if part.type == "subscript_expression" and inner.variable in identifiers(part):
                through = part
        if through is None or element_type(unit, access, array) is None:
            continue
        ahead, last = unit.fresh("NF_AHEAD"), unit.fresh("nf_last")
        # The greatest place that any row reaches, so that the fetch runs on over the ends of short rows.
        final = unit.render(inner.bound, {rows.variable: f"({rows.upper(unit)} - 1)"})
        if not set(identifiers(inner.bound)) <= _outside(unit, rows):
            continue
        place = f"({inner.variable} + {ahead} < {last} ? {inner.variable} + {ahead} : {inner.variable})"
        target = unit.render(index, {inner.variable: place})
        start = inner.statements[0].start_byte
        braced = inner.body.type == "compound_statement"
        fetch = f"__builtin_prefetch(&{array}[{target}], 0, 3);\n{indentation(unit, inner.statements[0])}"
        head = f"{tunable(ahead, AHEAD, AHEAD_CHOICES)}"
        pad = indentation(unit, rows.node)
        is_any = f"{unit.of(rows.lower)} < {rows.upper(unit)}"
        opening = f"{{\n{head}{pad}const {inner.type} {last} = {is_any} ? {final} : 0;\n{pad}"
        edits = [
            Edit(rows.node.start_byte, rows.node.start_byte, opening),
            Edit(start, start, fetch if braced else "{ " + fetch),
            Edit(rows.node.end_byte, rows.node.end_byte, f"\n{pad}}}"),
        ]
        if not braced:
            edits.insert(2, Edit(inner.body.end_byte, inner.body.end_byte, " }"))
        yield Variant(unit.apply(edits), f"line {unit.line_of(inner.node)}: fetch {array} {AHEAD} elements ahead")
        return


def _outside(unit: Unit, rows: Loop) -> frozenset[str]:
    """Names that mean the same before the loop over rows, and its own variable."""
    local = {write.target for write in writes(unit, rows.body) if write.operator == "declare"}
    return frozenset(unit.of(leaf) for leaf in walk(rows.node) if leaf.type == "identifier") - local
