"""Tell the compiler that the iterations of an innermost loop do not depend on one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tools.rewrites.loops import Loop, Write, accesses_only, innermost, is_affine, is_plain, writes
from tools.rewrites.reductions import Reduction, body_locals, reductions
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, canonical, indentation

_OPERATORS = {"sum": "+", "max": "max", "min": "min"}


class VectorPragmas(Rewrite):
    name = "rewrite.vector_pragmas"
    prior = 0.3

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for loop in innermost(unit):
            before = unit.text[: loop.node.start_byte].rstrip().rsplit(b"\n", 1)[-1]
            inside = loop.node.parent is not None and loop.node.parent.type == "compound_statement"
            if not inside or before.lstrip().startswith(b"#pragma"):
                continue
            for pragma, why in _pragmas(unit, loop):
                edit = Edit(
                    loop.node.start_byte, loop.node.start_byte, f"\n#pragma {pragma}\n{indentation(unit, loop.node)}"
                )
                yield Variant(unit.apply([edit]), f"line {unit.line_of(loop.node)}: {pragma} ({why})")


def _pragmas(unit: Unit, loop: Loop) -> Iterable[tuple[str, str]]:
    values = body_locals(unit, loop)
    if values is None or not is_plain(unit, [loop.body]):
        return
    folds = reductions(unit, loop)
    effects = [write for write in writes(unit, loop.body) if write.operator != "declare"]
    folded = {fold.accumulator for fold in folds}
    stores = [write for write in effects if write.target not in folded]
    if not all(_is_own_element(unit, loop, write) for write in stores):
        return
    yield f"omp simd{reduction_clauses(folds)}", "adds in another order" if folds else "assumes no overlap"
    if not folds:
        yield "GCC ivdep", "assumes no overlap"


def reduction_clauses(folds: Sequence[Reduction]) -> str:
    """OpenMP's words for them."""
    return "".join(f" reduction({_OPERATORS[fold.kind]}:{fold.accumulator})" for fold in folds)


def _is_own_element(unit: Unit, loop: Loop, write: Write) -> bool:
    """Each iteration touches its own element of the written array and no other."""
    if write.index is None or not is_affine(unit, write.index, loop.variable):
        return False
    return accesses_only(unit, loop.body, write.target, canonical(write.index))
