"""An operator: a program that makes programs. It works on any Python source and knows no task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from nightforge.domain.team import Draft, OperatorContext
from nightforge.domain.words import OperatorKind

DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?:[eE][+-]?\d+)?(?![\w.])")
STEPS = (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)


class NudgeNumbers:
    """Moves one or two of the decimal numbers in the source a little."""

    name = "rewrite.nudge-numbers"
    kind = OperatorKind.REWRITE
    languages = frozenset({"python"})

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        source = context.parent.source
        numbers = list(DECIMAL.finditer(source))
        if not numbers:
            return ()
        random = Random(context.seed)
        return [self._draft(source, numbers, random) for _ in range(8)]

    def _draft(self, source: str, numbers: Sequence[re.Match[str]], random: Random) -> Draft:
        chosen = sorted(random.sample(range(len(numbers)), k=random.randint(1, min(2, len(numbers)))), reverse=True)
        notes = []
        for index in chosen:
            match = numbers[index]
            moved = float(match.group()) * (1.0 + random.choice((-1.0, 1.0)) * random.choice(STEPS))
            source = f"{source[: match.start()]}{moved!r}{source[match.end() :]}"
            notes.append(f"{match.group()} -> {moved:.6g}")
        return Draft(source=source, operator=self.kind, operator_name=self.name, note=", ".join(notes))
