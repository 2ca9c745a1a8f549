"""Looks of the campaign, candidate and lineage pages: bounded in rows, each through an index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, literal_column, select, union_all

from nightforge.domain.candidate import Event
from nightforge.domain.listing import Dot, NewBest, Relative, SlotLoad
from nightforge.domain.words import CandidateState
from nightforge.store.base import StoreBase, to_datetime
from nightforge.store.candidate_rows import unpack_parents
from nightforge.store.dialects import in_chunks
from nightforge.store.engine import SQLITE
from nightforge.store.queries_control import to_event
from nightforge.store.schema import IS_NEWS, candidate, evaluation, event, stage, tally

NEWS = (
    "analysis.without_model",
    "calls.lost",
    "campaign.created",
    "campaign.plan",
    "campaign.state",
    "candidate.best",
    "candidate.cheat",
    "candidate.confirmation",
    "candidate.confirmed",
    "candidate.cut_short",
    "candidate.given_up",
    "candidate.marked",
    "command.posted",
    "confirmation.duel",
    "control.hint",
    "control.hint_withdrawn",
    "control.note",
    "control.passed_over",
    "control.started",
    "evaluation.again",
    "evaluation.void",
    "evaluator.changed",
    "models.back",
    "models.gone",
    "planner.decision",
    "watch.gave_up",
    "watch.restarted",
)
"""Kinds of events that a person is told of, in the order of their names."""
MOST_DEEP = 400
"""Generations that a family is followed back."""

_OF_CAMPAIGN = candidate.c.campaign_key == bindparam("key")
_NEXT_EVENT = select(tally.c.next_event).where(tally.c.campaign_key == bindparam("key"))
_LAST = select(func.max(candidate.c.ordinal)).where(_OF_CAMPAIGN)
_DOTS = (
    select(candidate.c.ordinal, candidate.c.state, candidate.c.score, candidate.c.created_us)
    .where(_OF_CAMPAIGN, candidate.c.ordinal.in_(bindparam("ordinals", expanding=True)))
    .order_by(candidate.c.ordinal)
)
_RELATIVE = (
    candidate.c.ordinal,
    candidate.c.state,
    candidate.c.parents,
    candidate.c.operator_name,
    candidate.c.note,
    candidate.c.score,
    candidate.c.score_low,
    candidate.c.children,
    candidate.c.starred,
    candidate.c.discarded,
)
_RELATIVES = select(*_RELATIVE).where(_OF_CAMPAIGN, candidate.c.ordinal.in_(bindparam("ordinals", expanding=True)))
_SEQUENCE = event.alias("told").c.sequence


def _told(kind: str) -> Select[tuple[int]]:
    """Numbers of the newest events of a kind. The numbers alone: for whole rows SQLite walks the primary key."""
    told = _SEQUENCE.table
    return (
        select(_SEQUENCE)
        .where(told.c.campaign_key == bindparam("key"), told.c.kind == literal_column(f"'{kind}'"), IS_NEWS)
        .order_by(_SEQUENCE.desc())
        .limit(bindparam("most"))
    )


_BESTS = (
    select(event.c.at_us, event.c.ordinal, event.c.payload)
    .where(event.c.campaign_key == bindparam("key"), event.c.sequence.in_(_told("candidate.best")))
    .order_by(event.c.sequence.desc())
)
_NEWEST = union_all(*(select(_told(kind).subquery()) for kind in NEWS)).subquery()
_NUMBERS = select(_NEWEST.c.sequence).order_by(_NEWEST.c.sequence.desc()).limit(bindparam("most"))
"""The newest of each kind first: kinds that come often must not be read through for those that are rare."""
_NEWS = (
    select(event)
    .where(event.c.campaign_key == bindparam("key"), event.c.sequence.in_(_NUMBERS))
    .order_by(event.c.sequence.desc())
)
_METRICS = (
    select(stage.c.ordinal, stage.c.metrics)
    .where(
        stage.c.campaign_key == bindparam("key"),
        stage.c.ordinal.in_(bindparam("ordinals", expanding=True)),
        stage.c.confirming == 0,
        stage.c.metrics.is_not(None),
    )
    .order_by(stage.c.ordinal, stage.c.attempt, stage.c.position)
)
_ENDED = select(evaluation.c.ordinal, evaluation.c.attempt, evaluation.c.saved_us).where(
    evaluation.c.campaign_key == bindparam("key"),
    evaluation.c.ordinal > bindparam("past"),
    evaluation.c.confirming == 0,
    evaluation.c.taken_from.is_(None),
)
_DURATIONS = (
    select(stage.c.ordinal, stage.c.attempt, func.sum(stage.c.duration_s).label("busy_s"))
    .where(stage.c.campaign_key == bindparam("key"), stage.c.ordinal > bindparam("past"), stage.c.confirming == 0)
    .group_by(stage.c.ordinal, stage.c.attempt)
)


class PageReads(StoreBase):
    def dots(self, campaign_id: str, *, most: int) -> Sequence[Dot]:
        """Up to `most` candidates spread evenly over all, the newest among them; every one where there are no more."""
        key = self._key(campaign_id)
        with self._look() as connection:
            last = connection.execute(_LAST, {"key": key}).scalar()
            if last is None:
                return ()
            step = last // most + 1
            chosen = list(range(last, -1, -step))[::-1]
            rows = [row for some in in_chunks(chosen) for row in _among(connection, _DOTS, key, some)]
        return tuple(
            Dot(row.ordinal, CandidateState(row.state), row.score, to_datetime(row.created_us)) for row in rows
        )

    def bests(self, campaign_id: str, *, limit: int = 500) -> Sequence[NewBest]:
        """When and to whom the best changed, oldest first; the newest `limit` of them."""
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_BESTS, {"key": key, "most": limit}).all()
        found = []
        for row in reversed(rows):
            payload = json.loads(row.payload) if row.payload else {}
            found.append(NewBest(to_datetime(row.at_us), row.ordinal, payload.get("score"), payload.get("score_low")))
        return tuple(found)

    def news(self, campaign_id: str, *, limit: int = 40) -> Sequence[Event]:
        """The newest events of the kinds in `NEWS`, newest first."""
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_NEWS, {"key": key, "most": limit}).all()
        return tuple(to_event(campaign_id, row) for row in rows)

    def last_event(self, campaign_id: str) -> int:
        """Number of the newest event; -1 where there is none."""
        key = self._key(campaign_id)
        with self._look() as connection:
            upcoming = connection.execute(_NEXT_EVENT, {"key": key}).scalar_one()
        return int(upcoming) - 1

    def metrics_of(self, campaign_id: str, ordinals: Sequence[int]) -> Mapping[int, Mapping[str, float]]:
        """What the search measured of each, values alone; those that no stage measured are left out."""
        key = self._key(campaign_id)
        found: dict[int, dict[str, float]] = {}
        with self._look() as connection:
            for some in in_chunks(ordinals):
                for row in _among(connection, _METRICS, key, some):
                    values = found.setdefault(row.ordinal, {})
                    values.update((name, one["value"]) for name, one in json.loads(row.metrics).items())
        return found

    def slot_load(self, campaign_id: str, *, candidates: int = 64) -> SlotLoad | None:
        """Over evaluations of the newest candidates that ran; None with fewer than two of them."""
        key = self._key(campaign_id)
        with self._look() as connection:
            last = connection.execute(_LAST, {"key": key}).scalar()
            if last is None:
                return None
            named = {"key": key, "past": last - candidates}
            ended = sorted((row.saved_us, row.ordinal, row.attempt) for row in connection.execute(_ENDED, named))
            lasted = {(row.ordinal, row.attempt): row.busy_s for row in connection.execute(_DURATIONS, named)}
        if len(ended) < 2:
            return None
        busy = sum(lasted.get((ordinal, attempt), 0.0) for _, ordinal, attempt in ended[1:])
        return SlotLoad(len(ended) - 1, busy, (ended[-1][0] - ended[0][0]) / 1e6)

    def relatives(self, campaign_id: str, ordinals: Iterable[int]) -> Mapping[int, Relative]:
        """Those of them that there are."""
        key = self._key(campaign_id)
        with self._look() as connection:
            return _relatives(connection, key, sorted(set(ordinals)))

    def ancestry(self, campaign_id: str, ordinals: Iterable[int], *, most: int = 2000) -> Mapping[int, Relative]:
        """The candidates named and their first parents, back to the seed, in as many looks as there are generations."""
        key = self._key(campaign_id)
        found: dict[int, Relative] = {}
        wanted = set(ordinals)
        with self._look() as connection:
            for _ in range(MOST_DEEP):
                if not wanted or len(found) >= most:
                    break
                found.update(_relatives(connection, key, sorted(wanted)))
                wanted = {found[one].parents[0] for one in wanted if one in found and found[one].parents} - found.keys()
        return found

    def children_of(self, campaign_id: str, ordinal: int, *, limit: int = 100) -> Sequence[Relative]:
        """Those made from it (not those that it was only shown beside the parent of), oldest first."""
        key = self._key(campaign_id)
        with self._look() as connection:
            alone = candidate.c.parents == str(int(ordinal))
            rows: list[Any] = []
            for like, order in ((alone, ()), (_begins(connection, f"{int(ordinal)},"), (candidate.c.parents,))):
                # Numbers first: for whole rows SQLite may walk the primary key in order.
                numbers = select(candidate.c.ordinal).where(_OF_CAMPAIGN, like).order_by(*order, candidate.c.ordinal)
                chosen = candidate.c.ordinal.in_(numbers.limit(limit).correlate(None))
                rows += connection.execute(select(*_RELATIVE).where(_OF_CAMPAIGN, chosen), {"key": key}).all()
        return tuple(sorted(map(_relative, rows), key=lambda one: one.ordinal)[:limit])


def _begins(connection: Connection, prefix: str) -> Any:
    """Digits and a comma, which may stand in the statement itself: there PostgreSQL sees that the index fits."""
    if connection.dialect.name == SQLITE:
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return (candidate.c.parents >= prefix) & (candidate.c.parents < after)
    return candidate.c.parents.like(literal_column(f"'{prefix}%%'"))


def _among(connection: Connection, statement: Any, key: int, ordinals: Sequence[int]) -> Sequence[Any]:
    return connection.execute(statement, {"key": key, "ordinals": ordinals}).all()


def _relatives(connection: Connection, key: int, ordinals: Sequence[int]) -> dict[int, Relative]:
    rows = [row for some in in_chunks(ordinals) for row in _among(connection, _RELATIVES, key, some)]
    return {row.ordinal: _relative(row) for row in rows}


def _relative(row: Any) -> Relative:
    return Relative(
        ordinal=row.ordinal,
        state=CandidateState(row.state),
        parents=unpack_parents(row.parents),
        operator_name=row.operator_name,
        note=row.note,
        score=row.score,
        score_low=row.score_low,
        children=row.children,
        starred=bool(row.starred),
        discarded=bool(row.discarded),
    )
