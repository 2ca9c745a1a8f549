"""What each command prints, after a real campaign of the toy domain."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import IO, Protocol

import pytest

pytestmark = pytest.mark.box


class Ended(Protocol):
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]: ...


class Program(Protocol):
    home: Path

    def with_environment(self, **more: str) -> Program: ...
    def start(self, *arguments: str, stdout: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]: ...
    def run(self, *arguments: str) -> Ended: ...


class Finished(Protocol):
    program: Program
    ended: Ended
    campaign_id: str


def test_run_with_json_gives_a_launch_and_a_done_record(finished: Finished) -> None:
    launch, done = finished.ended.records
    assert (launch["schema_version"], launch["kind"], done["kind"]) == (1, "launch", "done")
    assert (launch["task"], launch["team"], launch["tier"]) == ("toy-peak", "offline", "bubblewrap")
    assert (done["state"], done["exit_code"]) == ("finished", 0)
    assert Path(str(done["report"])).with_suffix(".md").read_text().startswith(f"# Campaign {finished.campaign_id}")


def test_progress_goes_to_stderr(finished: Finished) -> None:
    assert "PLAN" in finished.ended.err
    assert "smallest gain that can be told apart" in finished.ended.err
    assert "best is .0" in finished.ended.err


def test_list(finished: Finished) -> None:
    ended = finished.program.run("list")
    assert ended.code == 0
    assert finished.campaign_id in ended.out
    assert "■ finished" in ended.out
    (record,) = finished.program.run("list", "--json").records
    assert (record["campaign_id"], record["schema_version"]) == (finished.campaign_id, 1)
    best = record["best"]
    assert isinstance(best, dict)
    assert (best["state"], best["objective"], best["metric"]["unit"]) == ("confirmed", "height", "m")
    assert f" {best['metric']['value']:.0f} m ▲ " in ended.out


@pytest.mark.parametrize("command", [("list",), ("report",), ("report", "--md", "-"), ("tasks", "softmax-long")])
def test_a_reader_that_leaves_is_no_fault(finished: Finished, command: tuple[str, ...]) -> None:
    with finished.program.start(*command) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (0, "")


def test_a_person_that_leaves_does_not_end_a_campaign(program: Program) -> None:
    run = ("run", "climb the hill to its peak", "--task", "toy-peak", "--evaluations", "4", "--yes", "--json")
    with program.start(*run) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.close()
        last = process.stdout.readlines()[-1]
    assert process.returncode == 0
    assert json.loads(last)["state"] == "finished"


def test_a_full_disk_behind_stdout_is_said(finished: Finished) -> None:
    with Path("/dev/full").open("w") as full:
        process = finished.program.start("report", "--md", "-", stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith("error: nothing more can be written: No space left on device")
    assert "internal fault" not in err


def test_every_command_that_looks_prints_json_of_one_version(finished: Finished) -> None:
    best = f"{finished.campaign_id}.1"
    looks = [
        ("list",), ("show", finished.campaign_id), ("show", best), ("diff", best, "seed"), ("report",), ("stop",),
        ("tasks",), ("tasks", "axpy"), ("doctor",), ("config", "show"), ("config", "path"),
    ]  # fmt: skip
    for command in looks:
        ended = finished.program.run(*command, "--json")
        assert ended.code == 0, ended.err
        assert ended.records, command
        assert all(record["schema_version"] == 1 and record["kind"] for record in ended.records), command


def test_show_a_campaign_by_prefix(finished: Finished) -> None:
    prefix = finished.campaign_id[:4]
    assert finished.campaign_id in finished.program.run("show", prefix).out
    (record,) = finished.program.run("show", prefix, "--json").records
    ranked = record["ranked"]
    assert isinstance(ranked, list)
    assert len(ranked) > 1


def test_show_a_candidate_and_its_program(finished: Finished) -> None:
    ref = f"{finished.campaign_id}.0"
    text = finished.program.run("show", ref).out
    assert "● measured" in text
    assert "height = 180.0 m [179.5, 180.5]" in text
    code = finished.program.run("show", "--code", ref).out
    assert code.endswith("Y = 5\n")
    (record,) = finished.program.run("show", ref, "--json").records
    assert record["source"] == code


def test_diff_against_parent_seed_number_and_another(finished: Finished) -> None:
    done = finished.ended.records[-1]
    tally = done["tally"]
    assert isinstance(tally, dict)
    ref, seed = f"{finished.campaign_id}.{tally['best_ordinal']}", f"{finished.campaign_id}.0"
    for other in ((), ("parent",), ("seed",), ("0",), (seed,)):
        ended = finished.program.run("diff", ref, *other)
        assert ended.code == 0
        assert ended.out.startswith("--- ")
        assert f"+++ {ref}" in ended.out
    same = finished.program.run("diff", seed, "seed")
    assert (same.code, same.out) == (0, "")
    (record,) = finished.program.run("diff", ref, seed, "--json").records
    assert (record["from"], record["to"]) == (seed, ref)


def test_report_at_the_terminal_in_markdown_and_json(finished: Finished, tmp_path: Path) -> None:
    assert "confirmed" in finished.program.run("report").out
    ended = finished.program.run("report", finished.campaign_id, "--md", str(tmp_path / "deep" / "r.md"))
    assert (ended.code, ended.out) == (0, "")
    text = (tmp_path / "deep" / "r.md").read_text()
    assert "## Why it is believed" in text
    # A file has its pictures beside it; what is printed has their words only.
    printed = finished.program.run("report", "--md", "-").out
    assert printed == re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    (record,) = finished.program.run("report", "--json").records
    assert record["campaign_id"] == finished.campaign_id


def test_a_report_that_cannot_be_written_is_a_usage_error(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert finished.program.run("report", "--md", str(tmp_path / "file" / "r.md")).code == 2


def test_eval_gives_one_object(program: Program, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("X = 29\nY = 17\n")
    (record,) = program.run("eval", str(tmp_path / "good.txt"), "--task", "toy-peak", "--confirm", "--json").records
    assert (record["state"], record["stage"], record["outcome"], record["reason"]) == ("confirmed", "full", "pass", "")
    metrics = record["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["height"]["value"] == 1000.0
    (tmp_path / "bad.txt").write_text("X = 7\nY = 17\n")
    ended = program.run("eval", str(tmp_path / "bad.txt"), "--task", "toy-peak", "--json")
    (record,) = ended.records
    assert (ended.code, record["state"], record["stage"], record["reason"]) == (0, "rejected", "check", "wrong_output")
    assert "multiple of seven" in str(record["feedback"])


def test_eval_counts_each_look_at_hidden_inputs_and_plan_cards_show_them(program: Program, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("X = 29\nY = 17\n")
    evaluate = ("eval", str(tmp_path / "good.txt"), "--task", "toy-peak", "--json")
    assert program.run(*evaluate).code == 0
    assert not (program.home / "nightforge.db").exists()
    for _ in range(2):
        assert program.run(*evaluate, "--confirm").code == 0
    plan = ("run", "climb the hill to its peak", "--task", "toy-peak", "--evaluations", "9", "--plan-only")
    (card,) = program.run(*plan, "--json").records
    assert card["hidden"] == {"campaign": 0, "task": 2, "campaigns": 0, "aside": 2}
    assert "looked at 2 times in this database, 2 of them by `nightforge eval`" in program.run(*plan).out


def test_eval_in_words(program: Program, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("X = 29\nY = 17\n")
    text = program.run("eval", str(tmp_path / "good.txt"), "--task", "toy-peak").out
    assert "● measured" in text
    assert "(measured, not confirmed)" in text


def test_tasks(program: Program) -> None:
    text = program.run("tasks").out
    assert "softmax-long" in text
    assert "toy-peak" in text
    one = program.run("tasks", "toy-peak").out
    assert "rehearsal  bad.txt must be rejected: no numbers at all" in one
    names = [record["name"] for record in program.run("tasks", "--json").records]
    assert "softmax-long" in names


def test_doctor(program: Program) -> None:
    ended = program.run("doctor")
    assert ended.code == 0, ended.out
    assert "sandbox bubblewrap" in ended.out
    (record,) = program.run("doctor", "--json").records
    assert record["ok"] is True
    assert not program.home.exists()


def test_config_tells_values_with_origin_and_no_secret(program: Program) -> None:
    secret = program.with_environment(NIGHTFORGE_API_KEY="sk-secret-key", NIGHTFORGE_IN_FLIGHT="5")
    ended = secret.run("config", "show")
    assert "sk-secret-key" not in ended.out + ended.err
    assert "environment NIGHTFORGE_IN_FLIGHT" in ended.out
    (record,) = secret.run("config", "show", "--json").records
    settings = record["settings"]
    assert isinstance(settings, dict)
    assert settings["api_key"] == {"value": "(set, not shown)", "origin": "environment NIGHTFORGE_API_KEY"}
    assert str(program.home / "config.toml") in program.run("config", "path").out


def test_a_plan_is_shown_written_edited_and_run(program: Program, tmp_path: Path) -> None:
    plan_file = tmp_path / "plan.json"
    goal = ("run", "climb the hill to its peak", "--task", "toy-peak")
    ended = program.run(*goal, "--evaluations", "9", "--plan-only", "--plan-out", str(plan_file), "--json")
    assert ended.code == 0, ended.err
    (card,) = ended.records
    assert card["kind"] == "plan"
    plan = json.loads(plan_file.read_text())
    plan["budget"]["evaluations"] = 4
    plan_file.write_text(json.dumps(plan))
    done = program.run("run", str(plan_file), "--yes", "--json").records[-1]
    tally = done["tally"]
    assert isinstance(tally, dict)
    assert tally["evaluations"] == 4


def test_quiet_says_nothing_but_the_data(program: Program) -> None:
    arguments = ("run", "climb the hill to its peak", "--task", "toy-peak", "--evaluations", "3", "--yes", "-q")
    ended = program.run(*arguments, "--json")
    assert ended.code == 0
    assert [record["kind"] for record in ended.records] == ["launch", "done"]
    assert "PLAN" not in ended.err
    assert "evaluated (" not in ended.err
    assert "measuring" not in ended.err


def test_no_escape_sequence_reaches_a_pipe(finished: Finished) -> None:
    for command in (("list",), ("report",), ("show", finished.campaign_id)):
        assert "\x1b" not in finished.program.run(*command).out


def test_without_a_campaign_nothing_is_made(program: Program) -> None:
    ended = program.run("list")
    assert (ended.code, ended.out) == (0, "")
    assert "no campaign yet" in ended.err
    assert not program.home.exists()
