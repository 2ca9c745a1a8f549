"""What the rehearsal of an evaluator found: candidates of known fate, and whether they met it."""

from __future__ import annotations

from nightforge.domain.base import Frozen


class RehearsalCheck(Frozen):
    path: str
    title: str
    expect: str
    outcome: str
    """What the evaluator said: `passed`, `passed, no gain`, or the failing stage and reason."""
    held: bool


class RehearsalReport(Frozen):
    checks: tuple[RehearsalCheck, ...]

    @property
    def held(self) -> bool:
        return all(check.held for check in self.checks)
