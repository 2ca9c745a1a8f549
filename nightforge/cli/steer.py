"""`hint star discard budget`: words to a campaign, left in its database; a running one obeys within a second."""

from __future__ import annotations

from typing import Annotated

import typer

from nightforge.cli.options import (
    Evaluations,
    Hours,
    JsonFlag,
    MaxTokens,
    MaxUsd,
    Minutes,
    QuietFlag,
    Until,
    VerboseFlag,
)
from nightforge.cli.output import Output

CampaignArgument = Annotated[str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else the newest.")]
CandidateArgument = Annotated[str, typer.Argument(metavar="ID.CAND", help="A candidate.")]
RemoveFlag = Annotated[bool, typer.Option("--remove", help="Take the mark away.")]


def hint(
    campaign_id: Annotated[str, typer.Argument(metavar="ID", help="Campaign id or prefix.")],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to try, in words.")] = "",
    drop: Annotated[int | None, typer.Option("--drop", metavar="N", help="Withdraw hint N instead.")] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Advise the search. Three of four new candidates are made with the hint, one without; `show` compares them."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.reading import opened_store, resolve_settings

    settings = resolve_settings().settings
    owner = settings.person
    with opened_store(settings.database_url) as store:
        campaign = store.campaign(campaign_id)
        named = campaign.campaign_id

        async def write() -> int:
            if drop is not None:
                await store.withdraw_hint(named, drop, owner=owner)
                number = drop
            else:
                number = await store.give_hint(named, text, owner=owner)
            await store.post_command(named, "hint", author=owner)
            return number

        number = asyncio.run(write())
    done = "withdrawn" if drop is not None else "given"
    _say(output, "hint", named, f"{named}: hint {number} is {done}", {"hint": number, "done": done})


def star(
    ref: CandidateArgument,
    remove: RemoveFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Mark a candidate as worth a look; reports and lists show it."""
    _mark(Output.open(json=json, quiet=quiet, verbose=verbose), ref, "star", is_set=not remove)


def discard(
    ref: CandidateArgument,
    remove: RemoveFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Say no to a candidate: it is never a parent, never ranked, never best. --remove takes that back."""
    _mark(Output.open(json=json, quiet=quiet, verbose=verbose), ref, "discard", is_set=not remove)


def _mark(output: Output, ref: str, mark: str, *, is_set: bool) -> None:
    import asyncio

    from nightforge.cli.reading import opened_store, resolve_settings, split_ref
    from nightforge.errors import UserError

    settings = resolve_settings().settings
    campaign_id, ordinal = split_ref(ref)
    if ordinal is None:
        raise UserError("a candidate is meant", where=ref, hint=f"as `nightforge {mark} {ref}.1`")
    if mark == "discard" and ordinal == 0:
        raise UserError("the seed stays: everything comes from it", where=ref, hint="discard another candidate")
    with opened_store(settings.database_url) as store:
        named = store.campaign(campaign_id).campaign_id
        starred = is_set if mark == "star" else None
        discarded = is_set if mark == "discard" else None
        owner = settings.person
        asyncio.run(store.mark_candidate(named, ordinal, starred=starred, discarded=discarded, owner=owner))
    said = {"star": ("starred", "not starred any more"), "discard": ("discarded", "taken back")}[mark][not is_set]
    _say(output, mark, named, f"{named}.{ordinal} is {said}", {"candidate": f"{named}.{ordinal}", "set": is_set})


def budget(
    campaign_id: CampaignArgument = None,
    minutes: Minutes = None,
    hours: Hours = None,
    evaluations: Evaluations = None,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    until: Until = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Change caps while it runs; they count from the campaign's beginning. Without a flag, show them."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.budget import BudgetFlags
    from nightforge.cli.reading import opened_store, pick_campaign, resolve_settings
    from nightforge.cli.watch import read_moment
    from nightforge.report.text import counted, duration, money
    from workflows.steering import recap

    caps = BudgetFlags(minutes, hours, evaluations, max_usd, max_tokens).checked()
    moment = read_moment(until)
    settings = resolve_settings().settings
    with opened_store(settings.database_url) as store:
        campaign = pick_campaign(store, campaign_id)
        if caps.is_bounded or moment is not None:
            asyncio.run(recap(store, campaign, caps, moment, author=settings.person))
            campaign = store.campaign(campaign.campaign_id)
    tally, now = campaign.tally, campaign.plan.budget
    shown = []
    if now.evaluations is not None:
        shown.append(f"{tally.evaluations} of {counted(now.evaluations, 'evaluation')}")
    if now.wall_s is not None:
        shown.append(f"{duration(tally.active_s)} of {duration(now.wall_s)}")
    if now.cost_usd is not None:
        shown.append(f"{money(tally.cost_usd)} of {money(now.cost_usd)}")
    if now.tokens is not None:
        shown.append(f"{tally.tokens_in + tally.tokens_out:,} of {now.tokens:,} tokens")
    ends = [f"until {rule.parameters.get('at')}" for rule in campaign.plan.stop if rule.rule == "until"]
    text = f"{campaign.campaign_id}: " + ("; ".join([*shown, *ends]) or "no cap")
    _say(output, "budget", campaign.campaign_id, text, {"caps": now.model_dump(mode="json")})


def _say(output: Output, kind: str, campaign_id: str, text: str, more: dict[str, object]) -> None:
    if output.json:
        output.record({"kind": kind, "campaign_id": campaign_id, **more})
    else:
        output.text(text)
