"""The conformance suite of the `Sandbox` port: what every tier must show on the machine where it runs.

Shipped with the package: `await check_sandbox(sandbox)` runs it against any implementation. Criteria are judged
from outside the box wherever that is possible (a listener that hears nothing, a process that is gone). Checks
marked `strong` are what the unsafe-local tier cannot hold.
"""

from __future__ import annotations

from sandbox.selfcheck import isolation, limits, results, sessions
from sandbox.selfcheck.framework import Check, CheckResult, all_checks, check_sandbox, run_check

__all__ = [
    "Check",
    "CheckResult",
    "all_checks",
    "check_sandbox",
    "isolation",
    "limits",
    "results",
    "run_check",
    "sessions",
]
