"""Double or halve a constant that sizes loops or arrays and that nobody declared as a tunable."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, field, identifiers, walk
from tools.tuning import parse_tunables

_INTEGER = re.compile(r"\s*\(?\s*(\d+)\s*\)?\s*")
_SMALLEST, _LARGEST = 2, 1 << 22


class Constants(Rewrite):
    name = "rewrite.constants"
    prior = 0.3

    def variants(self, unit: Unit) -> Iterable[Variant]:
        declared = {tunable.name for tunable in parse_tunables(unit.source)}
        sizing = _sizing_names(unit)
        for node in walk(unit.root):
            if node.type != "preproc_def" or not unit.editable(node):
                continue
            name, value = unit.of(field(node, "name")), node.child_by_field_name("value")
            matched = _INTEGER.fullmatch(unit.of(value)) if value is not None else None
            if value is None or matched is None or name in declared or name not in sizing or name.startswith("NF_"):
                continue
            old = int(matched.group(1))
            for new in (old * 2, old // 2, old * 4, old // 4):
                if _SMALLEST <= new <= _LARGEST:
                    edit = Edit(
                        value.start_byte, value.end_byte, f"{new}\n" if unit.of(value).endswith("\n") else f"{new}"
                    )
                    yield Variant(unit.apply([edit]), f"line {unit.line_of(node)}: {name} {old} -> {new}")


def _sizing_names(unit: Unit) -> frozenset[str]:
    """Names in the heads of loops and in the sizes of arrays."""
    names: set[str] = set()
    for node in walk(unit.root):
        if node.type == "for_statement":
            for part in ("initializer", "condition", "update"):
                child = node.child_by_field_name(part)
                names |= identifiers(child) if child is not None else set()
        elif node.type == "array_declarator":
            size = node.child_by_field_name("size")
            names |= identifiers(size) if size is not None else set()
    return frozenset(names)
