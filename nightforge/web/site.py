"""What every page needs, kept in one place of the application's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Protocol, cast

from fastapi import Depends, Path
from starlette.requests import HTTPConnection

from nightforge.domain.ports import Clock
from nightforge.domain.words import SandboxTier
from nightforge.settings import Settings
from nightforge.store import SqlStore
from nightforge.web.security import Person, Seals

if TYPE_CHECKING:
    from nightforge.web.render import Renderer

HIGHEST_ORDINAL = 2**31 - 1


class Starter(Protocol):
    """Starts a process of ours that outlives the server; PlatformFault where it cannot."""

    def tier(self) -> SandboxTier:
        """What candidates will run in; SandboxUnavailable where nothing works."""
        ...

    def watch(self, campaign_id: str, *, afresh: bool) -> str:
        """The watcher of an approved campaign, as `run --detach` starts it; returns who looks after it.

        `afresh`: a person goes on with a campaign whose process is gone, so that a stop of before is over.
        """
        ...

    def prepare(self, campaign_id: str) -> str:
        """What reads a draft's goal and measures its baselines: `nightforge prepare`."""
        ...


@dataclass
class Site:
    """One per application. Pages read `store` from worker threads; only actions write."""

    settings: Settings
    store: SqlStore
    clock: Clock
    starter: Starter
    seals: Seals
    renderer: Renderer
    needs_token: bool = False
    closing: bool = field(default=False)
    """Set when the server goes down, so that streams end by themselves."""


def site_of(connection: HTTPConnection) -> Site:
    return cast(Site, connection.app.state.site)


def person_of(connection: HTTPConnection) -> str:
    """Whose marks and hints these are: the name given in the browser, else the one of the settings."""
    named = Person.read(connection)
    return named or site_of(connection).settings.person


SiteDep = Annotated[Site, Depends(site_of)]
PersonDep = Annotated[str, Depends(person_of)]
CampaignId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="Campaign id, or a unique prefix.")]
Ordinal = Annotated[int, Path(ge=0, le=HIGHEST_ORDINAL, description="A candidate's number; 0 is the seed.")]
