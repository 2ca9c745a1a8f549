"""Every error becomes what, where and hint, with its class's exit code; a fault of ours leaves a log."""

from __future__ import annotations

import errno
import json
import sqlite3
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from nightforge import errors
from nightforge.cli.failures import ErrorBoundary
from nightforge.cli.options import JsonFlag, VerboseFlag
from nightforge.cli.output import Output


def failing(error: BaseException) -> typer.Typer:
    app = typer.Typer(cls=ErrorBoundary, rich_markup_mode=None)

    @app.callback()
    def root() -> None:
        pass

    @app.command("go")
    def go(json: JsonFlag = False, verbose: VerboseFlag = False) -> None:
        Output.open(json=json, verbose=verbose)
        raise error

    return app


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTFORGE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.PlatformFault("p"), 1),
        (errors.StoreFault("p"), 1),
        (errors.SandboxFault("p"), 1),
        (errors.EvaluatorFault("p"), 1),
        (errors.ModelFault("p"), 1),
        (errors.UserError("p"), 2),
        (errors.ModelAccessRefused("p"), 2),
        (errors.ImprovementMissing("p"), 3),
        (errors.RehearsalFailed("p"), 4),
        (errors.BudgetRefused("p"), 5),
        (errors.PrerequisiteMissing("p"), 6),
        (errors.SandboxUnavailable("p"), 6),
        (errors.NotFound("p"), 7),
        (KeyboardInterrupt(), 130),
        (RuntimeError("p"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_each_error_ends_with_its_code(error: BaseException, code: int) -> None:
    result = CliRunner().invoke(failing(error), ["go"])
    assert result.exit_code == code
    assert "Traceback" not in result.stderr


def test_what_where_and_hint_go_to_stderr() -> None:
    error = errors.UserError("no number", where="plan.json", hint="write one")
    result = CliRunner().invoke(failing(error), ["go"])
    assert result.stderr == "error: no number\n  where: plan.json\n  hint: write one\n"
    assert result.stdout == ""


def test_verbose_shows_the_traceback() -> None:
    result = CliRunner().invoke(failing(errors.UserError("no number")), ["go", "-v"])
    assert "Traceback" in result.stderr


def test_json_puts_the_error_on_stdout_too() -> None:
    result = CliRunner().invoke(failing(errors.NotFound("gone", where="x", hint="look")), ["go", "--json"])
    record = json.loads(result.stdout)
    assert record == {
        "schema_version": 1,
        "kind": "error",
        "error": {"what": "gone", "where": "x", "hint": "look"},
        "exit_code": 7,
    }


def test_a_fault_of_ours_is_short_and_leaves_its_traceback_in_a_log(tmp_path: Path) -> None:
    result = CliRunner().invoke(failing(ZeroDivisionError("by nought")), ["go"])
    assert result.exit_code == 1
    (log,) = (tmp_path / "home" / "logs").glob("fault-*.log")
    assert "error: internal fault: ZeroDivisionError: by nought" in result.stderr
    assert str(log) in result.stderr
    assert "Traceback" in log.read_text()


def test_a_log_is_left_even_where_the_home_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, where a folder should be")
    result = CliRunner().invoke(failing(ZeroDivisionError("by nought")), ["go"])
    (line,) = [line for line in result.stderr.splitlines() if "where:" in line]
    log = Path(line.partition("where: ")[2])
    assert "by nought" in log.read_text()
    log.unlink()


@pytest.mark.parametrize("arguments", [["go", "--bogus"], ["frobnicate"], ["go", "extra"]])
def test_a_wrong_command_line_says_where_help_is(arguments: list[str]) -> None:
    result = CliRunner().invoke(failing(RuntimeError()), arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "--help` lists what there is" in result.stderr


def test_a_wrong_root_option_is_explained_in_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["nightforge", "--json", "go"])
    result = CliRunner().invoke(failing(RuntimeError()), ["--json", "go"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: No such option: --json")
    assert json.loads(result.stdout)["exit_code"] == 2


def test_a_full_disk_is_no_fault_of_ours(tmp_path: Path) -> None:
    result = CliRunner().invoke(failing(OSError(errno.ENOSPC, "No space left on device", "x.md")), ["go"])
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "error: nothing more can be written: No space left on device\n  where: x.md\n  hint: "
    )
    assert not (tmp_path / "home" / "logs").exists()


def test_a_full_disk_below_the_checkpoints_is_no_fault_of_ours(tmp_path: Path) -> None:
    result = CliRunner().invoke(failing(sqlite3.OperationalError("database or disk is full")), ["go"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: database or disk is full\n  where: checkpoints.db")
    assert "  hint: check free space" in result.stderr
    assert not (tmp_path / "home" / "logs").exists()


def test_an_interrupt_says_so_in_json() -> None:
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["go", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["exit_code"]) == (130, 130)
