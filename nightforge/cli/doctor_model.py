"""`nightforge doctor --model`: what a campaign's rehearsal would find out about each model, before there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nightforge.cli.reading import resolve_settings
from nightforge.doctor import Finding, Level
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.errors import NightforgeError

if TYPE_CHECKING:
    from nightforge.cli.output import Output
    from nightforge.domain.model import ModelProfile
    from nightforge.settings import Settings
    from workflows.agent_bench import Bench

NO_MODEL = "name one with NIGHTFORGE_MODELS or in nightforge.toml"


def examine_models(output: Output, *, max_usd: float) -> Sequence[Finding]:
    """Each model of the settings: price, endpoint, form, context, and one candidate that is built."""
    settings = resolve_settings().settings
    if not settings.models:
        return [Finding(check="models", level=Level.FAIL, found="no model is named", fix=NO_MODEL)]
    findings: list[Finding] = []
    for model in settings.models:
        output.note(f"asking {model.model} ...")
        findings.extend(asyncio.run(_examine(output, settings, model, max_usd)))
    return findings


async def _examine(output: Output, settings: Settings, model: ModelSpec, max_usd: float) -> Sequence[Finding]:
    """An error of ours or of the endpoint is a finding: its hint names the setting."""
    from workflows.agent_bench import keep_profile, open_bench

    check = f"model {model.model}"
    findings: list[Finding] = []
    try:
        async with open_bench(settings, model, Budget(cost_usd=max_usd), output.note) as bench:
            profile, trouble, hint = await bench.probe()
            await keep_profile(settings, profile)
            findings += _describe(check, profile)
            if trouble:
                return [*findings, Finding(check=check, level=Level.FAIL, found=trouble, fix=hint)]
            findings.append(await _deliver(check, bench))
    except NightforgeError as error:
        findings.append(Finding(check=check, level=Level.FAIL, found=str(error), fix=error.hint))
    return findings


async def _deliver(check: str, bench: Bench) -> Finding:
    """One candidate of its own, from the planner's reading to the evaluator."""
    from workflows.agent_bench import GOALS

    trial = await bench.run(GOALS[0], 1)
    said = f"{trial.calls} calls, ${trial.cost_usd:.4f}"
    if trial.compiled or trial.repaired:
        how = "at once" if trial.compiled else "after a repair"
        return Finding(check=check, level=Level.OK, found=f"delivers a candidate that is built, {how} ({said})")
    done = ", ".join(step for step in ("planned", "parsed", "applied") if getattr(trial, step)) or "nothing"
    fix = (
        "raise max_output_tokens of the model"
        if trial.reason == "truncated"
        else "one reply is little to judge by: repeat, or `nightforge bench agents`; else take another model"
    )
    found = f"brought no candidate that could be built: {trial.reason or 'no program'}; reached: {done} ({said})"
    return Finding(check=check, level=Level.FAIL, found=found, fix=fix)


def _describe(check: str, profile: ModelProfile) -> Sequence[Finding]:
    """Form, context, reasoning and price, a line each."""
    kept = "kept to" if profile.structure_held else "not kept to"
    form = Finding(
        check=check,
        level=Level.OK if profile.structure_held else Level.WARN,
        found=f"typed replies by {profile.structure}, {kept}",
        fix="" if profile.structure_held else "planner and judge need it; `--preset solo` uses neither",
    )
    if profile.context_tokens is None:
        fix = "set context_tokens of the model, so that a prompt that is too long is never sent"
        found = f"the server names no context; {profile.context_held:,} bytes of prompt were seen whole"
        context = Finding(check=check, level=Level.INFO, found=found, fix=fix)
    else:
        found = f"context {profile.context_tokens:,} tokens; {profile.context_held:,} bytes of prompt were seen whole"
        context = Finding(check=check, level=Level.OK, found=found)
    share = profile.reasoning_share
    thoughts = "not reported" if share is None else f"{share:.0%} of the output"
    price = profile.cached_input_usd_per_mtok
    cached = "as other input" if price is None else f"${price:g} per million"
    reported = "reported" if profile.reports_cached else "not reported"
    tokens = f"reasoning tokens {thoughts}; cached input {reported}, booked {cached}"
    return [form, context, Finding(check=check, level=Level.INFO, found=tokens)]
