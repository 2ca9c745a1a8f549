"""Each look of the pages goes through an index that holds what it asks for, and walks through nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from nightforge.domain.listing import ListQuery, Order, Place, Shown
from nightforge.domain.plan import Plan
from nightforge.domain.words import CandidateState, SandboxTier
from nightforge.store import SqlStore, open_store

RANK = "ix_candidate_rank (campaign_key=? AND state=?"
FINISHED = "ix_candidate_finished (campaign_key=? AND state=?"
NUMBERS = "candidate USING PRIMARY KEY (campaign_key=?"
MARKS = "mark USING PRIMARY KEY (campaign_key=?"
WALK = re.compile(r"SEARCH candidate USING PRIMARY KEY \(campaign_key=\?(?: AND ordinal[<>]\?)?\)")
BY_NUMBER = Place(7)
BY_SCORE = Place(7, CandidateState.CONFIRMED, 1.25)

Look = Callable[[SqlStore, str], object]


def list_of(shown: Shown, order: Order, after: Place | None = None, before: Place | None = None, **words: str) -> Look:
    query = ListQuery(shown, order, **words)
    return lambda store, campaign: store.stretch(campaign, query, after=after, before=before, limit=20)


LOOKS: dict[str, tuple[Look, str]] = {
    "ranked": (list_of(Shown.RANKED, Order.BEST), RANK),
    "ranked, on": (list_of(Shown.RANKED, Order.BEST, BY_SCORE), RANK),
    "ranked, back": (list_of(Shown.RANKED, Order.BEST, before=BY_SCORE), RANK),
    "worst first": (list_of(Shown.CONFIRMED, Order.WORST, BY_SCORE), RANK),
    "ranked with words": (list_of(Shown.RANKED, Order.BEST, BY_SCORE, words="unroll"), RANK),
    "rejected": (list_of(Shown.REJECTED, Order.NEW), FINISHED),
    "rejected, on": (list_of(Shown.REJECTED, Order.NEW, BY_NUMBER), FINISHED),
    "rejected, oldest first": (list_of(Shown.REJECTED, Order.OLD, BY_NUMBER), FINISHED),
    "rejected for a reason": (list_of(Shown.REJECTED, Order.NEW, reason="slower"), FINISHED),
    "suspicious": (list_of(Shown.SUSPICIOUS, Order.NEW), FINISHED),
    "working": (list_of(Shown.WORKING, Order.NEW), "ix_candidate_unfinished (campaign_key=? AND finished_us=?"),
    "starred": (list_of(Shown.STARRED, Order.NEW), MARKS),
    "starred with words": (list_of(Shown.STARRED, Order.OLD, words="unroll"), MARKS),
    "discarded, on": (list_of(Shown.DISCARDED, Order.NEW, BY_NUMBER), MARKS),
    "all": (list_of(Shown.ALL, Order.NEW), NUMBERS),
    "all, on": (list_of(Shown.ALL, Order.OLD, BY_NUMBER), "PRIMARY KEY (campaign_key=? AND ordinal>?)"),
    "all by an operator": (list_of(Shown.ALL, Order.NEW, operator_name="tune"), NUMBERS),
    "dots": (lambda store, campaign: store.dots(campaign, most=2), "PRIMARY KEY (campaign_key=? AND ordinal=?)"),
    "bests": (lambda store, campaign: store.bests(campaign), "COVERING INDEX ix_event_news (campaign_key=? AND kind=?"),
    "news": (lambda store, campaign: store.news(campaign), "COVERING INDEX ix_event_news (campaign_key=? AND kind=?"),
    "metrics": (
        lambda store, campaign: store.metrics_of(campaign, [1, 2]),
        "stage USING PRIMARY KEY (campaign_key=? AND",
    ),
    "load": (lambda store, campaign: store.slot_load(campaign), "PRIMARY KEY (campaign_key=? AND ordinal>?)"),
    "ancestry": (lambda store, campaign: store.ancestry(campaign, [3]), "PRIMARY KEY (campaign_key=? AND ordinal=?)"),
    "children": (
        lambda store, campaign: store.children_of(campaign, 0),
        "COVERING INDEX ix_candidate_parents (campaign_key=? AND parents>? AND parents<?)",
    ),
    "children that had no other parent": (
        lambda store, campaign: store.children_of(campaign, 0),
        "COVERING INDEX ix_candidate_parents (campaign_key=? AND parents=?)",
    ),
}
LAST_NUMBER = ("dots", "load")
"""They ask for the largest number, which is one step along the primary key."""
ROWS_OF_A_LIST = {"working", "starred", "starred with words", "discarded, on", "news", "bests", "load", "children"}
"""Few rows by nature, or bounded before: sorting them is no walk."""


@pytest.mark.parametrize("name", LOOKS)
async def test_goes_through_its_index(name: str, url: str, plan: Plan, clock: Any) -> None:
    look, index = LOOKS[name]
    store = open_store(url, clock=clock)
    campaign = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    for ordinal in range(4):
        await store.open_candidate(campaign, ordinal, parents=(0,) if ordinal else ())
    with plans(store) as found:
        look(store, campaign)
    steps = [step for plan_of_one in found for step in plan_of_one]
    await store.close()
    assert any(index in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") and "ROW" not in step and not _is_derived(step)], (
        steps
    )
    if not name.startswith(("all", *LAST_NUMBER)):
        assert not [step for step in steps if WALK.search(step)], "it walks through the campaign's candidates"
    if name not in ROWS_OF_A_LIST:
        sorts = [one for one in found if any("TEMP B-TREE FOR ORDER BY" in step for step in one)]
        assert not [one for one in sorts if not _is_bounded(one)], sorts


def _is_derived(step: str) -> bool:
    """The rows of a subquery that has its own limit, or an IN list."""
    words = step.split()
    return (
        words[1].startswith("(")
        or words[1] in {"anon_1", "anon_2", "anon_3", "SUBQUERY"}
        or words[1].startswith("anon")
    )


def _is_bounded(steps: list[str]) -> bool:
    """A list sorts once, at the end, the rows whose numbers a bounded subquery found without sorting."""
    return any(step.startswith("LIST SUBQUERY") for step in steps) and sum("TEMP B-TREE" in one for one in steps) == 1


@contextmanager
def plans(store: SqlStore) -> Iterator[list[list[str]]]:
    """SQLite's plan of each statement sent meanwhile, as it really reaches the database."""
    sent: list[tuple[str, Any]] = []
    found: list[list[str]] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((sql, parameters))

    event.listen(store._reader, "before_cursor_execute", note)
    yield found
    event.remove(store._reader, "before_cursor_execute", note)
    with store._look() as connection:
        for sql, parameters in sent:
            if sql.startswith(("SELECT", "WITH")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)
                found.append([str(row[3]) for row in rows])
