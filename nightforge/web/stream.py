"""The event table as server-sent events: the id is the event's number, so a reader that comes back misses nothing.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html. Each message is named `nightforge` and its
data is one event as JSON, the same as in the events' own `.json`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import StreamingResponse

from nightforge.domain.candidate import Event
from nightforge.errors import NightforgeError
from nightforge.web.render import View
from nightforge.web.site import CampaignId, Site, SiteDep

router = APIRouter(tags=["events"])

NAME = "nightforge"
LOOK_S = (0.25, 1.0)
"""Between looks: at once after news, slower the longer nothing came."""
HEARTBEAT_S = 10.0
RETRY_MS = 1000
MOST = 500
HIGHEST = 2**53
After = Annotated[int, Query(ge=-1, le=HIGHEST, description="Number of the last event that is known; -1 for none.")]


class EventsView(View):
    campaign_id: str
    events: tuple[Event, ...]
    next_after: int
    """What to pass as `after` for those that come later."""


@router.get("/c/{campaign}/events.json")
def events(
    site: SiteDep, campaign: CampaignId, after: After = -1, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> EventsView:
    """Events of a campaign in the order of their commits, from the one after `after` on."""
    campaign_id = site.store.campaign(campaign).campaign_id
    found = tuple(site.store.events(campaign_id, after=after, limit=limit))
    return EventsView(campaign_id=campaign_id, events=found, next_after=found[-1].sequence if found else after)


@router.get("/c/{campaign}/stream", include_in_schema=False)
async def stream(request: Request, site: SiteDep, campaign: CampaignId, after: After = -1) -> StreamingResponse:
    """Never ends while the server lives. `Last-Event-ID` wins over `after`."""
    campaign_id = (await run_in_threadpool(site.store.campaign, campaign)).campaign_id
    last = _last_seen(request.headers.get("last-event-id", ""), after)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        _messages(request, site, campaign_id, last), media_type="text/event-stream", headers=headers
    )


def _last_seen(header: str, after: int) -> int:
    return int(header) if header.isascii() and header.isdecimal() and len(header) < 16 else after


async def _messages(request: Request, site: Site, campaign_id: str, last: int) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    pause_s, spoke = LOOK_S[0], time.monotonic()
    while not site.closing and not await request.is_disconnected():
        try:
            found: Sequence[Event] = await run_in_threadpool(site.store.events, campaign_id, after=last, limit=MOST)
        except NightforgeError as error:
            yield f": {str(error)[:200]!r}\n\n"  # the reader comes back by itself
            return
        for one in found:
            yield message(one)
            last = one.sequence
        if found:
            pause_s, spoke = LOOK_S[0], time.monotonic()
            if len(found) == MOST:
                continue
        elif time.monotonic() - spoke > HEARTBEAT_S:
            yield ": still here\n\n"
            spoke = time.monotonic()
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.3, LOOK_S[1])


def message(event: Event) -> str:
    """JSON has no line ends in it, so one data line holds it."""
    return f"id: {event.sequence}\nevent: {NAME}\ndata: {event.model_dump_json()}\n\n"
