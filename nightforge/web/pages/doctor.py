"""`doctor`: what this machine has, what it lacks, how to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from nightforge.doctor import Finding, Level, examine
from nightforge.web.render import PageRouter, View
from nightforge.web.site import SiteDep

router = PageRouter()


KEPT = timedelta(seconds=60)


class DoctorView(View):
    looked_at: datetime
    findings: tuple[Finding, ...]
    failed: int
    warned: int

    @property
    def headline(self) -> str:
        if self.failed:
            return f"{self.failed} thing{'s' if self.failed > 1 else ''} must be mended before a campaign can run"
        if self.warned:
            return f"Campaigns can run here; {self.warned} thing{'s' if self.warned > 1 else ''} could be better"
        return "Everything that a campaign needs is here"


@dataclass
class _Look:
    """The last look at this machine: asking every tool takes a second or two, and little changes meanwhile."""

    lock: Lock = field(default_factory=Lock)
    findings: tuple[Finding, ...] = ()
    at: datetime | None = None

    def take(self, now: datetime, *, anew: bool) -> tuple[tuple[Finding, ...], datetime]:
        with self.lock:  # who asks meanwhile gets the same answer
            if self.at is None or anew or not timedelta(0) <= now - self.at < KEPT:
                self.findings, self.at = tuple(examine()), now
            return self.findings, self.at


_look = _Look()


@router.page("/doctor", template="doctor.html")
def doctor(site: SiteDep, anew: bool = False) -> DoctorView:
    """Every check of `nightforge doctor`: the last look when it is not older than a minute; `anew` looks again."""
    findings, looked_at = _look.take(site.clock.now(), anew=anew)
    return DoctorView(
        looked_at=looked_at,
        findings=findings,
        failed=sum(one.level is Level.FAIL for one in findings),
        warned=sum(one.level is Level.WARN for one in findings),
    )
