"""A browser of the web pages for tests: cookies, the seal of a form, and what would have been started."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI

from nightforge.domain.candidate import Campaign
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.words import Outcome, SandboxTier

SECRET = b"a secret of thirty-two bytes ...."
ADDRESS = "http://127.0.0.1:8765"
SEAL = re.compile(r'name="seal" value="([0-9a-f.]+)"')


@dataclass
class Starts:
    """What would have been started."""

    watched: list[tuple[str, bool]] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)

    def tier(self) -> SandboxTier:
        return SandboxTier.BUBBLEWRAP

    def watch(self, campaign_id: str, *, afresh: bool) -> str:
        self.watched.append((campaign_id, afresh))
        return "process 1"

    def prepare(self, campaign_id: str) -> str:
        self.prepared.append(campaign_id)
        return "process 2"


@dataclass
class Browser:
    """A client with cookies, which posts forms as a page of ours does."""

    client: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    async def seal(self) -> str:
        found = SEAL.search((await self.client.get("/nowhere")).text)
        assert found is not None
        return found.group(1)

    async def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        form = {"seal": await self.seal(), **(fields or {})}
        sent = {"origin": ADDRESS} | {name.replace("_", "-"): text for name, text in headers.items()}
        return await self.client.post(path, data=form, headers=sent)


AppMaker = Callable[..., FastAPI]
CampaignMaker = Callable[..., Awaitable[Campaign]]


def evidence_of(speedup: float | None, *, feedback: str = "") -> Evidence:
    compiled = StageEvidence(stage="compile", outcome=Outcome.PASS, duration_s=0.2)
    if speedup is None:
        text = feedback or "row 3 differs"
        failed = StageEvidence(stage="correctness", outcome=Outcome.FAIL, reason="wrong_output", feedback=text)
        return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(compiled, failed))
    metrics = {"speedup": Metric(value=speedup, unit="x", low=speedup - 0.03, high=speedup + 0.03, samples=22)}
    timed = StageEvidence(stage="full", outcome=Outcome.PASS, metrics=metrics, duration_s=3.1)
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(compiled, timed))
