"""A campaign of 500 candidates of which a third are hostile: is the ranking right, and is anything left behind?

    python -m benchmarks.hostile_campaign [--candidates 500] [--slots 2]

Programs run for real in the sandbox. Counted before and after: descriptors and threads of this process, processes
of the machine that were not there before, mounts, control groups, containers, entries of the temporary folders, and
this process's memory after the first and the last fifth. Exit code 1 when the ranking is wrong or anything is left.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import gc
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "toy_domain")]

from nightforge_toy.boxed import HOSTILE, BoxedHill, height, honest

from agents.offline.team import OfflineTeam
from nightforge.domain.candidate import Candidate
from nightforge.domain.plan import Budget
from nightforge.domain.team import Draft, StepContext
from nightforge.domain.words import CandidateState, OperatorKind
from nightforge.settings import Settings
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import open_night

FOLDERS = (Path("/tmp"), Path("/dev/shm"), Path("/var/tmp"))
LARGEST_GROWTH_MIB = 24
SETTLE_S = 2.0
"""Threads of a closed pool end soon after it, not with it."""


@dataclass(frozen=True)
class Traces:
    """What a leak would add to."""

    descriptors: int
    threads: int
    processes: frozenset[tuple[int, str]]
    mounts: int
    control_groups: frozenset[str]
    folders: frozenset[str]


def traces(home: Path) -> Traces:
    gc.collect()
    time.sleep(SETTLE_S)
    groups = Path("/sys/fs/cgroup")
    return Traces(
        descriptors=_entries("/proc/self/fd"),
        threads=_entries("/proc/self/task"),
        processes=frozenset(_descendants()),
        mounts=len(Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()),
        control_groups=frozenset(str(path) for path in groups.rglob("*nightforge*") if path.is_dir()),
        folders=frozenset(
            str(path)
            for folder in FOLDERS
            if folder.is_dir()
            for path in folder.iterdir()
            if path != home and ("nf-" in path.name or "nightforge-box" in path.name) and not _is_held(path)
        ),
    )


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _is_held(path: Path) -> bool:
    """Whether a living process holds the staging folder's lock: other campaigns may run on this machine."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return not path.exists()
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False


