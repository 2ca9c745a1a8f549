"""`nightforge top` as a program: plain lines for a pipe, JSON, and nothing that waits for a campaign that is over."""

from __future__ import annotations

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
    def run(self, *arguments: str) -> Ended: ...


class Finished(Protocol):
    program: Program
    campaign_id: str


def test_a_finished_campaign_is_one_line_and_the_end(finished: Finished) -> None:
    ended = finished.program.run("top", finished.campaign_id)
    assert ended.code == 0, ended.err
    (line,) = ended.out.splitlines()
    assert line.startswith(f"{finished.campaign_id} finished · best ")


def test_the_facts_as_json(finished: Finished) -> None:
    ended = finished.program.run("top", "--once", "--json")
    (record,) = ended.records
    assert (record["kind"], record["campaign_id"], record["schema_version"]) == ("facts", finished.campaign_id, 1)
    assert isinstance(record["best"], dict)


def test_an_unknown_campaign_is_not_found(finished: Finished) -> None:
    assert finished.program.run("top", "nobody").code == 7
