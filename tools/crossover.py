"""Crossover of blocks: a block of one program takes the place of its counterpart in another.

Blocks are what stands between EVOLVE-BLOCK markers, in any language. A C program without markers is cut into function
definitions, matched by name and signature. Blocks are exchanged as a whole, so that names inside stay consistent;
what a partner's block needs from outside (includes, macros, helper functions) comes along where it is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from tree_sitter import Node

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rewrites.syntax import BLOCK_END, BLOCK_START, Edit, Unit, canonical, field, function_name, functions, walk

MAX_DRAFTS = 12
_BLOCK = re.compile(rf"^[^\n]*{BLOCK_START}[^\n]*\n(?P<body>.*?)^[^\n]*{BLOCK_END}[^\n]*$", re.DOTALL | re.MULTILINE)


class Crossover:
    """The operator `crossover.blocks`."""

    name = "crossover.blocks"
    kind = OperatorKind.CROSSOVER
    languages: frozenset[str] = frozenset()
    prior = 0.3
    structural = False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        parent = context.parent.source
        known = {parent, *(partner.source for partner in context.partners)}
        return tuple(islice(self._drafts(context, parent, known), MAX_DRAFTS))

    def _drafts(self, context: OperatorContext, parent: str, known: set[str]) -> Iterator[Draft]:
        for partner in context.partners:
            for source, note in _crossed(parent, partner.source, context.language):
                if source not in known:
                    known.add(source)
                    yield Draft(
                        source=source,
                        operator=self.kind,
                        operator_name=self.name,
                        note=f"{note} from candidate {partner.ordinal}",
                    )


def _crossed(parent: str, partner: str, language: str) -> Iterable[tuple[str, str]]:
    if BLOCK_START in parent:
        yield from _marked(parent, partner)
    elif language == "c":
        yield from _functions(parent, partner)


def _marked(parent: str, partner: str) -> Iterator[tuple[str, str]]:
    ours, theirs = list(_BLOCK.finditer(parent)), list(_BLOCK.finditer(partner))
    if len(ours) != len(theirs) or len(ours) < 2:
        return
    for number, (old, new) in enumerate(zip(ours, theirs, strict=True), 1):
        start, end = old.span("body")
        yield parent[:start] + new["body"] + parent[end:], f"block {number}"


def _functions(parent: str, partner: str) -> Iterator[tuple[str, str]]:
    ours, theirs = Unit.parse(parent), Unit.parse(partner)
    if ours is None or theirs is None:
        return
    own = {_signature(function): function for function in functions(ours)}
    for function in functions(theirs):
        counterpart = own.get(_signature(function))
        if counterpart is None or ours.of(counterpart) == theirs.of(function):
            continue
        edits = [Edit(counterpart.start_byte, counterpart.end_byte, theirs.of(function))]
        missing = _missing(ours, theirs, function)
        if missing is None:
            continue
        if missing:
            start = counterpart.start_byte
            edits.insert(0, Edit(start, start, "\n".join(missing) + "\n\n"))
        yield ours.apply(edits), f"function {function_name(theirs, function)}"


def _signature(function: Node) -> str:
    return f"{canonical(field(function, 'type'))} {canonical(field(function, 'declarator'))}"


def _missing(ours: Unit, theirs: Unit, function: Node) -> list[str] | None:
    """File-scope items that `function` may need and we lack; None when ours differ under the same name."""
    have = {name: text for name, text in _items(ours)}
    wanted: list[str] = []
    for name, text in _items(theirs):
        if text == theirs.of(function) or not _is_used(name, theirs, function):
            continue
        if name not in have:
            wanted.append(text)
        elif have[name] != text:
            return None
    return wanted


def _is_used(name: str, theirs: Unit, function: Node) -> bool:
    return name.startswith(("#if", "#include")) or re.search(rf"\b{re.escape(name)}\b", theirs.source) is not None


def _items(unit: Unit) -> Iterator[tuple[str, str]]:
    """Name and text of everything at file scope before the last function."""
    for node in unit.root.children:
        if node.type == "function_definition":
            yield function_name(unit, node), unit.of(node)
        elif node.type in {"preproc_def", "preproc_function_def"}:
            yield unit.of(field(node, "name")), unit.of(node)
        elif node.type in {"preproc_include", "preproc_if", "preproc_ifdef"}:
            yield unit.of(node), unit.of(node)
        elif node.type in {"declaration", "type_definition", "struct_specifier"}:
            leaf = [n for n in walk(node) if n.type in {"identifier", "type_identifier"}]
            yield (unit.of(leaf[-1]) if leaf else unit.of(node)), unit.of(node)
