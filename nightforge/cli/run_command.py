"""`nightforge run`: a goal or a plan becomes a campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from nightforge.cli.options import (
    Answers,
    BaseUrl,
    Demonstrations,
    Design,
    DetachFlag,
    Evaluations,
    Goal,
    Hours,
    InFlight,
    JsonFlag,
    Knowledge,
    LibertyFile,
    MaxTokens,
    MaxUsd,
    Minutes,
    Models,
    OfflineFlag,
    Patience,
    PlanOnlyFlag,
    PlanOut,
    PolicyName,
    PresetName,
    PriceIn,
    PriceOut,
    PythonFlag,
    QuietFlag,
    RequireFlag,
    SandboxFlag,
    Seed,
    Target,
    TaskName,
    Top,
    UnsafeFlag,
    Until,
    VerboseFlag,
    YesFlag,
)
from nightforge.cli.output import Output, can_ask

if TYPE_CHECKING:
    from nightforge.cli.night import Choices
    from nightforge.settings import Settings
    from workflows.contract import NightRequest


def run(
    goal: Goal,
    task: TaskName = None,
    design: Design = None,
    top: Top = None,
    liberty: LibertyFile = None,
    python: PythonFlag = None,
    minutes: Minutes = None,
    hours: Hours = None,
    evaluations: Evaluations = None,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    target: Target = None,
    patience: Patience = None,
    until: Until = None,
    preset: PresetName = None,
    policy: PolicyName = None,
    seed: Seed = None,
    in_flight: InFlight = None,
    demonstrations: Demonstrations = None,
    knowledge: Knowledge = None,
    model: Models = None,
    base_url: BaseUrl = None,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    offline: OfflineFlag = False,
    answer: Answers = None,
    yes: YesFlag = False,
    plan_only: PlanOnlyFlag = False,
    plan_out: PlanOut = None,
    detach: DetachFlag = False,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    require_improvement: RequireFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Ask at most three questions, show the plan card, search until a bound is met, confirm the best, report."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.asking import read_answers
    from nightforge.cli.budget import BudgetFlags
    from nightforge.cli.night import Choices
    from nightforge.cli.own_design import OwnFlags
    from nightforge.cli.own_path import goal_and_task
    from nightforge.cli.requests import ModelFlags, SearchFlags, build_request
    from nightforge.cli.watch import read_moment

    if design is None:
        goal, task = goal_and_task(output, goal, task, python=python, sandbox=sandbox, unsafe_local=unsafe_local)
    task = OwnFlags(design, top, liberty, sandbox, unsafe_local, offline, model).task_for(output, goal, task)
    budget = BudgetFlags(minutes, hours, evaluations, max_usd, max_tokens).checked(offline=offline)
    ends_at = read_moment(until)
    search = SearchFlags(task, preset, seed, in_flight, target, patience, policy, ends_at, demonstrations, knowledge)
    search = search.checked()
    models = ModelFlags(tuple(model or ()), base_url, price_in, price_out, offline).checked()
    choices = Choices(yes, plan_only, plan_out, read_answers(answer or []), require_improvement, detach).checked()
    _need_person(started=yes or plan_only)
    settings, request = build_request(output, goal, budget, search, models, sandbox=sandbox, unsafe_local=unsafe_local)
    raise typer.Exit(_drive(output, choices, *_priced(settings, request, asks=not yes and can_ask())))


def _drive(output: Output, choices: Choices, settings: Settings, request: NightRequest) -> int:
    import asyncio

    from nightforge.cli.night import run_night

    return asyncio.run(run_night(settings, output, request, choices))


def _priced(settings: Settings, request: NightRequest, *, asks: bool) -> tuple[Settings, NightRequest]:
    """With the prices that the person at the terminal gives, where there is one and models have any."""
    from nightforge.cli.asking import ask_prices

    if not asks or not request.models:
        return settings, request
    priced = ask_prices(request.models)
    return settings.model_copy(update={"models": priced}), request.model_copy(update={"models": priced})


def _need_person(*, started: bool) -> None:
    from nightforge.errors import UserError

    if not started and not can_ask():
        raise UserError(
            "nobody can be asked: stdin is no terminal", where="run", hint="pass --yes to start without asking"
        )
