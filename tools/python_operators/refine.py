"""The operator `rewrite.python_refine`: a method of optimisation at the place that the program names for one.

A program says in a comment what a vector is for, after the line that makes it:

    # nf: refine NAME maximise WORTH [keeping GAPS] [within SECONDS]

NAME is a list of numbers, WORTH(list) a number that should be large, GAPS(list) a list of numbers of which none should
be below zero, SECONDS a number of seconds that the whole program has. The methods (`templates/*.py`) know nothing else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from nightforge.domain.team import OperatorContext
from tools.python_operators.code import Code
from tools.python_operators.operator import PythonOperator, Variant

_DECLARED = re.compile(
    r"^(?P<indent>[ \t]*)#[ \t]*nf:[ \t]*refine[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]+maximise[ \t]+(?P<worth>[A-Za-z_]\w*)"
    r"(?:[ \t]+keeping[ \t]+(?P<gaps>[A-Za-z_]\w*))?(?:[ \t]+within[ \t]+(?P<seconds>[A-Za-z_]\w*))?[ \t]*$"
)
SHARE = 0.8
"""Of the declared time; what follows the refinement needs some, too."""
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Method:
    """A template with its options as they are written into the program."""

    name: str
    function: str
    options: str
    needs_gaps: bool = False
    inner: str = ""
    """For one that calls another: that one's template."""

    @property
    def title(self) -> str:
        return f"{self.name} of {self.inner}" if self.inner else self.name


_BARRIER = Method("barrier", "nf_barrier", "rounds=100, start=0.01, fall=0.3", needs_gaps=True)
_PATTERN = Method("pattern", "nf_pattern", "step=0.05")
_ANNEAL = Method("anneal", "nf_anneal", "steps=20000, hot=0.01, size=0.05, seed=1")
_SINGLE = (_BARRIER, _PATTERN, _ANNEAL)
_MANY = tuple(
    Method("restarts", "nf_restarts", f"{one.function}, {options}", one.needs_gaps, one.name)
    for one, options in (
        (_BARRIER, "starts=100, spread=0.03, again=0, seed=1"),
        (_BARRIER, "starts=100, spread=0.02, again=1, seed=1"),
        (_PATTERN, "starts=4, spread=0.03, again=0, seed=1"),
        (_ANNEAL, "starts=2, spread=0.01, again=1, seed=1"),
    )
)


@dataclass(frozen=True)
class Place:
    """A declaration, and the call that an operator put after it."""

    line: int
    """Of the comment, counted from 0."""
    indent: str
    name: str
    worth: str
    gaps: str
    seconds: str
    call: str
    """Text of the line after it where that is a call of a method, else empty."""

    def call_of(self, method: Method) -> str:
        stop = f"{SHARE} * {self.seconds}" if self.seconds else "None"
        return (
            f"{self.indent}{self.name} = {method.function}({self.name}, {self.worth}, {self.gaps or None}, {stop}, "
            f"{method.options})"
        )


def places_of(code: Code) -> tuple[Place, ...]:
    """Declarations whose functions the program has, where it may change."""
    rows = code.source.splitlines()
    known = {node.name for node in code.tree.body if isinstance(node, ast.FunctionDef)}
    found = []
    for line, row in enumerate(rows):
        match = _DECLARED.match(row)
        if match is None or not code.may_change(line + 1):
            continue
        named = {match["worth"], match["gaps"] or match["worth"]}
        after = rows[line + 1] if line + 1 < len(rows) else ""
        is_ours = after.startswith(f"{match['indent']}{match['name']} = nf_") and after.endswith(")")
        if named <= known:
            given = (match["indent"], match["name"], match["worth"], match["gaps"] or "", match["seconds"] or "")
            found.append(Place(line, *given, after if is_ours else ""))
    return tuple(found)


class Refine(PythonOperator):
    """A method of optimisation where a Python program names a vector and what to maximise: interior point, pattern
    search, annealing, and any of them from several starts."""

    name = "rewrite.python_refine"
    prior = 0.7
    draws = False

    def fits_code(self, code: Code) -> bool:
        return bool(places_of(code))

    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        for place in places_of(code):
            for method in (*_SINGLE, *_MANY):
                if method.needs_gaps and not place.gaps:
                    continue
                if place.call and f" = {method.function}(" in place.call and method.inner in place.call:
                    continue
                source = _with_method(code, place, method)
                if source is not None:
                    yield Variant(source, f"{place.name}: {method.title} for {place.worth}")


def _with_method(code: Code, place: Place, method: Method) -> str | None:
    rows = code.source.splitlines()
    after = place.line + 1
    rows[after : after + bool(place.call)] = [place.call_of(method)]
    added = len(rows) - len(code.source.splitlines())
    missing = [text for name, text in _helpers(method) if f"def {name}(" not in code.source]
    end = len(rows)
    if code.has_blocks:
        block = code.block_of(place.line + 1)
        end = (block[1] if block else 0) - 1 + added
        if block is None or rows[end][:1] in {" ", "\t"}:
            return None  # helpers go to the top level, and this block is inside a function
    for text in missing:
        lines = ["", "", *text.splitlines()]
        rows[end:end] = lines
        end += len(lines)
    return "\n".join(rows) + "\n"


def _helpers(method: Method) -> Sequence[tuple[str, str]]:
    """Functions that the call needs: name and text."""
    names = (method.name, method.inner) if method.inner else (method.name,)
    return [pair for name in names for pair in _functions(name)]


@cache
def _functions(template: str) -> Sequence[tuple[str, str]]:
    text = (_TEMPLATES / f"{template}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    return [
        (node.name, ast.get_source_segment(text, node) or "") for node in tree.body if isinstance(node, ast.FunctionDef)
    ]
