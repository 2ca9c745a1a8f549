"""Crossover of blocks: a block of one program takes the place of its counterpart in another.

Blocks are what stands between EVOLVE-BLOCK markers, in any language. A C program without markers (or with one block) is
cut into function definitions, matched by name and signature, and these into their outermost loops, matched by the
variables that they change. What a partner's block needs from file scope (includes, macros, helper functions) comes
along where it is missing; a block that needs a local variable which we lack stays away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from tree_sitter import Node

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rewrites.loops import writes
from tools.rewrites.syntax import (
    BLOCK_END,
    BLOCK_START,
    Edit,
    Unit,
    canonical,
    field,
    function_name,
    functions,
    helper_edit,
    identifiers,
    walk,
)

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
    yield from _marked(parent, partner)
    if language == "c":
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
        name = function_name(theirs, function)
        yield from _exchange(ours, theirs, _whole(counterpart), _whole(function), f"function {name}")
        yield from _loops(ours, theirs, counterpart, function)


def _loops(ours: Unit, theirs: Unit, mine: Node, other: Node) -> Iterator[tuple[str, str]]:
    """Loops of two functions that alone have the same effects, where what the new one uses is declared before."""
    own, foreign = _by_effect(ours, mine), _by_effect(theirs, other)
    for effect in sorted(own.keys() & foreign.keys(), key=sorted):
        old, new = own[effect], foreign[effect]
        if old is None or new is None or ours.of(old) == theirs.of(new):
            continue
        span = _span(theirs, new)
        needed = {n for n in identifiers(new) if _declared_before(theirs, other, n, span[0])}
        if all(_declared_before(ours, mine, name, old.start_byte) for name in needed):
            what = f"loop that makes {', '.join(sorted(effect))}"
            yield from _exchange(ours, theirs, _span(ours, old), span, what)


def _exchange(
    ours: Unit, theirs: Unit, old: tuple[int, int], new: tuple[int, int], what: str
) -> Iterator[tuple[str, str]]:
    inside = any(low <= old[0] and old[1] <= high for low, high in ours.blocks())
    missing = _missing(ours, theirs, new) if inside else None
    helper = helper_edit(ours, "\n".join(missing)) if missing is not None else None
    if helper is not None:
        text = theirs.text[new[0] : new[1]].decode()
        yield ours.apply([helper, Edit(old[0], old[1], text)]), what


def _whole(node: Node) -> tuple[int, int]:
    return node.start_byte, node.end_byte


def _by_effect(unit: Unit, function: Node) -> dict[frozenset[str], Node | None]:
    """Outermost loops by the names of outer variables that they change; None where two loops change the same."""
    found: dict[frozenset[str], Node | None] = {}
    for node in field(function, "body").named_children:
        if node.type != "for_statement":
            continue
        changed = {write.target for write in writes(unit, node)}
        changed |= {name for n in walk(node) if n.type == "pointer_expression" for name in identifiers(n)}
        effect = frozenset(name for name in changed if _declared_before(unit, function, name, node.start_byte))
        found[effect] = None if effect in found else node
    found.pop(frozenset(), None)
    return found


def _declared_before(unit: Unit, function: Node, name: str, position: int) -> bool:
    """A parameter, or declared in the function's own block before `position`."""
    places = [field(function, "declarator"), *field(function, "body").named_children]
    return any(
        name in {unit.of(leaf) for child in _declarators(place) for leaf in walk(child) if leaf.type == "identifier"}
        for place in places
        if place.end_byte <= position and place.type in {"declaration", "function_declarator", "pointer_declarator"}
    )


def _declarators(place: Node) -> list[Node]:
    if place.type != "declaration":
        return [place]
    return [
        field(child, "declarator") if child.type == "init_declarator" else child
        for child in place.children_by_field_name("declarator")
    ]


def _span(unit: Unit, node: Node) -> tuple[int, int]:
    """The loop with the macros and comments directly before it, and the fence that ends its streaming stores."""
    start, end = node.start_byte, node.end_byte
    before, after = node.prev_sibling, node.next_sibling
    while before is not None and before.type in {"comment", "preproc_def"}:
        start, before = before.start_byte, before.prev_sibling
    if after is not None and unit.of(after) == "nf_stream_end();":
        end = after.end_byte
    return start, end


def _signature(function: Node) -> str:
    return f"{canonical(field(function, 'type'))} {canonical(field(function, 'declarator'))}"


def _missing(ours: Unit, theirs: Unit, span: tuple[int, int]) -> list[str] | None:
    """File-scope items that the partner's text needs and we lack; None when ours differ under the same name."""
    have = dict(_items(ours))
    needed, wanted = theirs.text[span[0] : span[1]].decode(), list[str]()
    # From the last item to the first: an item may need one before it, never one after it.
    for name, text in reversed(list(_items(theirs))):
        if text == needed or not (name.startswith("#") or re.search(rf"\b{re.escape(name)}\b", needed)):
            continue
        if name not in have:
            wanted.append(text)
            needed += text
        elif have[name] != text:
            return None
    return wanted[::-1]


def _items(unit: Unit) -> Iterator[tuple[str, str]]:
    """Name and text of everything at file scope; directives that are no macro are their own name."""
    for node in unit.root.children:
        text = unit.of(node).rstrip("\n")
        if node.type == "function_definition":
            yield function_name(unit, node), text
        elif node.type in {"preproc_def", "preproc_function_def"}:
            yield unit.of(field(node, "name")), text
        elif node.type.startswith("preproc"):
            yield text, text
        elif node.type in {"declaration", "type_definition", "struct_specifier"}:
            leaf = [n for n in walk(node) if n.type in {"identifier", "type_identifier"}]
            yield (unit.of(leaf[-1]) if leaf else text), text
