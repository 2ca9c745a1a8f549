"""The base of the operators that draw: a few random changes of the parent's genome, other ones for each seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.rtl.genomes import Generator, completed, read_generator
from tools.rtl.structures import Genome

DRAFTS = 2
"""Proposals of one call: the search takes one of them and asks again, with another seed."""
_TRIES = 4 * DRAFTS


class DrawnOperator(ABC):
    """Implements `nightforge.domain.team.Operator` for generator programs."""

    name: str
    kind = OperatorKind.REWRITE
    languages = frozenset({"verilog"})
    prior = 0.3
    structural = False
    draws = True
    """Its proposals follow from the seed; the coder gives it another one for each candidate."""
    makers = frozenset({"multiplier", "adder"})

    @abstractmethod
    def change(self, genome: Genome, maker: str, random: Random) -> str:
        """Change the genome in place and say how; an empty text where nothing was changed. It may come out illegal."""

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        parent = read_generator(context.parent.source)
        if parent is None or parent.maker not in self.makers:
            return ()
        return tuple(islice(self._drafts(parent, context), DRAFTS))

    def _drafts(self, parent: Generator, context: OperatorContext) -> Iterator[Draft]:
        digest = sha256(f"{self.name} {context.seed} {context.parent.source}".encode()).digest()
        random = Random(digest)
        seen = {context.parent.source}
        for _ in range(_TRIES):
            genome = copied(parent.genome)
            note = self.change(genome, parent.maker, random)
            source = parent.with_genome(completed(genome, parent.maker)) if note else context.parent.source
            if source in seen:
                continue
            seen.add(source)
            yield Draft(source=source, operator=self.kind, operator_name=self.name, note=note)


def copied(genome: Genome) -> Genome:
    """Down to the rows, so that a change of one leaves the other alone."""
    return {
        key: [list(item) if isinstance(item, list) else item for item in value] if isinstance(value, list) else value
        for key, value in genome.items()
    }
