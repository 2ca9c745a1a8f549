"""Writes for control: events of others, commands of people, leases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, cast, get_args

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from nightforge.domain.base import Json
from nightforge.domain.candidate import Command, Lease
from nightforge.errors import UserError
from nightforge.store.base import StoreBase, to_datetime
from nightforge.store.dialects import insert_if_new
from nightforge.store.ledger import Ledger
from nightforge.store.schema import IS_WAITING, command, lease

Word = Literal["pause", "resume", "stop", "stop-now", "hint", "budget", "discard"]

_POST = insert(command)
_WAITING = (
    select(command.c.sequence, command.c.command, command.c.text, command.c.author)
    .where(command.c.campaign_key == bindparam("key"), IS_WAITING)
    .order_by(command.c.sequence)
    .with_for_update()
)
_WAITING_ROWS = (
    select(command.c.sequence, command.c.command, command.c.text, command.c.author)
    .where(command.c.campaign_key == bindparam("key"), IS_WAITING)
    .order_by(command.c.sequence)
)
_WAITING_LOOK = select(command.c.sequence).where(command.c.campaign_key == bindparam("key"), IS_WAITING).limit(1)
_TAKE = (
    update(command).where(command.c.sequence == bindparam("number"), IS_WAITING).values(taken_us=bindparam("now_us"))
)
_LEASE = select(lease).where(lease.c.resource == bindparam("named")).with_for_update()
_SET_LEASE = (
    update(lease)
    .where(lease.c.resource == bindparam("named"))
    .values(owner=bindparam("new_owner"), fence=bindparam("new_fence"), expires_us=bindparam("new_expires_us"))
)
_HELD = (lease.c.resource == bindparam("named"), lease.c.owner == bindparam("by"), lease.c.fence == bindparam("held"))
_RENEW = update(lease).where(*_HELD, lease.c.expires_us > 0).values(expires_us=bindparam("new_expires_us"))
_RELEASE = update(lease).where(*_HELD).values(expires_us=0)


class ControlWrites(StoreBase):
    async def append_event(
        self, campaign_id: str, kind: str, payload: Mapping[str, Json] | None = None, *, ordinal: int | None = None
    ) -> None:
        await self._write(campaign_id, lambda ledger: ledger.record(kind, payload, ordinal=ordinal))

    async def post_command(self, campaign_id: str, command: str, *, text: str = "", author: str = "") -> None:
        words = get_args(Word)
        if command not in words:
            raise UserError(f"there is no command {command!r}", where="store", hint="use one of " + ", ".join(words))

        def job(ledger: Ledger) -> None:
            row = {"campaign_key": ledger.campaign_key, "command": command, "text": text, "author": author}
            ledger.connection.execute(_POST, {**row, "posted_us": ledger.at_us})
            ledger.record("command.posted", {"command": command, "text": text, "author": author})

        await self._write(campaign_id, job)

    def waiting_commands(self, campaign_id: str) -> Sequence[Command]:
        """Not yet taken, oldest first. Who obeys first and takes afterwards obeys again after a crash, never not."""
        key = self._key(campaign_id)
        with self._look() as connection:
            if connection.execute(_WAITING_LOOK, {"key": key}).first() is None:
                return ()
            return _commands(campaign_id, connection.execute(_WAITING_ROWS, {"key": key}).all())

    async def take_commands(self, campaign_id: str, *, through: int | None = None) -> Sequence[Command]:
        """A look first: the loop asks often, and mostly there is nothing to write.

        `through` is the last command that is meant; None takes all.
        """
        key = self._key(campaign_id)
        with self._look() as connection:
            if connection.execute(_WAITING_LOOK, {"key": key}).first() is None:
                return ()

        def job(ledger: Ledger) -> tuple[Command, ...]:
            waiting = ledger.connection.execute(_WAITING, {"key": ledger.campaign_key}).all()
            rows = [row for row in waiting if through is None or row.sequence <= through]
            for row in rows:
                ledger.connection.execute(_TAKE, {"number": row.sequence, "now_us": ledger.at_us})
            if rows:
                ledger.record("commands.taken", {"commands": [row.command for row in rows]})
            return _commands(campaign_id, rows)

        return await self._write(campaign_id, job)

    async def claim_lease(
        self, resource: str, owner: str, *, ttl_s: float, stood_still_at: int | None = None
    ) -> Lease | None:
        """Each claim raises the fence, the same owner's too: a restarted process fences its former self out."""
        now_us = self._now_us()
        expires_us = now_us + _ttl_us(ttl_s)

        def job(connection: Connection) -> Lease | None:
            first = {"resource": resource, "owner": owner, "fence": 1, "expires_us": expires_us}
            if insert_if_new(connection, lease, first):
                fence = 1
            else:
                row = connection.execute(_LEASE, {"named": resource}).one()
                if row.owner != owner and row.expires_us > now_us and row.expires_us != stood_still_at:
                    return None
                fence = row.fence + 1
                values = {"new_owner": owner, "new_fence": fence, "new_expires_us": expires_us}
                connection.execute(_SET_LEASE, {"named": resource, **values})
            return Lease(resource=resource, owner=owner, fence=fence, expires_at=to_datetime(expires_us))

        return await self._writer.run(job)

    async def renew_lease(self, lease: Lease, *, ttl_s: float) -> Lease | None:
        """The heartbeat. None once another claim was made; an expired lease that nobody took lives on."""
        expires_us = self._now_us() + _ttl_us(ttl_s)
        held = {"named": lease.resource, "by": lease.owner, "held": lease.fence}

        def job(connection: Connection) -> Lease | None:
            if connection.execute(_RENEW, {**held, "new_expires_us": expires_us}).rowcount != 1:
                return None
            return lease.model_copy(update={"expires_at": to_datetime(expires_us)})

        return await self._writer.run(job)

    async def release_lease(self, lease: Lease) -> None:
        held = {"named": lease.resource, "by": lease.owner, "held": lease.fence}

        def job(connection: Connection) -> None:
            connection.execute(_RELEASE, held)

        await self._writer.run(job)


def _commands(campaign_id: str, rows: Sequence[Row[int, str, str, str]]) -> tuple[Command, ...]:
    return tuple(
        Command(
            sequence=row.sequence,
            campaign_id=campaign_id,
            command=cast(Word, row.command),
            text=row.text,
            author=row.author,
        )
        for row in rows
    )


def _ttl_us(ttl_s: float) -> int:
    if not ttl_s > 0:
        raise ValueError(f"a lease needs a time to live above 0 s, not {ttl_s}")
    return int(ttl_s * 1_000_000)
