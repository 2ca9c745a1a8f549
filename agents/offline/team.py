"""The offline team: the four roles filled by programs. No model, no key, no network."""

from __future__ import annotations

from agents.offline.analyst import OfflineAnalyst
from agents.offline.judge import OfflineJudge
from agents.offline.planner import OfflinePlanner
from nightforge.domain.ports import Clock
from nightforge.domain.team import Analyst, Coder, Judge, Planner
from tools.clock import SystemClock

DISCLOSURE = "No model is used; nothing leaves this machine."


class OfflineTeam:
    """Implements `nightforge.domain.team.Team`; the coder (operators, tuning) is given by the caller."""

    def __init__(self, coder: Coder, *, clock: Clock | None = None) -> None:
        self.planner: Planner = OfflinePlanner(clock or SystemClock())
        self.coder = coder
        self.judge: Judge = OfflineJudge()
        self.analyst: Analyst = OfflineAnalyst()
        self.disclosure = DISCLOSURE
