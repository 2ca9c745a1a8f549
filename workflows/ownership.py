"""One process runs a campaign: a lease with heartbeat, and the clock of active time beside it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from nightforge.domain.candidate import Lease
from nightforge.domain.ports import Clock, Store
from nightforge.errors import StoreFault, UserError

LEASE_S = 4.0
HEARTBEAT_S = 1.0


@asynccontextmanager
async def owning(store: Store, campaign_id: str, clock: Clock) -> AsyncIterator[asyncio.Event]:
    """Hold the campaign; the event is set when the lease was lost to another process.

    A killed owner's lease runs out by itself within `LEASE_S`, which is how long this waits.
    """
    lease = await _claim(store, campaign_id, clock)
    store.fence(campaign_id, lease)
    lost = asyncio.Event()
    beating = asyncio.create_task(_beat(store, campaign_id, lease, clock, lost))
    try:
        yield lost
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        if not lost.is_set():
            await store.release_lease(lease)


async def _claim(store: Store, campaign_id: str, clock: Clock) -> Lease:
    owner = f"{socket.gethostname()}:{os.getpid()}"
    deadline = clock.monotonic() + LEASE_S + HEARTBEAT_S
    while True:
        lease = await store.claim_lease(f"campaign:{campaign_id}", owner, ttl_s=LEASE_S)
        if lease is not None:
            return lease
        if clock.monotonic() > deadline:
            raise UserError(
                f"campaign {campaign_id} is being run by another process",
                hint="watch it with `nightforge show`, or end it with `nightforge stop`",
            )
        await clock.sleep(0.2)


async def _beat(store: Store, campaign_id: str, lease: Lease, clock: Clock, lost: asyncio.Event) -> None:
    last = clock.monotonic()
    try:
        while True:
            await clock.sleep(HEARTBEAT_S)
            renewed = await store.renew_lease(lease, ttl_s=LEASE_S)
            if renewed is None:
                lost.set()
                return
            lease = renewed
            last = await _book(store, campaign_id, clock, last)
    except StoreFault:
        lost.set()
        raise
    finally:
        if not lost.is_set():
            await _book(store, campaign_id, clock, last)


async def _book(store: Store, campaign_id: str, clock: Clock, last: float) -> float:
    now = clock.monotonic()
    await store.add_active_time(campaign_id, now - last)
    return now
