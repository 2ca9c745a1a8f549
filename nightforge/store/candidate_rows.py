"""Candidate rows to frozen values, evidence included, in a fixed number of statements for any number of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, Row

from nightforge.domain.candidate import Candidate, Choice, Verdict
from nightforge.domain.words import CandidateState, OperatorKind
from nightforge.store.base import to_datetime
from nightforge.store.evidence_rows import EvaluationKey, last_confirmations, load_evidence


def pack_parents(parents: Sequence[int]) -> str:
    return ",".join(map(str, parents))


def unpack_parents(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(","))) if text else ()


def pack_choice(choice: Choice | None) -> str | None:
    """Without the parents, which have their own column."""
    return None if choice is None else choice.model_dump_json(exclude={"parents"}, exclude_defaults=True)


def unpack_choice(text: str | None, parents: Sequence[int]) -> Choice | None:
    return None if text is None else Choice.model_validate({**json.loads(text), "parents": tuple(parents)})


def to_candidates(
    connection: Connection, campaign_id: str, campaign_key: int, rows: Sequence[Row[tuple[object, ...]]]
) -> tuple[Candidate, ...]:
    evidence = load_evidence(connection, campaign_key, [row.ordinal for row in rows])
    confirmations = last_confirmations(evidence)
    candidates = []
    for row in rows:
        confirmation = confirmations.get(row.ordinal)
        parents = unpack_parents(row.parents)
        candidates.append(
            Candidate(
                campaign_id=campaign_id,
                ordinal=row.ordinal,
                state=CandidateState(row.state),
                parents=parents,
                choice=unpack_choice(row.choice, parents),
                operator=None if row.operator is None else OperatorKind(row.operator),
                operator_name=row.operator_name,
                note=row.note,
                attempt=row.attempt,
                code_sha=None if row.code_sha is None else bytes(row.code_sha).hex(),
                score=row.score,
                score_low=row.score_low,
                reason=row.reason,
                evidence=evidence.get(EvaluationKey(row.ordinal, 0, row.attempt)),
                confirmation=None if confirmation is None else evidence[confirmation],
                verdict=None if row.verdict is None else Verdict.model_validate_json(row.verdict),
                starred=bool(row.starred),
                discarded=bool(row.discarded),
                created_at=to_datetime(row.created_us),
                finished_at=None if row.finished_us is None else to_datetime(row.finished_us),
            )
        )
    return tuple(candidates)
