"""Changes of a multiplier's compressor tree: which wire goes where, which compressor, how it is written."""

from __future__ import annotations

from random import Random

from tools.rtl.structures import BOOTH_ROWS, Genome
from tools.rtl.trees import Compressor, Tree, rebuild, timing_driven
from tools.rtl_operators.drawn import DrawnOperator

FULL, HALF = "fmjn", "hg"
MIXED = (FULL, *FULL)


def _read(genome: Genome) -> Tree:
    tree = Tree.read(genome)
    tree.settle()
    return tree


def _write(tree: Tree, genome: Genome) -> None:
    tree.settle()
    tree.renumber()
    genome["columns"] = tree.texts()


def _busy(tree: Tree, random: Random) -> int:
    """A column with compressors, the fuller ones more often."""
    weights = [len(column) for column in tree.columns]
    return random.choices(range(len(weights)), weights)[0] if any(weights) else -1


class Wiring(DrawnOperator):
    """Two wires of one column change places: between compressors, within one, or with one that is left over."""

    name = "rewrite.rtl-wiring"
    prior = 0.5
    makers = frozenset({"multiplier"})

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        tree = _read(genome)
        notes = [self._swap(tree, random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        _write(tree, genome)
        return "; ".join(note for note in notes if note)

    @staticmethod
    def _swap(tree: Tree, random: Random) -> str:
        place = _busy(tree, random)
        if place < 0:
            return ""
        uses = [(one, number) for one in tree.columns[place] for number in range(len(one.wires))]
        one, number = random.choice(uses)
        wire = one.wires[number]
        # Wires that come at about the same time are the likelier exchange: it leaves the depth as it is.
        others: list[tuple[Compressor | None, int]] = [use for use in uses if use != (one, number)]
        spare = tree.left(place)
        others += [(None, at) for at in range(len(spare))]
        if not others:
            return ""
        arrivals = [tree.arrival(other.wires[at] if other else spare[at]) for other, at in others]
        weights = [1 / (0.5 + abs(time - tree.arrival(wire))) for time in arrivals]
        other, at = random.choices(others, weights)[0]
        if other is None:
            one.wires[number] = spare[at]
        else:
            one.wires[number], other.wires[at] = other.wires[at], wire
        tree.settle(place)
        return f"column {place}: two wires exchanged"


class Compressors(DrawnOperator):
    """Another way to write a compressor, or a half adder more or less."""

    name = "rewrite.rtl-compressors"
    prior = 0.4
    makers = frozenset({"multiplier"})

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        tree = _read(genome)
        place = _busy(tree, random)
        if place < 0:
            return ""
        note = self._half(tree, place, random) if random.random() < 0.3 else self._letter(tree, place, random)
        _write(tree, genome)
        return note

    @staticmethod
    def _letter(tree: Tree, place: int, random: Random) -> str:
        chosen = random.choice(tree.columns[place])
        among = [one for one in tree.columns[place] if len(one.wires) == len(chosen.wires)]
        everywhere = random.random()
        if everywhere < 0.06:
            among = [one for column in tree.columns for one in column if len(one.wires) == len(chosen.wires)]
        elif everywhere > 0.2:
            among = [chosen]
        letters = HALF if len(chosen.wires) == 2 else FULL
        letter = random.choice(letters.replace(chosen.kind, ""))
        for one in among:
            one.kind = letter
        return f"column {place}: {len(among)} of its compressors written as {letter}"

    @staticmethod
    def _half(tree: Tree, place: int, random: Random) -> str:
        column = tree.columns[place]
        halves = [one for one in column if len(one.wires) == 2]
        if halves and random.random() < 0.5:
            column.remove(random.choice(halves))
            return f"column {place}: a half adder less"
        number = max(one.number for one in column) + 1
        spare, sources = tree.left(place), tree.sources(place)
        if len(spare) == 2 and random.random() < 0.5:
            column.append(Compressor(random.choice(HALF), spare, number))
        elif len(sources) > 2:
            column.insert(0, Compressor(random.choice(HALF), random.sample(sources, 2), number))
        else:
            return ""
        return f"column {place}: a half adder more"


class Rebuild(DrawnOperator):
    """One column, or all from one on, wired anew by arrival time with some chance in it."""

    name = "rewrite.rtl-tree"
    prior = 0.15
    makers = frozenset({"multiplier"})

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        tree = _read(genome)
        place, jitter, kinds = _busy(tree, random), random.choice((0.0, 0.3, 1.0, 2.0)), random.choice(MIXED)
        if random.random() < 0.1 or place < 0:
            return self._whole(tree.width, genome, random, jitter, kinds)
        even = random.random() < 0.3
        last = place if random.random() < 0.7 else 2 * tree.width - 1
        for at in range(place, last + 1):
            rebuild(tree, at, random, jitter=jitter, kinds=kinds, even=even)
        _write(tree, genome)
        left = ", two wires left" if even else ""
        return f"column{f's {place}..{last}' if last > place else f' {place}'} wired by arrival{left}"

    @staticmethod
    def _whole(width: int, genome: Genome, random: Random, jitter: float, kinds: str) -> str:
        # Booth recoding halves the rows and pays from about 16 bits on, so it is seldom tried below.
        often = 0.7 if width >= 16 else 0.1
        partial = random.choice(tuple(BOOTH_ROWS)) if random.random() < often else "and"
        first = random.choice((0, 0, random.randrange(width)))
        last = random.choice((first, width, width, 2 * width, random.randint(first, 2 * width)))
        even = range(first, last)
        fresh = timing_driven(width, partial, random, jitter=jitter, kinds=kinds, even=even)
        genome["partial"] = partial
        _write(fresh, genome)
        leaves = f", two wires left of columns {first}..{last - 1}" if even else ""
        return f"a new tree by arrival, {partial} products{leaves}"
