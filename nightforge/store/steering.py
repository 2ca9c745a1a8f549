"""What people say to a campaign while it runs: hints with their use, and whose each mark is.

A hint is a row from the moment it is given, so that a process which dies before it reads it loses nothing. The effect
is counted from the candidates' rows by key: at most `HINT_CANDIDATES` of them per hint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, insert, select, update

from nightforge.domain.candidate import Arm, Hint, Note, Notes
from nightforge.domain.words import CandidateState
from nightforge.errors import NotFound, UserError
from nightforge.store.base import StoreBase, no_candidate, to_datetime
from nightforge.store.dialects import insert_if_new, put
from nightforge.store.ledger import Ledger
from nightforge.store.schema import candidate, command, document, hint, hint_use, lease, mark

HINT_CANDIDATES = 256
"""A hint is in force for so many candidates: by then it is in the programs, or it was no good."""
HINT_CHARACTERS = 2000
NOTES_KEPT = 200
"""Of one candidate or campaign."""
_MEASURED = (CandidateState.MEASURED, CandidateState.CONFIRMED)

_OF_CAMPAIGN = hint.c.campaign_key == bindparam("key")
_LAST = select(func.max(hint.c.hint)).where(_OF_CAMPAIGN)
_ALL = select(hint).where(_OF_CAMPAIGN).order_by(hint.c.hint)
_IN_FORCE = _ALL.where(hint.c.withdrawn_us.is_(None), hint.c.candidates < HINT_CANDIDATES)
_WITHDRAW = (
    update(hint)
    .where(_OF_CAMPAIGN, hint.c.hint == bindparam("number"), hint.c.withdrawn_us.is_(None))
    .values(withdrawn_us=bindparam("now_us"))
)
_COUNT = update(hint).where(_OF_CAMPAIGN, hint.c.hint == bindparam("number")).values(candidates=hint.c.candidates + 1)
_OF_CANDIDATE = (
    select(hint.c.text)
    .join(hint_use, (hint_use.c.campaign_key == hint.c.campaign_key) & (hint_use.c.hint == hint.c.hint))
    .where(hint_use.c.campaign_key == bindparam("key"), hint_use.c.ordinal == bindparam("at"), hint_use.c.used == 1)
    .order_by(hint.c.hint)
)
_USES = (
    select(
        hint_use.c.hint,
        hint_use.c.used,
        hint_use.c.parent_low,
        candidate.c.state,
        candidate.c.score_low,
        candidate.c.finished_us,
    )
    .join(
        candidate, (candidate.c.campaign_key == hint_use.c.campaign_key) & (candidate.c.ordinal == hint_use.c.ordinal)
    )
    .where(hint_use.c.campaign_key == bindparam("key"), hint_use.c.ordinal >= bindparam("first"))
)
_FIRST_USE = select(func.min(hint_use.c.ordinal)).where(hint_use.c.campaign_key == bindparam("key"))
_MARKS = select(mark).where(mark.c.campaign_key == bindparam("key"), mark.c.ordinal == bindparam("at"))
_DROP_MARK = mark.delete().where(
    mark.c.campaign_key == bindparam("key"), mark.c.ordinal == bindparam("at"), mark.c.mark == bindparam("named")
)
_NOTES = select(document.c.body).where(
    document.c.campaign_key == bindparam("key"), document.c.name == bindparam("called")
)
_IS_THERE = select(candidate.c.ordinal).where(
    candidate.c.campaign_key == bindparam("key"), candidate.c.ordinal == bindparam("at")
)
_EXPIRES = select(lease.c.expires_us).where(lease.c.resource == bindparam("named"))


class SteeringStore(StoreBase):
    async def give_hint(self, campaign_id: str, text: str, *, owner: str = "") -> int:
        """Its number; in force at once. UserError for an empty or a very long one."""
        said = text.strip()
        if not said or len(said) > HINT_CHARACTERS:
            raise UserError(
                f"a hint has 1 to {HINT_CHARACTERS} characters, not {len(said)}", where="hint", hint="say one thing"
            )

        def job(ledger: Ledger) -> int:
            last = ledger.connection.execute(_LAST, {"key": ledger.campaign_key}).scalar()
            number = 1 if last is None else int(last) + 1
            row = {"campaign_key": ledger.campaign_key, "hint": number, "text": said, "owner": owner}
            row |= {"posted_us": ledger.at_us, "withdrawn_us": None, "candidates": 0}
            ledger.connection.execute(insert(hint), row)
            ledger.record("control.hint", {"hint": number, "text": said, "owner": owner})
            return number

        return await self._write(campaign_id, job)

    async def withdraw_hint(self, campaign_id: str, number: int, *, owner: str = "") -> None:
        """Candidates that have it already keep it."""

        def job(ledger: Ledger) -> None:
            values = {"key": ledger.campaign_key, "number": number, "now_us": ledger.at_us}
            if ledger.connection.execute(_WITHDRAW, values).rowcount != 1:
                raise NotFound(f"no hint {number} is in force", where=campaign_id, hint="`nightforge show` lists them")
            ledger.record("control.hint_withdrawn", {"hint": number, "owner": owner})

        await self._write(campaign_id, job)

    def hints_in_force(self, campaign_id: str) -> Mapping[int, str]:
        key = self._key(campaign_id)
        with self._look() as connection:
            return {row.hint: row.text for row in connection.execute(_IN_FORCE, {"key": key})}

    async def use_hints(
        self, campaign_id: str, ordinal: int, used: Mapping[int, bool], *, parent_low: float | None
    ) -> None:
        """Commit which hints a candidate is made with and which are held back; the same again changes nothing."""

        def job(ledger: Ledger) -> None:
            for number, is_used in used.items():
                row = {"campaign_key": ledger.campaign_key, "ordinal": ordinal, "hint": number}
                if insert_if_new(ledger.connection, hint_use, {**row, "used": int(is_used), "parent_low": parent_low}):
                    ledger.connection.execute(_COUNT, {"key": ledger.campaign_key, "number": number})

        await self._write(campaign_id, job)

    def hints_of(self, campaign_id: str, ordinal: int) -> Sequence[str]:
        """The hints that a candidate was made with."""
        key = self._key(campaign_id)
        with self._look() as connection:
            return tuple(connection.execute(_OF_CANDIDATE, {"key": key, "at": ordinal}).scalars())

    def hints(self, campaign_id: str) -> Sequence[Hint]:
        """All of them, oldest first, each with what came of the candidates made with it and without."""
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_ALL, {"key": key}).all()
            arms = _arms(connection, key) if rows else {}
        return tuple(
            Hint(
                number=row.hint,
                text=row.text,
                owner=row.owner,
                posted_at=to_datetime(row.posted_us),
                in_force=row.withdrawn_us is None and row.candidates < HINT_CANDIDATES,
                used=arms.get((row.hint, True), Arm()),
                without=arms.get((row.hint, False), Arm()),
            )
            for row in rows
        )

    async def add_note(self, campaign_id: str, text: str, *, ordinal: int | None = None, owner: str = "") -> None:
        """A remark on a candidate, or on the campaign. UserError for an empty or a very long one, or one too many."""
        said = text.strip()
        if not said or len(said) > HINT_CHARACTERS:
            raise UserError(
                f"a note has 1 to {HINT_CHARACTERS} characters, not {len(said)}", where="note", hint="say one thing"
            )

        def job(ledger: Ledger) -> None:
            place = {"key": ledger.campaign_key, "at": ordinal}
            if ordinal is not None and ledger.connection.execute(_IS_THERE, place).first() is None:
                raise no_candidate(campaign_id, ordinal)
            called = _notes_name(ordinal)
            body = ledger.connection.execute(_NOTES, {"key": ledger.campaign_key, "called": called}).scalar()
            before = Notes() if body is None else Notes.model_validate_json(body)
            if len(before.notes) >= NOTES_KEPT:
                raise UserError(f"there are {NOTES_KEPT} notes already", where="note", hint="no more are kept here")
            note = Note(text=said, owner=owner, at=to_datetime(ledger.at_us))
            after = Notes(notes=(*before.notes, note)).model_dump_json()
            row = {"campaign_key": ledger.campaign_key, "name": called, "body": after, "saved_us": ledger.at_us}
            put(ledger.connection, document, row)
            ledger.record("control.note", {"text": said, "owner": owner}, ordinal=ordinal)

        await self._write(campaign_id, job)

    def notes(self, campaign_id: str, *, ordinal: int | None = None) -> Sequence[Note]:
        key = self._key(campaign_id)
        with self._look() as connection:
            body = connection.execute(_NOTES, {"key": key, "called": _notes_name(ordinal)}).scalar()
        return () if body is None else Notes.model_validate_json(body).notes

    async def mark_cheat(self, campaign_id: str, ordinal: int, *, is_set: bool, owner: str = "") -> None:
        """A person says that the candidate cheats: beside `discard`, which keeps it out of the search.

        The evaluator's state stays as it was: a mark is a person's word, and can be taken back.
        """

        def job(ledger: Ledger) -> None:
            place = {"key": ledger.campaign_key, "at": ordinal}
            if ledger.connection.execute(_IS_THERE, place).first() is None:
                raise no_candidate(campaign_id, ordinal)
            marks = {row.mark for row in ledger.connection.execute(_MARKS, place)}
            if is_set == ("cheat" in marks):
                return
            if is_set:
                row = {"campaign_key": ledger.campaign_key, "ordinal": ordinal, "mark": "cheat"}
                put(ledger.connection, mark, {**row, "owner": owner, "at_us": ledger.at_us})
            else:
                ledger.connection.execute(_DROP_MARK, {**place, "named": "cheat"})
            ledger.record("candidate.cheat", {"cheat": is_set, "owner": owner}, ordinal=ordinal)

        await self._write(campaign_id, job)

    def mark_owners(self, campaign_id: str, ordinal: int) -> Mapping[str, str]:
        """`star`, `discard` and `cheat` → who set it."""
        key = self._key(campaign_id)
        with self._look() as connection:
            return {row.mark: row.owner for row in connection.execute(_MARKS, {"key": key, "at": ordinal})}

    def lease_until_us(self, resource: str) -> int | None:
        """Moves with each heartbeat of the holder; None when nobody ever held it."""
        with self._look() as connection:
            expires_us = connection.execute(_EXPIRES, {"named": resource}).scalar()
        return None if expires_us is None else int(expires_us)

    def is_held(self, resource: str) -> bool:
        """Somebody's lease on it has not run out."""
        with self._look() as connection:
            expires_us = connection.execute(_EXPIRES, {"named": resource}).scalar()
        return expires_us is not None and int(expires_us) > self._now_us()


