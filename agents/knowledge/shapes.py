"""What a program's loops look like, in words that sections of a pack may name: `shape_stencil`, `shape_sum` ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tools.rewrites.affine import Access, Memory
from tools.rewrites.loops import Loop, enclosing_loops, innermost, writes
from tools.rewrites.reductions import reductions
from tools.rewrites.syntax import Unit, calls, field, walk

_SLOW = frozenset({"expf", "exp", "tanhf", "tanh", "erff", "erf", "logf", "log", "powf", "pow", "sinf", "cosf"})
_ALLOCATE = frozenset({"malloc", "calloc", "aligned_alloc", "posix_memalign", "realloc"})
_STENCIL = 3
"""Different distances at which one array is read, from which on it is one."""


def shapes(language: str, source: str) -> tuple[str, ...]:
    """The shapes of a C program's loops, each once, in a fixed order; nothing for other languages."""
    unit = Unit.parse(source) if language.casefold() == "c" else None
    if unit is None:
        return ()
    found = [f"shape_{name}" for name, has in SHAPE_TESTS.items() if has(unit)]
    return tuple(found)


def _loops(unit: Unit) -> Iterator[Loop]:
    yield from innermost(unit)


def _is_stencil(unit: Unit) -> bool:
    for loop in _loops(unit):
        moving = frozenset(one.variable for one in enclosing_loops(unit, loop.body))
        reads = [one for one in Memory(unit, loop.body).accesses([loop.body]) or () if one.write is None]
        if any(len(_family(one, reads, moving)) >= _STENCIL for one in reads):
            return True
    return False


def _family(one: Access, reads: Sequence[Access], moving: frozenset[str]) -> frozenset[str]:
    """Subscripts of the same array that differ by what no loop changes."""
    alike = [other for other in reads if other.roots == one.roots and not (one.index - other.index).atoms() & moving]
    return frozenset(other.index.text() for other in alike)


def _is_contraction(unit: Unit) -> bool:
    """A sum of products inside three loops."""
    for loop in _loops(unit):
        depth = len(enclosing_loops(unit, loop.body))
        if depth >= 3 and _has_product_sum(unit, loop):
            return True
    return False


def _has_product_sum(unit: Unit, loop: Loop) -> bool:
    for write in writes(unit, loop.body):
        if write.operator == "+=" and write.value is not None:
            arrays = [part for part in walk(write.value) if part.type == "subscript_expression"]
            if len(arrays) >= 2 and "*" in unit.of(write.value):
                return True
    return False


def _is_batch(unit: Unit) -> bool:
    return any(len(enclosing_loops(unit, loop.body)) >= 4 for loop in _loops(unit))


def _is_sum(unit: Unit) -> bool:
    return any(reductions(unit, loop) for loop in _loops(unit))


def _is_indirect(unit: Unit) -> bool:
    for node in walk(unit.root):
        if node.type == "subscript_expression":
            inside = walk(field(node, "index"))
            if any(part.type == "subscript_expression" for part in inside):
                return True
    return False


def _has_call(unit: Unit, names: frozenset[str]) -> bool:
    return any(unit.of(field(call, "function")) in names for call in calls(unit.root))


def _is_elementwise(unit: Unit) -> bool:
    """A loop that only stores, an element for each iteration."""
    for loop in _loops(unit):
        made = [write for write in writes(unit, loop.body) if write.operator != "declare"]
        if made and all(write.index is not None and write.operator == "=" for write in made):
            return True
    return False


def _has_passes(unit: Unit) -> bool:
    """Several innermost loops."""
    return len(list(_loops(unit))) >= 3


SHAPE_TESTS: dict[str, Callable[[Unit], bool]] = {
    "stencil": _is_stencil,
    "contraction": _is_contraction,
    "batch": _is_batch,
    "sum": _is_sum,
    "indirect": _is_indirect,
    "slow_call": lambda unit: _has_call(unit, _SLOW),
    "allocation": lambda unit: _has_call(unit, _ALLOCATE),
    "elementwise": _is_elementwise,
    "passes": _has_passes,
}
