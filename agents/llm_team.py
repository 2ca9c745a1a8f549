"""The team with language models: four roles over one model client."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from agents.analyst import LlmAnalyst
from agents.coder import WEIGHTS, LlmCoder
from agents.judge import LlmJudge
from agents.planner import LlmPlanner
from nightforge.domain.plan import ModelSpec
from nightforge.domain.ports import Clock, ModelClient
from nightforge.domain.team import Analyst, Coder, Judge, Planner
from nightforge.domain.words import OperatorKind
from tools.clock import SystemClock

DEFAULT_HOST = "api.openai.com"
SENT = "the goal, the task's brief, candidate programs and the evaluator's feedback"


class LlmTeam:
    """Implements `nightforge.domain.team.Team`.

    `planning_id` is the campaign that the goal's reading and the report's prose are booked on. `models` are named in
    the disclosure. `programs` is the offline coder, which carries out `tune` and `rewrite` where it is given.
    """

    def __init__(
        self,
        client: ModelClient,
        *,
        planning_id: str,
        models: Sequence[ModelSpec] = (),
        programs: Coder | None = None,
        clock: Clock | None = None,
    ) -> None:
        operators = [*WEIGHTS, *((OperatorKind.TUNE, OperatorKind.REWRITE) if programs is not None else ())]
        self.planner: Planner = LlmPlanner(
            client, planning_id=planning_id, clock=clock or SystemClock(), operators=operators
        )
        self.coder: Coder = LlmCoder(client, programs=programs)
        self.judge: Judge = LlmJudge(client)
        self.analyst: Analyst = LlmAnalyst(client, campaign_id=planning_id)
        self.disclosure = disclose(models)


def disclose(models: Sequence[ModelSpec]) -> str:
    """One sentence for the plan card: which model at which host sees what."""
    if not models:
        return f"The configured language model is sent {SENT}."
    named = ", ".join(dict.fromkeys(f"{spec.model} at {host_of(spec)}" for spec in models))
    verb = "is" if len(models) == 1 else "are"
    return f"{named} {verb} sent {SENT}; nothing else leaves this machine."


def host_of(spec: ModelSpec) -> str:
    """The host that a model's requests go to; never its path, user or key."""
    if not spec.base_url:
        return DEFAULT_HOST
    parts = urlsplit(spec.base_url if "//" in spec.base_url else f"//{spec.base_url}")
    host = parts.hostname or "an unnamed host"
    try:
        return f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return host
