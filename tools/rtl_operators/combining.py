"""Crossover of genomes, and several changes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rtl.genomes import LETTERS, Generator, completed, read_generator
from tools.rtl.structures import Genome
from tools.rtl_operators.adder_operators import Gates, Prefix
from tools.rtl_operators.drawn import DRAFTS, DrawnOperator, copied
from tools.rtl_operators.tree_operators import Compressors, Rebuild, Wiring


class Leap(DrawnOperator):
    """Two to six of the small changes on top of one another, to leave a place where no single one helps."""

    name = "rewrite.rtl-leap"
    prior = 0.4

    def __init__(self) -> None:
        self._parts: tuple[DrawnOperator, ...] = (Wiring(), Wiring(), Compressors(), Prefix(), Gates(), Rebuild())

    def change(self, genome: Genome, maker: str, random: Random) -> str:
        parts = [part for part in self._parts if maker in part.makers]
        notes = []
        for _ in range(random.choice((2, 2, 3, 4, 6))):
            notes.append(random.choice(parts).change(genome, maker, random))
            genome |= completed(genome, maker)
        return "; ".join(note for note in notes if note)


class GenomeCrossover:
    """The operator `crossover.rtl-genomes`: tree, network and letters of two good designs, exchanged or cut."""

    name = "crossover.rtl-genomes"
    kind = OperatorKind.CROSSOVER
    languages = frozenset({"verilog"})
    prior = 0.3
    structural = False
    draws = True

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        parent = read_generator(context.parent.source)
        if parent is None:
            return ()
        return tuple(islice(self._drafts(parent, context), DRAFTS))

    def _drafts(self, parent: Generator, context: OperatorContext) -> Iterator[Draft]:
        random = Random(f"{context.seed} {context.parent.ordinal}")
        seen = {context.parent.source, *(partner.source for partner in context.partners)}
        for partner in random.sample(context.partners, len(context.partners)):
            other = read_generator(partner.source)
            if other is None or other.maker != parent.maker or other.genome["width"] != parent.genome["width"]:
                continue
            for _ in range(DRAFTS):
                genome, note = crossed(parent.genome, other.genome, random)
                source = parent.with_genome(completed(genome, parent.maker))
                if source in seen:
                    continue
                seen.add(source)
                text = f"{note} from candidate {partner.ordinal}"
                yield Draft(source=source, operator=self.kind, operator_name=self.name, note=text)


def crossed(mine: Genome, other: Genome, random: Random) -> tuple[Genome, str]:
    """Whole parts, or a part above a bit, of the other genome. Columns stay together with their products."""
    genome = copied(mine)
    keys = [key for key in ("columns", "prefix", *LETTERS) if key in mine and mine[key] != other[key]]
    if not keys:
        return genome, "nothing"
    taken = random.sample(keys, random.randint(1, len(keys)))
    notes = []
    for key in taken:
        old, new = mine[key], other[key]
        whole = random.random() < 0.4 or (key == "columns" and mine["partial"] != other["partial"])
        if whole and key == "columns":
            genome["partial"] = other["partial"]
        assert isinstance(old, (str, list))
        assert isinstance(new, (str, list))
        at = 0 if whole else random.randrange(1, len(old))
        if isinstance(old, str) and isinstance(new, str):
            genome[key] = old[:at] + new[at:]
        elif isinstance(old, list) and isinstance(new, list):
            genome[key] = [*old[:at], *new[at:]]
        notes.append(key if whole else f"{key} from {at} on")
    return copied(genome), ", ".join(notes)
