"""Mutation testing of an oracle: wrong programs from correct ones, and the share that the evaluator catches.

Equivalent mutants are excluded by proof only (trivial compiler equivalence: Papadakis, Jia, Harman and Le Traon,
ICSE 2015). What changes answers within the tolerance is counted apart.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random

from evaluators.integrity.seams import Change, Checker, Honest, Mutant, Mutator
from nightforge.domain.integrity import Finding, MutantFate, MutantResult, MutationReport
from nightforge.errors import EvaluatorFault, SandboxFault, UserError

WANTED = 200
"""Mutants that count (caught or survived) per task; fewer only when the fixed list gives fewer."""

TRIES = 8
PAUSE_S = 2.0
RETRIALS = 4
"""Further draws of data for a mutant that was accepted: one that any of them catches had luck, and has survived."""

Progress = Callable[[MutantResult, int, int], None]


def draw_mutants(honest: Sequence[Honest], mutator: Mutator, *, seed: int) -> tuple[Mutant, ...]:
    """All mutants of the fixed list in a seeded order that takes origins and operators in turn."""
    groups: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    seen = {program.source for program in honest}
    for program in honest:
        for change in _changes(program, mutator):
            if change.source not in seen:
                seen.add(change.source)
                groups[program.origin, change.operator].append(Mutant(program.origin, change))
    rng = Random(seed)
    for group in groups.values():
        rng.shuffle(group)
    chosen: list[Mutant] = []
    queues = list(groups.values())
    while any(queues):
        chosen.extend(queue.pop() for queue in queues if queue)
    return tuple(chosen)


def _changes(program: Honest, mutator: Mutator) -> Sequence[Change]:
    try:
        return tuple(mutator(program.source))
    except UserError as error:
        raise UserError(error.what, where=program.origin, hint=error.hint) from error


async def patiently(check: Callable[[], Awaitable[Finding]]) -> Finding:
    """A fault of our side (an overloaded machine) says nothing of the program: it is asked again."""
    for left in reversed(range(TRIES)):
        try:
            return await check()
        except (EvaluatorFault, SandboxFault):
            if left == 0:
                raise
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("unreachable: the last try returns or raises")


def _refused(origin: str, found: Finding, data: str = "") -> EvaluatorFault:
    return EvaluatorFault(
        f"a correct program does not pass{data}: {found.stage}: {found.reason}: {found.feedback[:300]}",
        where=origin,
        hint="mend the oracle, the tolerance or the program",
    )


class MutationTest:
    """Checks mutants one by one. `report` may be asked at any time for what is known so far."""

    def __init__(self, checker: Checker, honest: Sequence[Honest], *, seed: int) -> None:
        self._checker = checker
        self._honest = {program.origin: program for program in honest}
        self._seed = seed
        self._originals: dict[str, Finding] = {}
        self._retried: dict[tuple[str, int], Finding] = {}
        self._builds: dict[str, str] = {}
        self._results: list[MutantResult] = []

    async def _check_honest(self) -> None:
        """Every origin must be accepted, but derived ones are left out; EvaluatorFault when a correct one is not."""
        for origin, program in self._honest.items():
            found = await patiently(partial(self._checker.check, program.source))
            if not found.accepted:
                if program.is_derived:
                    continue
                raise _refused(origin, found)
            self._originals[origin] = found

    async def run(
        self, mutants: Sequence[Mutant], *, wanted: int = WANTED, progress: Progress | None = None
    ) -> MutationReport:
        """In the order given until `wanted` of them count, or none is left."""
        await self._check_honest()
        counted = 0
        for mutant in mutants:
            if counted >= wanted:
                break
            if mutant.origin not in self._originals:
                continue
            self._results.append(result := await self._judge(mutant))
            counted += result.fate in {MutantFate.CAUGHT, MutantFate.SURVIVED}
            if progress is not None:
                progress(result, counted, wanted)
        return self.report()

    def report(self) -> MutationReport:
        return MutationReport(seed=self._seed, results=tuple(self._results))

    async def _judge(self, mutant: Mutant) -> MutantResult:
        began = time.perf_counter()
        known = {self._originals[mutant.origin].build, *self._builds} - {""}
        found = await patiently(partial(self._checker.check, mutant.change.source, known=known))
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
        proof = await self._checker.prove_equal(self._honest[mutant.origin].source, mutant.change.source)
        if proof:
            return MutantFate.EQUIVALENT, proof
        caught, judged = await self._meet_other_data(mutant)
        if caught:
            return MutantFate.SURVIVED, caught
        if not found.answers or found.answers == original.answers:
            return MutantFate.SURVIVED, "same answers on all data, and no proof that it must be so"
        if not found.share:
            return MutantFate.SURVIVED, "other answers are accepted, and none of them is called inexact"
        return (
            MutantFate.SUB_TOLERANCE,
            f"answers differ; the largest error is {found.share:.0%} of what is allowed; accepted on "
            f"{judged} further draws of data, too",
        )

    async def _meet_other_data(self, mutant: Mutant) -> tuple[str, int]:
        """How other data caught it, or an empty string; and how many draws accepted it."""
        judged = 0
        for seed in range(self._seed + 1, self._seed + 1 + 2 * RETRIALS):
            again = await patiently(partial(self._checker.recheck, mutant.change.source, seed=seed))
            if again.accepted:
                judged += 1
            elif (await self._original_with(mutant.origin, seed)).accepted:
                return f"not met by this data; caught with seed {seed}: {again.stage}: {again.reason}", judged
            if judged == RETRIALS:
                break
        return "", judged

    async def _original_with(self, origin: str, seed: int) -> Finding:
        """On data that a derived program does not stand itself, its mutants are not judged."""
        if (origin, seed) not in self._retried:
            program = self._honest[origin]
            found = await patiently(partial(self._checker.recheck, program.source, seed=seed))
            if not found.accepted and not program.is_derived:
                raise _refused(origin, found, f" with seed {seed}")
            self._retried[origin, seed] = found
        return self._retried[origin, seed]
