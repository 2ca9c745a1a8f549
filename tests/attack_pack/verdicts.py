"""Bare control against tier: held, broken, or invalid because nothing was proved."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from attack_pack.findings import Finding
from attack_pack.manifest import Attack
from attack_pack.observe import BARE, LOCK_VARIABLE
from nightforge.domain.words import SandboxTier
from sandbox.probe import probe_tiers

REPOSITORY = Path(__file__).parent.parent.parent
# The repository may lie below /tmp, which is covered: it is held open and mounted again (-c: not by its name).
_THROW_AWAY = (
    'exec 9< "$1"; mount -t tmpfs -o size=768m,nr_inodes=60000,mode=1777 bare /tmp || exit 97; '
    "mount -t tmpfs -o size=64m,mode=1777 bare /dev/shm; mount -t tmpfs -o size=16m,mode=1777 bare /var/tmp; "
    'test -d "$1" || { mkdir -p "$1" && mount -c --bind /proc/self/fd/9 "$1"; }; '
    'ip link set lo up 2>/dev/null; cd "$1"; shift; exec "$@"'
)


class Word(StrEnum):
    HELD = "held"
    BROKE = "BROKE"
    INVALID = "INVALID"


class Verdict(BaseModel):
    """One cell of the table. INVALID: the control did not succeed, or the attack did not run in the tier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attack: str
    tier: str
    word: Word
    why: str


def decide(control: Finding | None, finding: Finding | None, *, attack: str, tier: str) -> Verdict:
    """A verdict needs a control that worked and an attempt that was made."""

    def verdict(word: Word, why: str) -> Verdict:
        return Verdict(attack=attack, tier=tier, word=word, why=why)

    if finding is not None and finding.worked:
        return verdict(Word.BROKE, finding.detail)
    if control is None or not control.ran:
        return verdict(Word.INVALID, f"the control did not run: {control.detail if control else 'no finding'}")
    if not control.worked:
        return verdict(Word.INVALID, f"the control did not succeed: {control.detail}")
    if finding is None or not finding.ran:
        return verdict(Word.INVALID, f"it did not run: {finding.detail if finding else 'no finding'}")
    return verdict(Word.HELD, finding.detail)


def watch(tier: str, attacks: Sequence[Attack]) -> Iterator[Finding]:
    """Findings of one platform, in order, as they come. `bare` runs in a throw-away host."""
    line = [sys.executable, "-m", "attack_pack.observe", tier, *(attack.name for attack in attacks)]
    if tier == BARE:
        line = [*_isolated(), "/bin/sh", "-c", _THROW_AWAY, "sh", str(REPOSITORY), *line]
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'tests'}"}
    environment[LOCK_VARIABLE] = str(_LOCK)
    with subprocess.Popen(line, stdout=subprocess.PIPE, env=environment, cwd=REPOSITORY, pass_fds=(_LOCK,)) as process:
        assert process.stdout is not None
        for row in process.stdout:
            yield Finding.model_validate_json(row)


def _open_lock() -> int:
    """A file that observers lock while they look at what the machine has once."""
    with tempfile.TemporaryFile(prefix="nf-pack-") as file:
        return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 10)  # `_THROW_AWAY` takes 9


_LOCK = _open_lock()


def _isolated() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    kinds = ["--pid", "--mount", "--net", "--ipc", "--uts", "--fork", "--mount-proc", "--kill-child"]
    return ["/usr/bin/unshare", *user, *kinds, "--"]


def working_tiers() -> list[str]:
    """The real tiers whose canary passes here, strongest first."""
    return [
        report.tier.value for report in probe_tiers() if report.works and report.tier is not SandboxTier.UNSAFE_LOCAL
    ]


def run_pack(attacks: Sequence[Attack], tiers: Sequence[str]) -> dict[str, dict[str, Finding]]:
    """Findings of the bare platform and of every tier, by platform and attack, run beside each other.

    What came out INVALID is tried once more, on a machine that the rest of the pack no longer loads. What broke stays.
    """
    found = _passed(attacks, tiers)
    again = [
        attack
        for attack in attacks
        if any(
            decide(found[BARE].get(attack.name), found[tier].get(attack.name), attack=attack.name, tier=tier).word
            is Word.INVALID
            for tier in tiers
        )
    ]
    if again:
        for name, findings in _passed(again, tiers).items():
            worked = {attack for attack, finding in found[name].items() if finding.worked and name != BARE}
            found[name] |= {attack: finding for attack, finding in findings.items() if attack not in worked}
    return found


def _passed(attacks: Sequence[Attack], tiers: Sequence[str]) -> dict[str, dict[str, Finding]]:
    with ThreadPoolExecutor() as threads:
        started = {name: threads.submit(_collected, name, attacks) for name in (BARE, *tiers)}
        return {name: future.result() for name, future in started.items()}


def _collected(tier: str, attacks: Sequence[Attack]) -> dict[str, Finding]:
    return {finding.attack: finding for finding in watch(tier, attacks)}
