"""From a measure in one process to one in two, where the shape allows it: tried on the user's own program first.

A Python program that plays evolvable modules can call them in another box, if only plain data crosses; a program whose
own time is measured can be timed from outside, if what else it prints depends on its seed and on nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.cascade import CandidateFailed
from evaluators.own import stages
from evaluators.own.bench import Bench
from evaluators.own.proxy import run_apart
from evaluators.own.reading import shortened
from evaluators.own.rounds import Reference
from evaluators.own.spec import Measure
from nightforge.domain.words import Direction

WRITE = "nightforge task check DIR --adapt"
_TIME_UNITS = frozenset({"s", "ms", "us", "µs", "ns", "seconds", "sec", "min", "h"})
_RATE = re.compile(r"/s$|per[ _]s")


@dataclass(frozen=True)
class Proposal:
    """`measure` is what to write into task.toml; None where nothing was found, and `words` say why."""

    words: str
    measure: Measure | None = None


async def propose(bench: Bench, reference: Reference, seeds: Sequence[int]) -> Proposal:
    """Raises nothing of the user's program's making: what fails is said."""
    measure = bench.settings.measure
    if measure.kind == "time":
        return Proposal("let the command take {seed}, and print a result that depends on it, as a checksum")
    if all(path.endswith(".py") for path in bench.settings.evolve):
        proposal = await _by_proxy(bench, reference, seeds)
        if proposal.measure is not None or not _is_time(measure):
            return proposal
    if _is_time(measure):
        return await _by_clock(bench, reference, seeds)
    return Proposal(
        "two processes are needed: let one command write its answer to a file (measure.answers) and another one, "
        'that does not load the program, print what the answer is worth (measure.kind = "judge")'
    )


def _is_time(measure: Measure) -> bool:
    is_rate = bool(_RATE.search(measure.unit) or _RATE.search(measure.metric))
    return measure.unit in _TIME_UNITS or (is_rate and measure.direction is Direction.MAX)


async def _by_proxy(bench: Bench, reference: Reference, seeds: Sequence[int]) -> Proposal:
    apart = bench.settings.measure.model_copy(update={"proxy": True})
    other = Bench(bench.sandbox, bench.task, bench.settings.model_copy(update={"measure": apart}), bench.snapshot)
    name = apart.metric
    try:
        for seed in seeds[:2]:
            alone = await bench.run(apart.command, reference.staged, stage="measure", seed=seed)
            called = await run_apart(other, reference.staged, reference.bundle, reference.staged, seed)
            before = stages.metrics_of(alone, bench.settings)[name].value
            after = stages.metrics_of(called, bench.settings)[name].value
            if before != after:
                return Proposal(f"calls across two boxes give another {name} ({after:g}, not {before:g}): not adapted")
    except CandidateFailed as failure:
        return Proposal(
            f"calls across two boxes do not work ({failure.reason}: {shortened(failure.feedback[-300:])}); let your "
            "program call functions of the evolvable module with plain data (numbers, text, lists, tuples, dicts)"
        )
    slower = called.wall_s / max(alone.wall_s, 1e-3)
    words = (
        f"the same {name} comes out when the evolvable modules answer from a box of their own ({slower:.1f} times the "
        f"time); write it with `{WRITE}`"
    )
    return Proposal(words, apart)


async def _by_clock(bench: Bench, reference: Reference, seeds: Sequence[int]) -> Proposal:
    """Timed from outside, its own numbers taken out of what is compared."""
    measure = bench.settings.measure
    if not measure.is_seeded:
        return Proposal(
            "let the command take {seed} for its data and print a checksum of its results: then it can be timed from "
            'outside and its answers compared (measure.kind = "time")'
        )
    ignore = (measure.pattern,) if measure.read == "pattern" else (rf'^.*"{re.escape(measure.metric)}".*$',)
    timed = Measure(
        kind="time", command=measure.command, metric=f"{measure.clock}_s", unit="s", ignore=(*measure.ignore, *ignore)
    )
    settings = bench.settings.model_copy(update={"measure": timed})
    other = Bench(bench.sandbox, bench.task, settings, bench.snapshot)
    try:
        first, second, third = [
            (await stages.answer(other, reference.staged, seed))[1] for seed in (seeds[0], seeds[0], seeds[1])
        ]
    except CandidateFailed as failure:
        return Proposal(f"it could not be timed from outside: {failure.reason}")
    if first != second:
        return Proposal("what it prints beside its timings differs from run to run: name it in measure.ignore")
    if first == third or not any(text.strip() for text in first.values()):
        return Proposal(
            "beside its timings it prints nothing that depends on {seed}: let it print a checksum of its results, then "
            "it can be timed from outside and its answers compared"
        )
    words = (
        "it can be timed from outside, and what it prints compared with the unchanged program on fresh seeds; write it "
        f"with `{WRITE}`"
    )
    return Proposal(words, timed)
