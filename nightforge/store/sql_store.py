"""The store as one object: writes and reads by concept, composed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from nightforge.domain.ports import Clock
from nightforge.store.engine import parse_url, place, prepare_folder, reading_engine, writing_engine
from nightforge.store.evaluation_cache import EvaluationCache
from nightforge.store.hidden_openings import HiddenSets
from nightforge.store.identifiers import make_campaign_id
from nightforge.store.migrate import bring_up_to_date
from nightforge.store.queries_calls import CallReads
from nightforge.store.queries_campaigns import CampaignReads
from nightforge.store.queries_candidates import CandidateReads
from nightforge.store.queries_control import ControlReads
from nightforge.store.queries_lists import ListReads
from nightforge.store.queries_pages import PageReads
from nightforge.store.queries_search import SearchReads
from nightforge.store.repository_calls import CallWrites
from nightforge.store.repository_campaigns import CampaignWrites
from nightforge.store.repository_candidates import CandidateWrites
from nightforge.store.repository_control import ControlWrites
from nightforge.store.repository_search import SearchWrites
from nightforge.store.steering import SteeringStore
from nightforge.store.writer import Writer

BUSY_TIMEOUT_S = 15.0


class SqlStore(
    CampaignWrites,
    CandidateWrites,
    CallWrites,
    ControlWrites,
    EvaluationCache,
    HiddenSets,
    SearchWrites,
    CampaignReads,
    CandidateReads,
    CallReads,
    ControlReads,
    ListReads,
    PageReads,
    SearchReads,
    SteeringStore,
):
    """`nightforge.domain.ports.Store` on SQLite or PostgreSQL; made by `open_store`."""

    async def close(self) -> None:
        """Finish the queued writes and give back every connection. Idempotent."""
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._reader.dispose)


def open_store(
    url: str,
    *,
    clock: Clock,
    make_id: Callable[[], str] | None = None,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
) -> SqlStore:
    """Open (and create or migrate) the database at `url`.

    Raises UserError for a URL that names no usable database, StoreFault when it is locked for longer than
    `busy_timeout_s`, unwritable, damaged, no database, or newer than this program.
    """
    parsed = parse_url(url)
    prepare_folder(parsed)
    bring_up_to_date(parsed, timeout_s=busy_timeout_s)
    return SqlStore(
        reader=reading_engine(parsed, busy_timeout_s=busy_timeout_s),
        writer=Writer(writing_engine(parsed, busy_timeout_s=busy_timeout_s), where=place(parsed)),
        clock=clock,
        make_id=make_id or partial(make_campaign_id, None),
        where=place(parsed),
    )
