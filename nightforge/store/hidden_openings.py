"""How often a task's hidden inputs were looked at: once per confirmation, written before the look."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, insert, select

from nightforge.domain.integrity import HiddenOpenings
from nightforge.store.base import StoreBase
from nightforge.store.ledger import Ledger
from nightforge.store.schema import hidden_look, hidden_opening

_LAST = select(func.max(hidden_opening.c.opening)).where(hidden_opening.c.campaign_key == bindparam("key"))
_HERE = select(func.count()).where(hidden_opening.c.campaign_key == bindparam("key"))
_EVERYWHERE = select(func.count(), func.count(hidden_opening.c.campaign_key.distinct())).where(
    hidden_opening.c.task == bindparam("named")
)
_LAST_ASIDE = select(func.max(hidden_look.c.look)).where(hidden_look.c.task == bindparam("named"))
_ASIDE = select(func.count()).where(hidden_look.c.task == bindparam("named"))


class HiddenSets(StoreBase):
    async def open_hidden(self, campaign_id: str, task: str) -> None:
        """One more look, committed before it is taken."""

        def job(ledger: Ledger) -> None:
            last = ledger.connection.execute(_LAST, {"key": ledger.campaign_key}).scalar()
            row = {"campaign_key": ledger.campaign_key, "opening": 0 if last is None else last + 1, "task": task}
            ledger.connection.execute(insert(hidden_opening), {**row, "opened_us": ledger.at_us})

        await self._write(campaign_id, job)

    async def open_hidden_aside(self, task: str) -> None:
        """The same for a look that no campaign takes."""
        at_us = self._now_us()

        def job(connection: Connection) -> None:
            last = connection.execute(_LAST_ASIDE, {"named": task}).scalar()
            row = {"task": task, "look": 0 if last is None else last + 1, "looked_us": at_us}
            connection.execute(insert(hidden_look), row)

        await self._writer.run(job)

    def hidden_openings(self, campaign_id: str, task: str) -> HiddenOpenings:
        """Looks by this campaign, and at this task's hidden inputs by everybody who uses the database."""
        key = self._key(campaign_id)
        with self._look() as connection:
            here = connection.execute(_HERE, {"key": key}).scalar_one()
            everywhere, campaigns = connection.execute(_EVERYWHERE, {"named": task}).one()
            aside = connection.execute(_ASIDE, {"named": task}).scalar_one()
        return HiddenOpenings(campaign=here, task=everywhere + aside, campaigns=campaigns, aside=aside)
