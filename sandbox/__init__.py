"""The only place that starts a process."""

from __future__ import annotations

from sandbox.probe import TierReport, open_sandbox, probe_tiers

__all__ = ["TierReport", "open_sandbox", "probe_tiers"]
