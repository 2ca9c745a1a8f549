"""`nightforge bench agents`: the measure of our prompts with a model; and the root of all `bench` commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.bench_kernels import kernels
from nightforge.cli.options import BaseUrl, JsonFlag, Models, PriceIn, PriceOut, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nightforge.domain.plan import ModelSpec
    from nightforge.settings import Settings
    from workflows.agent_bench import BenchRow, Trial

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
DEFAULT_FILE = Path("agents-bench.jsonl")
DEFAULT_USD = 2.0


@app.callback()
def bench() -> None:
    """Measure the agents, or the kernel tasks."""


app.command("kernels", short_help="Kernel tasks: seed, best baseline, kept result, ratio, goal.")(kernels)


@app.command("agents", short_help="Twelve fixed goals: what replies of a model come to.")
def agents(
    models: Models = None,
    base_url: BaseUrl = None,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    max_usd: Annotated[float, typer.Option("--max-usd", min=0, help="Cap on dollars, for each model.")] = DEFAULT_USD,
    file: Annotated[Path, typer.Option("--file", help="Rows are added to this file, one JSON object a line.")] = (
        DEFAULT_FILE
    ),
    goals: Annotated[int | None, typer.Option("--goals", min=1, help="Only the first so many goals.")] = None,
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Mark the row: a scripted server answers, no language model.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Twelve fixed goals: replies parsed, applied, compiled, correct, improved; gain per call and per dollar."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.requests import ModelFlags
    from nightforge.errors import UserError

    flags = ModelFlags(names=tuple(models or ()), base_url=base_url, price_in=price_in, price_out=price_out).checked()
    settings, chosen = choose_models(flags)
    if not chosen:
        raise UserError("no model is named", where="--model", hint="name one, or set NIGHTFORGE_MODELS")
    for model in chosen:
        row, trials = asyncio.run(_run(output, settings, model, max_usd=max_usd, most=goals, stand_in=stand_in))
        with file.open("a", encoding="utf-8") as rows:
            rows.write(row.model_dump_json() + "\n")
        if output.json:
            told = [trial.model_dump(mode="json") for trial in trials]
            output.record({"kind": "bench.agents", "row": row.model_dump(mode="json"), "trials": told})
        else:
            output.text(describe(row, trials))
    output.note(f"row added to {file}")


def choose_models(flags: object) -> tuple[Settings, Sequence[ModelSpec]]:
    """Settings and the models of the flags or of the settings."""
    from nightforge.cli.reading import resolve_settings
    from nightforge.cli.requests import ModelFlags

    assert isinstance(flags, ModelFlags)
    settings = resolve_settings({"base_url": flags.base_url}).settings
    return settings, flags.choose(settings)


async def _run(
    output: Output, settings: Settings, model: ModelSpec, *, max_usd: float, most: int | None, stand_in: bool
) -> tuple[BenchRow, Sequence[Trial]]:
    from datetime import UTC, datetime

    from agents.llm_team import host_of
    from nightforge.domain.plan import Budget
    from nightforge.errors import RehearsalFailed
    from workflows.agent_bench import GOALS, keep_profile, open_bench, summarise

    async with open_bench(settings, model, Budget(cost_usd=max_usd), output.note) as bench:
        profile, trouble, hint = await bench.probe()
        if trouble:
            raise RehearsalFailed(trouble, where=model.model, hint=hint)
        trials = []
        for ordinal, goal in enumerate(GOALS[:most], start=1):
            trials.append(await bench.run(goal, ordinal))
            output.note(f"{ordinal} of {len(GOALS[:most])}: {_how_far(trials[-1])}")
        row = summarise(bench, trials, host=host_of(bench.entrant.model), at=datetime.now(UTC), stand_in=stand_in)
    await keep_profile(settings, profile)
    return row, trials


def _how_far(trial: Trial) -> str:
    steps = ("improved", "correct", "compiled", "applied", "parsed", "planned")
    reached = next((step for step in steps if getattr(trial, step)), "nothing")
    misread = "" if trial.planned else f"; the goal was read as {trial.read_as or 'no task'}"
    return f"{trial.task}: {reached}{f' ({trial.reason})' if trial.reason else ''}{misread}"


def describe(row: BenchRow, trials: Sequence[Trial]) -> str:
    prompts = ", ".join(f"{name} {version}" for name, version in row.prompts.items())
    lines = [f"{row.model} at {row.host}{' (stand-in)' if row.stand_in else ''}", f"prompts: {prompts}"]
    lines += [f"  {step:<9} {reached:>3} of {row.goals}" for step, reached in row.counts.items()]
    per_usd = "nothing was paid" if row.gain_per_usd is None else f"{row.gain_per_usd:.3g} per dollar"
    lines.append(
        f"  gain over the seed, summed: {row.gain:.3f}; {row.gain_per_call:.4f} per call ({row.calls} calls); "
        f"{per_usd} (${row.cost_usd:.4f})"
    )
    return "\n".join(lines)