def _notes_name(ordinal: int | None) -> str:
    return "notes" if ordinal is None else f"notes.{ordinal}"


def keep_mark(ledger: Ledger, ordinal: int, named: str, *, is_set: bool, owner: str) -> None:
    """Beside the candidate's row, in its transaction; a campaign that runs hears of a discard, and of its end."""
    if named == "discard":
        word = {"command": named, "text": str(ordinal), "author": owner, "posted_us": ledger.at_us}
        ledger.connection.execute(insert(command), {"campaign_key": ledger.campaign_key, **word})
    if is_set:
        row = {"campaign_key": ledger.campaign_key, "ordinal": ordinal, "mark": named}
        put(ledger.connection, mark, {**row, "owner": owner, "at_us": ledger.at_us})
    else:
        ledger.connection.execute(_DROP_MARK, {"key": ledger.campaign_key, "at": ordinal, "named": named})


def _arms(connection: Connection, key: int) -> dict[tuple[int, bool], Arm]:
    first = connection.execute(_FIRST_USE, {"key": key}).scalar() or 0
    counts: dict[tuple[int, bool], list[int]] = {}
    for row in connection.execute(_USES, {"key": key, "first": first}):
        count = counts.setdefault((row.hint, bool(row.used)), [0, 0, 0, 0])
        measured = row.state in _MEASURED
        count[0] += 1
        count[1] += row.finished_us is not None
        count[2] += measured
        count[3] += measured and row.parent_low is not None and (row.score_low or 0.0) > row.parent_low
    return {
        arm: Arm(candidates=total, finished=finished, measured=measured, improved=improved)
        for arm, (total, finished, measured, improved) in counts.items()
    }
