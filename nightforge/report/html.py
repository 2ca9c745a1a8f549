"""A report as one HTML file that needs nothing else: no script, no request; no candidate's word becomes markup."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from nightforge.report.plot_parts import sheet
from nightforge.report.text import clean, clean_line

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from nightforge.report.model import Report

_KINDS = {"+": "a", "-": "d", "@": "h"}
_CLASSES = {"confirmed": "ok", "measured": "m", "suspicious": "warn", "rejected": "bad"}
_LONG_TABLE = 14
"""Rows beyond which a table is folded on a screen; on paper it is whole."""


def to_html(report: Report) -> str:
    """The whole document."""
    return _environment().get_template("report.html").render(report=report, look=look(), body=render_body(report))


def render_body(report: Report) -> Markup:
    """What stands between header and footer, for a page that has its own; its look is `report.css` and `plots.css`."""
    from markupsafe import Markup

    return Markup(_environment().get_template("body.html").render(report=report))


@cache
def look() -> str:
    """The sheet of the document and of its plots."""
    return (files("nightforge.report") / "report.css").read_text(encoding="utf-8") + sheet()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = str(files("nightforge.report") / "templates")
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(line=clean_line, diff_lines=diff_lines, bullets=bullets, cell_class=cell_class, svg=_svg)
    environment.globals["long_table"] = _LONG_TABLE
    return environment


def diff_lines(text: str) -> list[tuple[str, str]]:
    """(class, line) of a unified diff or of plain code."""
    lines = clean(text).splitlines()
    return [(_KINDS.get(line[:1], "c") if not line.startswith(("+++", "---")) else "h", line) for line in lines]


def bullets(items: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    """Two levels: a leading double space makes an item of the second one."""
    found: list[tuple[str, list[str]]] = []
    for item in items:
        if item.startswith("  ") and found:
            found[-1][1].append(clean_line(item))
        else:
            found.append((clean_line(item), []))
    return found


def cell_class(cell: str) -> str:
    """A state is shape, word and colour: the colour's name, empty for other cells."""
    shape, _, words = cell.partition(" ")
    return _CLASSES.get(words.split(" ")[0], "") if len(shape) == 1 and not shape.isalnum() else ""


def _svg(picture: str) -> Markup:
    from markupsafe import Markup

    return Markup(picture)
