"""`nightforge top`: what a campaign does right now, at a terminal; plain lines where nobody sits at one."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Group

    from nightforge.domain.candidate import Campaign
    from nightforge.domain.listing import NewBest
    from nightforge.report.facts import CampaignFacts, Cap
    from nightforge.store import SqlStore

LIVE_S, PLAIN_S = 1.0, 10.0
NEWS_SHOWN = 8
BAR = 24
LABEL = 11
STEPS_SHOWN = 8
SPARKS = "▁▂▃▄▅▆▇█"


def top(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Campaign id or prefix; else one that runs, else the newest.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One look, and no more.")] = False,
    every: Annotated[
        float | None, typer.Option("--every", min=0.2, metavar="SECONDS", help="Time between two looks.")
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Follow a campaign: best, baselines, rate, caps, failures, news. It reads only; Ctrl-C leaves it running.

    At a terminal the screen is drawn anew; elsewhere a line a look is printed, until the campaign ends.
    """
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.reading import opened_store, resolve_settings

    settings = resolve_settings().settings
    is_live = sys.stdout.isatty() and not json and not once
    with opened_store(settings.database_url) as store:
        wanted = _pick(store, campaign_id).campaign_id
        pause_s = every or (LIVE_S if is_live else PLAIN_S)
        try:
            if is_live:
                _live(output, store, wanted, pause_s)
            else:
                _plain(output, store, wanted, pause_s, once=once)
        except KeyboardInterrupt:
            output.note(f"{wanted} goes on without this look")


def _pick(store: SqlStore, campaign_id: str | None) -> Campaign:
    from nightforge.cli.reading import pick_campaign
    from nightforge.report.states import standing

    if campaign_id is not None:
        return store.campaign(campaign_id)
    running = (one for one in store.campaigns(limit=50) if standing(store, one)[1])
    return next(running, None) or pick_campaign(store, None)


def _look(store: SqlStore, campaign_id: str) -> CampaignFacts:
    from nightforge.report.facts import campaign_facts
    from nightforge.report.states import standing

    campaign, is_alive = standing(store, store.campaign(campaign_id))
    return campaign_facts(store, campaign, is_alive=is_alive)


def _is_over(facts: CampaignFacts) -> bool:
    """Nothing more will happen of itself."""
    return not facts.is_alive


def _plain(output: Output, store: SqlStore, campaign_id: str, pause_s: float, *, once: bool) -> None:
    while True:
        facts = _look(store, campaign_id)
        if output.json:
            output.record({"kind": "facts", **facts.model_dump(mode="json")})
        else:
            output.text(line_of(facts))
        if once or _is_over(facts):
            return
        time.sleep(pause_s)


def _live(output: Output, store: SqlStore, campaign_id: str, pause_s: float) -> None:
    from rich.live import Live

    console = output.console()
    with Live(console=console, auto_refresh=False, screen=False, transient=False) as live:
        while True:
            facts = _look(store, campaign_id)
            live.update(screen_of(facts, store.bests(campaign_id), _news(store, campaign_id)), refresh=True)
            if _is_over(facts):
                return
            time.sleep(pause_s)


def _news(store: SqlStore, campaign_id: str) -> list[str]:
    """The sentences of the campaign page's log, oldest first."""
    from nightforge.web.event_words import told

    lines = []
    for event in reversed(store.news(campaign_id, limit=NEWS_SHOWN)):
        one = told(event)
        name = f" .{one.ordinal}" if one.ordinal is not None else ""
        text = f": {one.text}" if one.text else ""
        lines.append(f"{one.at.astimezone().strftime('%H:%M:%S')} {one.word}{name}{text}")
    return lines


def line_of(facts: CampaignFacts) -> str:
    """Everything on one line, the same facts as on the screen."""
    from nightforge.report.text import clean_line, duration, money

    parts = [f"{facts.campaign_id} {facts.state.value}", f"best {best_text(facts)}"]
    parts.append(f"{facts.evaluations} evaluated ({facts.evaluations_per_hour:.0f}/h)")
    parts.append(f"{facts.slots_busy} of {facts.slots} slots busy, {facts.in_flight} in flight")
    parts.append(f"{facts.rejected} failed" + (f", {facts.suspicious} suspicious" if facts.suspicious else ""))
    cap = next((one for one in facts.caps if one.name == "cost_usd"), None)
    parts.append(money(facts.cost_usd) + (f" of {money(cap.cap)}" if cap else ""))
    if facts.seconds_left is not None:
        parts.append(f"ends in about {duration(facts.seconds_left)}")
    elif facts.reason:
        parts.append(clean_line(facts.reason))
    return " · ".join(parts)


