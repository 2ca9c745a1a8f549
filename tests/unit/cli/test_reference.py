"""The reference names every command, every flag and every exit code."""

from __future__ import annotations

import typer
from typer.core import TyperGroup
from typer.main import get_command

from nightforge.cli.main import EPILOG, app
from nightforge.cli.reference import EXIT_CODES, render_reference

COMMANDS = {"run", "resume", "stop", "list", "show", "diff", "report", "eval", "tasks", "doctor", "config"}


def test_every_command_of_the_issue_is_there() -> None:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    assert set(root.commands) >= COMMANDS
    text = render_reference()
    assert all(f"\n## nightforge {name}\n" in text for name in root.commands)


def test_every_flag_is_in_the_reference_and_every_command_has_the_common_ones() -> None:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    text = render_reference()
    leaves = [
        leaf
        for one in root.commands.values()
        for leaf in (one.commands.values() if isinstance(one, TyperGroup) else [one])
        if not leaf.hidden
    ]
    assert len(leaves) > len(root.commands), "groups are looked into"
    for command in leaves:
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert {"--json", "--quiet", "--verbose"} <= flags, command.name
        shown = {flag for one in command.params if not getattr(one, "hidden", False) for flag in one.opts}
        assert all(flag in text for flag in shown if flag.startswith("--"))
        assert command.help
        assert command.get_help(typer.Context(command, info_name=command.name or ""))


def test_the_help_names_every_exit_code() -> None:
    assert [code for code, _ in EXIT_CODES] == [0, 1, 2, 3, 4, 5, 6, 7, 130]
    assert all(f"{code} " in EPILOG for code, _ in EXIT_CODES)


def test_no_line_of_a_list_of_commands_is_cut() -> None:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    groups = [root, *(one for one in root.commands.values() if isinstance(one, TyperGroup))]
    for group in groups:
        assert "..." not in group.get_help(typer.Context(group)).partition("Commands:")[2], group.name
