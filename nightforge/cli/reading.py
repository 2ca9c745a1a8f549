"""Opening settings and the store for commands that look, and for those that leave a word in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nightforge.errors import NotFound

if TYPE_CHECKING:
    from nightforge.domain.candidate import Campaign
    from nightforge.domain.ports import Sandbox
    from nightforge.settings import Resolved, Settings
    from nightforge.store import SqlStore

NOTHING_YET = 'start one: nightforge run "fast softmax over one row of 16 million floats"'


def resolve_settings(flags: dict[str, object] | None = None) -> Resolved:
    from nightforge.guards import check_packages
    from nightforge.settings import load_settings

    check_packages()
    return load_settings(flags)


def open_box(settings: Settings) -> Sandbox:
    """The sandbox that the settings ask for."""
    from sandbox import open_sandbox

    return open_sandbox(
        tier=settings.sandbox,
        docker_image=settings.docker_image,
        docker_gpus=settings.docker_gpus,
        docker_warm=settings.docker_warm,
        unsafe_local=settings.unsafe_local,
    )


@contextmanager
def opened_store(url: str) -> Iterator[SqlStore]:
    """The store; NotFound where no campaign can be in it, so that looking creates no file."""
    from nightforge.settings import database_exists

    if not database_exists(url):
        raise NotFound("there is no campaign yet", where=url, hint=NOTHING_YET)
    from nightforge.store import open_store
    from tools.clock import SystemClock

    store = open_store(url, clock=SystemClock())
    try:
        yield store
    finally:
        asyncio.run(store.close())


def pick_campaign(store: SqlStore, campaign_id: str | None) -> Campaign:
    """By id or prefix; without one, the newest."""
    if campaign_id:
        return store.campaign(campaign_id)
    newest = store.campaigns(limit=1)
    if not newest:
        raise NotFound("there is no campaign yet", where="database", hint=NOTHING_YET)
    return newest[0]


def split_ref(ref: str) -> tuple[str, int | None]:
    """`ID.CAND` or `ID`."""
    head, dot, tail = ref.rpartition(".")
    return (head, int(tail)) if dot and tail.isdecimal() and head else (ref, None)
