"""Programs that must not pass: yours, with one function that returns at once.

A function that can do nothing without build, check or answers noticing is one that a candidate may break (extreme
mutation: Niedermayr, Juergens and Wagner, CSED 2016). Its body stays behind the return, so that no compiler complains
of what is no longer used.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from evaluators.integrity.seams import Impostor
from nightforge.domain.bundle import BLOCK_START, Bundle, format_bundle, language_of
from tools.patching import fixed_parts
from tools.rewrites.syntax import Edit, Unit, field, functions

_TRIVIAL = (ast.Pass, ast.Raise)
_NUMBERS = frozenset(
    {"size_t", "ssize_t", "ptrdiff_t", "bool"} | {f"{u}int{n}_t" for u in ("", "u") for n in (8, 16, 32, 64)}
)
"""Names of types for which 0 is a value; a type of the user's own may be a structure."""


@dataclass(frozen=True)
class Emptied:
    """A file in which one function returns at once."""

    function: str
    line: int
    text: str


def idle_functions(bundle: Bundle, *, most: int) -> Sequence[Impostor]:
    """At most `most`, in turn from each file. None for languages without a parser here, nor for what blocks protect."""
    rows = [
        [
            Impostor(
                f"{path}:{one.line}",
                f"{one.function}() returns at once",
                format_bundle(changed),
                refusal_counts=True,
            )
            for one in _of_file(text, language_of(path))
            if not (BLOCK_START in text and fixed_parts(text) != fixed_parts(one.text))
            for changed in [bundle.replaced(path, one.text)]
        ]
        for path, text in bundle.files.items()
    ]
    in_turn = [one for one in chain.from_iterable(zip_longest(*rows)) if one is not None]
    return in_turn[:most]


def _of_file(text: str, language: str) -> Iterator[Emptied]:
    if language == "python":
        yield from _python(text)
    elif language == "c":
        yield from _c(text)


def _python(text: str) -> Iterator[Emptied]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = text.split("\n")
    owners: list[tuple[str, list[ast.stmt]]] = [("", tree.body)]
    owners += [(f"{node.name}.", node.body) for node in tree.body if isinstance(node, ast.ClassDef)]
    for owner, body in owners:
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("__"):
                continue
            work = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
            if not work or work[0].lineno == node.lineno or all(map(_is_trivial, work)):
                continue
            first = work[0]
            indent = " " * first.col_offset
            changed = [*lines[: first.lineno - 1], f"{indent}return None", *lines[first.lineno - 1 :]]
            yield Emptied(f"{owner}{node.name}", node.lineno, "\n".join(changed))


def _is_trivial(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return | ast.Expr):
        return statement.value is None or isinstance(statement.value, ast.Constant)
    return isinstance(statement, _TRIVIAL)


def _c(text: str) -> Iterator[Emptied]:
    unit = Unit.parse(text)
    if unit is None:
        return
    for function in functions(unit):
        kind, body, declarator = (field(function, name) for name in ("type", "body", "declarator"))
        is_pointer = declarator.type == "pointer_declarator"
        is_number = kind.type in {"primitive_type", "sized_type_specifier"} or unit.of(kind) in _NUMBERS
        if not body.named_children or not (is_pointer or is_number):
            continue
        value = "" if unit.of(kind) == "void" and not is_pointer else " 0"
        head = unit.of(declarator).partition("(")[0].lstrip("* ").strip()
        place = body.start_byte + 1
        yield Emptied(head, unit.line_of(function), unit.apply([Edit(place, place, f" return{value};")]))
