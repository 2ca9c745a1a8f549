"""Choose other words for the `nf-flags` header, which names compiler flags from the evaluator's list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Unit

HEADER = re.compile(r"^(?P<lead>\s*(?://|/\*|\*)\s*nf-flags:)(?P<words>[^\n*]*)", re.MULTILINE)
ADDITIONS = ("fast-math", "vec512", "unroll", "prefetch")
_WIDTHS = ("vec512", "vec256")


class Flags(Rewrite):
    """Adds, then exchanges, then removes one word."""

    only_for_kernels = True
    """It writes a header line that the kernel evaluator alone reads: in a user's tree it would change nothing."""
    name = "rewrite.flags"
    prior = 0.5

    def variants(self, unit: Unit) -> Iterable[Variant]:
        head = "\n".join(unit.source.splitlines()[:40])
        found = HEADER.search(head)
        words = found["words"].split() if found else []
        for chosen, note in _choices(words):
            line = f"// nf-flags: {' '.join(chosen)}\n"
            if found is None:
                yield Variant(line + unit.source, note)
            else:
                start, end = found.span("words")
                yield Variant(f"{unit.source[:start]} {' '.join(chosen)} ".rstrip() + unit.source[end:], note)


def _choices(words: list[str]) -> Iterator[tuple[list[str], str]]:
    for word in ADDITIONS:
        if word not in words and not (word in _WIDTHS and set(words) & set(_WIDTHS)):
            yield [*words, word], f"nf-flags: add {word}"
    for width, other in (_WIDTHS, _WIDTHS[::-1]):
        if width in words:
            yield [other if word == width else word for word in words], f"nf-flags: {other} instead of {width}"
    for word in words:
        yield [kept for kept in words if kept != word], f"nf-flags: without {word}"
