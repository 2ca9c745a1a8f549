"""A report as Markdown that is safe to open anywhere: nothing that a candidate wrote can become markup."""

from __future__ import annotations

from nightforge.report.model import Block, Bullets, Code, Paragraph, Picture, Report, Table
from nightforge.report.plot_parts import stand_alone
from nightforge.report.text import clean, fence, markdown_cell, markdown_line


def to_markdown(report: Report, *, pictures: str = "") -> str:
    """`pictures` is how the names of its pictures' files begin (`picture_files`); empty: they are not shown."""
    lines = [f"# Campaign {markdown_cell(report.campaign_id)}", "", f"**{markdown_cell(report.headline)}**", ""]
    for warning in report.warnings:
        lines += [f"> ⚠ {markdown_cell(warning)}", ""]
    lines += [f"Goal: {markdown_cell(report.goal)}", ""]
    for section in report.sections:
        lines += [f"## {markdown_cell(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block, pictures), ""]
    return "\n".join(lines).rstrip() + "\n"


def _block(block: Block, pictures: str) -> list[str]:
    match block:
        case Paragraph():
            return [markdown_line(block.text)]
        case Bullets():
            return [_bullet(item) for item in block.items]
        case Code():
            text = clean(block.text)
            marks = fence(text)
            return [f"{marks}{block.language}", *text.splitlines(), marks]
        case Table():
            return _table(block)
        case Picture():
            words = markdown_line(block.text)
            lines = [f"**{markdown_line(block.title)}**", ""] if block.title else []
            lines.append(f"![{words}]({_file(pictures, block)})" if pictures else words)
            return [*lines, "", *_table(block.twin)] if block.twin is not None else lines


def picture_files(report: Report, pictures: str) -> dict[str, str]:
    """File name → SVG of every picture of the report."""
    blocks = (block for section in report.sections for block in section.blocks)
    return {_file(pictures, block): stand_alone(block.svg) for block in blocks if isinstance(block, Picture)}


def _file(pictures: str, picture: Picture) -> str:
    return f"{pictures}-{picture.name}.svg"


def _bullet(item: str) -> str:
    """A leading double space makes a bullet of the second level."""
    indent = "  " if item.startswith("  ") else ""
    return f"{indent}- {markdown_line(item)}"


def _table(table: Table) -> list[str]:
    heads = [markdown_cell(column.title) for column in table.columns]
    rules = ["---:" if column.right else "---" for column in table.columns]
    rows = [[markdown_cell(cell) for cell in row] for row in table.rows]
    return [_row(heads), _row(rules), *map(_row, rows)]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
