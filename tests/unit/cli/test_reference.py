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
    leaves = [one for name, one in root.commands.items() if name != "config"]
    config = root.commands["config"]
    assert isinstance(config, TyperGroup)
    for command in [*leaves, *config.commands.values()]:
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert {"--json", "--quiet", "--verbose"} <= flags, command.name
        assert all(flag in text for flag in flags if flag.startswith("--"))
        assert command.help
        assert command.get_help(typer.Context(command, info_name=command.name or ""))


def test_the_help_names_every_exit_code() -> None:
    assert [code for code, _ in EXIT_CODES] == [0, 1, 2, 3, 4, 5, 6, 7, 130]
    assert all(f"{code} " in EPILOG for code, _ in EXIT_CODES)
