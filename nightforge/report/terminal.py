"""A report at a terminal. The console has markup off; what a candidate wrote is cleaned before it is printed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nightforge.report.model import Block, Bullets, Code, Column, Paragraph, Picture, Report, Table
from nightforge.report.text import clean, clean_line

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2
WHOLE_CELL = 28
"""Cells up to this length are never broken."""
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def print_report(report: Report, console: Console) -> None:
    console.print()
    console.print(clean_line(report.headline), style="bold")
    for warning in report.warnings:
        console.print(f"⚠ {clean_line(warning)}", style="bold yellow")
    for section in report.sections:
        console.print()
        console.print(clean_line(section.title), style="bold")
        for block in section.blocks:
            _print_block(block, console)
    console.print()


def _print_block(block: Block, console: Console) -> None:
    match block:
        case Paragraph():
            console.print(clean_line(block.text))
        case Bullets():
            for item in block.items:
                for line in bullet_lines(item, console.width):
                    console.print(line, soft_wrap=True)
        case Code():
            for line in clean(block.text).splitlines():
                style = DIFF_STYLES.get(line[:1]) if block.language == "diff" else None
                console.print(line, style=style, soft_wrap=True)
        case Table():
            _print_table(block, console)
        case Picture():
            # A terminal shows the figures; `--html FILE` and `--md FILE` have the picture.
            if block.title:
                console.print(clean_line(block.title))
            if block.twin is not None:
                _print_table(block.twin, console)


def bullet_lines(item: str, width: int) -> list[str]:
    """With a hanging indent; a leading double space makes a bullet of the second level."""
    indent = "  " if item.startswith("  ") else ""
    return textwrap.wrap(
        clean_line(item),
        width=max(width, 20),
        initial_indent=f"{indent}- ",
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _print_table(table: Table, console: Console) -> None:
    from rich.table import Table as RichTable

    rows = [[clean_line(cell) for cell in row] for row in table.rows]
    widths = [cell_width(column, [row[place] for row in rows]) for place, column in enumerate(table.columns)]
    shown = fitting(table, widths, console.width)
    rich = RichTable(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for place in shown:
        column = table.columns[place]
        whole = widths[place] if widths[place] <= WHOLE_CELL else None
        rich.add_column(
            clean_line(column.title), justify="right" if column.right else "left", overflow="fold", width=whole
        )
    for row in rows:
        rich.add_row(*(row[place] for place in shown))
    console.print(rich)


def cell_width(column: Column, cells: Sequence[str]) -> int:
    """Of the longest cell, or of the longest word of the heading."""
    return max([*map(len, cells), *map(len, column.title.split())], default=1)


def fitting(table: Table, widths: Sequence[int], width: int) -> list[int]:
    """The columns that a terminal of `width` has room for: minor ones go first, from the right."""
    shown = list(range(len(table.columns)))
    minor = [place for place in shown if table.columns[place].minor]
    while minor and sum(min(widths[place], WHOLE_CELL) + GAP for place in shown) > width:
        shown.remove(minor.pop())
    return shown
