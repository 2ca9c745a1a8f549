"""A picture with its twin in words: the JSON face has the figures, the page the drawing as well."""

from __future__ import annotations

from markupsafe import Markup
from pydantic import Field

from nightforge.domain.base import Frozen
from nightforge.report.model import Column as Column
from nightforge.report.model import Picture


class Chart(Frozen):
    """`title` states the finding; `svg` is ours, every quoted word in it escaped."""

    name: str
    title: str
    text: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    svg: str = Field(default="", exclude=True)

    @property
    def drawing(self) -> Markup:
        return Markup(self.svg)


def chart_of(picture: Picture) -> Chart:
    """A picture of the report."""
    twin = picture.twin
    return Chart(
        name=picture.name,
        title=picture.title or picture.text,
        text=picture.text,
        columns=twin.columns if twin is not None else (),
        rows=twin.rows if twin is not None else (),
        svg=picture.svg,
    )
