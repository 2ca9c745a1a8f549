"""A report as values. Every text in it is plain and may quote a candidate: renderers escape, sections never mark up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from nightforge.domain.base import Frozen
from nightforge.report.data import ReportData


class Paragraph(Frozen):
    kind: Literal["paragraph"] = "paragraph"
    text: str


class Bullets(Frozen):
    kind: Literal["bullets"] = "bullets"
    items: tuple[str, ...]


class Column(Frozen):
    title: str
    right: bool = False
    """Numbers stand right."""
    minor: bool = False
    """Left out first where a terminal is too narrow."""


class Table(Frozen):
    kind: Literal["table"] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


class Code(Frozen):
    kind: Literal["code"] = "code"
    language: str = ""
    text: str


class Picture(Frozen):
    """Written beside a Markdown report as `REPORT-NAME.svg`; where no file is written, `text` stands for it."""

    kind: Literal["picture"] = "picture"
    name: str
    text: str
    svg: str
    """Made by us, every quoted word escaped: pages take it as it is."""
    title: str = ""
    """The finding in one sentence."""
    twin: Table | None = None
    """The same in figures, for those who do not see it; None where the section has them anyway."""


Block = Annotated[Paragraph | Bullets | Table | Code | Picture, Field(discriminator="kind")]


class Section(Frozen):
    name: str
    title: str
    blocks: tuple[Block, ...]


class Figure(Frozen):
    """One of the few numbers that stand above everything else."""

    value: str
    beside: str = ""
    label: str


class Report(Frozen):
    campaign_id: str
    goal: str
    headline: str
    state: str = ""
    """The campaign's, as shape and word."""
    made_at: datetime | None = None
    """When it was put together; a campaign that runs has another one a minute later."""
    figures: tuple[Figure, ...] = ()
    warnings: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()

    def only(self, *names: str) -> Report:
        return self.model_copy(
            update={"sections": tuple(section for section in self.sections if section.name in names)}
        )


@dataclass(frozen=True)
class SectionMaker:
    """What an entry point of `nightforge.report_sections` holds. `make` returns None where there is nothing to say."""

    order: int
    """Place in the report: ours are 10, 20, 30 …"""
    make: Callable[[ReportData], Section | None]
