"""Iterations on several threads: OpenMP's parallel loops, where a plan declares threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tools.rewrites.affine import independent
from tools.rewrites.loops import Loop, loops, writes
from tools.rewrites.pragmas import reduction_clauses
from tools.rewrites.reductions import reductions
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, enclosing, enclosing_function, indentation

_MARK = "omp parallel"
SCHEDULES = ("", " schedule(guided)")


class ParallelFor(Rewrite):
    """All outermost loops whose iterations are known to be independent; then one more that is only taken to be.

    Of those the evaluator's cascade has to decide: what is not known may still be so.
    """

    name = "rewrite.parallel_for"
    prior = 0.98
    structural = True
    relieves = frozenset({"memory_bound", "compute_bound", "latency_bound", "store_traffic", "slow_call"})
    with_threads = True
    only_for_kernels = True

    def variants(self, unit: Unit) -> Iterable[Variant]:
        outer = _outermost(unit)
        known = [loop for loop in outer if _is_known(unit, loop)]
        for schedule in SCHEDULES if known else ():
            yield _with(unit, known, schedule)
        for loop in outer:
            if loop not in known:
                inside = [one for one in loops(unit, whole=True) if enclosing(one.node, "for_statement") == loop.node]
                for chosen in ([loop], inside):
                    fit = [one for one in chosen if _may_be(unit, one)]
                    if fit:
                        yield _with(unit, [*known, *fit], "", "; not all are known to be independent")


def parallelised(source: str) -> str:
    """`source` with all outermost loops on threads whose iterations are known to be independent; unchanged if none is,
    or if it says itself what is parallel."""
    unit = Unit.parse(source)
    if unit is None or is_parallel(source):
        return source
    known = [loop for loop in _outermost(unit) if _is_known(unit, loop)]
    return _with(unit, known, "").source if known else source


def is_parallel(source: str) -> bool:
    return _MARK in source


def _outermost(unit: Unit) -> list[Loop]:
    """Counted loops in no other loop, in functions that have nothing parallel yet."""
    found = []
    for loop in loops(unit, whole=True):
        function = enclosing_function(loop.node)
        inside = loop.node.parent is not None and loop.node.parent.type == "compound_statement"
        alone = all(enclosing(loop.node, kind) is None for kind in ("for_statement", "while_statement", "do_statement"))
        if inside and alone and function is not None and _MARK not in unit.of(function):
            found.append(loop)
    return found


def _sums(unit: Unit, loop: Loop) -> frozenset[str]:
    return frozenset(fold.accumulator for fold in reductions(unit, loop))


def _is_known(unit: Unit, loop: Loop) -> bool:
    return independent(unit, loop, _sums(unit, loop), fields=True) is not None


def _may_be(unit: Unit, loop: Loop) -> bool:
    """No scalar from outside is changed but sums; what happens to arrays is not looked at."""
    found = list(writes(unit, loop.body))
    own = {write.target for write in found if write.operator == "declare"}
    return {write.target for write in found if write.index is None} <= own | _sums(unit, loop)


def _with(unit: Unit, chosen: Sequence[Loop], schedule: str, doubt: str = "") -> Variant:
    edits, lines, added = [], [], ""
    for loop in chosen:
        clauses = reduction_clauses(reductions(unit, loop))
        added = added or ("; adds in another order" if clauses else "")
        text = f"\n#pragma {_MARK} for{schedule}{clauses}\n{indentation(unit, loop.node)}"
        edits.append(Edit(loop.node.start_byte, loop.node.start_byte, text))
        lines.append(str(unit.line_of(loop.node)))
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(lines)}"
    return Variant(unit.apply(edits), f"{where}: {_MARK} for{schedule} (assumes no overlap{added}{doubt})")
