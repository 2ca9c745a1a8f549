"""`minimise` and `report --html` as programs."""

from __future__ import annotations

import json
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
    home: Path

    def run(self, *arguments: str) -> Ended: ...


class Finished(Protocol):
    program: Program
    campaign_id: str


def test_a_winner_is_minimised_and_the_report_says_so(program: Program) -> None:
    ended = program.run("run", "climb the hill", "--evaluations", "12", "--offline", "--yes", "--json")
    assert ended.code == 0, ended.err
    done = ended.records[-1]
    campaign_id = str(done["campaign_id"])
    shown = program.run("show", campaign_id, "--json").records[0]
    ranked = shown["ranked"]
    assert isinstance(ranked, list)
    best = next(one for one in ranked if one["state"] == "confirmed" and one["ordinal"] != 0)
    ref = f"{campaign_id}.{best['ordinal']}"

    first = program.run("minimise", ref, "--measurements", "1", "--json")
    assert first.code == 0, first.err
    second = program.run("minimise", ref, "--json")
    (record,) = second.records
    assert (record["kind"], record["ended"]) == ("minimisation", "done")
    hunks = record["hunks"]
    assert isinstance(hunks, list)
    assert all(hunk["fate"] in {"kept", "dropped"} for hunk in hunks)
    told = program.run("minimise", ref)
    assert told.code == 0
    assert f"{len(hunks)} hunk" in told.out

    page = program.home / "night.html"
    assert program.run("report", campaign_id, "--html", str(page)).code == 0
    assert f"What of {ref} is needed" in page.read_text()
    assert program.run("report", campaign_id, "--html", "-").out.startswith("<!doctype html>")


def test_the_end_of_a_campaign_leaves_all_three_kinds(finished: Finished) -> None:
    folder = finished.program.home / "reports"
    names = {path.name for path in folder.iterdir()}
    assert {f"{finished.campaign_id}.{kind}" for kind in ("html", "md", "json")} <= names
    report = json.loads((folder / f"{finished.campaign_id}.json").read_text())
    assert report["campaign_id"] == finished.campaign_id


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("minimise", "{id}"), 2, "ID.NUMBER"),
        (("minimise", "{id}.0"), 2, "only a confirmed candidate"),
        (("minimise", "{id}.9999"), 7, ""),
        (("report", "{id}", "--html", "/proc/none/x.html"), 2, "--html"),
    ],
)
def test_what_cannot_be_done_is_said(finished: Finished, arguments: tuple[str, ...], code: int, words: str) -> None:
    ended = finished.program.run(*(word.format(id=finished.campaign_id) for word in arguments))
    assert ended.code == code
    assert words in ended.err
