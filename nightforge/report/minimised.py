"""The section on the winner without all that it does not need, and what each part of the rest brings."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.evidence import Metric
from nightforge.domain.minimisation import Hunk, Minimisation, Trial
from nightforge.report.data import ReportData
from nightforge.report.model import Block, Bullets, Code, Column, Paragraph, Section, SectionMaker, Table
from nightforge.report.text import clean_line, counted, with_interval

HUNKS_SHOWN = 24
FIRST_LINE = 70


def make_minimised(data: ReportData) -> Section | None:
    """None where no winner was minimised."""
    found = data.minimisation
    if found is None or not found.hunks:
        return None
    blocks: list[Block] = [Paragraph(text=summary(data.campaign.campaign_id, found))]
    kept = found.kept
    if any(hunk.share is not None or hunk.note for hunk in kept):
        rows = tuple(
            (str(hunk.number), share_text(hunk.share), first_line(hunk), clean_line(hunk.note) or "-")
            for hunk in by_share(kept)[:HUNKS_SHOWN]
        )
        columns = (
            Column(title="hunk", right=True),
            Column(title="share of the gain", right=True),
            Column(title="its first new line"),
            Column(title="note"),
        )
        blocks.append(Table(columns=columns, rows=rows))
    if found.dropped:
        items = (f"not needed: {first_line(hunk)} ({why_dropped(found, hunk)})" for hunk in found.dropped[:HUNKS_SHOWN])
        blocks.append(Bullets(items=tuple(items)))
    if data.minimal_diff:
        blocks.append(Code(language="diff", text=data.minimal_diff))
    return Section(
        name="minimised", title=f"What of {data.campaign.campaign_id}.{found.ordinal} is needed", blocks=tuple(blocks)
    )


def summary(campaign_id: str, found: Minimisation) -> str:
    hunks = counted(len(found.hunks), "hunk")
    took = f"It took {counted(found.evaluations, 'measurement')}."
    if not found.ended:
        return f"{hunks}; so far {len(found.dropped)} of them can go. Not finished: {took.lower()}"
    if found.minimal is None:
        return f"{hunks}; not minimised: {clean_line(found.ended)}. {took}"
    if found.minimal == found.ordinal:
        words = (
            f"{hunks}: {clean_line(found.note)}." if found.note else f"{hunks}, and none of them can go without a loss."
        )
    else:
        words = (
            f"{len(found.dropped)} of {hunks} could go: {campaign_id}.{found.minimal} is what is left, confirmed like "
            "any other result."
        )
    shares = (
        " A share is the part of the gain over the seed that is lost without that hunk, all others in place; hunks "
        "that need each other add up to more than the whole."
    )
    end = "" if found.ended == "done" else f" It ended early: {clean_line(found.ended)}."
    return f"{words}{shares if any(hunk.share for hunk in found.kept) else ''}{end} {took}"


def by_share(hunks: Sequence[Hunk]) -> list[Hunk]:
    """What brings most first; what the program fails without before what brings nothing."""
    return sorted(hunks, key=lambda one: (one.share is None and not one.note, -(one.share.value if one.share else 1.0)))


def why_dropped(found: Minimisation, hunk: Hunk) -> str:
    """What was measured when it was left out, in a few words."""
    trial = next((one for one in found.trials if one.verdict == "as-good" and hunk.number in one.left_out), None)
    if trial is None:
        return "as good without it"
    others = len(trial.left_out) - 1
    beside = f" and {counted(others, 'other')}" if others else ""
    return f"as good without it{beside}{_measured(found, trial)}"


def _measured(found: Minimisation, trial: Trial) -> str:
    gain = trial.gain
    if gain is None:
        return ""
    if found.scale == "ratio":
        return f": {with_interval(gain)} times as fast as the winner in the same rounds"
    if gain.value == 0:
        return ": the same number"
    return f": {with_interval(gain)} {gain.unit}".rstrip() + " better"


def share_text(share: Metric | None) -> str:
    """`43 % [38, 49]`."""
    if share is None:
        return "-"
    if share.low is None or share.high is None:
        return f"{_percent(share.value)} %"
    return f"{_percent(share.value)} % [{_percent(share.low)}, {_percent(share.high)}]"


def _percent(share: float) -> str:
    """Whole ones, but a small share is not called none."""
    return f"{100 * share:.0f}" if share == 0 or abs(share) >= 0.01 else f"{100 * share:.1g}"


def first_line(hunk: Hunk) -> str:
    """What a hunk is known by: its first new line that is not blank, or the first that it takes away."""
    lines = hunk.diff.splitlines()
    ordered = [line for line in lines if line.startswith("+")] + [line for line in lines if line.startswith("-")]
    found = next((line for line in ordered if line[1:].strip()), "")
    words = clean_line(found[1:])
    return f"{found[:1]} {words[:FIRST_LINE]}{'…' if len(words) > FIRST_LINE else ''}"


section = SectionMaker(order=48, make=make_minimised)
