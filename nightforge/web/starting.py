"""Processes of ours that the server may start; they outlive it, and obey the database from then on."""

from __future__ import annotations

from nightforge.domain.words import SandboxTier
from nightforge.settings import Settings
from sandbox import open_sandbox
from sandbox.detached import own_command, start_detached


class ProcessStarter:
    """Starts `nightforge watch` and `nightforge prepare`; both write to the campaign's log."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tier: SandboxTier | None = None

    def tier(self) -> SandboxTier:
        """What candidates will run in. Its canary is asked once; SandboxUnavailable says how to mend it."""
        if self._tier is None:
            asked = self._settings
            sandbox = open_sandbox(
                tier=asked.sandbox,
                docker_image=asked.docker_image,
                docker_gpus=asked.docker_gpus,
                unsafe_local=asked.unsafe_local,
            )
            self._tier = sandbox.tier
        return self._tier

    def watch(self, campaign_id: str, *, afresh: bool) -> str:
        words = ["watch", campaign_id, *(["--afresh"] if afresh else [])]
        return self._start(f"nightforge-{campaign_id}", words, campaign_id)

    def prepare(self, campaign_id: str) -> str:
        return self._start(f"nightforge-prepare-{campaign_id}", ["prepare", campaign_id, "--quiet"], campaign_id)

    def _start(self, unit: str, words: list[str], campaign_id: str) -> str:
        flags = ["--unsafe-local"] if self._settings.unsafe_local else []
        return start_detached(unit, own_command(*words, *flags), self._settings.logs_dir / f"{campaign_id}.log")
