"""`export` and `replay`: what is stored is found again, and what was changed is not believed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

pytestmark = pytest.mark.box


class Ended(Protocol):
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, object]]: ...


class Program(Protocol):
    @property
    def environment(self) -> dict[str, str]: ...
    def with_environment(self, **more: str) -> Program: ...
    def run(self, *arguments: str) -> Ended: ...


class Finished(Protocol):
    program: Program
    campaign_id: str


def exported(finished: Finished, folder: Path) -> Path:
    ended = finished.program.run("export", f"{finished.campaign_id}.0", str(folder))
    assert ended.code == 0, ended.err
    return folder


def test_a_stored_candidate_agrees(finished: Finished) -> None:
    ended = finished.program.run("replay", f"{finished.campaign_id}.0", "--json")
    assert ended.code == 0, ended.err
    (record,) = ended.records
    assert (record["kind"], record["agrees"], record["differences"]) == ("replay", True, [])


def test_another_seed_is_held_to_the_objective(finished: Finished) -> None:
    """The toy evaluator draws a metric from its seed, which is none of the objectives."""
    ended = finished.program.run("replay", f"{finished.campaign_id}.0", "--seed", "12345")
    assert ended.code == 0, ended.err
    assert "agrees with what is stored" in ended.out


def test_an_exported_folder_agrees_from_anywhere(finished: Finished, tmp_path: Path) -> None:
    folder = exported(finished, tmp_path / "out")
    assert (folder / "artifact.json").is_file()
    ended = finished.program.with_environment(NIGHTFORGE_HOME=str(tmp_path / "elsewhere")).run("replay", str(folder))
    assert ended.code == 0, ended.err
    assert "agrees" in ended.out


def test_the_script_in_the_folder_scores_it_outside_the_database(finished: Finished, tmp_path: Path) -> None:
    folder = exported(finished, tmp_path / "out")
    script = folder / "reproduce"
    environment = {
        **finished.program.environment,
        "NIGHTFORGE_HOME": str(tmp_path / "none"),
        "NIGHTFORGE": str(Path(sys.executable).parent / "nightforge"),
    }
    done = subprocess.run(
        [str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "agrees" in done.stdout
    assert not (tmp_path / "none").exists(), "its database is its own, and gone"


def test_a_patch_for_ones_own_tree(finished: Finished, tmp_path: Path) -> None:
    best = finished.program.run("show", finished.campaign_id, "--json").records[0]["ranked"][0]  # type: ignore[index]
    ref = f"{finished.campaign_id}.{best['ordinal']}"
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    seed = finished.program.run("show", "--code", f"{finished.campaign_id}.0").out
    (tree / "src" / "hill.txt").write_text(seed)
    ended = finished.program.run("export", ref, "--patch", str(tmp_path / "p"), "--file", "src/hill.txt")
    assert ended.code == 0, ended.err
    done = subprocess.run(["git", "apply", str(tmp_path / "p")], cwd=tree, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (tree / "src" / "hill.txt").read_text() == finished.program.run("show", "--code", ref).out
    printed = finished.program.run("export", ref, "--patch", "-", "--file", "src/hill.txt")
    assert printed.out == (tmp_path / "p").read_text()
    for bad in ("/etc/passwd", "../x"):
        assert finished.program.run("export", ref, "--patch", "-", "--file", bad).code == 2
    assert finished.program.run("export", ref).code == 2


def test_a_figure_that_was_touched_up_is_found(finished: Finished, tmp_path: Path) -> None:
    folder = exported(finished, tmp_path / "out")
    path = folder / "artifact.json"
    record = json.loads(path.read_text())
    for stage in record["evidence"]["stages"]:
        if "height" in stage["metrics"]:
            stage["metrics"]["height"] |= {"value": 5000.0, "low": 4999.0, "high": 5001.0}
    path.write_text(json.dumps(record))
    ended = finished.program.run("replay", str(folder))
    assert ended.code == 4
    assert "disagrees" in ended.out
    assert "height" in ended.out
    assert "5000 m" in ended.out


def test_a_program_that_was_changed_is_refused(finished: Finished, tmp_path: Path) -> None:
    folder = exported(finished, tmp_path / "out")
    (program,) = (path for path in folder.iterdir() if path.stem == "program")
    program.write_text(program.read_text() + "\n")
    ended = finished.program.run("replay", str(folder))
    assert ended.code == 2
    assert "not the program that was exported" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("replay", "{id}"), 2, "ID.NUMBER"),
        (("replay", "{id}.9999"), 7, ""),
        (("replay", "./nowhere"), 7, "nightforge export"),
        (("export", "{id}.0", "{file}/x"), 2, "another place"),
    ],
)
def test_what_cannot_be_replayed(
    finished: Finished, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    filled = [word.format(id=finished.campaign_id, file=blocked) for word in arguments]
    ended = finished.program.run(*filled)
    assert ended.code == code
    assert words in ended.err


def test_nothing_is_written_over(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("keep")
    ended = finished.program.run("export", f"{finished.campaign_id}.0", str(tmp_path))
    assert ended.code == 2
    assert "not empty" in ended.err
    assert (tmp_path / "mine").read_text() == "keep"
