"""The looks of a running campaign go through an index, so that they cost the same at any size."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import Executable

from nightforge.store import (
    evidence_rows,
    ledger,
    open_store,
    queries_calls,
    queries_candidates,
    queries_control,
    repository_calls,
    repository_control,
)

LOOKS = {
    "unfinished": (queries_candidates._UNFINISHED, "ix_candidate_unfinished (campaign_key=? AND finished_us=?)"),
    "recent": (queries_candidates._RECENT, "PRIMARY KEY"),
    "next ordinal": (queries_candidates._LAST, "PRIMARY KEY"),
    "ranked": (queries_candidates._RANKED, "ix_candidate_rank (campaign_key=? AND state=? AND score_low>?)"),
    "standing": (queries_candidates._STANDING, "ix_candidate_rank (campaign_key=? AND state=? AND score_low>?)"),
    "firsts of equals": (queries_candidates._FIRSTS, "ix_candidate_rank (campaign_key=? AND state=? AND score_low>?)"),
    "parents": (queries_candidates._PARENTS, "ix_candidate_rank (campaign_key=? AND state=? AND score_low>?)"),
    "owner": (queries_candidates._OWNER, "PRIMARY KEY (campaign_key=? AND code_sha=?)"),
    "best": (ledger._TOP, "ix_candidate_rank (campaign_key=? AND state=? AND score_low>?)"),
    "stages": (evidence_rows._STAGES, "PRIMARY KEY (campaign_key=? AND ordinal=?)"),
    "evaluations": (evidence_rows._EVALUATIONS, "PRIMARY KEY (campaign_key=? AND ordinal=?)"),
    "answered": (queries_calls._ANSWERED, "ix_call_key"),
    "in flight": (repository_calls._IN_FLIGHT, "ix_call_sent"),
    "earlier calls": (repository_calls._EARLIER, "ix_call_key"),
    "events": (queries_control._AFTER, "PRIMARY KEY (campaign_key=? AND sequence>?)"),
    "commands": (repository_control._WAITING_LOOK, "ix_command_waiting"),
}


@pytest.mark.parametrize("name", LOOKS)
async def test_uses_its_index_and_sorts_nothing(name: str, url: str, clock: Any) -> None:
    statement, index = LOOKS[name]
    store = open_store(url, clock=clock)
    with store._look() as connection:
        plan = explain(connection, statement)
    await store.close()
    assert any(index in step for step in plan), plan
    assert not [step for step in plan if "SCAN" in step and "ROW" not in step], plan
    if name not in {"answered", "in flight"}:  # sorted by number, but few by key
        assert not [step for step in plan if "TEMP B-TREE" in step], plan


def explain(connection: Connection, statement: Executable) -> list[str]:
    """The plan of the statement as it really reaches SQLite."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((sql, parameters))

    values: dict[str, Any] = {
        "chosen": [(1, 0, 0), (2, 0, 0)],
        "ordinals": [1, 2],
        "digest": b"x",
        "stands": "measured",
    }
    binds = statement.compile(dialect=sqlite.dialect()).binds  # type: ignore[attr-defined]
    event.listen(connection, "before_cursor_execute", note)
    connection.execute(statement, {name: values.get(name, 1) for name, bind in binds.items() if bind.required})
    event.remove(connection, "before_cursor_execute", note)
    sql, parameters = sent[-1]  # the first is BEGIN
    return [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]
