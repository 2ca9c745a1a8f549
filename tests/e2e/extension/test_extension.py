"""A wheel adds a domain, a task and an operator; the core is not touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Nightforge = Callable[..., list[dict[str, object]]]
MINIMAX = "import json\nprint(json.dumps([0.9996949, -0.1656700, 0.0075134]))\n"


def test_the_task_is_listed(nightforge: Nightforge) -> None:
    listed = str(nightforge("tasks"))
    assert "sine-polynomial" in listed
    assert "softmax-long" in listed


def test_without_the_wheel_nothing_of_it_is_there(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("nightforge")), "tasks", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert "softmax-long" in done.stdout
    assert "sine-polynomial" not in done.stdout


@pytest.mark.box
def test_a_better_program_is_measured(nightforge: Nightforge, tmp_path: Path) -> None:
    (tmp_path / "better.py").write_text(MINIMAX, encoding="utf-8")
    (record,) = nightforge("eval", "better.py", "--task", "sine-polynomial")
    metrics = record["metrics"]
    assert isinstance(metrics, dict)
    assert record["outcome"] == "pass"
    assert metrics["max_error"]["unit"] == "ppm"
    assert 50 < metrics["max_error"]["value"] < 1000


@pytest.mark.box
@pytest.mark.parametrize(
    ("program", "stage", "outcome", "reason"),
    [
        ("print('no numbers')", "read", "fail", "wrong_output"),
        ("print('{\"max_error\": 0.0}')", "read", "fail", "wrong_output"),
        ("print('[NaN]')", "read", "fail", "wrong_output"),
        ("while True: pass", "run", "timeout", "timeout"),
        ("raise SystemExit(3)", "run", "fail", "run_error"),
    ],
)
def test_a_bad_program_is_rejected_with_its_reason(
    nightforge: Nightforge, tmp_path: Path, program: str, stage: str, outcome: str, reason: str
) -> None:
    (tmp_path / "bad.py").write_text(program, encoding="utf-8")
    (record,) = nightforge("eval", "bad.py", "--task", "sine-polynomial")
    assert (record["state"], record["stage"], record["outcome"], record["reason"]) == (
        "rejected",
        stage,
        outcome,
        reason,
    )


@pytest.mark.box
def test_a_campaign_of_the_domain_runs_from_goal_to_report(nightforge: Nightforge) -> None:
    """Goal → the wheel's task → the wheel's operator → the wheel's evaluator → confirmation → report."""
    launch, *_, done = nightforge("run", "approximate the sine by a polynomial", "--evaluations", "5", "--yes")
    assert (launch["kind"], launch["task"], launch["tier"]) == ("launch", "sine-polynomial", "bubblewrap")
    assert (done["kind"], done["state"], done["reason"]) == ("done", "finished", "budget:evaluations")
    tally = done["tally"]
    assert isinstance(tally, dict)
    assert tally["evaluations"] == 5
    assert tally["by_state"]["confirmed"] >= 1
    assert Path(str(done["report"])).is_file()
    (report,) = nightforge("report")
    assert report["campaign_id"] == launch["campaign_id"]
    assert "rewrite.nudge-numbers" in str(report)
