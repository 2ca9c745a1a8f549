"""C sources over tree-sitter: parsing, editing by byte range, comparing and rendering expressions.

tree-sitter does not run the preprocessor: a source whose directives hide unbalanced code parses with errors and is
left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tree_sitter_c
from tree_sitter import Language, Node, Parser

BLOCK_START = "EVOLVE-BLOCK-START"
BLOCK_END = "EVOLVE-BLOCK-END"
_HELPERS = re.compile(
    "nf_(expf|tanhf|erff|stream|stream_end|past|past_end|sum_float|sum_double|load_part|store_part|put|pack|packed|block|direct"
    r"|contract|tile_\d+_\d+|strip_\d+)"
)
"""Functions that rewrites bring along; they stand before the program's own, which may call them."""
MAX_SOURCE_BYTES = 200_000
_ASSETS = Path(__file__).parent


@dataclass(frozen=True)
class Edit:
    """Replace bytes `start`..`end` by `text`; an insertion has `start == end`."""

    start: int
    end: int
    text: str


@cache
def _language() -> Language:
    return Language(tree_sitter_c.language())


@dataclass(frozen=True)
class Unit:
    """A C source that parses without error."""

    text: bytes
    root: Node

    @classmethod
    def parse(cls, source: str) -> Unit | None:
        """None when the source is too long or has a syntax error."""
        data = source.encode()
        if len(data) > MAX_SOURCE_BYTES:
            return None
        root = Parser(_language()).parse(data).root_node
        return None if root.has_error else cls(data, root)

    @property
    def source(self) -> str:
        return self.text.decode()

    def of(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode()

    def line_of(self, node: Node) -> int:
        """1-based line on which `node` starts."""
        return node.start_point[0] + 1

    def apply(self, edits: Sequence[Edit]) -> str:
        """The source with all `edits` made; they must not overlap."""
        ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
        pieces: list[bytes] = []
        position = 0
        for edit in ordered:
            if edit.start < position:
                raise ValueError(f"edits overlap at byte {edit.start}")
            pieces += (self.text[position : edit.start], edit.text.encode())
            position = edit.end
        pieces.append(self.text[position:])
        return b"".join(pieces).decode()

    def render(self, node: Node, names: Mapping[str, str], nodes: Mapping[int, str] | None = None) -> str:
        """Text of `node` with each variable in `names` and each node whose id is in `nodes` replaced."""
        edits: list[Edit] = []
        stack = [node]
        while stack:
            found = stack.pop()
            text = (nodes or {}).get(found.id)
            if text is None and found.type == "identifier":
                text = names.get(self.of(found))
            if text is None:
                stack.extend(found.children)
            else:
                edits.append(Edit(found.start_byte - node.start_byte, found.end_byte - node.start_byte, text))
        return Unit(self.text[node.start_byte : node.end_byte], node).apply(edits)

    def fresh(self, stem: str) -> str:
        """`stem`, or `stem_2`, `stem_3`... : a name that does not occur in the source."""
        count, name = 1, stem
        while re.search(rf"\b{re.escape(name)}\b".encode(), self.text):
            count += 1
            name = f"{stem}_{count}"
        return name

    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Byte ranges inside EVOLVE-BLOCK markers; the whole source when there is none."""
        starts = [match.end() for match in re.finditer(rf"{BLOCK_START}[^\n]*\n".encode(), self.text)]
        ranges: list[tuple[int, int]] = []
        for start in starts:
            end = self.text.find(BLOCK_END.encode(), start)
            if end >= 0:
                ranges.append((start, self.text.rfind(b"\n", 0, end) + 1))
        return tuple(ranges) if starts else ((0, len(self.text)),)

    def editable(self, node: Node) -> bool:
        """In an EVOLVE-BLOCK, where there are such, and not in a function that a rewrite brought along."""
        function = node if node.type == "function_definition" else enclosing_function(node)
        if function is not None and is_helper(function_name(self, function)):
            return False
        return any(start <= node.start_byte and node.end_byte <= end for start, end in self.blocks())


def walk(node: Node) -> Iterator[Node]:
    """`node` and all below it, in source order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))


def named(node: Node) -> list[Node]:
    """Named children without comments."""
    return [child for child in node.named_children if child.type != "comment"]


def field(node: Node, name: str) -> Node:
    """The child that the grammar says is always there."""
    child = node.child_by_field_name(name)
    if child is None:
        raise ValueError(f"{node.type} has no {name}")
    return child


def strip_parentheses(node: Node) -> Node:
    while node.type == "parenthesized_expression" and len(named(node)) == 1:
        node = named(node)[0]
    return node


