"""Evidence to rows and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import BindParameter, Connection, Row, bindparam, insert, select

from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.words import EvidenceClass, Outcome, Phase, SandboxTier
from nightforge.store.blobs import digest_of, load_texts, save_texts
from nightforge.store.dialects import in_chunks, insert_if_new
from nightforge.store.schema import evaluation, stage

_METRICS = TypeAdapter(dict[str, Metric])
_TOOLS = TypeAdapter(dict[str, str])
_ADD_STAGES = insert(stage)


class EvaluationKey(NamedTuple):
    """`confirming` 0: the evaluation of attempt `number`. 1: confirmation `number`, from 0."""

    ordinal: int
    confirming: int
    number: int


_ORDINALS: BindParameter[int] = bindparam("ordinals", expanding=True)
_EVALUATIONS = (
    select(
        evaluation.c.ordinal,
        evaluation.c.confirming,
        evaluation.c.attempt,
        evaluation.c.phase,
        evaluation.c.evidence_class,
        evaluation.c.tier,
        evaluation.c.taken_from,
    )
    .where(evaluation.c.campaign_key == bindparam("key"), evaluation.c.ordinal.in_(_ORDINALS))
    .order_by(evaluation.c.ordinal, evaluation.c.confirming, evaluation.c.attempt)
)
_STAGES = (
    select(stage)
    .where(stage.c.campaign_key == bindparam("key"), stage.c.ordinal.in_(_ORDINALS))
    .order_by(stage.c.ordinal, stage.c.confirming, stage.c.attempt, stage.c.position)
)
"""By ordinal alone: for an IN of several columns SQLite walks through the whole campaign."""


def insert_evidence(
    connection: Connection,
    campaign_key: int,
    key: EvaluationKey,
    evidence: Evidence,
    *,
    score: float | None,
    score_low: float | None,
    at_us: int,
) -> bool:
    """False, and nothing written, when this evaluation is already there."""
    place = {
        "campaign_key": campaign_key,
        "ordinal": key.ordinal,
        "confirming": key.confirming,
        "attempt": key.number,
    }
    header = {
        **place,
        "phase": evidence.phase,
        "evidence_class": evidence.evidence_class,
        "tier": evidence.tier,
        "score": score,
        "score_low": score_low,
        "saved_us": at_us,
        "taken_from": evidence.taken_from or None,
    }
    if not insert_if_new(connection, evaluation, header):
        return False
    texts = {digest_of(each.feedback): each.feedback for each in evidence.stages if each.feedback}
    save_texts(connection, texts)
    rows = [{**place, "position": position, **_stage_row(each)} for position, each in enumerate(evidence.stages)]
    connection.execute(_ADD_STAGES, rows)
    return True


def _stage_row(each: StageEvidence) -> dict[str, object]:
    return {
        "stage": each.stage,
        "outcome": each.outcome,
        "reason": each.reason,
        "metrics": _METRICS.dump_json(each.metrics, exclude_defaults=True).decode() if each.metrics else None,
        "feedback_sha": digest_of(each.feedback) if each.feedback else None,
        "duration_s": each.duration_s,
        "seed": None if each.seed is None else str(each.seed),
        "tools": _TOOLS.dump_json(each.tools).decode() if each.tools else None,
    }


def load_evidence(connection: Connection, campaign_key: int, ordinals: Sequence[int]) -> dict[EvaluationKey, Evidence]:
    """All evaluations and confirmations of the candidates, in that order, in few statements for any number of them."""
    headers: list[Row[*tuple[Any, ...]]] = []
    rows: list[Row[*tuple[Any, ...]]] = []
    for chosen in in_chunks(ordinals):
        parameters = {"key": campaign_key, "ordinals": chosen}
        headers += connection.execute(_EVALUATIONS, parameters).all()
        rows += connection.execute(_STAGES, parameters).all()
    texts = load_texts(connection, (row.feedback_sha and bytes(row.feedback_sha) for row in rows))
    stages: dict[EvaluationKey, list[StageEvidence]] = {}
    for row in rows:
        stages.setdefault(EvaluationKey(row.ordinal, row.confirming, row.attempt), []).append(_stage(row, texts))
    found = {}
    for header in headers:
        key = EvaluationKey(header.ordinal, header.confirming, header.attempt)
        found[key] = Evidence(
            evidence_class=EvidenceClass(header.evidence_class),
            tier=SandboxTier(header.tier),
            phase=Phase(header.phase),
            taken_from=header.taken_from or "",
            stages=tuple(stages[key]),
        )
    return found


def last_confirmations(evidence: Iterable[EvaluationKey]) -> dict[int, EvaluationKey]:
    """The newest confirmation of each candidate that has one, from the keys that `load_evidence` gave."""
    return {key.ordinal: key for key in evidence if key.confirming}


def _stage(row: Row[tuple[object, ...]], texts: dict[bytes, str]) -> StageEvidence:
    return StageEvidence(
        stage=row.stage,
        outcome=Outcome(row.outcome),
        reason=row.reason,
        metrics=_METRICS.validate_json(row.metrics) if row.metrics else {},
        feedback=texts[bytes(row.feedback_sha)] if row.feedback_sha is not None else "",
        duration_s=row.duration_s,
        seed=None if row.seed is None else int(row.seed),
        tools=_TOOLS.validate_json(row.tools) if row.tools else {},
    )
