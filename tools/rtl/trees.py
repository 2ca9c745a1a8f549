"""Compressor trees as things to change: wires have names that survive edits, and every edit ends legal.

A tree may come out of an edit with a wire used twice, a wire that is gone, or three wires left in a column: `settle`
mends it, changing as little as it can. Arrival times are in units of one XOR gate, from the compressor's usual gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tools.rtl.structures import INPUTS, heights, words

Wire = tuple[str, int, int]
"""(`p` product | `c` carry | `s` sum, its column or its compressor's, number of the product or of the compressor)."""
XOR, CARRY, PRODUCT = 1.0, 0.8, 0.5
NEVER = 1e9


@dataclass
class Compressor:
    kind: str
    wires: list[Wire]
    number: int
    """Unique within its column, for life."""


@dataclass
class Tree:
    """One list of compressors per column, in an order in which each uses only what is there before it."""

    width: int
    partial: str
    products: tuple[int, ...]
    columns: list[list[Compressor]]
    arrivals: dict[Wire, float] = field(default_factory=dict)

    @classmethod
    def read(cls, genome: Mapping[str, object]) -> Tree:
        """Raises BadGenome (an unreadable word) or TypeError (no texts)."""
        width, partial = int(str(genome["width"])), str(genome.get("partial", "and"))
        texts = genome.get("columns", [])
        products = heights(width, partial)
        tree = cls(width, partial, products, [])
        if not isinstance(texts, list):
            raise TypeError("columns is no list")
        for place in range(2 * width):
            listed = words(str(texts[place])) if place < len(texts) else []
            below = len(tree.columns[place - 1]) if place else 0
            sorts = [("p", place, n) for n in range(products[place])]
            sorts += [("c", place - 1, n) for n in range(below)]
            sorts += [("s", place, n) for n in range(len(listed))]
            tree.columns.append(
                [
                    Compressor(kind, [sorts[n] for n in numbers if n < len(sorts)], number)
                    for number, (kind, numbers) in enumerate(listed)
                ]
            )
        return tree

    def texts(self) -> list[str]:
        found = []
        for place, column in enumerate(self.columns):
            numbers: dict[Wire, int] = {}
            for wire in self.sources(place):
                numbers[wire] = len(numbers)
            for compressor in column:
                numbers["s", place, compressor.number] = len(numbers)
            found.append(" ".join(one.kind + ",".join(str(numbers[wire]) for wire in one.wires) for one in column))
        return found

    def sources(self, place: int) -> list[Wire]:
        """What a column starts from: products, and carries out of the column below."""
        wires: list[Wire] = [("p", place, n) for n in range(self.products[place])]
        if place:
            wires += [("c", place - 1, one.number) for one in self.columns[place - 1]]
        return wires

    def left(self, place: int) -> list[Wire]:
        used = {wire for one in self.columns[place] for wire in one.wires}
        made: list[Wire] = [("s", place, one.number) for one in self.columns[place]]
        return [wire for wire in [*self.sources(place), *made] if wire not in used]

    def arrivals_left(self) -> list[float]:
        """Of each column, when the last of the wires that it leaves is there."""
        return [max(map(self.arrival, self.left(place)), default=0.0) for place in range(2 * self.width)]

    def arrival(self, wire: Wire) -> float:
        return self.arrivals.get(wire, PRODUCT if wire[0] == "p" else NEVER)

    def note_arrival(self, place: int, one: Compressor) -> None:
        times = [self.arrival(wire) for wire in one.wires]
        if len(times) == 2:
            total, carry = max(times) + XOR, max(times) + CARRY / 2
        else:
            half = max(times[0], times[1]) + XOR
            total = max(half, times[2]) + XOR
            carry = max(half if one.kind != "j" else half - XOR / 2, times[2]) + CARRY
        self.arrivals["s", place, one.number] = total
        self.arrivals["c", place, one.number] = carry

    def settle(self, first: int = 0) -> None:
        """Make the columns from `first` on legal; those below must be."""
        self.arrivals.clear()
        for place in range(2 * self.width):
            if place >= first:
                self._settle(place)
            for one in self.columns[place]:
                self.note_arrival(place, one)

    def _settle(self, place: int) -> None:
        free = self.sources(place)
        there = set(free)
        waiting, done = self.columns[place], list[Compressor]()
        planned = {wire for one in waiting for wire in one.wires}
        while waiting:
            one = next((one for one in waiting if all(wire in there for wire in one.wires)), waiting[0])
            waiting.remove(one)
            one.wires = self._replaced(one, free, planned)
            if len(one.wires) < 2:
                continue
            if len(one.wires) != INPUTS[one.kind]:
                one.kind = "h" if len(one.wires) == 2 else "f"
            for wire in one.wires:
                free.remove(wire)
            self.note_arrival(place, one)
            made: Wire = ("s", place, one.number)
            free.append(made)
            there.add(made)
            done.append(one)
        while len(free) > 2:
            free.sort(key=self.arrival)
            number = max((one.number for one in done), default=-1) + 1
            fresh = Compressor("f", free[:3], number)
            self.note_arrival(place, fresh)
            free = [*free[3:], ("s", place, number)]
            done.append(fresh)
        self.columns[place] = done

    def _replaced(self, one: Compressor, free: Sequence[Wire], planned: set[Wire]) -> list[Wire]:
        """Its wires; for those that are gone the earliest that nobody else plans to use, else the earliest of all."""
        taken = [wire for number, wire in enumerate(one.wires) if wire in free and wire not in one.wires[:number]]
        spare = sorted((wire for wire in free if wire not in taken), key=lambda w: (w in planned, self.arrival(w)))
        missing = INPUTS[one.kind] - len(taken)
        return [*taken, *spare[:missing]]

    def renumber(self) -> None:
        """Numbers in the order of the text, so that equal trees print alike."""
        names: dict[Wire, Wire] = {}
        for place, column in enumerate(self.columns):
            for number, one in enumerate(column):
                one.wires = [names.get(wire, wire) for wire in one.wires]
                for sort in "cs":
                    names[sort, place, one.number] = (sort, place, number)
            for number, one in enumerate(column):
                one.number = number


def rebuild(tree: Tree, place: int, random: Random, *, jitter: float, kinds: str = "f", even: bool = False) -> None:
    """The column anew: always the three wires that come first (Oklobdzija, Villeger and Liu 1996), plus some chance.

    With `even` a column of an odd number of wires begins with one half adder, so that it leaves two wires: the final
    adder is longer, but no carry runs through the tree from column to column. Otherwise there are as many half adders
    as there were.
    """
    halves = 0 if even else sum(INPUTS[one.kind] == 2 for one in tree.columns[place])
    tree.columns[place] = []
    free = tree.sources(place)
    begins = even and len(free) > 2 and len(free) % 2 == 1

    def due(wire: Wire) -> float:
        return tree.arrival(wire) + jitter * random.random()

    times = {wire: due(wire) for wire in free}
    made: list[Compressor] = []
    while len(free) > 2 or (halves and len(free) > 1):
        free.sort(key=times.__getitem__)
        half = begins or (halves > 0 and (len(free) == 2 or random.random() < 1 / len(free)))
        halves, begins = halves - (half and not begins), False
        count = 2 if half else 3
        one = Compressor("h" if half else random.choice(kinds), free[:count], len(made))
        made.append(one)
        tree.note_arrival(place, one)
        total: Wire = ("s", place, one.number)
        times[total] = due(total)
        free = [*free[count:], total]
    tree.columns[place] = made


def timing_driven(
    width: int, partial: str, random: Random, *, jitter: float = 0.0, kinds: str = "f", even: range = range(0)
) -> Tree:
    """A tree wired by arrival, of full adders but for the columns in `even`, which leave two wires."""
    tree = Tree(width, partial, heights(width, partial), [[] for _ in range(2 * width)])
    for place in range(2 * width):
        rebuild(tree, place, random, jitter=jitter, kinds=kinds, even=place in even)
    return tree
