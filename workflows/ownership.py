"""One process runs a campaign: a lease with heartbeat, and the clock of active time beside it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from nightforge.domain.candidate import Lease
from nightforge.domain.ports import Clock, Store
from nightforge.errors import CampaignBusy, StoreFault

logger = logging.getLogger(__name__)

LEASE_S = 4.0
HEARTBEAT_S = 1.0


class Tenure:
    """A campaign held by this process: whether it still is, and how long the campaign has worked over all sessions."""

    def __init__(self, store: Store, campaign_id: str, clock: Clock) -> None:
        self.campaign_id = campaign_id
        self._store = store
        self._clock = clock
        self._before_s = store.tally(campaign_id).active_s
        self._worked_s = 0.0
        self._booked_s = 0.0
        self._at_s = clock.monotonic()
        self._is_resting = False
        self.trouble: StoreFault | None = None
        """Set when the campaign is another process's, or the heartbeat cannot be written: nothing more may be."""

    @property
    def active_s(self) -> float:
        """Wall time at work, earlier sessions included; a pause does not count."""
        now_s = self._clock.monotonic()
        if not self._is_resting:
            self._worked_s += now_s - self._at_s
        self._at_s = now_s
        return self._before_s + self._worked_s

    def rest(self, *, is_resting: bool) -> None:
        _ = self.active_s
        self._is_resting = is_resting

    async def book(self) -> None:
        """Commit the time worked since the last booking."""
        new_s = self.active_s - self._before_s - self._booked_s
        self._booked_s += new_s
        await self._store.add_active_time(self.campaign_id, new_s)


@asynccontextmanager
async def owning(store: Store, campaign_id: str, clock: Clock) -> AsyncIterator[Tenure]:
    """Hold the campaign; `Tenure.trouble` is set when the lease was lost to another process.

    A killed owner's lease runs out by itself within `LEASE_S`, which is how long this waits.
    """
    lease = await _claim(store, campaign_id, clock)
    store.fence(campaign_id, lease)
    tenure = Tenure(store, campaign_id, clock)
    beating = asyncio.create_task(_beat(store, lease, clock, tenure), name=f"heartbeat-{campaign_id}")
    try:
        yield tenure
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        if tenure.trouble is None:
            await _let_go(store, lease, tenure)
        store.fence(campaign_id, None)


async def _let_go(store: Store, lease: Lease, tenure: Tenure) -> None:
    """A fault here must not hide how the campaign ended: the lease runs out by itself."""
    try:
        await tenure.book()
        await store.release_lease(lease)
    except StoreFault as fault:
        logger.warning("the lease on %s could not be released: %s", lease.resource, fault)


async def _claim(store: Store, campaign_id: str, clock: Clock) -> Lease:
    # The random part tells two runs of one process apart, and two containers of one name.
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    deadline, resource = clock.monotonic() + LEASE_S + HEARTBEAT_S, f"campaign:{campaign_id}"
    began_at = store.lease_until_us(resource)
    while True:
        is_over = clock.monotonic() > deadline
        # A holder beats every second. One that did not while we waited is dead, whatever its lease says: the
        # machine's clock was set back since it wrote it.
        lease = await store.claim_lease(resource, owner, ttl_s=LEASE_S, stood_still_at=began_at if is_over else None)
        if lease is not None:
            return lease
        if is_over:
            raise CampaignBusy(
                f"campaign {campaign_id} is being run by another process",
                hint="watch it with `nightforge show`, or end it with `nightforge stop`",
            )
        await clock.sleep(0.2)


async def _beat(store: Store, lease: Lease, clock: Clock, tenure: Tenure) -> None:
    try:
        while True:
            await clock.sleep(HEARTBEAT_S)
            renewed = await store.renew_lease(lease, ttl_s=LEASE_S)
            if renewed is None:
                tenure.trouble = StoreFault(
                    f"another process took campaign {tenure.campaign_id} over",
                    where="store",
                    hint="watch it with `nightforge show`; nothing of its work was touched",
                )
                return
            lease = renewed
            await tenure.book()
    except StoreFault as fault:
        tenure.trouble = fault
