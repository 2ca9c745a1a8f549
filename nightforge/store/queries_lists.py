"""Candidates as pages list them. A page is found by where the last one ended, so that the millionth costs as the first.

An order by score runs through one state after the other along `ix_candidate_rank`; one by number along the primary key
or `ix_candidate_finished`. What has no index (words, reason, operator) is looked for among a bounded number of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from nightforge.domain.listing import ListQuery, Order, Place, Shown, Stretch
from nightforge.domain.words import CandidateState
from nightforge.store.base import StoreBase
from nightforge.store.candidate_rows import to_candidates
from nightforge.store.schema import CAN_RANK, IS_FINISHED, candidate, mark

LOOKED_AT = 10_000
"""Rows of each state that one page of a narrowed list looks at, at most."""
_STATES = {
    Shown.RANKED: (CandidateState.CONFIRMED, CandidateState.MEASURED),
    Shown.CONFIRMED: (CandidateState.CONFIRMED,),
    Shown.MEASURED: (CandidateState.MEASURED,),
    Shown.SUSPICIOUS: (CandidateState.SUSPICIOUS,),
    Shown.REJECTED: (CandidateState.REJECTED,),
}
_MARKS = {Shown.STARRED: "star", Shown.DISCARDED: "discard"}


@dataclass(frozen=True)
class _Segment:
    """A part of a list that lies together in an index: its condition, and its order."""

    where: tuple[ColumnElement[bool], ...]
    order: tuple[ColumnElement[Any], ...]
    """Of the candidates."""
    marks: tuple[ColumnElement[Any], ...] = ()
    """The same of marks, where the list is one of marks: looked for in their table alone, since there are few of them
    and a join would let SQLite walk through all candidates for the sake of the order."""

    def looked(self, *, by_score: bool) -> Select[Any]:
        """What is looked at, in its order, as numbers (by score with state and score)."""
        if self.marks:
            return select(mark.c.ordinal).where(*self.where).order_by(*self.marks)
        names = (candidate.c.ordinal, candidate.c.state, candidate.c.score_low)
        return select(*(names if by_score else names[:1])).where(*self.where).order_by(*self.order)


class ListReads(StoreBase):
    def stretch(
        self, campaign_id: str, query: ListQuery, *, after: Place | None = None, before: Place | None = None, limit: int
    ) -> Stretch:
        """`limit` candidates after a place, or before one; from the list's beginning without either.

        Raises ValueError for an order by score of a list that has none, and for `ranked` in another order.
        """
        if query.order.by_score and not query.shown.has_rank:
            raise ValueError(f"candidates that are {query.shown} have no rank: order them by number")
        if query.shown is Shown.RANKED and not query.order.by_score:
            raise ValueError("ranked candidates of two states are ordered by score; by number list one state, or all")
        key = self._key(campaign_id)
        backwards = before is not None
        order = query.order.turned if backwards else query.order
        with self._look() as connection:
            search = _Search(connection, key, query, order, limit + 1)
            rows = search.run(before if backwards else after)
            more, rows = len(rows) > limit, rows[:limit]
            found = to_candidates(connection, campaign_id, key, rows[::-1] if backwards else rows)
        onward = _place_of(rows[-1], query) if more else search.stopped_at
        if backwards:
            at_end = _place_of(rows[0], query) if rows else before
            return Stretch(found, at_end, onward, search.stopped_at is not None and not more)
        at_start = _place_of(rows[0], query) if rows and after is not None else None
        return Stretch(found, onward, at_start, search.stopped_at is not None and not more)


class _Search:
    """One walk along the segments of a list, until `most` rows were found or enough were looked at."""

    def __init__(self, connection: Connection, key: int, query: ListQuery, order: Order, most: int) -> None:
        self.connection = connection
        self.key = key
        self.query = query
        self.order = order
        self.most = most
        self.stopped_at: Place | None = None
        """Where a narrowed search gave up; None when it came to the end, or found enough."""

    def run(self, start: Place | None) -> list[Row[Any]]:
        rows: list[Row[Any]] = []
        for segment in _segments(self.key, self.query.shown, self.order, start):
            rows += self._rows(segment, self.most - len(rows))
            if len(rows) >= self.most or self.stopped_at is not None:
                break
        return rows

    def _rows(self, segment: _Segment, most: int) -> list[Row[Any]]:
        """In two steps, numbers first: they are all in the index, so that only what is shown is read as a row."""
        is_narrowed = self.query.is_narrowed
        looked = segment.looked(by_score=self.order.by_score)
        numbers = looked.with_only_columns(looked.selected_columns.ordinal).limit(LOOKED_AT if is_narrowed else most)
        statement = (
            select(candidate)
            .where(
                candidate.c.campaign_key == self.key,
                candidate.c.ordinal.in_(numbers.correlate(None)),
                *_narrowed(self.query),
            )
            .order_by(*segment.order)
            .limit(most)
        )
        rows = list(self.connection.execute(statement).all())
        if is_narrowed and len(rows) < most:
            last = self.connection.execute(looked.offset(LOOKED_AT - 1).limit(1)).first()
            self.stopped_at = None if last is None else _place_of(last, self.query)
        return rows


def _narrowed(query: ListQuery) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if query.operator_name:
        where.append(candidate.c.operator_name == query.operator_name)
    if query.reason:
        where.append(candidate.c.reason == query.reason)
    if query.words:
        wanted = query.words.lower()
        columns = (candidate.c.note, candidate.c.reason, candidate.c.operator_name)
        where.append(or_(*(func.lower(column).contains(wanted, autoescape=True) for column in columns)))
    return where


def _segments(key: int, shown: Shown, order: Order, start: Place | None) -> Sequence[_Segment]:
    if order.by_score:
        return _by_score(key, shown, order, start)
    down = order is Order.NEW
    table = mark if shown in _MARKS else candidate
    where = [table.c.campaign_key == key, *_of_list(shown)]
    if start is not None:
        where.append(table.c.ordinal < start.ordinal if down else table.c.ordinal > start.ordinal)
    along, by_mark = ((each.c.ordinal.desc() if down else each.c.ordinal.asc(),) for each in (candidate, mark))
    return [_Segment(tuple(where), along, by_mark if shown in _MARKS else ())]


def _of_list(shown: Shown) -> list[ColumnElement[bool]]:
    """The states of a list in the order of numbers, in words that let its index be taken."""
    if shown in _MARKS:
        return [mark.c.mark == _MARKS[shown]]
    if shown is Shown.ALL:
        return []
    if shown is Shown.WORKING:
        return [candidate.c.finished_us.is_(None)]
    return [cast("ColumnElement[bool]", IS_FINISHED), candidate.c.state == _STATES[shown][0]]


def _by_score(key: int, shown: Shown, order: Order, start: Place | None) -> Sequence[_Segment]:
    """After a place: what has its very score, then what follows it, then the other states whole."""
    states = _STATES[shown] if order is Order.BEST else _STATES[shown][::-1]
    score, number = candidate.c.score_low, candidate.c.ordinal
    best_first = order is Order.BEST
    along = (score.desc(), number.asc()) if best_first else (score.asc(), number.desc())
    segments = []
    if start is not None:
        if start.state not in states:
            raise ValueError(f"no place in a list of candidates that are {shown}: {start.state}")
        states = states[states.index(start.state) :]
        here = (
            candidate.c.campaign_key == key,
            candidate.c.state == start.state,
            cast("ColumnElement[bool]", CAN_RANK),
        )
        later = number > start.ordinal if best_first else number < start.ordinal
        worse = score < start.score_low if best_first else score > start.score_low
        # Between, not equal: of equal scores SQLite would take the primary key, for the sake of the order by number.
        same = score.between(start.score_low, start.score_low)
        segments = [
            _Segment((*here, same, later), along),
            _Segment((*here, worse), along),
        ]
        states = states[1:]
    for state in states:
        whole = (candidate.c.campaign_key == key, candidate.c.state == state, cast("ColumnElement[bool]", CAN_RANK))
        segments.append(_Segment(whole, along))
    return segments


def _place_of(row: Row[*tuple[Any, ...]], query: ListQuery) -> Place:
    if not query.order.by_score:
        return Place(row.ordinal)
    return Place(row.ordinal, CandidateState(row.state), row.score_low)
