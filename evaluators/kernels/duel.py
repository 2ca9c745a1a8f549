"""Two confirmed kernels in the same rounds, on the same data, in turns: which one is faster, if that can be told."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from threading import Event
from typing import Literal

from evaluators.kernels.bench import Bench, Cast, measuring_cpus, open_bench
from evaluators.kernels.correctness import Allowance
from evaluators.kernels.noise import Watch, drifted
from evaluators.kernels.session import KernelFailed, kernel_program
from evaluators.kernels.spec import Dims
from evaluators.kernels.timing import Participant, Record
from evaluators.statistics import Estimate, bootstrap_ratio
from nightforge.domain.duel import DuelFinding, Window
from nightforge.domain.ports import Sandbox
from tools import slots

CHAMPION, CHALLENGER, TWIN = "champion", "challenger", "twin"
WINDOWS = 3
"""Tries to find a quiet window."""
LOUDEST = 0.05
"""Half the width of the twin's interval, relative, or three times the calibration's noise: above both, a window is
not decided."""
Verdict = Literal["challenger", "champion", "not distinguishable"]
_WORD = 5
"""Keeps the data of duels apart from that of other phases."""


def measure_duel(
    sandbox: Sandbox,
    cast: Cast,
    libraries: tuple[bytes, bytes],
    dims: Dims,
    *,
    seed: int,
    noise: float,
    limit_s: float,
    stop: Event,
) -> DuelFinding:
    """`libraries`: champion's and challenger's. Blocks for some seconds and holds the machine's measuring slot.

    A window in which the champion's twin (the same library in other processes) cannot be told from noise well enough,
    or the clock rate drifted, is measured again on new data, at most `WINDOWS` times, and never decided.
    """
    windows: list[Window] = []
    gain: Estimate | None = None
    for number in range(WINDOWS):
        try:
            with (
                slots.hold("cpu", stop=stop),
                open_bench(sandbox, cast, [dims], [seed, _WORD, number], stop) as bench,
            ):
                watch = Watch(measuring_cpus(1)[0])
                record = _race(bench, libraries, dims, limit_s)
        except KernelFailed as failed:
            return DuelFinding(verdict="failed", windows=tuple(windows), reason=str(failed)[:500])
        gain, control = _ratio(record, CHAMPION, CHALLENGER), _ratio(record, CHAMPION, TWIN)
        facts = watch.facts() | {"page_faults": record.faults(CHALLENGER).metric("per call")}
        loud = control.spread > max(LOUDEST, 3 * noise)
        why = "the champion beside itself scatters too much" if loud else "the clock rate drifted"
        quiet = not loud and not drifted(facts)
        windows.append(Window(control=control.metric("x"), facts=facts, noise="" if quiet else why))
        if quiet:
            return DuelFinding(verdict=decide(gain, control), gain=gain.metric("x"), windows=tuple(windows))
    return DuelFinding(
        verdict="too noisy", gain=gain.metric("x") if gain else None, windows=tuple(windows), reason=windows[-1].noise
    )


def decide(gain: Estimate, control: Estimate) -> Verdict:
    """The interval of the gain excludes 1, and the gain is larger than all that the control's interval holds."""
    if gain.low <= 1.0 <= gain.high:
        return "not distinguishable"
    if abs(gain.value - 1.0) <= max(abs(control.low - 1.0), abs(control.high - 1.0)):
        return "not distinguishable"
    return "challenger" if gain.value > 1.0 else "champion"


def _race(bench: Bench, libraries: tuple[bytes, bytes], dims: Dims, limit_s: float) -> Record:
    """Twice a search's rounds; both are judged in each of them."""
    champion, challenger = libraries
    cast, settings = bench.cast, bench.settings
    with ExitStack() as stack:

        def kernel(name: str, library: bytes, *, judged: bool = True) -> Participant:
            program = kernel_program(name, cast.worker, library, settings, bench.arena)
            return Participant(stack.enter_context(bench.take_turns(program)), judged=judged)

        reference = Participant(stack.enter_context(bench.take_turns(bench.reference_program(settings.reference))))
        racers: Sequence[Participant] = (
            kernel(CHAMPION, champion),
            kernel(CHALLENGER, challenger),
            kernel(TWIN, champion, judged=False),
            reference,
        )
        rounds = 2 * settings.timing.rounds
        return bench.race(racers, dims, rounds, Allowance(limit_s), bench.untimed())


def _ratio(record: Record, slower: str, faster: str) -> Estimate:
    tops, bottoms = record.answers[slower], record.answers[faster]
    shared = sorted(tops.keys() & bottoms.keys())
    return bootstrap_ratio(
        [tops[index].call.time_ns(record.clock) for index in shared],
        [bottoms[index].call.time_ns(record.clock) for index in shared],
    )
