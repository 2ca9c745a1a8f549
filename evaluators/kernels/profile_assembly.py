"""The compiler's assembly: its innermost loops, and what stands in them (x86-64, AT&T syntax)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

Place = tuple[str, int]
"""File name without folder, and line."""
_FILE = re.compile(r'^\.file\s+(\d+)\s+(?:"[^"]*"\s+)?"([^"]+)"')
_LOC = re.compile(r"^\.loc\s+(\d+)\s+(\d+)")
_LABEL = re.compile(r"^([.\w$]+):")
_JUMP = re.compile(r"^j\w+$|^loop\w*$")
_ARITHMETIC = re.compile(
    r"^v?(?:add|sub|mul|div|max|min|sqrt|rcp(?:14|28)?|rsqrt(?:14|28)?|scalef|range|rndscale|round|dp"
    r"|fn?m(?:add|sub|addsub|subadd)(?:132|213|231))(?P<kind>ps|pd|ss|sd|ph|sh)$"
)
_DIVISION = re.compile(r"^v?(?:div|sqrt)(?:ps|pd|ss|sd|ph|sh)$|^i?div[bwlq]?$")
_GATHER = re.compile(r"^vp?gather")
_NO_ACCESS = re.compile(r"^(?:lea|prefetch|nop|cmp|test|v?u?comis|call|j)")
_READS_ONLY = re.compile(r"^(?:cmp|test|v?u?comis)")
_WIDTHS = {"z": 512, "y": 256, "x": 128}
_MOST_LINES = 200_000


@dataclass(frozen=True)
class Instruction:
    text: str
    mnemonic: str
    operands: str
    place: Place | None
    label: str = ""
    """Set for a label, which is no instruction."""


@dataclass(frozen=True)
class Loop:
    """A region that ends in a jump back to its beginning."""

    items: tuple[Instruction, ...]
    before: Place | None = None
    """Where the source stood when the loop began."""

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        return tuple(item for item in self.items if not item.label)

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(item.place for item in self.instructions if item.place is not None)

    @property
    def text(self) -> str:
        return "".join(f"{item.label}:\n" if item.label else f"\t{item.text}\n" for item in self.items)

    def line(self, file: str) -> int:
        """The first line of `file` in it, or the one before it where it is made of other files' lines only."""
        lines = [place[1] for place in self.places if place[0] == file]
        if lines:
            return min(lines)
        return self.before[1] if self.before is not None and self.before[0] == file else 0


@dataclass
class Mix:
    """What a loop's instructions are."""

    vector_bits: int = 0
    scalar: int = 0
    packed: int = 0
    gathers: int = 0
    divisions: int = 0
    loads: int = 0
    stores: int = 0
    streaming: int = 0
    calls: list[str] = field(default_factory=list)


def innermost_loops(assembly: str) -> tuple[Loop, ...]:
    """Loops that hold no other one, in their order."""
    items = _read(assembly)
    at = {item.label: place for place, item in enumerate(items) if item.label}
    spans = sorted(
        {
            (at[target], place)
            for place, item in enumerate(items)
            if not item.label and _JUMP.match(item.mnemonic) and (target := item.operands.strip()) in at
            if at[target] < place
        }
    )
    inner = [
        span
        for span in spans
        if not any(other != span and span[0] <= other[0] and other[1] <= span[1] for other in spans)
    ]
    return tuple(Loop(tuple(items[first : last + 1]), _place_before(items, first)) for first, last in inner)


def _place_before(items: Sequence[Instruction], first: int) -> Place | None:
    return next((item.place for item in reversed(items[:first]) if item.place is not None), None)


def _read(assembly: str) -> list[Instruction]:
    files: dict[str, str] = {}
    place: Place | None = None
    items: list[Instruction] = []
    for raw in assembly.splitlines()[:_MOST_LINES]:
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if label := _LABEL.match(line):
            items.append(Instruction("", "", "", None, label[1]))
        elif named := _FILE.match(line):
            files[named[1]] = PurePosixPath(named[2]).name
        elif located := _LOC.match(line):
            place = (files.get(located[1], ""), int(located[2]))
        elif not line.startswith("."):
            mnemonic, _, operands = line.partition("\t")
            if not operands:
                mnemonic, _, operands = line.partition(" ")
            items.append(Instruction(line, mnemonic.strip(), operands.strip(), place))
    return items


def mix_of(loop: Loop) -> Mix:
    mix = Mix()
    for one in loop.instructions:
        arithmetic = _ARITHMETIC.match(one.mnemonic)
        if arithmetic is not None and arithmetic["kind"][0] == "p":
            mix.packed += 1
            mix.vector_bits = max(mix.vector_bits, _width(one.operands))
        elif arithmetic is not None:
            mix.scalar += 1
        mix.divisions += bool(_DIVISION.match(one.mnemonic))
        mix.gathers += bool(_GATHER.match(one.mnemonic))
        if one.mnemonic.startswith("call"):
            mix.calls.append(one.operands.partition("@")[0].lstrip("*"))
        _count_access(mix, one)
    return mix


def _count_access(mix: Mix, one: Instruction) -> None:
    if "(" not in one.operands:
        return
    if _READS_ONLY.match(one.mnemonic):
        mix.loads += 1
    elif not _NO_ACCESS.match(one.mnemonic):
        is_store = one.operands.rstrip().endswith((")", "}")) and _last_is_memory(one.operands)
        mix.loads += not is_store
        mix.stores += is_store
        mix.streaming += is_store and one.mnemonic.startswith(("vmovnt", "movnt"))


def _last_is_memory(operands: str) -> bool:
    """The destination stands last in AT&T syntax; a mask in braces may follow it."""
    return re.search(r"\([^()]*\)(?:\{%k\d\})?$", operands.strip()) is not None


def _width(operands: str) -> int:
    return max((_WIDTHS[letter] for letter in re.findall(r"%([xyz])mm\d+", operands)), default=0)


def hottest(loops: Iterable[Loop], spent: Mapping[Place, int]) -> Loop | None:
    """The loop whose lines took most instructions; where nothing was counted, the one that computes most.

    gcc makes several loops of one: of those that share lines the widest is meant, not what is left over at the ends.
    """
    known = list(loops)
    first = max(known, key=lambda loop: (sum(spent.get(place, 0) for place in loop.places), _work(loop)), default=None)
    if first is None:
        return None
    kin = [loop for loop in known if loop is first or loop.places & first.places]
    return max(kin, key=_work)


def _work(loop: Loop) -> tuple[int, int, int]:
    """By what a loop does in an iteration: the width of vectors, the elements that it computes; short before long."""
    mix = mix_of(loop)
    lanes = max(mix.vector_bits // 32, 1)
    return mix.vector_bits, mix.packed * lanes + mix.scalar + 8 * mix.gathers, -len(loop.instructions)
