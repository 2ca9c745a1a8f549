"""Every way Nightforge can fail, and the exit code that each one ends with.

NightforgeError
 ├ UserError                 bad goal, plan, flag or configuration     exit 2
 │  ├ CampaignBusy           another process runs the campaign         exit 2
 │  ├ NotFound               no such campaign, candidate, task         exit 7
 │  ├ BudgetRefused          a budget that cannot pay for anything     exit 5
 │  └ ModelAccessRefused     wrong key, unknown model or price         exit 2
 ├ RehearsalFailed           the evaluator cannot be trusted today     exit 4
 ├ ImprovementMissing        --require-improvement was not met         exit 3
 ├ PrerequisiteMissing       a tool or a right of this machine         exit 6
 │  └ SandboxUnavailable     no tier passed its canary                 exit 6
 ├ BudgetExhausted           a normal end of spending, not a failure
 └ PlatformFault             our side broke: retried, then paused      exit 1
    ├ StoreFault             database locked, full, unwritable
    ├ SandboxFault           the box (never the candidate) failed
    ├ EvaluatorFault         the trusted side of an evaluator failed
    └ ModelFault             endpoint unreachable, refused, misbehaving

A candidate's failure is none of these: it is data (`nightforge.domain.evidence`).
"""

from __future__ import annotations

from typing import ClassVar


class NightforgeError(Exception):
    """Base of all errors: `what` happened, `where`, and a `hint` on how to mend it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class UserError(NightforgeError):
    exit_code = 2


class CampaignBusy(UserError):
    """A living process holds the campaign: nothing is wrong with either."""


class NotFound(UserError):
    exit_code = 7


class BudgetRefused(UserError):
    exit_code = 5


class ModelAccessRefused(UserError):
    """The endpoint's final no: wrong key, unknown model, exhausted quota, unknown price."""


class RehearsalFailed(NightforgeError):
    exit_code = 4


class ImprovementMissing(NightforgeError):
    exit_code = 3


class PrerequisiteMissing(NightforgeError):
    exit_code = 6


class SandboxUnavailable(PrerequisiteMissing):
    pass


class BudgetExhausted(NightforgeError):
    """A reservation does not fit in what is left; the campaign ends normally."""


class PlatformFault(NightforgeError):
    exit_code = 1


class StoreFault(PlatformFault):
    pass


class SandboxFault(PlatformFault):
    pass


class EvaluatorFault(PlatformFault):
    pass


class ModelFault(PlatformFault):
    """`retryable` tells the client whether another attempt can help."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", retryable: bool = True) -> None:
        super().__init__(what, where=where, hint=hint)
        self.retryable = retryable
