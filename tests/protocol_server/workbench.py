"""A model client with a real database and budget, pointed at loopback servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Self

from pydantic import BaseModel

from nightforge.domain.model import CallKey, Message, ModelCall, Reply
from nightforge.domain.plan import Budget, ModelSpec, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, Role, SandboxTier, TeamKind
from nightforge.store import SqlStore, open_store
from tools.broker import Broker
from tools.budget import BudgetMeter
from tools.llm import OpenAIModelClient
from tools.llm_memory import ModelMemory

KEY = "sk-test-0123456789abcdef"
MESSAGES = (
    Message(role="system", content="You write C kernels."),
    Message(role="user", content="Make this faster:\nfor (;;) ;"),
)


LONGEST_SLEEP_S = 0.02


class SkippingClock:
    """Real time, except that a sleep takes at most `LONGEST_SLEEP_S`: the rest is added to the clock instead."""

    def __init__(self) -> None:
        self._skipped_s = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until_s = self.monotonic() + seconds
        await asyncio.sleep(min(seconds, LONGEST_SLEEP_S))
        self._skipped_s += max(0.0, until_s - self.monotonic())


def spec(base_url: str, *, model: str = "m", max_output_tokens: int = 500, **fields: float | None) -> ModelSpec:
    """A model at $1 per million tokens in and $2 out."""
    prices: dict[str, float | None] = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 2.0}
    return ModelSpec.model_validate(
        {"model": model, "base_url": base_url, "max_output_tokens": max_output_tokens, **prices, **fields}
    )


class Workbench:
    """One campaign in a SQLite file of its own; clients made here are closed with it."""

    def __init__(self, folder: Path, *, budget: Budget | None = None) -> None:
        self.url = f"sqlite:///{folder / 'night.db'}"
        self.plan_budget = budget or Budget(cost_usd=10.0)
        self.clock = SkippingClock()
        self.store: SqlStore
        self.meter: BudgetMeter
        self.campaign_id = ""
        self._clients: list[OpenAIModelClient] = []

    async def __aenter__(self) -> Self:
        self.store = open_store(self.url, clock=self.clock)
        objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
        plan = Plan(goal="g", task="t", objectives=(objective,), budget=self.plan_budget, team=TeamKind.LLM)
        campaign = await self.store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
        self.campaign_id = campaign.campaign_id
        self.meter = BudgetMeter(self.plan_budget, spent=campaign.tally)
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.close()
        await self.store.close()

    def client(
        self,
        *models: ModelSpec,
        request_timeout_s: float = 10.0,
        total_timeout_s: float = 20.0,
        max_concurrent_calls: int = 4,
        api_key: str | None = KEY,
        proxy_from_env: bool = False,
        first_reply_timeout_s: float | None = None,
        memory: ModelMemory | None = None,
        broker: Broker | None = None,
    ) -> OpenAIModelClient:
        client = OpenAIModelClient(
            models=models,
            api_key=api_key,
            store=self.store,
            budget=self.meter,
            clock=self.clock,
            random=Random(7),
            request_timeout_s=request_timeout_s,
            total_timeout_s=total_timeout_s,
            max_concurrent_calls=max_concurrent_calls,
            proxy_from_env=proxy_from_env,
            first_reply_timeout_s=first_reply_timeout_s,
            memory=memory,
            broker=broker,
        )
        self._clients.append(client)
        return client

    def key(self, step: str = "plan", *, role: Role = Role.CODER) -> CallKey:
        return CallKey(campaign_id=self.campaign_id, step=step, role=role)

    async def ask(
        self, client: OpenAIModelClient, step: str = "plan", messages: Sequence[Message] = MESSAGES
    ) -> Reply[BaseModel]:
        """A plain text request."""
        return await client.complete(self.key(step), messages)

    def calls(self) -> Sequence[ModelCall]:
        """All attempts, in the order of their rows."""
        return sorted(self.store.calls(self.campaign_id, limit=10_000), key=lambda call: call.call_id)
