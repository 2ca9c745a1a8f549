"""Errors become words and exit codes in one place, for the terminal and for the tests' runner alike."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from typer.core import TyperGroup

from nightforge.cli.output import Output

if TYPE_CHECKING:
    from typer._click.core import Context

    from nightforge.errors import NightforgeError

INTERRUPTED = 130
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class ErrorBoundary(TyperGroup):
    """The root group: every exception of a command ends here, and every wrong command line."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        for place, argument in enumerate(args, start=1):
            if not is_text(argument):
                raise typer.Exit(report_encoding(place, argument))
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            raise typer.Exit(report_usage(error)) from None

    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except typer.TyperException as error:
            raise typer.Exit(report_usage(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(report_interrupt()) from None
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit(0) from None
        except Exception as error:
            raise typer.Exit(report(error)) from None


def report_interrupt() -> int:
    output = Output.current
    output.alert("interrupted")
    if output.json:
        words = {"what": "interrupted", "where": "", "hint": "what was measured is saved: `nightforge list` shows it"}
        output.record({"kind": "error", "error": words, "exit_code": INTERRUPTED})
    return INTERRUPTED


def report(error: Exception) -> int:
    import sqlite3

    from nightforge.errors import NightforgeError, PlatformFault, StoreFault

    if isinstance(error, sqlite3.OperationalError):  # the checkpoints' file: the store has faults of its own
        hint = "check free space and rights of the folder that `nightforge config path` names, then repeat the command"
        return report_error(StoreFault(f"{error}", where="checkpoints.db, beside the database", hint=hint))
    if isinstance(error, OSError) and error.errno in FULL:
        place = str(error.filename or "standard output, or a file that was being written")
        hint = "free some space, then repeat the command; what was saved before is intact"
        error = PlatformFault(f"nothing more can be written: {error.strerror}", where=place, hint=hint)
    return report_error(error) if isinstance(error, NightforgeError) else report_unexpected(error)


def _forget_stdout() -> None:
    """The reader left: what is still in the buffer has nowhere to go, and the last flush must not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def is_text(argument: str) -> bool:
    """False for bytes that no text has: Python passes them on as lone surrogates."""
    try:
        argument.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def report_encoding(place: int, argument: str) -> int:
    from nightforge.errors import UserError

    shown = argument.encode("utf-8", "replace").decode("utf-8")[:60]
    Output.current.json = "--json" in sys.argv
    hint = "write it as UTF-8 (is the terminal's encoding another one?)"
    return report_error(UserError(f"argument {place} is not UTF-8: {shown}", where="command line", hint=hint))


def report_usage(error: typer.TyperException) -> int:
    """A wrong command line: what is wrong with it, and where its help is. Without arguments: the help itself."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "nightforge"
    output = Output.current
    if type(error).__name__ == "NoArgsIsHelpError":
        output.alert(error.format_message())
        return error.exit_code
    what = error.format_message()
    hint = f"`{command} --help` lists what there is"
    output.alert(f"error: {what}\n  where: {command}\n  hint: {hint}")
    if "--json" in sys.argv:
        output.record({"kind": "error", "error": {"what": what, "where": command, "hint": hint}, "exit_code": 2})
    return error.exit_code


def report_error(error: NightforgeError) -> int:
    """what, where, hint on stderr (one object on stdout with --json); returns the exit code."""
    output = Output.current
    lines = [f"error: {error.what}"]
    if error.where:
        lines.append(f"  where: {error.where}")
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    output.alert("\n".join(lines))
    if output.verbose:
        output.alert("".join(traceback.format_exception(error)))
    if output.json:
        words = {"what": error.what, "where": error.where, "hint": error.hint}
        output.record({"kind": "error", "error": words, "exit_code": error.exit_code})
    return error.exit_code


def report_unexpected(error: Exception) -> int:
    """A fault of ours: a short line, and the traceback in a log file."""
    output = Output.current
    text = "".join(traceback.format_exception(error))
    log = _write_log(text)
    output.alert(f"error: internal fault: {type(error).__name__}: {error}")
    output.alert(f"  where: {log}" if log else "  where: the log could not be written; repeat with -v")
    output.alert("  hint: nothing stored is lost; report it with that log, or repeat with -v to see it here")
    if output.verbose:
        output.alert(text)
    if output.json:
        words = {"what": f"{type(error).__name__}: {error}", "where": str(log or ""), "hint": ""}
        output.record({"kind": "error", "error": words, "exit_code": 1})
    return 1


def _write_log(text: str) -> Path | None:
    """A new file beside the database, or in the temporary folder where that cannot be written."""
    import tempfile

    from nightforge.errors import NightforgeError
    from nightforge.settings import load_settings

    name = f"fault-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    folders = [Path(tempfile.gettempdir())]
    with suppress(NightforgeError):
        folders.insert(0, load_settings().settings.logs_dir)
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return None