def canonical(node: Node) -> str:
    """A form in which two expressions are equal iff they differ only in blanks, comments and parentheses."""
    node = strip_parentheses(node)
    if not node.children:
        return (node.text or b"").decode()
    inner = " ".join(canonical(child) for child in node.children if child.type != "comment")
    return f"{node.type}({inner})"


def _expression(text: str) -> tuple[Unit, Node] | None:
    """An expression given as text, in a unit of its own; None when it does not parse."""
    unit = Unit.parse(f"void f(void) {{ v = ({text}); }}")
    if unit is None:
        return None
    return unit, field(next(node for node in walk(unit.root) if node.type == "assignment_expression"), "right")


@cache
def canonical_text(expression: str) -> str:
    """`canonical` of an expression given as text; the text itself when it does not parse."""
    parsed = _expression(expression)
    return expression if parsed is None else canonical(parsed[1])


def identifiers(node: Node) -> frozenset[str]:
    return frozenset((leaf.text or b"").decode() for leaf in walk(node) if leaf.type == "identifier")


def identifiers_of(expression: str) -> frozenset[str]:
    parsed = _expression(expression)
    return frozenset() if parsed is None else identifiers(parsed[1])


def rename(expression: str, old: str, new: str) -> str:
    """`expression` with the variable `old` called `new`."""
    parsed = None if old == new else _expression(expression)
    return expression if parsed is None else parsed[0].render(parsed[1], {old: new})


def calls(node: Node) -> tuple[Node, ...]:
    return tuple(found for found in walk(node) if found.type == "call_expression")


def enclosing(node: Node, kind: str) -> Node | None:
    parent = node.parent
    while parent is not None and parent.type != kind:
        parent = parent.parent
    return parent


def enclosing_function(node: Node) -> Node | None:
    return enclosing(node, "function_definition")


def function_name(unit: Unit, function: Node) -> str:
    declarator = field(function, "declarator")
    found = next((leaf for leaf in walk(declarator) if leaf.type == "identifier"), None)
    return unit.of(found) if found is not None else ""


def is_helper(name: str) -> bool:
    return _HELPERS.fullmatch(name) is not None


def functions(unit: Unit) -> tuple[Node, ...]:
    return tuple(node for node in walk(unit.root) if node.type == "function_definition")


def indentation(unit: Unit, node: Node) -> str:
    line = unit.text.rfind(b"\n", 0, node.start_byte) + 1
    blank = re.match(rb"[ \t]*", unit.text[line:])
    return blank.group().decode() if blank else ""


def indent(text: str, by: str) -> str:
    """`text` with every line but the first and the directives moved right by `by`."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(f"{by}{line}" if line.strip() and not line.startswith("#") else line for line in rest)])


def dedent(text: str) -> str:
    """`text` whose first line starts in mid-line, with its other lines moved left until one has no indentation."""
    first, *rest = text.split("\n")
    depths = [len(line) - len(line.lstrip()) for line in rest if line.strip() and not line.startswith("#")]
    by = min(depths, default=0)
    return "\n".join([first, *(line if line.startswith("#") else line[by:] for line in rest)])


def looped(header: str, body: str) -> str:
    """A `for` header and its body, braced or not, in the usual layout."""
    return f"{header} {dedent(body)}" if body.startswith("{") else f"{header}\n    {indent(dedent(body), '    ')}"


def asset(name: str) -> str:
    """A C text that ships beside this module, e.g. `snippets/stream.h`."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def helper_edit(unit: Unit, text: str) -> Edit | None:
    """Insert file-scope `text` before the program's first own function, in an EVOLVE-BLOCK when there are such.

    None when no place at file scope may be edited; an edit that changes nothing when `text` is empty.
    """
    if not text:
        return Edit(0, 0, "")
    for function in functions(unit):
        if is_helper(function_name(unit, function)):
            continue
        if function.parent is None or function.parent.type != "translation_unit":
            return None
        start = _start_with_comments(function)
        for low, high in unit.blocks():
            if low <= start < high:
                return Edit(start, start, text.rstrip("\n") + "\n\n")
    return None


def _start_with_comments(node: Node) -> int:
    start = node.start_byte
    before = node.prev_sibling
    while before is not None and before.type == "comment" and not _is_header(before):
        start = before.start_byte
        before = before.prev_sibling
    return start


def _is_header(comment: Node) -> bool:
    text = (comment.text or b"").decode()
    return "nf-flags" in text or BLOCK_START in text or BLOCK_END in text or comment.start_byte == 0
