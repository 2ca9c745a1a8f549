"""Each documented exit code but 1 by a fault of ours, from the real program."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Protocol

import pytest


class Ended(Protocol):
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]: ...


class Program(Protocol):
    home: Path

    def with_environment(self, **more: str) -> Program: ...
    def start(self, *arguments: str) -> subprocess.Popen[str]: ...
    def run(self, *arguments: str) -> Ended: ...


TOY = Path(__file__).resolve().parents[2] / "toy_domain" / "nightforge_toy" / "tasks" / "toy-peak"
RUN = ("run", "climb the hill to its peak", "--task", "toy-peak")


def explained(ended: Ended) -> bool:
    """what, where, hint; no traceback."""
    return bool(re.search(r"^error: .+\n(?:.*\n)*?  hint: .+", ended.err, re.M)) and "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "x", "--bogus"),
        ("run", "x", "--evaluations", "many", "--yes"),
        ("run", "x", "--patience", "0", "--yes"),
        ("run", "x", "--minutes", "nan", "--yes"),
        ("run", "x", "--minutes", "-1", "--yes"),
        ("run", "  ", "--yes"),
        ("run", "no-such-plan.json", "--yes"),
        ("run", "x", "--price-in", "1", "--yes"),
        ("frobnicate",),
        ("show",),
        ("eval", "no-such-file.c", "--task", "toy-peak"),
    ],
    ids=" ".join,
)
def test_2_usage(program: Program, arguments: tuple[str, ...]) -> None:
    ended = program.run(*arguments)
    assert ended.code == 2
    assert explained(ended)
    assert not (program.home / "nightforge.db").exists()


def test_2_nobody_to_ask_names_the_flag(program: Program) -> None:
    ended = program.run(*RUN)
    assert ended.code == 2
    assert "--yes" in ended.err


@pytest.mark.box
def test_2_a_goal_that_matches_nothing_lists_what_there_is(program: Program) -> None:
    ended = program.run("run", "paint my house green", "--yes")
    assert ended.code == 2
    assert explained(ended)
    assert "softmax-long" in ended.err


def test_2_a_malformed_task_names_file_and_line(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(TOY, folder)
    (folder / "task.toml").write_text('name = "broken"\ntitle = \n')
    ended = program.run("tasks", str(folder))
    assert ended.code == 2
    assert f"{folder}/task.toml" in ended.err
    assert "line 2" in ended.err


def test_2_a_task_with_a_wrong_field_names_it(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(TOY, folder)
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(text.replace('direction = "max"', 'direction = "up"'))
    ended = program.run("tasks", str(folder))
    assert ended.code == 2
    assert "objectives.0.direction" in ended.err


def test_2_a_broken_setting_names_its_place(program: Program) -> None:
    ended = program.with_environment(NIGHTFORGE_IN_FLIGHT="many").run("config", "show")
    assert ended.code == 2
    assert "NIGHTFORGE_IN_FLIGHT" in ended.err


@pytest.mark.box
def test_2_a_model_without_a_price(program: Program) -> None:
    named = program.with_environment(NIGHTFORGE_API_KEY="sk-secret-key")
    ended = named.run(*RUN, "--yes", "--model", "nobody-knows-me", "--base-url", "http://127.0.0.1:9/v1")
    assert ended.code == 2
    assert "price" in ended.err
    assert "sk-secret-key" not in ended.err + ended.out


@pytest.mark.box
def test_3_no_improvement_where_one_is_required(program: Program) -> None:
    ended = program.run(*RUN, "--yes", "--evaluations", "1", "--require-improvement", "--json")
    assert ended.code == 3
    assert ended.records[-1]["exit_code"] == 3
    assert ended.records[-1]["improved"] is False


@pytest.mark.box
def test_4_a_rehearsal_that_fails(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "gullible"
    shutil.copytree(TOY, folder)
    (folder / "bad.txt").write_text("X = 4\nY = 4\n")
    ended = program.run("run", "climb the hill to its peak", "--task", str(folder), "--evaluations", "3", "--yes")
    assert ended.code == 4
    assert "bad.txt" in ended.err
    assert explained(ended)


@pytest.mark.parametrize("flag", ["--evaluations", "--minutes", "--hours", "--max-usd", "--max-tokens"])
def test_5_a_budget_of_zero(program: Program, flag: str) -> None:
    ended = program.run(*RUN, "--yes", flag, "0")
    assert ended.code == 5
    assert explained(ended)
    assert flag in ended.err


def test_6_a_foreign_package_under_our_name(program: Program, tmp_path: Path) -> None:
    (tmp_path / "shared" / "agents").mkdir(parents=True)
    (tmp_path / "shared" / "agents" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    shared = program.with_environment(PYTHONPATH=str(tmp_path / "shared"))
    ended = shared.run("list")
    assert ended.code == 6
    assert "'agents' is not Nightforge's" in ended.err
    assert explained(ended)
    examined = shared.run("doctor")
    assert examined.code == 6
    assert "package agents" in examined.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("tasks", "no-such-task"),
        ("show", "nobody"),
        ("report",),
        ("resume",),
        ("watch", "nobody"),
        ("eval", "x", "--task", "no-such-task"),
    ],
    ids=" ".join,
)
def test_7_not_found(program: Program, arguments: tuple[str, ...]) -> None:
    (program.home.parent / "x").write_text("X = 1\nY = 1\n")
    ended = program.run(*arguments)
    assert ended.code == 7
    assert explained(ended)


def test_1_a_damaged_database(program: Program) -> None:
    program.home.mkdir()
    (program.home / "nightforge.db").write_bytes(b"no database " * 500)
    ended = program.run("list")
    assert ended.code == 1
    assert explained(ended)
    assert "nightforge.db" in ended.err


def test_1_a_home_that_cannot_be_made(program: Program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    ended = program.with_environment(NIGHTFORGE_HOME=str(tmp_path / "file" / "home")).run(*RUN, "--yes")
    assert ended.code == 1
    assert explained(ended)
    assert "NIGHTFORGE_HOME" in ended.err


def wait_for(process: subprocess.Popen[str], words: str) -> list[str]:
    """Read stderr until a line holds `words`."""
    assert process.stderr is not None
    lines = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        lines.append(line)
        if words in line:
            return lines
        if not line:
            break
    raise AssertionError("".join(lines))


@pytest.mark.box
def test_130_one_interrupt_drains_and_resume_finishes(program: Program) -> None:
    slow = program.with_environment(TOY_SECONDS="0.3")
    process = slow.start(*RUN, "--yes", "--evaluations", "40")
    wait_for(process, "best is .0")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "draining" in err
    found = re.search(r"nightforge resume (\S+)", err)
    assert found is not None
    state = program.run("show", found[1], "--json").records[0]
    assert (state["state"], state["reason"]) == ("paused", "interrupted")
    ended = program.run("resume", "--json")
    assert ended.code == 0, ended.err
    done = ended.records[-1]
    assert (done["campaign_id"], done["state"]) == (found[1], "finished")
    tally = done["tally"]
    assert isinstance(tally, dict)
    assert tally["evaluations"] == 40


@pytest.mark.box
def test_130_two_interrupts_stop_now(program: Program) -> None:
    slow = program.with_environment(TOY_SECONDS="3")
    process = slow.start(*RUN, "--yes", "--evaluations", "50")
    wait_for(process, "rehearsing")
    process.send_signal(signal.SIGINT)
    wait_for(process, "draining")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 12
    assert "nightforge resume" in err


@pytest.mark.box
def test_a_stop_from_another_process_ends_a_campaign(program: Program) -> None:
    slow = program.with_environment(TOY_SECONDS="0.3")
    process = slow.start(*RUN, "--yes", "--evaluations", "500", "--json")
    wait_for(process, "best is .0")
    asked = program.run("stop", "--json")
    assert (asked.code, asked.records[0]["posted"]) == (0, True)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert '"reason": "stopped"' in out
    for word in ("stop", "pause"):
        again = program.run(word, "--json")
        assert (again.code, again.records[0]["kind"], again.records[0]["posted"]) == (0, word, False)
        assert "is not running: finished" in program.run(word).out
