"""Before anything is spent: every baseline, the A/A noise, the roof and the room, as this machine gives them now."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Event

from evaluators.kernels.bench import CONTROL, ROOF, Bench, Cast, open_bench
from evaluators.kernels.spec import KernelSettings
from evaluators.kernels.timing import Participant, Record, l3_bytes
from evaluators.kernels.toolchain import processor_flags
from evaluators.statistics import Estimate
from nightforge.domain.evidence import Baseline, Calibration, Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import ClockKind
from nightforge.errors import EvaluatorFault
from tools import slots

_BAND_FLOOR = 0.005
_BASELINE_LENIENCE = 50.0
_FIXED_SECONDS = 1.5
_PHASE_WORD = 3
_CHOOSING_WORD = 6
_CHOOSING_ROUNDS = 7
_VECTORS = {"avx512f": "avx512", "avx2": "avx2", "asimd": "neon"}


def measure(
    sandbox: Sandbox,
    cast: Cast,
    dims: Mapping[str, int],
    missing: Mapping[str, str],
    environments: Mapping[str, Mapping[str, str]],
    *,
    seed: int,
    stop: Event,
) -> Calibration:
    """Blocks for about ten seconds and holds the machine's measuring slot."""
    with ExitStack() as stack:
        stack.enter_context(slots.hold("cpu", stop=stop))
        cast = _against_the_strongest(sandbox, cast, dims, seed, stop)
        settings = cast.settings
        bench = stack.enter_context(open_bench(sandbox, cast, [dims], [seed, _PHASE_WORD], stop))
        reference = Participant(stack.enter_context(bench.take_turns(bench.reference_program(settings.reference))))
        absent: dict[str, str] = {}
        participants = [reference, *stack.enter_context(bench.opponents(cast.others, every=1, absent=absent))]
        started = time.perf_counter()
        bench.race(participants, dims, settings.timing.processes)
        record = bench.race(participants, dims, settings.timing.calibration_rounds)
        round_s = (time.perf_counter() - started) / (settings.timing.calibration_rounds + settings.timing.processes)
        per_evaluation_s = _evaluation_seconds(bench, record, len(participants), round_s)
    wrong = _wrong_answers(settings, record, dims)
    if settings.reference in wrong:
        raise EvaluatorFault(f"the reference {settings.reference} is wrong: {wrong[settings.reference]}")
    missing = {**missing, **absent, **wrong}
    noise = _noise(record.ratio(CONTROL, settings.reference))
    room = record.ratio(settings.reference, ROOF).scaled(settings.threads)
    return Calibration(
        baselines=tuple(
            _baseline(settings, name, record, missing, environments.get(name, {})) for name in _names(settings)
        ),
        reference=settings.reference,
        noise=noise,
        band=max(2 * noise.value, _BAND_FLOOR),
        room=room.value,
        room_reason=f"{settings.reference} takes {room.value:.2f} x the time of {_least(settings, dims)}, measured now"
        + ("" if settings.threads == 1 else f" on one thread and divided by {settings.threads}"),
        roof=_roof(record, settings, dims),
        machine=machine_facts(),
        seconds_per_evaluation=per_evaluation_s,
    )


def _against_the_strongest(sandbox: Sandbox, cast: Cast, dims: Mapping[str, int], seed: int, stop: Event) -> Cast:
    """The cast with the fastest of the reference and its opponents as reference, which may differ by machine and shape.

    One whose answers are wrong is no opponent; one that is missing is passed over.
    """
    settings = cast.settings
    contenders = [name for name in (settings.reference, *settings.opponents) if name in cast.recipes]
    if len(contenders) == 1:
        return cast
    with open_bench(sandbox, cast, [dims], [seed, _CHOOSING_WORD], stop) as bench, ExitStack() as stack:
        programs = [cast.recipes[name].start(name, settings, bench.arena) for name in contenders]
        participants = [Participant((stack.enter_context(bench.open(program)),)) for program in programs]
        bench.race(participants, dims, 1)
        record = bench.race(participants, dims, _CHOOSING_ROUNDS)
    wrong = _wrong_answers(settings, record, dims)
    right = [name for name in contenders if name not in wrong] or [settings.reference]
    chosen = min(right, key=lambda name: record.time_ms(name, settings.clock).value)
    return replace(cast, settings=settings.against(chosen))


