"""`doctor`: what this machine has, what it lacks, how to mend it."""

from __future__ import annotations

from nightforge.doctor import Finding, Level, examine
from nightforge.web.render import PageRouter, View
from nightforge.web.site import SiteDep

router = PageRouter()


class DoctorView(View):
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


@router.page("/doctor", template="doctor.html")
def doctor(site: SiteDep) -> DoctorView:
    """Every check of `nightforge doctor`, run now. It takes a second: tools are asked for their versions."""
    findings = tuple(examine())
    return DoctorView(
        findings=findings,
        failed=sum(one.level is Level.FAIL for one in findings),
        warned=sum(one.level is Level.WARN for one in findings),
    )
