"""Reads of the search: the archive to go on from, parents by number, shapes and lessons."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from nightforge.domain.archive import Archive, Arm, Lesson, Progress, Resident
from nightforge.domain.candidate import Parent
from nightforge.domain.words import CandidateState
from nightforge.store.base import StoreBase
from nightforge.store.schema import CAN_RANK, arm, call, campaign, candidate, lesson, progress, resident, shape, trial

_RESIDENTS = select(
    resident.c.island, resident.c.ordinal, resident.c.cell, resident.c.score_low, resident.c.objectives
).where(resident.c.campaign_key == bindparam("key"))
_PROGRESS = select(*(column for column in progress.c if column.name != "campaign_key")).where(
    progress.c.campaign_key == bindparam("key")
)
_ARMS = select(*(column for column in arm.c if column.name != "campaign_key")).where(
    arm.c.campaign_key == bindparam("key")
)
_UNTOLD = (
    select(candidate.c.ordinal)
    .where(
        candidate.c.campaign_key == bindparam("key"),
        candidate.c.finished_us.is_not(None),
        ~select(trial.c.ordinal)
        .where(trial.c.campaign_key == candidate.c.campaign_key, trial.c.ordinal == candidate.c.ordinal)
        .exists(),
    )
    .order_by(candidate.c.ordinal)
)
_PARENT_STATES = tuple(state for state in CandidateState if state.may_be_parent)
_PARENTS_AMONG = select(
    candidate.c.ordinal, candidate.c.code_sha, candidate.c.score, candidate.c.score_low, candidate.c.children
).where(
    candidate.c.campaign_key == bindparam("key"),
    candidate.c.ordinal.in_(bindparam("ordinals", expanding=True)),
    candidate.c.state.in_(_PARENT_STATES),
    candidate.c.code_sha.is_not(None),
    CAN_RANK,
)
_SHAPE = select(shape.c.ordinal).where(shape.c.campaign_key == bindparam("key"), shape.c.digest == bindparam("digest"))
_LESSONS = (
    select(lesson.c.task, lesson.c.language, lesson.c.text)
    .join(campaign, campaign.c.campaign_key == lesson.c.campaign_key)
    .where(campaign.c.campaign_id != bindparam("not_of"))
    .order_by(lesson.c.campaign_key.desc(), lesson.c.number)
    .limit(bindparam("most"))
)
_LESSONS_OF_TASK = _LESSONS.where(lesson.c.task == bindparam("named"))
_LESSONS_OF_LANGUAGE = _LESSONS.where(lesson.c.language == bindparam("spoken"), lesson.c.task != bindparam("named"))
_COST = select(func.sum(call.c.cost_usd)).where(
    call.c.campaign_key == bindparam("key"), call.c.ordinal == bindparam("at")
)
_TRIALS = select(func.count()).select_from(trial).where(trial.c.campaign_key == bindparam("key"))


class SearchReads(StoreBase):
    def archive(self, campaign_id: str) -> Archive:
        """Everything that the policy remembers; read once per session."""
        key = {"key": self._key(campaign_id)}
        with self._look() as connection:
            residents = connection.execute(_RESIDENTS, key).all()
            comings_on = connection.execute(_PROGRESS, key).all()
            arms = connection.execute(_ARMS, key).all()
        return Archive(
            residents=[
                Resident(island, ordinal, cell, score_low, tuple(json.loads(objectives)) if objectives else ())
                for island, ordinal, cell, score_low, objectives in residents
            ],
            progress=[Progress(*row) for row in comings_on],
            arms=[Arm(*row) for row in arms],
        )

    def untold(self, campaign_id: str) -> Sequence[int]:
        """Finished candidates whose result was never saved: looked for once per session, since it reads them all."""
        with self._look() as connection:
            return tuple(connection.execute(_UNTOLD, {"key": self._key(campaign_id)}).scalars())

    def trials(self, campaign_id: str) -> int:
        """How many results were saved."""
        with self._look() as connection:
            return int(connection.execute(_TRIALS, {"key": self._key(campaign_id)}).scalar() or 0)

    def parents_among(self, campaign_id: str, ordinals: Sequence[int]) -> Sequence[Parent]:
        """Those of `ordinals` that may be parents now, best first; a discarded or suspicious one never."""
        key = self._key(campaign_id)
        with self._look() as connection:
            rows = connection.execute(_PARENTS_AMONG, {"key": key, "ordinals": list(ordinals)}).all()
        found = [Parent(ordinal, bytes(sha).hex(), score, low, children) for ordinal, sha, score, low, children in rows]
        return tuple(sorted(found, key=lambda one: (-one.score_low, one.ordinal)))

    def cost_of(self, campaign_id: str, ordinal: int) -> float:
        """Dollars of a candidate's model calls, settled or lost."""
        with self._look() as connection:
            cost = connection.execute(_COST, {"key": self._key(campaign_id), "at": ordinal}).scalar()
        return float(cost or 0.0)

    def owner_of_shape(self, campaign_id: str, digest: bytes) -> int | None:
        """The first candidate with this syntax tree."""
        with self._look() as connection:
            owner = connection.execute(_SHAPE, {"key": self._key(campaign_id), "digest": digest}).scalar()
        return None if owner is None else int(owner)

    def lessons(self, campaign_id: str, *, task: str, language: str, limit: int = 6) -> Sequence[Lesson]:
        """What earlier campaigns left on this task, then on other tasks of the language; newest first."""
        named = {"not_of": campaign_id, "named": task}
        with self._look() as connection:
            rows = connection.execute(_LESSONS_OF_TASK, {**named, "most": limit}).all()
            if len(rows) < limit:
                more = {**named, "spoken": language, "most": limit - len(rows)}
                rows = [*rows, *connection.execute(_LESSONS_OF_LANGUAGE, more).all()]
        return tuple(Lesson(*row) for row in rows)