def _wrong_answers(settings: KernelSettings, record: Record, dims: Mapping[str, int]) -> dict[str, str]:
    """Baselines that do not solve the task are no opponents. They may be a little worse than a candidate may."""
    allowed = settings.tolerance.limit(record.worst_error(settings.reference), settings.largest_output(dims))
    return {
        name: f"its answers are off by {record.worst_error(name):.1e} of the output's scale"
        for name in _names(settings)
        if name in record.answers and record.worst_error(name) > _BASELINE_LENIENCE * allowed
    }


def _names(settings: KernelSettings) -> list[str]:
    return [baseline.name for baseline in settings.baselines]


def _noise(control: Estimate) -> Metric:
    """How far two instances of one kernel lie apart: the interval's half width or the median's offset."""
    value = max(abs(control.value - 1.0), (control.high - control.low) / 2)
    return Metric(value=value, unit="relative", samples=control.samples)


def _baseline(
    settings: KernelSettings,
    name: str,
    record: Record,
    missing: Mapping[str, str],
    environment: Mapping[str, str],
) -> Baseline:
    spec = next(baseline for baseline in settings.baselines if baseline.name == name)
    if name in missing:
        return Baseline(
            name=name, title=spec.title, available=False, missing_reason=missing[name], environment=dict(environment)
        )
    metrics = {
        "cpu_ms": record.time_ms(name, ClockKind.CPU_MS).metric("ms"),
        "wall_ms": record.time_ms(name, ClockKind.WALL_MS).metric("ms"),
        "err_rel": Metric(value=min(record.worst_error(name), 1e30)),
        "page_faults": record.faults(name).metric("per call"),
        "speedup": record.ratio(settings.reference, name).metric("x"),
    }
    return Baseline(name=name, title=spec.title, metrics=metrics, environment=dict(environment))


def _least(settings: KernelSettings, dims: Mapping[str, int]) -> str:
    """What the roof does, in words."""
    if settings.roof_kind == "arithmetic":
        return f"the arithmetic alone ({settings.operations(dims) / 1e9:.2f} GFLOP per call)"
    return f"the least memory traffic ({settings.traffic_bytes(dims) / 2**20:.0f} MiB per call)"


def _roof(record: Record, settings: KernelSettings, dims: Mapping[str, int]) -> dict[str, Metric]:
    """On several threads no machine is faster than so many times one: the roof runs on one and its time is divided."""
    time_ms = record.time_ms(ROOF, settings.clock).scaled(1 / settings.threads)
    if settings.roof_kind == "arithmetic":
        rate = Metric(value=settings.operations(dims) / time_ms.value / 1e6, unit="GFLOP/s", samples=time_ms.samples)
        return {str(settings.clock): time_ms.metric("ms"), "arithmetic": rate}
    rate = Metric(value=settings.traffic_bytes(dims) / time_ms.value / 1e6, unit="GB/s", samples=time_ms.samples)
    return {str(settings.clock): time_ms.metric("ms"), "bandwidth": rate}


def _evaluation_seconds(bench: Bench, record: Record, participants: int, round_s: float) -> float:
    """Candidate, reference and control in each round, at the mean cost of a participant here."""
    timing = bench.settings.timing
    return _FIXED_SECONDS + (timing.quick_rounds + timing.rounds) * round_s * min(1.0, 3.5 / participants)


def machine_facts() -> dict[str, str]:
    """What a reader needs to compare numbers across machines; no host name, no path."""
    facts = {"system": platform.system(), "processor": platform.machine(), "l3": f"{l3_bytes() // 2**20} MiB"}
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                facts["model"] = value.strip()
    except OSError:
        pass
    flags = processor_flags()
    if flags:
        facts["vector"] = next((name for flag, name in _VECTORS.items() if flag in flags), "sse")
    return facts
