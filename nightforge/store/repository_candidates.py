"""Writes on candidates: each commits the step, its counters and its events together.

A step saved twice (a resumed run repeats its last one) changes nothing the second time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import bindparam, delete, select, update

from nightforge.domain.base import Json
from nightforge.domain.candidate import Candidate, Choice, Verdict
from nightforge.domain.evidence import Evidence
from nightforge.domain.words import CandidateState, OperatorKind
from nightforge.store.base import StoreBase, no_candidate, to_datetime
from nightforge.store.blobs import digest_of, save_new_text
from nightforge.store.candidate_rows import pack_choice, pack_parents, to_candidates
from nightforge.store.dialects import insert_if_new
from nightforge.store.evidence_rows import EvaluationKey, insert_evidence, last_confirmations, load_evidence
from nightforge.store.ledger import Ledger
from nightforge.store.schema import attempt as attempt_table
from nightforge.store.schema import candidate, evaluation, program
from nightforge.store.schema import shape as shape_table
from nightforge.store.steering import keep_mark
from nightforge.store.transitions import Standing, change_state, standing_of

_HERE = (candidate.c.campaign_key == bindparam("key"), candidate.c.ordinal == bindparam("at"))
_CANDIDATE = select(candidate).where(*_HERE)
_ADD_CHILD = update(candidate).where(*_HERE).values(children=candidate.c.children + 1)
_SET_CODE = (
    update(candidate)
    .where(*_HERE)
    .values(
        attempt=bindparam("new_attempt"),
        code_sha=bindparam("new_code_sha"),
        operator=bindparam("new_operator"),
        operator_name=bindparam("new_operator_name"),
        note=bindparam("new_note"),
        score=None,
        score_low=None,
    )
)
_SET_SCORE = update(candidate).where(*_HERE).values(score=bindparam("new_score"), score_low=bindparam("new_score_low"))
_SET_VERDICT = update(candidate).where(*_HERE).values(verdict=bindparam("new_verdict"))
_SET_MARKS = (
    update(candidate).where(*_HERE).values(starred=bindparam("new_starred"), discarded=bindparam("new_discarded"))
)
_ATTEMPT_HERE = (
    attempt_table.c.campaign_key == bindparam("key"),
    attempt_table.c.ordinal == bindparam("at"),
    attempt_table.c.attempt == bindparam("number"),
)
_ATTEMPT = select(attempt_table.c.code_sha).where(*_ATTEMPT_HERE)
_DROP_ATTEMPT = delete(attempt_table).where(*_ATTEMPT_HERE)
_WAS_EVALUATED = select(evaluation.c.attempt).where(
    evaluation.c.campaign_key == bindparam("key"),
    evaluation.c.ordinal == bindparam("at"),
    evaluation.c.confirming == 0,
    evaluation.c.attempt == bindparam("number"),
)
_DISOWN = delete(program).where(
    program.c.campaign_key == bindparam("key"),
    program.c.code_sha == bindparam("digest"),
    program.c.ordinal == bindparam("at"),
)


class CandidateWrites(StoreBase):
    async def open_candidate(
        self, campaign_id: str, ordinal: int, *, parents: Sequence[int], choice: Choice | None = None
    ) -> Candidate:
        if ordinal < 0:
            raise ValueError(f"an ordinal is >= 0, not {ordinal}")
        row: dict[str, object] = {
            "ordinal": ordinal,
            "state": CandidateState.DRAFTED,
            "parents": pack_parents(parents),
            "choice": pack_choice(choice),
            "operator_name": "",
            "note": "",
            "attempt": 0,
            "reason": "",
            "starred": 0,
            "discarded": 0,
            "children": 0,
        }

        def job(ledger: Ledger) -> Candidate:
            key, connection = ledger.campaign_key, ledger.connection
            new = {"campaign_key": key, "created_us": ledger.at_us, **row}
            if not insert_if_new(connection, candidate, new):
                rows = connection.execute(_CANDIDATE, {"key": key, "at": ordinal}).all()
                return to_candidates(connection, campaign_id, key, rows)[0]
            # The first alone: who is only shown beside it would seem mined to exhaustion by being good.
            if parents and connection.execute(_ADD_CHILD, {"key": key, "at": parents[0]}).rowcount != 1:
                raise no_candidate(campaign_id, parents[0])
            ledger.counters.candidates += 1
            ledger.count_state(None, CandidateState.DRAFTED)
            ledger.record("candidate.opened", {"parents": list(parents)} if parents else None, ordinal=ordinal)
            return Candidate(
                campaign_id=campaign_id,
                ordinal=ordinal,
                state=CandidateState.DRAFTED,
                parents=tuple(parents),
                choice=choice,
                created_at=to_datetime(ledger.at_us),
            )

        return await self._write(campaign_id, job)

    async def save_code(
        self,
        campaign_id: str,
        ordinal: int,
        source: str,
        *,
        attempt: int,
        operator: OperatorKind | None,
        operator_name: str = "",
        note: str = "",
        knowledge: Sequence[str] = (),
        shape: bytes | None = None,
        state: CandidateState = CandidateState.BUILDING,
    ) -> str:
        """The candidate keeps the operator and note of its first program; each attempt has its own too.

        A different program for an attempt that was not evaluated yet replaces it; for an evaluated one it raises
        ValueError.
        """
        digest = digest_of(source)

        def job(ledger: Ledger) -> None:
            connection = ledger.connection
            place = {"key": ledger.campaign_key, "at": ordinal}
            was = standing_of(ledger, campaign_id, ordinal)
            save_new_text(connection, digest, source)
            made = {"operator": operator, "operator_name": operator_name, "note": note}
            here = {"campaign_key": ledger.campaign_key, "ordinal": ordinal}
            tried = {**here, "attempt": attempt, "code_sha": digest, **made}
            if not insert_if_new(connection, attempt_table, tried):
                if not _clear_attempt(ledger, ordinal, attempt, digest):
                    return
                insert_if_new(connection, attempt_table, tried)
            insert_if_new(connection, program, {**here, "code_sha": digest})
            if shape is not None:
                insert_if_new(connection, shape_table, {**here, "digest": shape})
            if attempt < was.attempt:
                return
            if was.code_sha is None:
                ledger.count_operator(operator_name, candidates=1)
            else:
                made = {"operator": was.operator, "operator_name": was.operator_name, "note": was.note}
            values = {f"new_{name}": value for name, value in made.items()}
            connection.execute(_SET_CODE, {**place, "new_attempt": attempt, "new_code_sha": digest, **values})
            payload: dict[str, Json] = {
                "attempt": attempt,
                "operator": operator_name or operator,
                "sha256": digest.hex()[:16],
            }
            if knowledge:
                payload["knowledge"] = list(knowledge)
            ledger.record("candidate.code", payload, ordinal=ordinal)
            now = was.with_program(operator_name if was.code_sha is None else was.operator_name)
            change_state(ledger, now, state, "")

        await self._write(campaign_id, job)
        return digest.hex()

    async def set_candidate_state(
        self, campaign_id: str, ordinal: int, state: CandidateState, *, reason: str = ""
    ) -> None:
        def job(ledger: Ledger) -> None:
            change_state(ledger, standing_of(ledger, campaign_id, ordinal), state, reason)

        await self._write(campaign_id, job)

    async def finish_candidate(
        self,
        campaign_id: str,
        ordinal: int,
        state: CandidateState,
        *,
        reason: str = "",
        verdict: Verdict | None = None,
    ) -> None:
        if not state.is_terminal:
            raise ValueError(f"a candidate cannot finish as {state}")

        def job(ledger: Ledger) -> None:
            was = standing_of(ledger, campaign_id, ordinal)
            if verdict is not None:
                _keep_verdict(ledger, was, verdict)
            change_state(ledger, was, state, reason)

        await self._write(campaign_id, job)

    async def save_evidence(
        self,
        campaign_id: str,
        ordinal: int,
        evidence: Evidence,
        *,
        attempt: int,
        score: float | None = None,
        score_low: float | None = None,
    ) -> None:
        """`score_low` defaults to `score`. Raises ValueError for a score that is no finite number or not earned."""
        low = score if score_low is None else score_low
        _check_score(evidence, score, low)

        def job(ledger: Ledger) -> None:
            was = standing_of(ledger, campaign_id, ordinal)
            key = EvaluationKey(ordinal, 0, attempt)
            if not insert_evidence(
                ledger.connection,
                ledger.campaign_key,
                key,
                evidence,
                score=score,
                score_low=low,
                at_us=ledger.at_us,
            ):
                return
            ledger.counters.evaluations += 1
            ledger.counters.evaluations_taken += bool(evidence.taken_from)
            last = evidence.stages[-1]
            payload: dict[str, Json] = {
                "attempt": attempt,
                "stage": last.stage,
                "outcome": last.outcome,
                **({"reason": last.reason} if last.reason else {}),
                **({"score": score} if score is not None else {}),
                **({"taken_from": evidence.taken_from} if evidence.taken_from else {}),
            }
            ledger.record("candidate.evidence", payload, ordinal=ordinal)
            if attempt == was.attempt:
                _set_score(ledger, was, score, low)

        await self._write(campaign_id, job)

    async def save_confirmation(
        self,
        campaign_id: str,
        ordinal: int,
        evidence: Evidence,
        *,
        state: CandidateState,
        reason: str = "",
        score: float | None = None,
        score_low: float | None = None,
    ) -> None:
        """Equal evidence and state again change nothing; other evidence is kept beside the older and counts.

        Raises ValueError when the evidence is not what a confirmation, or a score, needs.
        """
        if evidence.taken_from:
            raise ValueError("a confirmation is measured, never taken from an earlier evaluation")
        low = score if score_low is None else score_low
        _check_score(evidence, score, low)
        if state is CandidateState.CONFIRMED and not (evidence.passed and evidence.evidence_class.can_be_confirmed):
            raise ValueError("only evidence of class isolated that passed every stage can confirm a candidate")

        def job(ledger: Ledger) -> None:
            connection, key = ledger.connection, ledger.campaign_key
            was = standing_of(ledger, campaign_id, ordinal)
            saved = load_evidence(connection, key, [ordinal])
            last = last_confirmations(saved).get(ordinal)
            if last is None or saved[last] != evidence:
                here = EvaluationKey(ordinal, 1, 0 if last is None else last.number + 1)
                insert_evidence(connection, key, here, evidence, score=score, score_low=low, at_us=ledger.at_us)
                payload: dict[str, Json] = {"to": state, "passed": evidence.passed, "reason": reason, "score": score}
                kind = "candidate.confirmed" if state is CandidateState.CONFIRMED else "candidate.confirmation"
                ledger.record(kind, payload, ordinal=ordinal)
            if score is not None:
                _set_score(ledger, was, score, low)
                was = replace(was, score=score, score_low=low)
            change_state(ledger, was, state, reason)

        await self._write(campaign_id, job)

    async def mark_candidate(
        self,
        campaign_id: str,
        ordinal: int,
        *,
        starred: bool | None = None,
        discarded: bool | None = None,
        owner: str = "",
    ) -> None:
        def job(ledger: Ledger) -> None:
            was = standing_of(ledger, campaign_id, ordinal)
            star = was.starred if starred is None else starred
            discard = was.discarded if discarded is None else discarded
            if (star, discard) == (was.starred, was.discarded):
                return
            place = {"key": ledger.campaign_key, "at": ordinal}
            ledger.connection.execute(_SET_MARKS, {**place, "new_starred": int(star), "new_discarded": int(discard)})
            if star != was.starred:
                keep_mark(ledger, ordinal, "star", is_set=star, owner=owner)
            if discard != was.discarded:
                keep_mark(ledger, ordinal, "discard", is_set=discard, owner=owner)
            marks: dict[str, Json] = {"starred": star, "discarded": discard, "owner": owner}
            ledger.record("candidate.marked", marks, ordinal=ordinal)
            if discard != was.discarded:
                ledger.find_best()

        await self._write(campaign_id, job)


def _clear_attempt(ledger: Ledger, ordinal: int, attempt: int, digest: bytes) -> bool:
    """False when the attempt already holds this program."""
    place = {"key": ledger.campaign_key, "at": ordinal, "number": attempt}
    old = ledger.connection.execute(_ATTEMPT, place).scalar_one()
    if bytes(old) == digest:
        return False
    if ledger.connection.execute(_WAS_EVALUATED, place).first() is not None:
        raise ValueError(f"attempt {attempt} of candidate {ordinal} was already evaluated with another program")
    ledger.connection.execute(_DROP_ATTEMPT, place)
    # Not evaluated under this ordinal, so the program must not make later equal ones look like duplicates.
    ledger.connection.execute(_DISOWN, {"key": ledger.campaign_key, "at": ordinal, "digest": bytes(old)})
    return True


def _check_score(evidence: Evidence, score: float | None, low: float | None) -> None:
    if score is None:
        if low is not None:
            raise ValueError("score_low without a score")
        return
    if not evidence.passed:
        raise ValueError("a score needs evidence that passed every stage")
    if low is None or not (math.isfinite(score) and math.isfinite(low)):
        raise ValueError(f"a score is a finite number, not {score} (low {low})")


def _keep_verdict(ledger: Ledger, was: Standing, verdict: Verdict) -> None:
    body = verdict.model_dump_json(exclude_defaults=True)
    if was.verdict == body:
        return
    ledger.connection.execute(_SET_VERDICT, {"key": ledger.campaign_key, "at": was.ordinal, "new_verdict": body})
    ledger.record("candidate.verdict", {"suspicious": bool(verdict.suspicion)}, ordinal=was.ordinal)


def _set_score(ledger: Ledger, was: Standing, score: float | None, low: float | None) -> None:
    if (score, low) == (was.score, was.score_low):
        return
    place = {"key": ledger.campaign_key, "at": was.ordinal}
    ledger.connection.execute(_SET_SCORE, {**place, "new_score": score, "new_score_low": low})
    if ledger.counters.best_ordinal == was.ordinal:
        ledger.find_best()
    elif was.can_be_best and score is not None and low is not None:
        ledger.offer_best(was.ordinal, score, low)
