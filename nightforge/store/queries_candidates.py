"""Reads on candidates; each goes through an index and costs the same for a thousand and a million rows."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from itertools import islice

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, select

from nightforge.domain.candidate import Attempt, Candidate, Parent
from nightforge.domain.words import CandidateState, OperatorKind
from nightforge.errors import NotFound
from nightforge.store.base import StoreBase, no_candidate
from nightforge.store.blobs import load_texts
from nightforge.store.candidate_rows import to_candidates
from nightforge.store.dialects import in_chunks
from nightforge.store.evidence_rows import EvaluationKey, load_evidence
from nightforge.store.schema import CAN_RANK, IS_UNFINISHED, candidate, program
from nightforge.store.schema import attempt as attempt_table

_OF_CAMPAIGN = candidate.c.campaign_key == bindparam("key")
_ONE = select(candidate).where(_OF_CAMPAIGN, candidate.c.ordinal == bindparam("at"))
_AMONG = (
    select(candidate)
    .where(_OF_CAMPAIGN, candidate.c.ordinal.in_(bindparam("ordinals", expanding=True)))
    .order_by(candidate.c.ordinal)
)
_UNFINISHED_ORDINALS = select(candidate.c.ordinal).where(_OF_CAMPAIGN, IS_UNFINISHED)
_UNFINISHED = (
    select(candidate)
    .where(_OF_CAMPAIGN, candidate.c.ordinal.in_(_UNFINISHED_ORDINALS.correlate(None)))
    .order_by(candidate.c.ordinal)
)
"""In two steps, because for whole rows SQLite prefers to walk through the campaign's candidates."""
_RECENT = select(candidate).where(_OF_CAMPAIGN).order_by(candidate.c.ordinal.desc()).limit(bindparam("most"))
_LAST = select(func.max(candidate.c.ordinal)).where(_OF_CAMPAIGN)
_STANDS = (_OF_CAMPAIGN, candidate.c.state == bindparam("stands"), CAN_RANK)
_MOST: BindParameter[int] = bindparam("most")
_LOW = candidate.c.score_low
_BEST_FIRST = (_LOW.desc(), candidate.c.ordinal)
_RANKED = select(candidate).where(*_STANDS).order_by(*_BEST_FIRST).limit(_MOST).offset(bindparam("skip"))
_STANDING = select(candidate.c.ordinal).where(*_STANDS).order_by(*_BEST_FIRST).limit(_MOST)
"""To count the first few: in order, because only then SQLite surely takes the index that holds no others."""
_FIRSTS = select(func.min(candidate.c.ordinal)).where(*_STANDS).group_by(_LOW).order_by(_LOW.desc()).limit(_MOST)
_PARENTS = (
    select(candidate.c.ordinal, candidate.c.code_sha, candidate.c.score, _LOW, candidate.c.children)
    .where(*_STANDS, candidate.c.code_sha.is_not(None))
    .order_by(*_BEST_FIRST)
    .limit(_MOST)
)
_PARENT_STATES = tuple(state for state in CandidateState if state.may_be_parent)
_ATTEMPTS = (
    select(attempt_table)
    .where(attempt_table.c.campaign_key == bindparam("key"), attempt_table.c.ordinal == bindparam("at"))
    .order_by(attempt_table.c.attempt)
)
_OWNER = select(program.c.ordinal).where(
    program.c.campaign_key == bindparam("key"), program.c.code_sha == bindparam("digest")
)


