"""The plan card: all that a person sees before anything is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nightforge.report.text import clean_line
from workflows.plan_words import card_rows

if TYPE_CHECKING:
    from rich.console import Console

    from workflows.contract import PlanCard


def card_record(card: PlanCard) -> dict[str, object]:
    return {"kind": "plan", **card.model_dump(mode="json", exclude={"task": {"settings"}})}


def print_card(card: PlanCard, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, show_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, text in card_rows(card):
        table.add_row(name, text)
    console.print()
    console.print("PLAN", style="bold")
    console.print(table)
    for warning in card.warnings:
        console.print(f"⚠ {clean_line(warning)}", style="bold yellow")
    console.print()
