"""Caps from flags: checked before anything starts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nightforge.domain.plan import Budget
from nightforge.errors import BudgetRefused, UserError


@dataclass(frozen=True)
class BudgetFlags:
    minutes: float | None = None
    hours: float | None = None
    evaluations: int | None = None
    max_usd: float | None = None
    max_tokens: int | None = None

    def checked(self, *, offline: bool = False) -> Budget:
        """The budget; BudgetRefused for a cap of zero, UserError for one that is no number or below it.

        Zero dollars are enough for the offline team, and then no cap at all.
        """
        if self.minutes is not None and self.hours is not None:
            raise UserError(
                "--minutes and --hours both cap the wall time", where="--minutes, --hours", hint="give one of them"
            )
        caps = {
            "--minutes": self.minutes,
            "--hours": self.hours,
            "--evaluations": self.evaluations,
            "--max-usd": self.max_usd,
            "--max-tokens": self.max_tokens,
        }
        for flag, value in caps.items():
            if value is None:
                continue
            if not math.isfinite(value) or value < 0:
                raise UserError(f"{value} is no budget", where=flag, hint="give a number above zero")
            if value == 0 and not (offline and flag == "--max-usd"):
                hint = "give an amount above zero, or --offline to spend no money"
                raise BudgetRefused("a budget of zero cannot pay for anything", where=flag, hint=hint)
        wall_s = self.minutes * 60 if self.minutes is not None else None
        if self.hours is not None:
            wall_s = self.hours * 3600
        return Budget(
            evaluations=self.evaluations, wall_s=wall_s, cost_usd=self.max_usd or None, tokens=self.max_tokens
        )
