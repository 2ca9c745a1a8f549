"""Search evaluations that were made before: the same program, asked of the same tools on the same task.

What may be used again is the evaluator's word (`is_lasting`); confirmations never are. A question is program,
fingerprint and tier; evidence is kept under it with the seed of its data. An answer is written down only after the
fingerprint was asked for again and found unchanged, so that evidence of a compiler that was replaced meanwhile is
never kept under the name of the old one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from nightforge.domain.base import Json, Scalar
from nightforge.domain.candidate import Answer
from nightforge.domain.evidence import Evidence
from nightforge.domain.ports import Clock, Evaluator, Store
from nightforge.domain.task import Task
from nightforge.domain.words import Phase, SandboxTier

FINGERPRINT_S = 30.0
"""How long a fingerprint is believed before it is asked for again; asking starts a process or two."""
MOST_PENDING = 500


@dataclass
class Reuse:
    """One campaign's look at what all campaigns in the database have evaluated."""

    campaign_id: str
    task: Task
    parameters: Mapping[str, Scalar]
    tier: SandboxTier
    store: Store
    evaluator: Evaluator
    clock: Clock
    _fingerprint: str | None = None
    _asked_s: float = float("-inf")
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _pending: list[tuple[str, Answer]] = field(default_factory=list)
    """Answers with the fingerprint under which they were made."""

    async def find(self, code_sha: str) -> Evidence | None:
        """Evidence of an earlier evaluation, `taken_from` set. Raises EvaluatorFault when the tools cannot be asked."""
        async with self._asking:
            if self._fingerprint is None or self.clock.monotonic() - self._asked_s > FINGERPRINT_S:
                await self._ask()
        assert self._fingerprint is not None
        return self.store.answer(self._question(code_sha, self._fingerprint))

    def note(self, code_sha: str, evidence: Evidence, *, ordinal: int, attempt: int) -> None:
        """Committed evidence of this campaign that later evaluations may be answered with."""
        seed = next((stage.seed for stage in reversed(evidence.stages) if stage.seed is not None), None)
        if self._fingerprint is None or seed is None or evidence.taken_from or len(self._pending) >= MOST_PENDING:
            return
        if evidence.phase is not Phase.SEARCH or evidence.tier is not self.tier:
            return
        if self.evaluator.is_lasting(evidence):
            question = self._question(code_sha, self._fingerprint)
            answer = Answer(question=question, seed=seed, ordinal=ordinal, attempt=attempt)
            self._pending.append((self._fingerprint, answer))

    async def settle(self) -> None:
        """Write down what is pending, as far as the tools are still those that made it."""
        async with self._asking:
            if self._pending:
                await self._ask()

    async def _ask(self) -> None:
        before = self._fingerprint
        # Taken before the tools are asked: what ends meanwhile waits for the next time.
        pending, self._pending = self._pending, []
        self._fingerprint = await self.evaluator.fingerprint(self.task, self.parameters)
        self._asked_s = self.clock.monotonic()
        kept = [answer for made_by, answer in pending if made_by == self._fingerprint]
        if before is not None and before != self._fingerprint:
            payload: dict[str, Json] = {
                "before": before[:16],
                "after": self._fingerprint[:16],
                "answers_dropped": len(pending),
            }
            await self.store.append_event(self.campaign_id, "evaluator.changed", payload)
            kept = []
        if kept:
            await self.store.keep_answers(self.campaign_id, kept)

    def _question(self, code_sha: str, fingerprint: str) -> str:
        return sha256(f"{code_sha}\0{fingerprint}\0{self.tier.value}".encode()).hexdigest()
