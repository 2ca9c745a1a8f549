"""What a person set by flag, checked, becomes a request for a night."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

from nightforge.catalogue import find_task
from nightforge.cli.output import Output
from nightforge.cli.plan_file import check_plan, check_policy, check_preset, read_plan
from nightforge.cli.reading import resolve_settings
from nightforge.domain.plan import Budget, ModelSpec, Plan, StopSpec
from nightforge.domain.words import SandboxChoice, TeamKind
from nightforge.errors import UserError
from nightforge.settings import Settings
from workflows.contract import NightRequest
from workflows.parameters import typed_parameters

PLAN_SUFFIXES = (".toml", ".json")


@dataclass(frozen=True)
class SearchFlags:
    task: str | None = None
    preset: str | None = None
    seed: int | None = None
    in_flight: int | None = None
    target: float | None = None
    patience: int | None = None
    policy: str | None = None
    until: str | None = None
    demonstrations: int | None = None
    knowledge: bool | None = None
    parameters: tuple[str, ...] = ()
    """`NAME=VALUE`, of the task."""

    def checked(self) -> SearchFlags:
        _check_number("--target", self.target)
        if self.preset is not None:
            check_preset(self.preset, "--preset")
        if self.policy is not None:
            check_policy(self.policy, "--policy")
        for text in self.parameters:
            if not text.partition("=")[2] or text.startswith("="):
                raise UserError(f"{text!r} sets no parameter", where="--set", hint="write it as NAME=VALUE")
        return self


@dataclass(frozen=True)
class ModelFlags:
    names: tuple[str, ...] = ()
    base_url: str | None = None
    price_in: float | None = None
    price_out: float | None = None
    offline: bool = False

    def checked(self) -> ModelFlags:
        _check_number("--price-in", self.price_in)
        _check_number("--price-out", self.price_out)
        if self.offline and self.names:
            raise UserError("--offline uses no model", where="--offline, --model", hint="give one of them")
        return self

    def choose(self, settings: Settings) -> tuple[ModelSpec, ...]:
        """The models of the flags, or else of the settings, with endpoint and prices of the flags over them."""
        if self.offline:
            return ()
        configured = {spec.model: spec for spec in settings.models}
        named = [configured.get(name) or ModelSpec(model=name) for name in self.names]
        chosen = named or list(settings.models)
        prices = {"input_usd_per_mtok": self.price_in, "output_usd_per_mtok": self.price_out}
        given: dict[str, object] = {name: price for name, price in prices.items() if price is not None}
        if given and not chosen:
            raise UserError("a price was given, but no model", where="--price-in, --price-out", hint="add --model NAME")
        from tools.pricing import priced

        placed = [
            spec.model_copy(update={**given, "base_url": self.base_url or spec.base_url or settings.base_url or ""})
            for spec in chosen
        ]
        return tuple(priced(spec, settings.prices) for spec in placed)


def build_request(
    output: Output,
    goal: str,
    budget: Budget,
    search: SearchFlags,
    models: ModelFlags,
    *,
    sandbox: SandboxChoice | None = None,
    unsafe_local: bool,
) -> tuple[Settings, NightRequest]:
    """Settings and request. UserError for an empty goal or a malformed plan, with its line or field."""
    flags: dict[str, object] = {
        "sandbox": sandbox,
        "unsafe_local": unsafe_local or None,
        "in_flight": search.in_flight,
        "base_url": models.base_url,
    }
    settings = resolve_settings(flags).settings
    chosen = models.choose(settings)
    settings = settings.model_copy(update={"models": chosen})
    if not chosen and settings.api_key is not None and not models.offline:
        output.note("note: a key is set but no model: the offline team works (name one with --model)")
    if goal.endswith(PLAN_SUFFIXES):
        plan = with_flags(read_plan(Path(goal)), budget, search, models, chosen)
        check_plan(plan, goal)
        return settings, NightRequest(goal=plan.goal, plan=plan, team=plan.team, models=plan.models)
    text = _read_goal() if goal == "-" else goal
    if not text.strip():
        raise UserError("the goal is empty", where="run", hint='say it in words, as "fast softmax over one long row"')
    request = NightRequest(
        goal=text.strip(),
        task=search.task,
        parameters=search.parameters,
        budget=budget,
        preset=search.preset,
        policy=search.policy,
        seed=search.seed,
        in_flight=settings.in_flight,
        proposal_slots=settings.max_concurrent_calls,
        evaluation_slots=settings.evaluation_slots,
        reuse_evaluations=settings.reuse_evaluations,
        target=search.target,
        patience=search.patience,
        until=search.until,
        demonstrations=search.demonstrations,
        knowledge=search.knowledge,
        team=TeamKind.LLM if chosen else TeamKind.OFFLINE,
        models=chosen,
    )
    return settings, request


def _read_goal() -> str:
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"the goal is not UTF-8: {error}", where="stdin", hint="send it as UTF-8") from None


def with_flags(
    plan: Plan, budget: Budget, search: SearchFlags, models: ModelFlags, chosen: tuple[ModelSpec, ...]
) -> Plan:
    """A plan with what the flags say over it. Its task stays: another task is another plan."""
    from tools.pricing import resolve

    if search.task is not None and search.task != plan.task:
        raise UserError(
            f"the plan is for task {plan.task}", where="--task", hint="leave --task away, or give a goal in words"
        )
    caps = {name: cap for name, cap in budget.model_dump().items() if cap is not None}
    settings = {
        "preset": search.preset,
        "policy": search.policy,
        "seed": search.seed,
        "in_flight": search.in_flight,
        "demonstrations": search.demonstrations,
        "knowledge": search.knowledge,
    }
    rules = {
        "target": ("value", search.target),
        "patience": ("evaluations", search.patience),
        "until": ("at", search.until),
    }
    stops = [stop for stop in plan.stop if stop.rule not in rules or rules[stop.rule][1] is None]
    stops += [
        StopSpec(rule=rule, parameters={name: value}) for rule, (name, value) in rules.items() if value is not None
    ]
    changed = typed_parameters(find_task(plan.task), search.parameters) if search.parameters else {}
    update: dict[str, object] = {
        "parameters": {**plan.parameters, **changed},
        "budget": plan.budget.model_copy(update=caps),
        "search": plan.search.model_copy(update={name: value for name, value in settings.items() if value is not None}),
        "stop": tuple(stops),
    }
    if models.offline:
        update |= {"models": (), "team": TeamKind.OFFLINE}
    elif models.names:
        update |= {"models": resolve(chosen), "team": TeamKind.LLM}
    return plan.model_copy(update=update)


def _check_number(flag: str, value: float | None) -> None:
    if value is not None and not math.isfinite(value):
        raise UserError(f"{value} is no number to work with", where=flag, hint="give a finite number")
