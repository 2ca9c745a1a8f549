"""The section on the winner without all that it does not need, and what each part of the rest brings."""

from __future__ import annotations

from nightforge.domain.evidence import Metric
from nightforge.domain.minimisation import Hunk, Minimisation
from nightforge.report.data import ReportData
from nightforge.report.model import Block, Bullets, Code, Column, Paragraph, Section, SectionMaker, Table
from nightforge.report.text import clean_line, counted

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
            for hunk in sorted(kept, key=lambda one: -(one.share.value if one.share else 0.0))[:HUNKS_SHOWN]
        )
        columns = (
            Column(title="hunk", right=True),
            Column(title="share of the gain", right=True),
            Column(title="its first new line"),
            Column(title="note"),
        )
        blocks.append(Table(columns=columns, rows=rows))
    if found.dropped:
        blocks.append(Bullets(items=tuple(f"not needed: {first_line(hunk)}" for hunk in found.dropped[:HUNKS_SHOWN])))
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
