"""Writes on campaigns: creation, state, plan, time, documents."""

from __future__ import annotations

import math

from pydantic import BaseModel
from sqlalchemy import Connection, bindparam, insert, select, update

from nightforge.domain.candidate import Campaign, Tally
from nightforge.domain.plan import Plan
from nightforge.domain.words import CampaignState, SandboxTier
from nightforge.errors import StoreFault
from nightforge.store.base import StoreBase, to_datetime
from nightforge.store.dialects import put
from nightforge.store.ledger import Ledger
from nightforge.store.schema import campaign, tally
from nightforge.store.schema import document as document_table

_ENDED = frozenset({CampaignState.FINISHED, CampaignState.FAILED})
_ID_TRIES = 20

_TAKEN = select(campaign.c.campaign_key).where(campaign.c.campaign_id == bindparam("wanted"))
_STATE = select(campaign.c.state, campaign.c.reason).where(campaign.c.campaign_key == bindparam("key"))
_SET_STATE = (
    update(campaign)
    .where(campaign.c.campaign_key == bindparam("key"))
    .values(state=bindparam("new_state"), reason=bindparam("new_reason"), finished_us=bindparam("new_finished_us"))
)
_PLAN = select(campaign.c.plan).where(campaign.c.campaign_key == bindparam("key"))
_SET_PLAN = update(campaign).where(campaign.c.campaign_key == bindparam("key")).values(plan=bindparam("new_plan"))
_NEW = insert(campaign).returning(campaign.c.campaign_key)
_NEW_TALLY = insert(tally)
_ZERO = {column.name: None if column.nullable else 0 for column in tally.c if column.name not in {"campaign_key"}}


class CampaignWrites(StoreBase):
    async def create_campaign(self, plan: Plan, *, tier: SandboxTier, owner: str = "") -> Campaign:
        at_us = self._now_us()
        body = plan.model_dump_json()

        def job(connection: Connection) -> tuple[int, str]:
            campaign_id = self._free_id(connection)
            row = {
                "campaign_id": campaign_id,
                "state": CampaignState.PLANNED,
                "reason": "",
                "tier": tier,
                "plan": body,
                "created_us": at_us,
                "owner": owner,
            }
            key = int(connection.execute(_NEW, row).scalar_one())
            connection.execute(_NEW_TALLY, {"campaign_key": key, **_ZERO})
            with Ledger(connection, key, at_us) as ledger:
                ledger.record("campaign.created", {"goal": plan.goal, "task": plan.task, "tier": tier, "owner": owner})
            return key, campaign_id

        key, campaign_id = await self._writer.run(job)
        self._keys[campaign_id] = key
        return Campaign(
            campaign_id=campaign_id,
            state=CampaignState.PLANNED,
            plan=plan,
            tally=Tally(),
            tier=tier,
            owner=owner,
            created_at=to_datetime(at_us),
        )

    def _free_id(self, connection: Connection) -> str:
        for _ in range(_ID_TRIES):
            campaign_id = self._make_id()
            if connection.execute(_TAKEN, {"wanted": campaign_id}).first() is None:
                return campaign_id
        raise StoreFault(
            f"{_ID_TRIES} campaign ids in a row were taken", where=self._where, hint="give `open_store` another make_id"
        )

    async def set_campaign_state(self, campaign_id: str, state: CampaignState, *, reason: str = "") -> None:
        """Setting the same state and reason again changes nothing."""

        def job(ledger: Ledger) -> None:
            row = ledger.connection.execute(_STATE, {"key": ledger.campaign_key}).one()
            if (row.state, row.reason) == (state, reason):
                return
            values = {
                "key": ledger.campaign_key,
                "new_state": state,
                "new_reason": reason,
                "new_finished_us": ledger.at_us if state in _ENDED else None,
            }
            ledger.connection.execute(_SET_STATE, values)
            ledger.record("campaign.state", {"from": row.state, "to": state, "reason": reason})

        await self._write(campaign_id, job)

    async def save_plan(self, campaign_id: str, plan: Plan) -> None:
        body = plan.model_dump_json()

        def job(ledger: Ledger) -> None:
            old = ledger.connection.execute(_PLAN, {"key": ledger.campaign_key}).scalar_one()
            if old == body:
                return
            ledger.connection.execute(_SET_PLAN, {"key": ledger.campaign_key, "new_plan": body})
            ledger.record("campaign.plan", {"replaced": Plan.model_validate_json(old).model_dump(mode="json")})

        await self._write(campaign_id, job)

    async def add_active_time(self, campaign_id: str, seconds: float) -> None:
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"active time must be a finite number of seconds >= 0, not {seconds}")

        def job(ledger: Ledger) -> None:
            ledger.counters.active_s += seconds

        await self._write(campaign_id, job)

    async def save_document(self, campaign_id: str, name: str, document: BaseModel) -> None:
        body = document.model_dump_json()

        def job(ledger: Ledger) -> None:
            row = {"campaign_key": ledger.campaign_key, "name": name, "body": body, "saved_us": ledger.at_us}
            put(ledger.connection, document_table, row)
            ledger.record("campaign.document", {"name": name})

        await self._write(campaign_id, job)
