"""The base of operators on Python programs: draw variants, keep those that parse and are new, answer whole programs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind
from tools.python_operators.code import MOST_BYTES, Code, parsed

MOST_DRAFTS = 8
_TRIES = 40


@dataclass(frozen=True)
class Variant:
    """A changed program and one line on what was changed."""

    source: str
    note: str


class PythonOperator(ABC):
    """Implements `nightforge.domain.team.Operator`; proposals follow from the context, its seed included."""

    name: str
    kind = OperatorKind.REWRITE
    languages = frozenset({"python"})
    prior = 0.3
    structural = False
    draws = True

    def fits(self, source: str) -> bool:
        """Whether it has anything to do in such a program."""
        code = Code.parse(source)
        return code is not None and self.fits_code(code)

    def fits_code(self, code: Code) -> bool:
        return True

    @abstractmethod
    def variants(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Variant]:
        """Changed programs, as many as are asked for; those that do not parse are dropped by the caller."""

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        code = Code.parse(context.parent.source)
        if code is None:
            return ()
        random = Random(f"{self.name} {context.seed}")
        return tuple(islice(self._drafts(code, context, random), MOST_DRAFTS))

    def _drafts(self, code: Code, context: OperatorContext, random: Random) -> Iterator[Draft]:
        seen = {code.source}
        for variant in islice(self.variants(code, context, random), _TRIES):
            if variant.source in seen or len(variant.source.encode()) > MOST_BYTES or parsed(variant.source) is None:
                continue
            seen.add(variant.source)
            yield Draft(source=variant.source, operator=self.kind, operator_name=self.name, note=variant.note)
