"""How alike two programs are: one form for all that differ in names of locals, layout and comments, and a measure.

C goes through its syntax tree and Python through its tokens; other languages are compared line by line, blanks apart.
Comments that steer a tool (`nf:` and `nf-` directives) are part of the program.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

from tree_sitter import Node

from nightforge.domain.bundle import LANGUAGE, language_of, parse_bundle, without_own_markers
from nightforge.errors import UserError
from tools.rewrites.syntax import Unit, walk

SHINGLE = 5
"""Tokens in a row that are compared as one."""
_DIRECTIVE = re.compile(r"\bnf[-:]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})
_CACHED = 64


@lru_cache(maxsize=_CACHED)
def tokens_of(source: str, language: str) -> tuple[str, ...]:
    """Equal for two programs that differ only in what does not matter; unlike ones never get equal tokens."""
    if language == LANGUAGE and (files := _files(source)) is not None:
        return tuple(
            token
            for path, text in files.items()
            for token in (f"file:{path}", *tokens_of(without_own_markers(text), language_of(path)))
        )
    if language == "c" and (unit := Unit.parse(source)) is not None:
        return tuple(_c_tokens(unit))
    if language == "python" and (found := _python_tokens(source)) is not None:
        return found
    return tuple(" ".join([_indent(line), *line.split()]) for line in source.splitlines() if line.strip())


def shape_of(source: str, language: str) -> bytes:
    """16 bytes that stand for `tokens_of`; the language counts."""
    digest = blake2b(language.encode(), digest_size=16)
    for token in tokens_of(source, language):
        digest.update(b"\0" + token.encode())
    return digest.digest()


def shingles_of(source: str, language: str) -> frozenset[tuple[str, ...]]:
    tokens = tokens_of(source, language)
    return frozenset(tokens[at : at + SHINGLE] for at in range(max(1, len(tokens) - SHINGLE + 1)))


def likeness(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Jaccard index of two programs' shingles (Broder 1997): 1 for equal ones, 0 where nothing is shared."""
    both = len(one & other)
    either = len(one) + len(other) - both
    return both / either if either else 1.0


def _files(source: str) -> Mapping[str, str] | None:
    try:
        return parse_bundle(source).files
    except UserError:
        return None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _python_tokens(source: str) -> tuple[str, ...] | None:
    """None where it is not Python at all."""
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return None
    return tuple(
        f"{token.type}:{'' if token.type in {tokenize.INDENT, tokenize.NEWLINE} else token.string}"
        for token in found
        if token.type not in _LAYOUT or (token.type == tokenize.COMMENT and _DIRECTIVE.search(token.string))
    )


def _c_tokens(unit: Unit) -> Iterator[str]:
    """Kind and text of each leaf; names of locals by the order in which they first occur."""
    leaves = [node for node in walk(unit.root) if not node.children]
    own = _local_names(unit)
    numbers: dict[bytes, int] = {}
    for leaf in leaves:
        text = leaf.text or b""
        if leaf.type == "comment":
            if _DIRECTIVE.search(text.decode()):
                yield "nf:" + " ".join(text.decode().split())
        elif leaf.type == "identifier" and text in own:
            yield f"local:{numbers.setdefault(text, len(numbers))}"
        elif text.strip():
            yield f"{leaf.type}:{' '.join(text.decode().split())}"


def _local_names(unit: Unit) -> frozenset[bytes]:
    """Names that can be given another name: declared inside functions only, and hidden from the preprocessor."""
    inside: set[bytes] = set()
    fixed: set[bytes] = set()
    for node in walk(unit.root):
        if node.type.startswith("preproc") and node.type not in {"preproc_if", "preproc_ifdef", "preproc_else"}:
            fixed.update(_WORD.findall(node.text or b""))
        elif node.type == "call_expression" and (called := node.child_by_field_name("function")) is not None:
            fixed.add(called.text or b"")
        elif node.type in {"parameter_declaration", "declaration"}:
            names = _declared(node)
            (inside if _is_local(node) else fixed).update(names)
        elif node.type == "function_definition":
            fixed.update(_declared(node))
    return frozenset(inside - fixed)


def _declared(node: Node) -> Sequence[bytes]:
    names = []
    for declarator in node.children_by_field_name("declarator"):
        found: Node | None = declarator
        while found is not None and found.type != "identifier":
            found = found.child_by_field_name("declarator") or next(
                (child for child in found.named_children if "declarator" in child.type or child.type == "identifier"),
                None,
            )
        if found is not None:
            names.append(found.text or b"")
    return names


def _is_local(node: Node) -> bool:
    """A parameter of a function with a body, or declared within one. A prototype's parameters do not matter."""
    above = node.parent
    while above is not None:
        if above.type in {"compound_statement", "function_definition"}:
            return True
        above = above.parent
    return node.type == "parameter_declaration"
