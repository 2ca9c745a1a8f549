"""`nightforge run`: a goal or a plan becomes a campaign."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output, can_ask

if TYPE_CHECKING:
    from nightforge.domain.plan import ModelSpec
    from nightforge.settings import Settings
    from workflows.contract import NightRequest

PLAN_SUFFIXES = (".toml", ".json")


def run(
    goal: Annotated[
        str,
        typer.Argument(metavar="GOAL|PLAN", help="A goal in plain words, a plan file (.toml, .json), or - for stdin."),
    ],
    task: Annotated[
        str | None, typer.Option("--task", metavar="NAME", help="Use this task, whatever the goal's words say.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Cap on wall time.")] = None,
    hours: Annotated[float | None, typer.Option("--hours", help="Cap on wall time.")] = None,
    evaluations: Annotated[int | None, typer.Option("--evaluations", help="Cap on evaluations.")] = None,
    max_usd: Annotated[float | None, typer.Option("--max-usd", help="Cap on dollars for models.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Cap on model tokens.")] = None,
    target: Annotated[
        float | None,
        typer.Option("--target", help="Stop when the best's lower bound reaches this value of the objective."),
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", min=1, help="Stop after so many evaluations without a better one.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", help="Candidate graph: solo, pair, team, or your own.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the search.")] = None,
    in_flight: Annotated[
        int | None, typer.Option("--in-flight", min=1, max=256, help="Candidates under way at once.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="NAME", help="A model of the ensemble; repeatable.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="OpenAI-compatible endpoint; the key comes by environment."),
    ] = None,
    price_in: Annotated[
        float | None, typer.Option("--price-in", min=0, help="Dollars per million input tokens of the models.")
    ] = None,
    price_out: Annotated[
        float | None, typer.Option("--price-out", min=0, help="Dollars per million output tokens of the models.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use no model, even when one is configured.")] = False,
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="NAME=VALUE", help="Answer a question beforehand; repeatable."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take every default and start without asking.")] = False,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Print the plan card and start nothing.")] = False,
    plan_out: Annotated[
        Path | None, typer.Option("--plan-out", metavar="FILE.json", help="Write the plan, to be edited and run.")
    ] = None,
    unsafe_local: UnsafeFlag = False,
    require_improvement: Annotated[
        bool, typer.Option("--require-improvement", help="Exit 3 unless a confirmed candidate beats the reference.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Ask at most three questions, show the plan card, search until a bound is met, confirm the best, report."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.asking import read_answers
    from nightforge.cli.budget import BudgetFlags
    from nightforge.cli.night import Choices, run_night
    from nightforge.cli.reading import resolve_settings
    from nightforge.errors import UserError

    budget = BudgetFlags(
        minutes, hours, evaluations, None if offline and max_usd == 0 else max_usd, max_tokens
    ).checked()
    check_number("--target", target)
    check_number("--price-in", price_in)
    check_number("--price-out", price_out)
    if not yes and not plan_only and not can_ask():
        raise UserError(
            "nobody can be asked: stdin is no terminal", where="run", hint="pass --yes to start without asking"
        )
    flags: dict[str, object] = {"unsafe_local": unsafe_local or None, "in_flight": in_flight, "base_url": base_url}
    settings = resolve_settings(flags).settings
    models = () if offline else choose_models(settings, model or [], price_in, price_out)
    settings = settings.model_copy(update={"models": models})
    request = build_request(goal, models).model_copy(
        update={
            "task": task,
            "budget": budget,
            "preset": preset,
            "seed": seed,
            "in_flight": settings.in_flight,
            "target": target,
            "patience": patience,
            "plan_only": plan_only,
        }
    )
    if not models and settings.api_key is not None and not offline:
        output.note("note: a key is set but no model: the offline team works (name one with --model)")
    choices = Choices(
        yes=yes,
        plan_only=plan_only,
        plan_out=plan_out,
        answers=read_answers(answer or []),
        require_improvement=require_improvement,
    )
    code = asyncio.run(run_night(settings, output, request, choices))
    if code:
        raise typer.Exit(code)


def check_number(flag: str, value: float | None) -> None:
    import math

    from nightforge.errors import UserError

    if value is not None and not math.isfinite(value):
        raise UserError(f"{value} is no number to work with", where=flag, hint="give a finite number")


def choose_models(
    settings: Settings, names: list[str], price_in: float | None, price_out: float | None
) -> tuple[ModelSpec, ...]:
    """The models of the flags, or else of the settings, with endpoint and prices of the flags over them."""
    from nightforge.domain.plan import ModelSpec
    from nightforge.errors import UserError

    configured = {spec.model: spec for spec in settings.models}
    chosen = [configured.get(name) or ModelSpec(model=name) for name in names] or list(settings.models)
    if not chosen and (price_in is not None or price_out is not None):
        raise UserError("a price was given, but no model", where="--price-in, --price-out", hint="add --model NAME")
    prices = {"input_usd_per_mtok": price_in, "output_usd_per_mtok": price_out}
    update: dict[str, object] = {name: price for name, price in prices.items() if price is not None}
    return tuple(
        spec.model_copy(update={**update, "base_url": spec.base_url or settings.base_url or ""}) for spec in chosen
    )


def build_request(goal: str, models: tuple[ModelSpec, ...]) -> NightRequest:
    """From a goal's words or a plan file. UserError for an empty goal or a malformed plan, with line or field."""
    from nightforge.cli.plan_file import read_plan
    from nightforge.domain.words import TeamKind
    from nightforge.errors import UserError
    from workflows.contract import NightRequest

    team = TeamKind.LLM if models else TeamKind.OFFLINE
    text = sys.stdin.read() if goal == "-" else goal
    if goal.endswith(PLAN_SUFFIXES):
        plan = read_plan(Path(goal))
        return NightRequest(goal=plan.goal, plan=plan, team=team, models=models)
    if not text.strip():
        raise UserError("the goal is empty", where="run", hint='say it in words, as "fast softmax over one long row"')
    return NightRequest(goal=text.strip(), team=team, models=models)
