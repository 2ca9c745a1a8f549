"""`nightforge compare` as a person runs it: table, plot, JSON; killed and gone on with; its mistakes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

TESTS = Path(__file__).parents[2]
pytestmark = pytest.mark.box
POLICIES = "evolve,random,best-of-n,hill-climb,ga,tpe"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTFORGE_", "OPENAI_"))}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(TESTS / "toy_domain"), str(TESTS)]),
        "NIGHTFORGE_HOME": str(tmp_path / "home"),
        "TOY_LOG": str(tmp_path / "evaluations.log"),
        "NO_COLOR": "1",
    }


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "nightforge", "compare", *words, "--offline"]


def compare(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), env=environment, capture_output=True, text=True, timeout=240, check=False)


def last(output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def searches(environment: dict[str, str]) -> list[str]:
    lines = Path(environment["TOY_LOG"]).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("search ")]


def evaluations(document: dict[str, Any]) -> Sequence[int]:
    return [run["evaluations"] for run in document["runs"]]


def test_every_policy_spends_the_same_and_the_result_is_drawn(environment: dict[str, str], tmp_path: Path) -> None:
    done = compare(environment, "toy-peak", "--seeds", "2", "--evaluations", "12", "--policies", POLICIES, "--json")
    assert done.returncode == 0, done.stderr
    document = last(done.stdout)
    assert document["schema_version"] == 1
    assert evaluations(document) == [12] * 12
    assert [standing["policy"] for standing in document["standings"]] == POLICIES.split(",")
    for standing in document["standings"]:
        assert standing["confirmed"]["low"] <= standing["confirmed"]["value"] <= standing["confirmed"]["high"]
        assert (standing["difference"] is None) == (standing["policy"] == "evolve")
    for curve in document["curves"]["evaluations"]:
        assert list(curve["mean"]) == sorted(curve["mean"])
        assert all(
            low <= mean <= high for low, mean, high in zip(curve["low"], curve["mean"], curve["high"], strict=True)
        )
    assert "dollars" not in document["curves"]
    plot = ElementTree.fromstring(Path(document["plot"]).read_text(encoding="utf-8"))
    assert len(plot.findall(".//{http://www.w3.org/2000/svg}polyline")) == 6 * len(document["curves"])
    again = compare(environment, "toy-peak", "--seeds", "2", "--evaluations", "12", "--policies", POLICIES)
    assert again.returncode == 0, again.stderr
    assert "12 evaluations each" in again.stdout
    assert len(searches(environment)) == 12 * 12, "a comparison that is done runs nothing more"


@pytest.mark.slow
def test_the_seeds_differ(environment: dict[str, str]) -> None:
    done = compare(environment, "toy-peak", "--seeds", "4", "--evaluations", "10", "--policies", "random,tpe", "--json")
    courses: dict[str, set[tuple[tuple[int, float], ...]]] = {"random": set(), "tpe": set()}
    for run in last(done.stdout)["runs"]:
        courses[run["cell"]["policy"]].add(tuple((step["evaluations"], step["best"]) for step in run["steps"]))
    assert all(len(different) > 1 for different in courses.values())


@pytest.mark.slow
def test_a_task_whose_files_changed_is_compared_anew(environment: dict[str, str], tmp_path: Path) -> None:
    """What was measured before the change says nothing of the task as it is now."""
    task = tmp_path / "mine"
    shutil.copytree(TESTS / "toy_domain" / "nightforge_toy" / "tasks" / "toy-peak", task)
    words = (str(task), "--seeds", "1", "--evaluations", "4", "--policies", "random", "--json")
    runs = []
    for seed in ("X = 3", "X = 5"):
        path = task / "seed.txt"
        path.write_text(path.read_text(encoding="utf-8").replace("X = 3", seed), encoding="utf-8")
        for _ in range(2):
            done = compare(environment, *words)
            assert done.returncode == 0, done.stderr
            (one,) = last(done.stdout)["runs"]
            runs.append(one["cell"]["campaign_id"])
    assert runs[0] == runs[1] != runs[2] == runs[3]


def test_a_comparison_that_was_killed_goes_on(environment: dict[str, str], tmp_path: Path) -> None:
    slow = {**environment, "TOY_SECONDS": "0.2"}
    words = ("toy-peak", "--seeds", "2", "--evaluations", "10", "--policies", "random,ga")
    process = subprocess.Popen(command(*words), env=slow, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if Path(environment["TOY_LOG"]).exists() and len(searches(environment)) >= 14:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait(30)
    before = len(searches(environment))
    assert 14 <= before < 40, "it was killed in its second campaign"
    done = compare(environment, *words, "--json")
    assert done.returncode == 0, done.stderr
    document = last(done.stdout)
    assert evaluations(document) == [10] * 4
    assert sum(run["cell"]["interrupted"] for run in document["runs"]) == 1
    assert len(searches(environment)) <= 40 + 3, "what was in flight is evaluated again, and nothing else"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("toy-peak", "--policies", "evolve,luck"), 2, "there is no policy 'luck'"),
        (("toy-peak", "--policies", "ga,ga"), 2, "named twice"),
        (("write me a poem",), 2, "No shipped task fits"),
    ],
)
def test_mistakes_cost_nothing(environment: dict[str, str], words: Sequence[str], code: int, says: str) -> None:
    done = compare(environment, *words)
    assert done.returncode == code
    assert says in done.stderr
    assert not Path(environment["TOY_LOG"]).exists()
