"""The section on what limits the best program: its profile, and what the judge makes of it."""

from __future__ import annotations

from nightforge.domain.profile_words import PHRASES, profile_lines
from nightforge.report.data import ReportData
from nightforge.report.model import Block, Bullets, Paragraph, Section, SectionMaker
from nightforge.report.text import clean_line


def make_profile(data: ReportData) -> Section | None:
    """None where the evaluator makes no profiles, or none of the best was made."""
    top, found = data.winner or data.top, data.profile
    if top is None or found is None:
        return None
    blocks: list[Block] = []
    sign = next(iter(found.signs), None)
    if sign is not None:
        words = f"What limits it most, by its profile: {PHRASES[sign.bottleneck]} ({clean_line(sign.words)})."
        blocks.append(Paragraph(text=words))
    if top.verdict is not None and top.verdict.next_step:
        blocks.append(Paragraph(text=f"The judge's next step: {clean_line(top.verdict.next_step)}"))
    blocks.append(Bullets(items=tuple(clean_line(line) for line in profile_lines(found))))
    note = "Counts of a simulator and of a scheduler's model explain a time; they are none, and no score holds them."
    blocks.append(Paragraph(text=note))
    return Section(name="profile", title=f"What limits {top.ref}", blocks=tuple(blocks))


section = SectionMaker(order=46, make=make_profile)
