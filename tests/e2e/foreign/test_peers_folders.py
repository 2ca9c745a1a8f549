"""Peers' folders from `run PATH` to the report: what is found is said, and the number's class stands beside it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from peer_tasks import PEERS

pytestmark = [pytest.mark.box, pytest.mark.timeout(600)]
Nightforge = Callable[..., Any]
OFFLINE = ("--offline", "--yes", "--python", "/usr/bin/python3")


def campaign_of(nightforge: Nightforge) -> dict[str, Any]:
    (record,) = nightforge("list", "--json").records
    found: dict[str, Any] = record
    return found


def test_a_folder_is_recognised_run_and_reported_with_its_class_wherever_its_number_stands(
    nightforge: Nightforge, tmp_path: Path
) -> None:
    ran = nightforge("run", str(PEERS / "curve"), *OFFLINE, "--evaluations", "6")
    assert ran.code == 0, ran.err
    assert "OpenEvolve or SkyDiscover" in ran.err
    assert "its number is foreign" in ran.err
    assert "evidence     foreign" in ran.err
    assert "● measured, foreign" in ran.out
    campaign = campaign_of(nightforge)
    name, best = campaign["campaign_id"], campaign["best"]
    assert best["evidence_class"] == "foreign"
    assert best["state"] == "measured"
    assert best["metric"]["value"] >= 0.4
    assert ", foreign" in nightforge("list").out
    assert "● measured, foreign" in nightforge("show", name).out
    assert "measured (foreign, sandbox" in nightforge("show", best["candidate"]).out
    report = nightforge("report", name).out
    assert "evidence is foreign" in report
    assert "▲ confirmed" not in report
    exported = nightforge("export", best["candidate"], str(tmp_path / "out"), "--json")
    assert exported.records[0]["evidence_class"] == "foreign"
    artifact = json.loads((tmp_path / "out" / "artifact.json").read_text())
    assert artifact["evidence"]["evidence_class"] == "foreign"


def test_feature_dimensions_and_the_budget_of_the_folder_are_the_tasks(nightforge: Nightforge) -> None:
    made = nightforge("run", str(PEERS / "curve"), *OFFLINE, "--plan-only", "--json")
    assert made.code == 0, made.err
    (card,) = made.records
    assert card["task"]["behaviour"] == ["smoothness", "complexity"]
    assert [stage["name"] for stage in card["task"]["stages"]] == ["evaluate_stage1", "evaluate_stage2"]
    assert card["plan"]["budget"]["evaluations"] == 12
    assert card["calibration"]["evidence_class"] == "foreign"
    assert "colour is a feature dimension that the evaluator does not give" in made.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "engine", "metric", "value"),
    [
        ("sums_shinka", "ShinkaEvolve", "combined_score", 12.0),
        ("text_function", "GEPA", "score", 3.0),
        ("rule_class", "LLM4AD", "score", -4.0),
    ],
)
def test_each_contract_gives_its_own_programs_number(
    nightforge: Nightforge, name: str, engine: str, metric: str, value: float
) -> None:
    made = nightforge("run", str(PEERS / name), *OFFLINE, "--evaluations", "3", "--plan-only", "--json")
    assert made.code == 0, made.err
    assert engine in made.err
    (card,) = made.records
    (baseline,) = card["calibration"]["baselines"]
    assert baseline["metrics"][metric]["value"] == value
    assert card["plan"]["objectives"][0]["metric"] == metric


def test_an_evaluator_that_hangs_exits_and_floods_keeps_the_campaign_alive(nightforge: Nightforge) -> None:
    ran = nightforge("run", str(PEERS / "moody"), *OFFLINE, "--evaluations", "16")
    assert ran.code == 0, ran.err
    campaign = campaign_of(nightforge)
    tally = campaign["tally"]
    assert campaign["state"] == "finished"
    assert tally["evaluations"] >= 6
    assert tally["by_state"]["measured"] > 0
    assert tally["by_state"].get("confirmed", 0) == 0
    reasons = set(tally["by_reason"])
    assert {"timeout", "exited", "raised"} & reasons
    assert campaign["best"]["evidence_class"] == "foreign"


@pytest.mark.slow
def test_the_folder_itself_is_never_written(nightforge: Nightforge, tmp_path: Path) -> None:
    place = tmp_path / "curve"
    shutil.copytree(PEERS / "curve", place)
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    assert nightforge("run", str(place), *OFFLINE, "--evaluations", "2").code == 0
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"notes.txt": "nothing"}, "no task.toml"),
        ({"evaluator.py": "def evaluate(program_path):\n    return {}\n"}, "no first program"),
        (
            {
                "evaluator.py": "import no_such_module\n\n\ndef evaluate(p):\n    return {}\n",
                "initial_program.py": "x = 1\n",
            },
            "no_such_module",
        ),
    ],
)
def test_a_folder_that_cannot_be_run_is_named_with_the_mend_and_nothing_is_left(
    nightforge: Nightforge, tmp_path: Path, files: dict[str, str], words: str
) -> None:
    place = tmp_path / "folder"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_text(content, encoding="utf-8")
    said = nightforge("run", str(place), *OFFLINE, "--evaluations", "2")
    assert said.code == 2, said.err
    assert words in said.err
    assert "hint:" in said.err
    assert list((tmp_path / "home").glob("tasks/*")) == []


def test_a_python_that_is_none_is_named(nightforge: Nightforge, tmp_path: Path) -> None:
    said = nightforge("run", str(PEERS / "curve"), "--offline", "--yes", "--python", str(tmp_path / "nowhere"))
    assert said.code == 6
    assert "no such Python" in said.err
    lonely = nightforge("run", "fast softmax over one long row", "--offline", "--yes", "--python", "/usr/bin/python3")
    assert lonely.code == 2
    assert "--python" in lonely.err


def test_a_program_of_ones_own_is_evaluated_against_a_folder(nightforge: Nightforge, tmp_path: Path) -> None:
    (tmp_path / "better.py").write_text("def fit(x):\n    return 0.5 * x * x + 1.0\n", encoding="utf-8")
    said = nightforge("eval", "better.py", "--task", str(PEERS / "curve"), "--json", "--confirm")
    assert said.code == 0, said.err
    (record,) = said.records
    assert record["metrics"]["combined_score"]["value"] == 1.0
    assert (record["state"], record["evidence_class"], record["reason"]) == (
        "measured",
        "foreign",
        "evidence is foreign",
    )


HOLES = {
    "placement": {"hole instance-small", "hole machines", "hole short"},
    "transactions": {"hole claim-zero", "hole claim-negative", "hole short-zero", "hole short-negative"},
    "placement_checked": set[str](),
}


@pytest.mark.parametrize("name", HOLES)
def test_task_check_names_the_holes_of_an_evaluator_and_none_where_there_is_none(
    nightforge: Nightforge, name: str
) -> None:
    """Mutated instance, machines that do not exist, short schedules, a claimed and a negative makespan."""
    said = nightforge("task", "check", str(PEERS / name), "--python", "/usr/bin/python3", "--json")
    (report,) = said.records
    remarks = {one["topic"]: one for one in report["remarks"]}
    assert {topic for topic, one in remarks.items() if one["level"] == "bad"} == HOLES[name]
    assert said.code == (4 if HOLES[name] else 0), said.err
    assert "foreign" in remarks["evidence"]["said"]
    assert "got 1e+09" in remarks["evidence"]["said"]
    assert remarks["the program deleted"]["level"] == "ok"
    assert remarks["noise"]["level"] == "ok"
