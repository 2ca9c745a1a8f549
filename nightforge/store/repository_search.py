"""Writes of the search: what one result changes in the archive, a campaign's lessons."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, delete

from nightforge.domain.archive import ArchiveChange, Arm, Lesson, Progress, Resident
from nightforge.store.base import StoreBase
from nightforge.store.dialects import insert_if_new, put, put_all
from nightforge.store.ledger import Ledger
from nightforge.store.schema import arm, lesson, progress, resident, trial

_LEAVE = delete(resident).where(
    resident.c.campaign_key == bindparam("key"),
    resident.c.island == bindparam("here"),
    resident.c.ordinal == bindparam("at"),
)
_NO_LESSONS = delete(lesson).where(lesson.c.campaign_key == bindparam("key"))


class SearchWrites(StoreBase):
    async def save_trial(self, campaign_id: str, change: ArchiveChange) -> bool:
        """One result's whole effect on the archive, in one transaction.

        False, and nothing is changed, when the candidate's result was saved before.
        """
        heard = change.trial

        def job(ledger: Ledger) -> bool:
            connection, key = ledger.connection, {"campaign_key": ledger.campaign_key}
            if heard is not None:
                new = {"ordinal": heard.ordinal, "island": heard.island, "arm": heard.arm}
                if not insert_if_new(connection, trial, {**key, **new, "reward": heard.reward, "cost": heard.cost}):
                    return False
            for island, ordinal in change.departures:
                connection.execute(_LEAVE, {"key": ledger.campaign_key, "here": island, "at": ordinal})
            put_all(connection, resident, [{**key, **_resident_row(one)} for one in change.arrivals])
            put_all(connection, progress, [{**key, **_progress_row(one)} for one in change.progress])
            put_all(connection, arm, [{**key, **_arm_row(one)} for one in change.arms])
            return True

        return await self._write(campaign_id, job)

    async def save_lessons(self, campaign_id: str, lessons: Sequence[Lesson]) -> None:
        """Those of this campaign, in place of any it left before."""

        def job(ledger: Ledger) -> None:
            ledger.connection.execute(_NO_LESSONS, {"key": ledger.campaign_key})
            for number, one in enumerate(lessons):
                row = {"number": number, "task": one.task, "language": one.language, "text": one.text}
                put(ledger.connection, lesson, {"campaign_key": ledger.campaign_key, **row})

        await self._write(campaign_id, job)


def _resident_row(one: Resident) -> dict[str, object]:
    return {
        "island": one.island,
        "ordinal": one.ordinal,
        "cell": one.cell,
        "score_low": one.score_low,
        "objectives": json.dumps(one.objectives) if one.objectives else "",
    }


def _progress_row(one: Progress) -> dict[str, object]:
    return {
        "island": one.island,
        "told": one.told,
        "best": one.best,
        "signal": one.signal,
        "gain": one.gain,
        "stale": one.stale,
        "moved": one.moved,
    }


def _arm_row(one: Arm) -> dict[str, object]:
    return {
        "model": one.model,
        "operator": one.operator,
        "pulls": one.pulls,
        "wins": one.wins,
        "losses": one.losses,
        "cost": one.cost,
    }
