"""What gcc, llvm-mca and cachegrind print, read into typed evidence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from evaluators.kernels.profile_assembly import Place
from nightforge.domain.evidence import Metric
from nightforge.domain.profile import LoopRemark

_REMARK = re.compile(r"^(?:[^:\n]*/)?kernel\.c:(\d+):\d+: (optimized|missed):\s*(.*)$", re.MULTILINE)
_USING = re.compile(r"loop vectorized using (\d+) byte vectors")
_NOT = "couldn't vectorize loop"
_WHY = re.compile(r"^not vectorized: (.*)$")
_MOST_REMARKS = 40
_REASON_CHARACTERS = 160
ITERATIONS = 100
"""Of the loop, that llvm-mca schedules."""


def vectorisation(text: str) -> tuple[LoopRemark, ...]:
    """`-fopt-info-vec-optimized-missed`: one remark a loop, the widest vectors where it was vectorised more than once.

    gcc gives up a loop in two lines: that it could not, and why, the second at the statement in its way.
    """
    widths: dict[int, int] = {}
    refused: dict[int, str] = {}
    last: int | None = None
    for found in _REMARK.finditer(text):
        line, words = int(found[1]), found[3].strip()
        if using := _USING.search(words):
            widths[line] = max(widths.get(line, 0), int(using[1]))
            last = None
        elif words.startswith(_NOT):
            refused.setdefault(line, "")
            last = line
        elif last is not None and (why := _WHY.match(words)):
            refused[last] = refused[last] or why[1].strip(" .")[:_REASON_CHARACTERS]
    remarks = [LoopRemark(line=line, vectorised=True, vector_bytes=width) for line, width in widths.items()]
    remarks += [
        LoopRemark(line=line, vectorised=False, reason=reason or "gcc gives no reason")
        for line, reason in refused.items()
        if line not in widths
    ]
    return tuple(sorted(remarks, key=lambda remark: remark.line)[:_MOST_REMARKS])


@dataclass(frozen=True)
class Schedule:
    """llvm-mca's summary of a loop, per iteration."""

    model: str
    cycles: Metric
    least_cycles: Metric
    ipc: Metric
    dependence: Metric
    pressure: Metric


def read_schedule(text: str) -> Schedule | None:
    """From the output of a run with `-bottleneck-analysis`; None where there is no summary in it."""

    def value(pattern: str) -> float | None:
        found = re.search(pattern, text)
        return float(found[1]) if found else None

    model = re.search(r"^model (\S+)$", text, re.MULTILINE)
    cycles, least, ipc = (value(rf"{name}:\s+([\d.]+)") for name in ("Total Cycles", "Block RThroughput", "IPC"))
    if model is None or cycles is None or least is None or ipc is None:
        return None
    # Without any backpressure the analysis prints a sentence and no shares.
    dependence, pressure = (
        value(rf"{name}\s+\[ ([\d.]+)% \]") or 0.0 for name in ("Register Dependencies", "Resource Pressure")
    )
    return Schedule(
        model=model[1],
        cycles=Metric(value=cycles / ITERATIONS, unit="cycles per iteration"),
        least_cycles=Metric(value=least, unit="cycles per iteration"),
        ipc=Metric(value=ipc, unit="instructions per cycle"),
        dependence=Metric(value=dependence, unit="%"),
        pressure=Metric(value=pressure, unit="%"),
    )


def mca_models(vendor: str, *, wide: bool) -> Sequence[str]:
    """Processors to ask llvm-mca for, newest first: what its version does not know, or cannot schedule, is passed over.

    `wide`: the loop has AVX-512, which the models of older AMD processors lack; Intel's stand in, and the profile says
    which one it was.
    """
    newest = ["znver5", "znver4"] if vendor == "AuthenticAMD" else ["sapphirerapids"]
    older = [] if wide or vendor != "AuthenticAMD" else ["znver3", "znver2"]
    return [*newest, *older, "icelake-server", "skylake-avx512" if wide else "skylake"]


@dataclass
class Counted:
    """One cachegrind run, whole program."""

    totals: Counter[str] = field(default_factory=Counter)
    """By event: Ir, Dr, D1mr …"""
    spent: Counter[Place] = field(default_factory=Counter)
    """Instructions by place."""

    def less(self, other: Counted) -> Counted:
        """What this run did more than `other`: with one call more, one call."""
        totals, spent = Counter(self.totals), Counter(self.spent)
        totals.subtract(other.totals)
        spent.subtract(other.spent)
        return Counted(totals, Counter({place: count for place, count in spent.items() if count > 0}))

    def total(self, *events: str) -> int:
        return sum(self.totals[event] for event in events)


def read_cachegrind(text: str) -> Counted | None:
    """The output file (`fl=`, `fn=`, counts by line); None where it is not whole."""
    counted = Counted()
    events: list[str] = []
    file = ""
    for line in text.splitlines():
        if line.startswith("events:"):
            events = line.split()[1:]
        elif line.startswith("fl="):
            file = PurePosixPath(line[3:]).name
        elif line.startswith("summary:"):
            counted.totals = Counter(dict(zip(events, map(int, line.split()[1:]), strict=True)))
        elif line[:1].isdigit() and events:
            place, first, *_ = line.split()
            counted.spent[file, int(place)] += int(first)
    return counted if counted.totals else None
