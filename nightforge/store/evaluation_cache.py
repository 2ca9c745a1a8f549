"""Evaluations by what they asked: one row names the evaluation that answered a question with a data seed.

A question is the digest of program, fingerprint and sandbox tier (`workflows.reuse`). The evidence stays where it is,
with the candidate it was made for.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from nightforge.domain.candidate import Answer
from nightforge.domain.evidence import Evidence
from nightforge.store.base import StoreBase
from nightforge.store.dialects import insert_missing
from nightforge.store.evidence_rows import EvaluationKey, load_evidence
from nightforge.store.ledger import Ledger
from nightforge.store.schema import answered_question, campaign

_FIND = (
    select(
        answered_question.c.campaign_key,
        answered_question.c.ordinal,
        answered_question.c.attempt,
        campaign.c.campaign_id,
    )
    .join(campaign, campaign.c.campaign_key == answered_question.c.campaign_key)
    .where(answered_question.c.question == bindparam("question"))
)
_WITH_SEED = _FIND.where(answered_question.c.seed == bindparam("seed"))
_ANY_SEED = _FIND.order_by(answered_question.c.seed).limit(1)


class EvaluationCache(StoreBase):
    def answer(self, question: str, *, seed: int | None = None) -> Evidence | None:
        digest = bytes.fromhex(question)
        with self._look() as connection:
            if seed is None:
                row = connection.execute(_ANY_SEED, {"question": digest}).first()
            else:
                row = connection.execute(_WITH_SEED, {"question": digest, "seed": str(seed)}).first()
            if row is None:
                return None
            key, ordinal, number, campaign_id = row
            found = load_evidence(connection, key, [ordinal]).get(EvaluationKey(ordinal, 0, number))
        return None if found is None else found.model_copy(update={"taken_from": f"{campaign_id}.{ordinal}"})

    async def keep_answers(self, campaign_id: str, answers: Sequence[Answer]) -> None:
        def job(ledger: Ledger) -> None:
            rows = [
                {
                    "question": bytes.fromhex(one.question),
                    "seed": str(one.seed),
                    "campaign_key": ledger.campaign_key,
                    "ordinal": one.ordinal,
                    "attempt": one.attempt,
                }
                for one in answers
            ]
            insert_missing(ledger.connection, answered_question, rows)

        await self._write(campaign_id, job)
