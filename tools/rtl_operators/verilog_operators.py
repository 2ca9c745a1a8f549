"""From plain Verilog: to a first generator program, and to other ways to write an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rtl.expressions import parse, rewritten
from tools.rtl.genomes import MARK, bits_of_sum, lowest, new_generator
from tools.rtl.networks import fitted
from tools.rtl.structures import Genome, named_adder, named_multiplier, network
from tools.rtl.trees import timing_driven

MAX_DRAFTS = 24
_PORT = re.compile(r"\b(input|output)\b[^;,()\[\]]*\[\s*(\d+)\s*:\s*0\s*\]\s*(\w+)(?:\s*,\s*(\w+)(?=\s*[,;)]))?")
_OPERATION = re.compile(r"\bassign\s+(\w+)\s*=\s*(\w+)\s*([*+])\s*(\w+)\s*;")
_ASSIGNMENT = re.compile(r"\b(?:assign\b|wire\b)[^=;?]*(?<![<>=!])=(?!=)(?P<value>[^;]*);")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
RECODED_FROM = 12
"""Bits of an operand from which the first trees are of Booth products and end in a Kogge-Stone adder."""
WIDE = (("booth-early", "n"), ("booth-early", "m"), ("booth", "m"), ("and", "m"))
NARROW = (("and", "n"), ("and", "m"), ("and", "f"))
HAND_MULTIPLIERS = (
    ("wallace", "kogge-stone", "and"),
    ("dadda", "sklansky", "and"),
    ("dadda", "kogge-stone", "and"),
    ("dadda", "kogge-stone", "booth"),
    ("wallace", "brent-kung", "and"),
)


class FirstGenerator:
    """Where the program is one product or sum of its two inputs: generators of the known structures for it."""

    name = "rewrite.rtl-generator"
    kind = OperatorKind.REWRITE
    languages = frozenset({"verilog"})
    prior = 0.95
    structural = False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        return tuple(
            Draft(source=new_generator(maker, genome), operator=self.kind, operator_name=self.name, note=note)
            for maker, genome, note in islice(_designs(context.parent.source), MAX_DRAFTS)
        )


def _designs(source: str) -> Iterator[tuple[str, Genome, str]]:
    operation = read_operation(source)
    if operation is None:
        return
    sign, width = operation
    if sign == "+":
        for name in ("sklansky", "brent-kung", "kogge-stone", "ripple"):
            yield "adder", named_adder(width, name), f"generator: {name} adder"
        for slack in (0.0, 2.0, 4.0):
            rows = fitted([0.0] * bits_of_sum({"width": width}, "adder"), 0, slack=slack)
            yield "adder", {"width": width, "prefix": rows}, f"generator: prefix adder with slack {slack:g}"
        return
    yield from _wired_by_arrival(width)
    yield from _hand_multipliers(width)


def _wired_by_arrival(width: int) -> Iterator[tuple[str, Genome, str]]:
    """Trees that leave two wires in a column (wide ones in the lower half: above, where columns grow shorter, carries
    come early), propagate signals a | b; short adders fitted, long ones Kogge-Stone.

    A mapper that first makes a design small turns a sparse network into a ripple where that shares gates. It cannot
    where every node is used twice, so that Kogge-Stone's stay; and a | b, shared with no sum, keeps more of the others.
    """
    wide = width >= RECODED_FROM
    for partial, kinds in WIDE if wide else NARROW:
        tree = timing_driven(width, partial, Random(0), kinds=kinds, even=range(width if wide else 2 * width))
        tree.renumber()
        tree.settle()
        low, bits = lowest(tree), 2 * width
        rows = network("kogge-stone", bits, low) if wide else fitted(tree.arrivals_left(), low)
        genome: Genome = {"width": width, "partial": partial, "columns": tree.texts(), "prefix": rows}
        final = "Kogge-Stone" if wide else "fitted"
        note = f"generator: {partial} tree wired by arrival, compressors {kinds}, {final} adder"
        yield "multiplier", {**genome, "propagate": "o" * bits}, note


def _hand_multipliers(width: int) -> Iterator[tuple[str, Genome, str]]:
    for tree_name, final, partial in HAND_MULTIPLIERS:
        genome = named_multiplier(width, tree_name, final, partial)
        yield "multiplier", genome, f"generator: {tree_name} tree, {final} adder, {partial} products"


def read_operation(source: str) -> tuple[str, int] | None:
    """(`*` or `+`, bits of an operand) of a module that is p = a * b or s = a + b whole; None for anything else."""
    if source.startswith(MARK):
        return None
    plain = _COMMENT.sub("", source)
    found = _OPERATION.findall(plain)
    if len(found) != 1 or len(_ASSIGNMENT.findall(plain)) != 1:
        return None
    output, left, sign, right = found[0]
    widths: dict[str, int] = {}
    for _, high, *names in _PORT.findall(plain):
        widths |= {name: int(high) + 1 for name in names if name}
    if {left, right} != {"a", "b"} or set(widths) != {"a", "b", output}:
        return None
    width = widths["a"]
    expected = {"*": ("p", 2 * width), "+": ("s", width + 1)}[sign]
    matches = widths["b"] == width and (output, widths[output]) == expected
    return (sign, width) if matches else None


class Expressions:
    """One identity of Boolean algebra or of sums at one place of one assignment."""

    name = "rewrite.rtl-expressions"
    kind = OperatorKind.REWRITE
    languages = frozenset({"verilog"})
    prior = 0.2
    structural = False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        source = context.parent.source
        if source.startswith(MARK):
            return ()
        return tuple(islice(self._drafts(source), MAX_DRAFTS))

    def _drafts(self, source: str) -> Iterator[Draft]:
        # Comments keep their place, so that positions stay; what stands in them is no assignment.
        plain = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
        seen = {source}
        for match in _ASSIGNMENT.finditer(plain):
            whole = parse(match["value"])
            if whole is None:
                continue
            start, end = match.span("value")
            for fresh, note in rewritten(whole):
                text = f"{source[:start]} {fresh}{source[end:]}"
                if text not in seen:
                    seen.add(text)
                    line = plain.count("\n", 0, start) + 1
                    yield Draft(source=text, operator=self.kind, operator_name=self.name, note=f"line {line}: {note}")
