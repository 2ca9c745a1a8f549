"""Interleaved rounds: in each round one new input and one oracle serve candidate, baselines, control and roof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluators.kernels.correctness import TRUSTED_CALL_S, Allowance, Answered, Examiner, changes_one, compare
from evaluators.kernels.session import KernelWorker
from evaluators.kernels.spec import Dims
from evaluators.statistics import Estimate, median_interval, paired_ratio
from nightforge.domain.words import ClockKind
from nightforge.errors import EvaluatorFault

NANOSECONDS_PER_MS = 1e6
_DEFAULT_L3_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Participant:
    """Processes of one kernel that take turns, round by round.

    About one process in fifty is slower than its twins for its whole life, by 20 to 40 %, for reasons outside its
    code (placement of page tables and libraries): the median over turns of several does not follow it. `judged`: its
    answers must be right. `every`: it runs in each n-th round.
    """

    workers: tuple[KernelWorker, ...]
    every: int = 1
    judged: bool = False

    @property
    def name(self) -> str:
        return self.workers[0].name

    def worker(self, turn: int) -> KernelWorker:
        return self.workers[turn % len(self.workers)]


@dataclass
class Record:
    """Times and errors by participant and round."""

    clock: ClockKind
    rounds: int = 0
    answers: dict[str, dict[int, Answered]] = field(default_factory=dict)

    def add(self, name: str, index: int, answered: Answered) -> None:
        self.answers.setdefault(name, {})[index] = answered

    def times_ms(self, name: str, clock: ClockKind) -> list[float]:
        return [a.call.time_ns(clock) / NANOSECONDS_PER_MS for a in self.answers[name].values()]

    def time_ms(self, name: str, clock: ClockKind) -> Estimate:
        return median_interval(self.times_ms(name, clock))

    def ratio(self, slower: str, faster: str) -> Estimate:
        """Time of `slower` over time of `faster`, paired by round."""
        shared = sorted(self.answers[slower].keys() & self.answers[faster].keys())
        tops = [self.answers[slower][index].call.time_ns(self.clock) for index in shared]
        bottoms = [self.answers[faster][index].call.time_ns(self.clock) for index in shared]
        return paired_ratio(tops, bottoms)

    def worst_error(self, name: str) -> float:
        return max(answered.error for answered in self.answers[name].values())

    def faults(self, name: str) -> Estimate:
        return median_interval([float(answered.call.faults) for answered in self.answers[name].values()])


class Flusher:
    """Pushes everything out of the shared cache from our side, where the kernel cannot interfere."""

    def __init__(self, size: int) -> None:
        self._memory: NDArray[np.int64] = np.ones(max(1, size // 8), dtype=np.int64)

    def flush(self) -> None:
        if int(self._memory.sum()) != self._memory.size:
            raise EvaluatorFault("the flush buffer changed: this machine's memory cannot be trusted")


def race(
    examiner: Examiner,
    participants: Sequence[Participant],
    reference: str,
    dims: Dims,
    distributions: Sequence[str],
    *,
    rounds: int,
    clock: ClockKind,
    rng: np.random.Generator,
    flusher: Flusher,
    allowance: Allowance | None = None,
    strays: Sequence[str] = (),
) -> Record:
    """Time every participant on the same new data, in random order, all others frozen; check every answer.

    The tolerance of a round comes from the reference's error in that round. A judged participant's wrong answer, and
    its spending more than `allowance`, raise KernelFailed. `strays` are distributions that are asked between rounds,
    one after another of one process after another of each judged participant, checked and not timed: a process that
    only ever met timed rounds could know itself unobserved.
    """
    record = Record(clock, rounds)
    sides = _strays(participants, reference, strays, rounds, rng)
    for index in range(rounds):
        for name, judged, trusted in sides.get(index, ()):
            aside = examiner.pose(rng, dims, name)
            compare(examiner, judged, trusted, aside, allowance or Allowance(TRUSTED_CALL_S))
        name = distributions[turn_of(index, len(distributions))]
        question = examiner.pose(rng, dims, name, change_one=changes_one(rng))
        present = [participant for participant in participants if index % participant.every == 0]
        for position in rng.permutation(len(present)):
            participant = present[int(position)]
            examiner.prepare(question)
            flusher.flush()
            limit_s = allowance.call_s if participant.judged and allowance is not None else TRUSTED_CALL_S
            answered = examiner.ask(participant.worker(index), question, timeout_s=limit_s)
            if participant.judged and allowance is not None:
                allowance.spend(answered.call)
            record.add(participant.name, index, answered)
        for participant in present:
            if participant.judged:
                examiner.judge(question, record.answers[participant.name][index], record.answers[reference][index])
    return record


def _strays(
    participants: Sequence[Participant], reference: str, names: Sequence[str], rounds: int, rng: np.random.Generator
) -> dict[int, list[tuple[str, KernelWorker, KernelWorker]]]:
    """By round, what is asked before it: the distribution, the judged process, the reference's."""
    found: dict[int, list[tuple[str, KernelWorker, KernelWorker]]] = {}
    trusted = next((one for one in participants if one.name == reference), None)
    if trusted is None:
        return found
    for participant in participants:
        if participant.judged:
            # The first has answered all that came before the timing; the others have not.
            unwatched = participant.workers[1:] or participant.workers
            order = rng.permutation(len(unwatched))
            for turn, name in enumerate(names):
                at = int(rng.integers(rounds))
                worker = unwatched[int(order[turn % len(order)])]
                found.setdefault(at, []).append((name, worker, trusted.worker(at)))
    return found


def turn_of(index: int, count: int) -> int:
    """Which of `count` distributions a round has: all in turn, each time through one step further.

    Processes take turns by the round's number: without the step, as many processes as distributions would mean that
    each process only ever meets one, and can learn what to expect. What runs in each n-th round meets all, too.
    """
    return (index + index // count) % count


def l3_bytes() -> int:
    """Size of the last cache that the first core sees, or 32 MiB where the system does not say."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index3/size").read_text(encoding="ascii").strip()
    except OSError:
        return _DEFAULT_L3_BYTES
    units = {"K": 1024, "M": 1024**2, "G": 1024**3}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)