class CandidateReads(StoreBase):
    def candidate(self, campaign_id: str, ordinal: int) -> Candidate:
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_ONE, {"key": key, "at": ordinal}).all()
            if not rows:
                raise no_candidate(campaign_id, ordinal)
            return to_candidates(connection, campaign_id, key, rows)[0]

    def candidates(self, campaign_id: str, ordinals: Collection[int]) -> Sequence[Candidate]:
        """Those of them that there are, by number."""
        key = self._key(campaign_id)
        with self._look() as connection:
            chosen = in_chunks(sorted(set(ordinals)))
            rows = [
                row for some in chosen for row in connection.execute(_AMONG, {"key": key, "ordinals": list(some)}).all()
            ]
            return to_candidates(connection, campaign_id, key, rows)

    def attempts(self, campaign_id: str, ordinal: int) -> Sequence[Attempt]:
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_ATTEMPTS, {"key": key, "at": ordinal}).all()
            if not rows and connection.execute(_ONE, {"key": key, "at": ordinal}).first() is None:
                raise no_candidate(campaign_id, ordinal)
            evidence = load_evidence(connection, key, [ordinal])
        return tuple(
            Attempt(
                attempt=row.attempt,
                code_sha=bytes(row.code_sha).hex(),
                operator=None if row.operator is None else OperatorKind(row.operator),
                operator_name=row.operator_name,
                note=row.note,
                evidence=evidence.get(EvaluationKey(ordinal, 0, row.attempt)),
            )
            for row in rows
        )

    def unfinished(self, campaign_id: str) -> Sequence[Candidate]:
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_UNFINISHED, {"key": key}).all()
            return to_candidates(connection, campaign_id, key, rows)

    def next_ordinal(self, campaign_id: str) -> int:
        key = self._key(campaign_id)
        with self._look() as connection:
            last = connection.execute(_LAST, {"key": key}).scalar()
        return 0 if last is None else int(last) + 1

    def ranked(self, campaign_id: str, *, limit: int = 20, offset: int = 0) -> Sequence[Candidate]:
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = _in_state(connection, key, CandidateState.CONFIRMED, limit, offset)
            if len(rows) < limit:
                named = {"key": key, "stands": CandidateState.CONFIRMED, "most": offset}
                skip = offset - len(connection.execute(_STANDING, named).all())
                rows += _in_state(connection, key, CandidateState.MEASURED, limit - len(rows), skip)
            return to_candidates(connection, campaign_id, key, rows)

    def distinct(self, campaign_id: str, *, limit: int = 20) -> Sequence[Candidate]:
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = _in_state(connection, key, CandidateState.CONFIRMED, limit, 0)
            stand = {row.score_low for row in rows}
            named = {"key": key, "stands": CandidateState.MEASURED, "most": limit}
            first = list(connection.execute(_FIRSTS, named).scalars())
            others = connection.execute(_AMONG, {"key": key, "ordinals": first}).all()
            rows += sorted((row for row in others if row.score_low not in stand), key=lambda row: -row.score_low)
            return to_candidates(connection, campaign_id, key, rows[:limit])

    def parents(self, campaign_id: str, *, limit: int = 32) -> Sequence[Parent]:
        key = self._key(campaign_id)
        with self._look() as connection:
            by_state = [
                connection.execute(_PARENTS, {"key": key, "stands": state, "most": limit}).all()
                for state in _PARENT_STATES
            ]
        best = heapq.merge(*by_state, key=lambda row: (-row.score_low, row.ordinal))
        return tuple(
            Parent(ordinal=ordinal, code_sha=bytes(sha).hex(), score=score, score_low=score_low, children=children)
            for ordinal, sha, score, score_low, children in islice(best, limit)
        )

    def recent(self, campaign_id: str, *, limit: int = 20) -> Sequence[Candidate]:
        """By ordinal, newest first."""
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_RECENT, {"key": key, "most": limit}).all()
            return to_candidates(connection, campaign_id, key, rows)

    def owner_of(self, campaign_id: str, code_sha: str) -> int | None:
        key = self._key(campaign_id)
        with self._look() as connection:
            owner = connection.execute(_OWNER, {"key": key, "digest": _digest(code_sha)}).scalar()
        return None if owner is None else int(owner)

    def source(self, code_sha: str) -> str:
        digest = _digest(code_sha)
        with self._look() as connection:
            return load_texts(connection, [digest])[digest]


def _in_state(
    connection: Connection, key: int, state: CandidateState, limit: int, offset: int
) -> list[Row[tuple[object, ...]]]:
    return list(connection.execute(_RANKED, {"key": key, "stands": state, "most": limit, "skip": offset}).all())


def _digest(code_sha: str) -> bytes:
    try:
        digest = bytes.fromhex(code_sha)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise NotFound(f"{code_sha!r} is not a SHA-256", where="store", hint="give all 64 hexadecimal digits")
    return digest
