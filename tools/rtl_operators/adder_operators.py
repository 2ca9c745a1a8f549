"""Changes of a carry network, alone or as a multiplier's final adder, and of how its gates are written."""

from __future__ import annotations

from random import Random

from tools.rtl.genomes import LETTERS, bits_of_sum, rows_of
from tools.rtl.networks import bounds, fitted, mutated
from tools.rtl.structures import NETWORKS, Genome, network
from tools.rtl.trees import Tree
from tools.rtl_operators.drawn import DrawnOperator


class Prefix(DrawnOperator):
    """Spans of the network come, go and move; mended so that every carry is still computed."""

    name = "rewrite.rtl-prefix"
    prior = 0.5

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        rows, notes = rows_of(genome), list[str]()
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            rows, note = mutated(rows, random)
            notes.append(note)
        genome["prefix"] = rows
        return "; ".join(note for note in notes if note)


class Fit(DrawnOperator):
    """A whole network anew: a named one, or one shaped to when its operands arrive."""

    name = "rewrite.rtl-network"
    prior = 0.15

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        rows = rows_of(genome)
        low, top = bounds(rows)
        split = low
        if random.random() < 0.4:
            name = random.choice(sorted(NETWORKS))
            split = random.randrange(low, top + 1) if random.random() < 0.5 else low
            genome["prefix"] = [*rows[:split], *network(name, top + 1, low)[split:]]
            note = f"rows from {split} on as in {name}"
        else:
            arrivals = _arrivals(genome, maker)
            slack = random.choice((0.0, 0.0, 1.0, 2.0, 3.0))
            genome["prefix"] = fitted(arrivals, low, slack=slack, random=random)
            note = f"network fitted to the arrivals, slack {slack:g}"
        return note + self._propagate(genome, split, top, random)

    @staticmethod
    def _propagate(genome: Genome, first: int, top: int, random: Random) -> str:
        """Half of the time the network's propagate signals are all written in one way, too."""
        if random.random() < 0.5:
            return ""
        letter = random.choice(LETTERS["propagate"])
        text = str(genome["propagate"])
        genome["propagate"] = text[:first] + letter * (top + 1 - first) + text[top + 1 :]
        return f", propagate {letter}"


def _arrivals(genome: Genome, maker: str) -> list[float]:
    if maker == "adder":
        return [0.0] * bits_of_sum(genome, maker)
    tree = Tree.read(genome)
    tree.settle()
    return tree.arrivals_left()


class Gates(DrawnOperator):
    """How propagate signals, merges and last sums are written, bit by bit or along a stretch of bits."""

    name = "rewrite.rtl-gates"
    prior = 0.3

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        low, top = bounds(rows_of(genome))
        notes = []
        for _ in range(random.choice((1, 1, 2, 3))):
            key = random.choice(sorted(LETTERS))
            text = list(str(genome[key]))
            first = random.randint(min(low, top), top)
            last = first if random.random() < 0.7 else random.randint(first, top)
            letter = LETTERS[key][text[first] == LETTERS[key][0]]
            text[first : last + 1] = letter * (last + 1 - first)
            genome[key] = "".join(text)
            notes.append(f"{key} {letter} at {first}..{last}")
        return "; ".join(notes)
