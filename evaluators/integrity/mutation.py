"""Mutation testing of an oracle: wrong programs from correct ones, and the share that the evaluator catches.

Equivalent mutants are excluded by proof only (trivial compiler equivalence: Papadakis, Jia, Harman and Le Traon,
ICSE 2015). What changes answers within the tolerance is counted apart.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random

from evaluators.integrity.seams import Checker, Honest, Mutant, Mutator
from nightforge.domain.integrity import Finding, MutantFate, MutantResult, MutationReport
from nightforge.errors import EvaluatorFault

WANTED = 250
"""Mutants per task; fewer only when the fixed list gives fewer."""

Progress = Callable[[MutantResult, int, int], None]


def draw_mutants(honest: Sequence[Honest], mutator: Mutator, *, wanted: int, seed: int) -> tuple[Mutant, ...]:
    """`wanted` mutants, spread evenly over origins and operators; all of them when there are fewer."""
    groups: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    seen = {program.source for program in honest}
    for program in honest:
        for change in mutator(program.source):
            if change.source not in seen:
                seen.add(change.source)
                groups[program.origin, change.operator].append(Mutant(program.origin, change))
    rng = Random(seed)
    for group in groups.values():
        rng.shuffle(group)
    chosen: list[Mutant] = []
    queues = list(groups.values())
    while len(chosen) < wanted and any(queues):
        chosen.extend(queue.pop() for queue in queues if queue)
    return tuple(chosen[:wanted])


class MutationTest:
    """Checks mutants one by one. `report` may be asked at any time for what is known so far."""

    def __init__(self, checker: Checker, honest: Sequence[Honest], *, seed: int) -> None:
        self._checker = checker
        self._honest = {program.origin: program.source for program in honest}
        self._seed = seed
        self._originals: dict[str, Finding] = {}
        self._builds: dict[str, str] = {}
        self._results: list[MutantResult] = []

    async def check_honest(self) -> None:
        """Every origin must be accepted; EvaluatorFault when a correct program is not."""
        for origin, source in self._honest.items():
            found = await self._checker.check(source)
            if not found.accepted:
                raise EvaluatorFault(
                    f"a correct program does not pass: {found.stage}: {found.reason}: {found.feedback[:300]}",
                    where=origin,
                    hint="mend the oracle, the tolerance or the program",
                )
            self._originals[origin] = found

    async def run(self, mutants: Sequence[Mutant], *, progress: Progress | None = None) -> MutationReport:
        await self.check_honest()
        for number, mutant in enumerate(mutants, 1):
            self._results.append(result := await self._judge(mutant))
            if progress is not None:
                progress(result, number, len(mutants))
        return self.report()

    def report(self) -> MutationReport:
        return MutationReport(seed=self._seed, results=tuple(self._results))

    async def _judge(self, mutant: Mutant) -> MutantResult:
        began = time.perf_counter()
        found = await self._checker.check(mutant.change.source)
        fate, why = await self._fate(mutant, found)
        change = mutant.change
        return MutantResult(
            mutant_id=mutant.mutant_id,
            origin=mutant.origin,
            operator=change.operator,
            line=change.line,
            before=change.before,
            after=change.after,
            fate=fate,
            why=why,
            share=found.share if math.isfinite(found.share) else 0.0,
            seconds=time.perf_counter() - began,
        )

    async def _fate(self, mutant: Mutant, found: Finding) -> tuple[MutantFate, str]:
        original = self._originals[mutant.origin]
        if not found.built:
            return MutantFate.STILLBORN, f"{found.stage}: {found.reason}"
        if found.build:
            if found.build == original.build:
                return MutantFate.EQUIVALENT, "built to the same object code"
            if (earlier := self._builds.setdefault(found.build, mutant.mutant_id)) != mutant.mutant_id:
                return MutantFate.DUPLICATE, f"built to the same object code as {earlier}"
        if not found.accepted:
            return MutantFate.CAUGHT, f"{found.stage}: {found.reason}"
        proof = await self._checker.prove_equal(self._honest[mutant.origin], mutant.change.source)
        if proof:
            return MutantFate.EQUIVALENT, proof
        if found.answers and found.answers != original.answers:
            return (
                MutantFate.SUB_TOLERANCE,
                f"answers differ; the largest error is {found.share:.0%} of what is allowed",
            )
        return MutantFate.SURVIVED, "same answers on all data, and no proof that it must be so"