def _descendants() -> Sequence[tuple[int, str]]:
    """Processes below this one; boxes end with their supervisor, so that what stays is below it or is nowhere."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "status").read_text(encoding="utf-8")
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        parents[int(entry.name)] = (int(fields["PPid"]), fields["Name"])
    found = []
    for pid, (parent, name) in parents.items():
        while parent > 1 and parent != os.getpid() and parent in parents:
            parent = parents[parent][0]
        if parent == os.getpid():
            found.append((pid, name))
    return found


def memory_mib() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class EveryThirdIsHostile:
    """Honest programs at points that no other has, hostile ones of each kind in turn."""

    def __init__(self, noted: Callable[[int], None]) -> None:
        self._noted = noted
        points = [(x, y) for x in range(41) for y in range(41)]
        Random(7).shuffle(points)
        self._points = points
        self._kinds = list(HOSTILE)

    def kind_of(self, ordinal: int) -> str | None:
        return self._kinds[ordinal // 3 % len(self._kinds)] if ordinal % 3 == 0 else None

    def point_of(self, ordinal: int) -> tuple[int, int]:
        return self._points[ordinal % len(self._points)]

    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft:
        self._noted(context.ordinal)
        kind = self.kind_of(context.ordinal)
        tail = f"candidate {context.ordinal}"
        source = honest(*self.point_of(context.ordinal), tail) if kind is None else f"# {tail}\n{HOSTILE[kind]}"
        return Draft(source=source, operator=OperatorKind.FULL, operator_name=f"hostile.{kind or 'honest'}")

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft:
        raise AssertionError("nothing is repaired here")


def wrong(candidates: Sequence[Candidate], ranked: Sequence[Candidate], coder: EveryThirdIsHostile) -> list[str]:
    """What is not as it must be: every honest program measured at its own height, best first, no other one."""
    complaints = []
    for one in candidates[1:]:
        kind = coder.kind_of(one.ordinal)
        if kind is not None and (one.state is not CandidateState.REJECTED or one.score is not None):
            complaints.append(f"{one.ordinal} ({kind}) is {one.state} with score {one.score}")
        if kind is None and one.score != height(*coder.point_of(one.ordinal)):
            complaints.append(f"{one.ordinal} has score {one.score}, not {height(*coder.point_of(one.ordinal))}")
    measured = [one for one in ranked if one.state is CandidateState.MEASURED]
    best_first = sorted(measured, key=lambda one: (-(one.score_low or 0), one.ordinal))
    if [one.ordinal for one in measured] != [one.ordinal for one in best_first]:
        complaints.append("the ranking is not by score")
    confirmed = [one for one in ranked if one.state is CandidateState.CONFIRMED]
    best = sorted((one.score_low for one in ranked if one.score_low is not None), reverse=True)[: len(confirmed)]
    if not confirmed or [one.score_low for one in confirmed] != best:
        complaints.append("the confirmed ones are not the best")
    if {parent for one in candidates for parent in one.parents if parent and coder.kind_of(parent)}:
        complaints.append("a hostile program became a parent")
    return complaints


async def hostile_campaign(home: Path, candidates: int, slots: int) -> tuple[Counter[str], list[str], list[float]]:
    """Fates by kind, what is wrong, memory after the first fifth and at the end."""
    memory: list[float] = []
    marks = {candidates // 5, candidates}
    coder = EveryThirdIsHostile(lambda ordinal: memory.append(memory_mib()) if ordinal in marks else None)
    settings = Settings(home=home, database_url=f"sqlite:///{home / 'nightforge.db'}")
    request = NightRequest(
        task="toy-peak",
        goal="climb the hill to its peak",
        budget=Budget(evaluations=candidates + 1),
        repairs=0,
        evaluation_slots=slots,
    )
    async with open_night(settings, stop=StopSwitch()) as night:
        night.house.evaluators = {"toy": BoxedHill}
        night.house.make_team = lambda *_: OfflineTeam(coder)
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval), card
        done = await night.approve()
        assert isinstance(done, Done), done
        store = night.store
        rows = [store.candidate(done.campaign_id, at) for at in range(store.next_ordinal(done.campaign_id))]
        complaints = wrong(rows, store.ranked(done.campaign_id, limit=len(rows)), coder)
        if store.tally(done.campaign_id).evaluations != candidates + 1:
            complaints.append(f"{store.tally(done.campaign_id).evaluations} evaluations, not {candidates + 1}")
    fates = Counter(f"{coder.kind_of(one.ordinal) or 'honest'}: {one.reason or one.state}" for one in rows[1:])
    return fates, complaints, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=500)
    parser.add_argument("--slots", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        asyncio.run(hostile_campaign(home / "warm-up", 6, options.slots))
        before, started = traces(home), time.monotonic()
        fates, complaints, memory = asyncio.run(hostile_campaign(home / "campaign", options.candidates, options.slots))
        took_s = time.monotonic() - started
        after = traces(home)
    for fate, count in sorted(fates.items()):
        print(f"  {count:4d}  {fate}")
    growth = memory[-1] - memory[0]
    print(f"{options.candidates} candidates, {options.slots} slots, {took_s:.0f} s")
    print(f"descriptors {before.descriptors} -> {after.descriptors}, threads {before.threads} -> {after.threads}")
    print(f"mounts {before.mounts} -> {after.mounts}, memory {memory[0]:.0f} -> {memory[-1]:.0f} MiB")
    left = {
        "processes": after.processes - before.processes,
        "control groups": after.control_groups - before.control_groups,
        "temporary files": after.folders - before.folders,
    }
    complaints += [f"left {name}: {sorted(map(str, things))}" for name, things in left.items() if things]
    if after.descriptors > before.descriptors or after.threads > before.threads or after.mounts > before.mounts:
        complaints.append("descriptors, threads or mounts grew")
    if growth > LARGEST_GROWTH_MIB:
        complaints.append(f"memory grew by {growth:.0f} MiB")
    print("\n".join(complaints) if complaints else "ranking right; nothing left behind")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
