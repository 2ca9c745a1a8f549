"""The Markdown reference of every command, printed from the commands themselves.

`python -m nightforge.cli.reference` prints it; docs/cli.md is checked against it.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption
from typer.main import get_command

from nightforge.cli.main import app

if TYPE_CHECKING:
    from typer._click.core import Command

EXIT_CODES = (
    (0, "finished: the goal is met or the budget is used as planned; for `eval`, the program got its answer"),
    (1, "a fault of the platform: database, disk, sandbox, endpoint, or one of ours, whose message names a log"),
    (2, "usage or configuration: a bad flag, goal, plan, setting, key, model or price"),
    (3, "no confirmed candidate beats the reference, under `--require-improvement`"),
    (4, "the rehearsal failed: the evaluator cannot be trusted on this machine now"),
    (5, "the budget was refused before anything started"),
    (6, "a prerequisite of the machine is missing: `nightforge doctor` says which"),
    (7, "not found: no such campaign, candidate or task"),
    (130, "interrupted; what was measured is saved, and `nightforge resume` goes on"),
)


def render_reference() -> str:
    root = get_command(app)
    lines = [
        "# Command line",
        "",
        _sentences(root.help),
        "",
        "## Exit codes",
        "",
        "| code | meaning |",
        "| ---: | --- |",
    ]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES]
    assert isinstance(root, TyperGroup)
    for name in root.commands:
        lines += ["", *_command(f"nightforge {name}", root.commands[name])]
    return "\n".join(lines) + "\n"


def _command(path: str, command: Command) -> list[str]:
    if isinstance(command, TyperGroup):
        lines = [f"## {path}", "", _sentences(command.help)]
        for name, inner in command.commands.items():
            lines += ["", *_command(f"{path} {name}", inner)]
        return lines
    arguments = [one for one in command.params if isinstance(one, TyperArgument)]
    options = [one for one in command.params if isinstance(one, TyperOption) and not one.hidden]
    usage = " ".join([path, *(_metavar(one) for one in arguments), "[OPTIONS]"])
    lines = [f"## {path}", "", _sentences(command.help), "", "```sh", usage, "```", "", "| | |", "| --- | --- |"]
    lines += [f"| `{_cell(_metavar(one))}` | {_cell(one.help or '')} |" for one in arguments]
    context = typer.Context(command, info_name=path)
    records = [record for one in options if (record := one.get_help_record(context)) is not None]
    lines += [f"| `{_cell(flags)}` | {_cell(_sentences(text))} |" for flags, text in records]
    return lines


def _metavar(argument: TyperArgument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _sentences(text: str | None) -> str:
    return inspect.cleandoc(text or "").replace("\n", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(render_reference())