def best_text(facts: CampaignFacts) -> str:
    from nightforge.report.text import metric_text

    best = facts.best
    if best is None:
        return "none yet"
    name = "the seed" if best.ordinal == 0 else f".{best.ordinal}"
    return f"{name} {metric_text(best.metric)} ({best.state.value})"


def screen_of(facts: CampaignFacts, bests: Sequence[NewBest], news: Sequence[str]) -> Group:
    """A screen of at most 24 lines. What a candidate or a person wrote is plain text in it, never markup."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from nightforge.report.states import CAMPAIGN_SHAPES, reason_words
    from nightforge.report.text import brief, counted, duration, money, number

    reason = f" ({reason_words(facts.reason)})" if facts.reason else ""
    head = Text.assemble(
        (f"{facts.campaign_id} ", "bold"),
        (f"{CAMPAIGN_SHAPES[facts.state]} {facts.state.value}", "bold" if facts.is_alive else ""),
        f"{reason} · {facts.task} · {facts.team} · {duration(facts.active_s)}",
    )
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=LABEL)
    table.add_column(overflow="ellipsis", no_wrap=True)
    against = f"; {facts.reference} {number(facts.reference_value)}" if facts.reference_value is not None else ""
    room = f"; roof {number(facts.room)}" if facts.room is not None else ""
    table.add_row("best", Text(best_text(facts) + against + room, style="bold"))
    if facts.best is not None and facts.best.note:
        table.add_row("", Text(brief(facts.best.note, 100)))
    course = spark(facts, bests)
    if course:
        quiet = f"  {counted(facts.evaluations_since_gain, 'evaluation')} without a better one"
        table.add_row("course", Text(course + quiet))
    busy = f"{facts.slots_busy} of {facts.slots} slots busy, {facts.in_flight} in flight"
    table.add_row("work", Text(f"{facts.evaluations:,} evaluated, {facts.evaluations_per_hour:.0f} / h, {busy}"))
    counts = (
        f"{facts.candidates:,}: {facts.confirmed} confirmed, {facts.rejected} failed, {facts.suspicious} suspicious"
    )
    table.add_row("candidates", Text(counts))
    if facts.failures:
        worst = ", ".join(f"{one.candidates} {brief(one.reason, 30)}" for one in facts.failures)
        table.add_row("why failed", Text(worst + (f", {facts.other_failures} others" if facts.other_failures else "")))
    for cap in facts.caps:
        table.add_row(_cap_name(cap), Text(_cap_text(cap)))
    if not any(cap.name == "cost_usd" for cap in facts.caps):
        table.add_row("spent", Text(money(facts.cost_usd)))
    if facts.seconds_left is not None:
        table.add_row("ends", Text(f"in about {duration(facts.seconds_left)}"))
    lines = [Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in news]
    return Group(head, Text(brief(facts.goal, 120)), Text(), table, Text(), *lines)


def spark(facts: CampaignFacts, bests: Sequence[NewBest]) -> str:
    """The steps of the best so far, one sign each, the newest on the right; more is higher, whatever the direction."""
    scores = [one.score for one in bests if one.score is not None][-STEPS_SHOWN * 4 :]
    if len(scores) < 2:
        return ""
    low, high = min(scores), max(scores)
    span = (high - low) or 1.0
    return "".join(SPARKS[int((score - low) / span * (len(SPARKS) - 1))] for score in scores)


def _cap_name(cap: Cap) -> str:
    return {"wall_s": "time", "cost_usd": "dollars"}.get(cap.name, cap.name)


def _cap_text(cap: Cap) -> str:
    """A bar, the share, and both numbers."""
    from nightforge.report.text import duration, money

    share = min(1.0, cap.share)
    bar = "█" * round(share * BAR) + "░" * (BAR - round(share * BAR))
    if cap.name == "wall_s":
        amounts = f"{duration(cap.done)} of {duration(cap.cap)}"
    elif cap.name == "cost_usd":
        amounts = f"{money(cap.done)} of {money(cap.cap)}"
    else:
        amounts = f"{cap.done:,.0f} of {cap.cap:,.0f}"
    return f"{bar} {cap.share:>4.0%}  {amounts}"
