"""Everything that a night needs from outside, opened once and closed once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nightforge.catalogue import find_task, shipped_tasks
from nightforge.domain.plan import ModelSpec
from nightforge.domain.ports import Clock, Evaluator, EvaluatorFactory, Sandbox, Store
from nightforge.domain.task import Task
from nightforge.domain.team import Team
from nightforge.errors import PrerequisiteMissing, UserError
from nightforge.registry import EVALUATORS, load
from nightforge.settings import Settings
from nightforge.store import open_store
from sandbox import open_sandbox
from tools.budget import BudgetMeter
from tools.clock import SystemClock
from tools.pricing import resolve

TeamFactory = Callable[[Sequence[ModelSpec], BudgetMeter, str], Team]
"""(models, budget, campaign id) → team; no models means the offline team."""


@dataclass
class House:
    store: Store
    sandbox: Sandbox
    clock: Clock
    make_team: TeamFactory
    checkpoints: Path
    """The campaign-level graph's own SQLite file; the candidates' truth is in the store."""
    tasks: Callable[[], Sequence[Task]] = shipped_tasks
    find_task: Callable[[str], Task] = find_task
    evaluators: Mapping[str, EvaluatorFactory] = field(default_factory=dict)
    """Given ones win over registered ones: for tests and benchmarks."""
    resolve_models: Callable[[Sequence[ModelSpec]], tuple[ModelSpec, ...]] = lambda models: resolve(tuple(models))
    """Fills known prices; raises when a model's price is unknown."""

    def evaluator(self, task: Task) -> Evaluator:
        """The task's evaluator, its settings checked and its tools there."""
        factory = self.evaluators.get(task.domain) or load(EVALUATORS, task.domain)
        if not callable(factory):
            raise UserError(f"{task.domain!r} is registered, but cannot be called", where=EVALUATORS)
        evaluator: Evaluator = factory(self.sandbox)
        evaluator.check_task(task)
        lacking = evaluator.prerequisites(task)
        if lacking:
            raise PrerequisiteMissing("; ".join(lacking), where=f"task {task.name}", hint="see `nightforge doctor`")
        return evaluator


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    clock = SystemClock()
    settings.home.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.database_url, clock=clock)
    try:
        sandbox = open_sandbox(unsafe_local=settings.unsafe_local)
        yield House(
            store=store,
            sandbox=sandbox,
            clock=clock,
            make_team=_teams(settings, store, clock),
            checkpoints=settings.home / "checkpoints.db",
            resolve_models=lambda models: resolve(tuple(models), base_url=settings.base_url or ""),
        )
    finally:
        await store.close()


def _teams(settings: Settings, store: Store, clock: Clock) -> TeamFactory:
    def make(models: Sequence[ModelSpec], budget: BudgetMeter, campaign_id: str) -> Team:
        if not models:
            from agents.offline.coder import OfflineCoder
            from agents.offline.team import OfflineTeam

            return OfflineTeam(OfflineCoder())
        return _llm_team(settings, store, clock, models, budget, campaign_id)

    return make


def _llm_team(
    settings: Settings,
    store: Store,
    clock: Clock,
    models: Sequence[ModelSpec],
    budget: BudgetMeter,
    campaign_id: str,
) -> Team:
    from random import Random

    from agents.llm_team import LlmTeam
    from tools.llm import OpenAIModelClient

    if settings.api_key is None:
        raise UserError(
            "a model was asked for, but there is no key",
            where="--model",
            hint="set NIGHTFORGE_API_KEY (or OPENAI_API_KEY); a local server takes any text",
        )
    client = OpenAIModelClient(
        models=tuple(models),
        api_key=settings.api_key.get_secret_value(),
        store=store,
        budget=budget,
        clock=clock,
        random=Random(campaign_id),
        request_timeout_s=settings.request_timeout_s,
        total_timeout_s=settings.total_timeout_s,
        max_concurrent_calls=settings.max_concurrent_calls,
    )
    return LlmTeam(client, planning_id=campaign_id)
