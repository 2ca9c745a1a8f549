"""Everything that a night needs from outside, opened once and closed once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

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
from tools.broker import Broker, MachineBroker
from tools.budget import BudgetMeter
from tools.clock import SystemClock
from tools.pricing import resolve
from workflows.slotted import SlottedSandbox

if TYPE_CHECKING:
    from tools.llm import OpenAIModelClient
    from tools.llm_memory import ModelMemory
    from tools.notify import Webhook
    from workflows.model_rehearsal import Entrant, EntrantFactory

TeamFactory = Callable[[Sequence[ModelSpec], BudgetMeter, str], Team]
"""(models, budget, campaign id) → team; no models means the offline team."""


@dataclass
class House:
    store: Store
    sandbox: Sandbox
    clock: Clock
    make_team: TeamFactory
    make_entrant: EntrantFactory
    """A model for its rehearsal."""
    disclose: Callable[[Sequence[ModelSpec]], str]
    """What leaves the machine with these models (none: the offline team), in one sentence."""
    checkpoints: Path
    """The campaign-level graph's own SQLite file; the candidates' truth is in the store."""
    owner: str = ""
    """Whose campaigns these are."""
    webhook: Webhook | None = None
    """Where a person is told of what happens; None: nobody is."""
    stalled_s: float = 3600.0
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
    """Database, sandbox and teams as the settings say; model connections are closed with the house."""
    clock = SystemClock()
    settings.home.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as closing:
        store = open_store(settings.database_url, clock=clock)
        closing.push_async_callback(store.close)
        broker = MachineBroker(settings.shared_dir, daily_usd=settings.daily_usd)
        closing.callback(broker.close)
        webhook = _open_webhook(settings, clock)
        if webhook is not None:
            closing.push_async_callback(webhook.close)
        teams = _Teams(settings, store, clock, closing, broker)
        yield House(
            store=store,
            sandbox=SlottedSandbox(
                open_sandbox(
                    tier=settings.sandbox,
                    docker_image=settings.docker_image,
                    docker_gpus=settings.docker_gpus,
                    docker_warm=settings.docker_warm,
                    unsafe_local=settings.unsafe_local,
                ),
            ),
            clock=clock,
            make_team=teams.make,
            make_entrant=teams.make_entrant,
            disclose=teams.disclose,
            checkpoints=settings.home / "checkpoints.db",
            owner=settings.person,
            webhook=webhook,
            stalled_s=60 * settings.stalled_minutes,
            resolve_models=lambda models: resolve(tuple(models), base_url=settings.base_url or ""),
        )


def _open_webhook(settings: Settings, clock: Clock) -> Webhook | None:
    if settings.webhook_url is None:
        return None
    from tools.notify import Webhook

    return Webhook(settings.webhook_url, clock, secret=settings.webhook_secret, proxy_from_env=settings.proxy_from_env)


@dataclass
class _Teams:
    """Agents are imported when a team is made: optuna and openai are slow to load, and one of them is enough."""

    settings: Settings
    store: Store
    clock: Clock
    closing: AsyncExitStack
    broker: Broker
    memory: ModelMemory | None = None
    """Shared by all clients: what one of them learned of a server, the others know."""

    def make(self, models: Sequence[ModelSpec], budget: BudgetMeter, campaign_id: str) -> Team:
        from agents.offline.coder import OfflineCoder
        from agents.offline.team import OfflineTeam

        if not models:
            return OfflineTeam(OfflineCoder())
        from agents.llm_team import LlmTeam

        client = self._open_client(models, budget, campaign_id)
        return LlmTeam(client, planning_id=campaign_id, models=models, programs=OfflineCoder())

    def make_entrant(self, model: ModelSpec, budget: BudgetMeter, campaign_id: str) -> Entrant:
        """Its coder has no programs to turn to: whatever operator is asked for, the model writes."""
        from agents.llm_team import LlmTeam
        from tools.llm_probe import ModelProber
        from workflows.model_rehearsal import Entrant

        client = self._open_client((model,), budget, campaign_id)
        team = LlmTeam(client, planning_id=campaign_id, models=(model,))
        return Entrant(model, team, ModelProber(client))

    def _open_client(self, models: Sequence[ModelSpec], budget: BudgetMeter, campaign_id: str) -> OpenAIModelClient:
        from tools.llm import OpenAIModelClient
        from tools.llm_memory import ModelMemory

        self.memory = self.memory or ModelMemory(self.store, self.clock)
        client = OpenAIModelClient(
            models=tuple(models),
            api_key=self.settings.api_key,
            store=self.store,
            budget=budget,
            clock=self.clock,
            random=Random(campaign_id),
            request_timeout_s=self.settings.request_timeout_s,
            first_reply_timeout_s=self.settings.first_reply_timeout_s,
            total_timeout_s=self.settings.total_timeout_s,
            max_concurrent_calls=self.settings.max_concurrent_calls,
            base_url=self.settings.base_url,
            proxy_from_env=self.settings.proxy_from_env,
            broker=self.broker,
            memory=self.memory,
            seed=self.store.campaign(campaign_id).plan.search.seed,
        )
        self.closing.push_async_callback(client.close)
        return client

    def disclose(self, models: Sequence[ModelSpec]) -> str:
        from agents.llm_team import disclose
        from agents.offline.team import DISCLOSURE

        return disclose(models) if models else DISCLOSURE
