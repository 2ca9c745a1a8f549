"""The runs of a profile, all inside the box: compile for reading, schedule the hot loop, count under cachegrind."""

from __future__ import annotations

import platform
import re
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from evaluators.kernels.build import compiler_flags
from evaluators.kernels.profile_assembly import Loop, hottest, innermost_loops, mix_of
from evaluators.kernels.profile_tools import (
    ITERATIONS,
    Counted,
    Schedule,
    mca_models,
    read_cachegrind,
    read_schedule,
    vectorisation,
)
from evaluators.kernels.spec import Array, Dims, Inputs, KernelSettings
from evaluators.kernels.timing import l3_bytes
from nightforge.domain.evidence import Metric
from nightforge.domain.limits import MIB, ExecResult, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.profile import CacheCounts, HotLoop, LoopRemark
from nightforge.errors import EvaluatorFault
from sandbox.platform import install_hint

SOURCE = "kernel.c"
CACHEGRIND_ARCHITECTURE = "x86-64-v3"
"""AVX2 and FMA: valgrind knows no AVX-512."""
_WIDE = re.compile(r"_mm512_|__m512|__mmask|__AVX512")
_LARGEST_DATA = 8 * MIB
_MOST_OPERATIONS = 5e7
_LEAST_ROWS = 8
_LEAST_CACHE, _MOST_CACHE = 64 * 1024, 32 * MIB
_ARCHITECTURES = frozenset({"x86_64"})
_KINDS = {"int64": (0, "<q"), "float64": (1, "<d")}
_TOOL_MISSING = 127
PROFILERS = {"llvm-mca": "schedules the hot loop", "valgrind": "counts instructions and cache misses"}


@dataclass
class Static:
    """What the program is, whatever the machine is doing: the part that is made once for a source."""

    hot_loop: HotLoop | None = None
    loops: tuple[LoopRemark, ...] = ()
    cache: CacheCounts | None = None
    missing: dict[str, str] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)


async def look_into(sandbox: Sandbox, source: str, settings: KernelSettings, inputs: Inputs, primary: Dims) -> Static:
    """About three seconds. A part that cannot be had is named in `missing`."""
    static = Static()
    assembly = await _compile(sandbox, source, static)
    counted = await _count(sandbox, source, settings, inputs, primary, static)
    if assembly:
        await _read_loop(sandbox, assembly, counted, static)
    return static


async def _compile(sandbox: Sandbox, source: str, static: Static) -> str:
    flags = [flag for flag in compiler_flags(source) if flag not in {"-fPIC", "-Wall"}]
    result = await sandbox.run(
        ["gcc", *flags, "-g1", "-fopt-info-vec-optimized-missed=remarks", "-S", f"/job/{SOURCE}", "-o", "kernel.s"],
        files={SOURCE: source.encode()},
        limits=Limits(wall_s=30, cpu_s=30),
        outputs=("kernel.s", "remarks"),
    )
    assembly = result.outputs.get("kernel.s", b"")
    if not result.ok or not assembly:
        static.missing["compiler"] = _why(result, "gcc")
        return ""
    static.loops = vectorisation(result.outputs.get("remarks", b"").decode("utf-8", "replace"))
    return assembly.decode("utf-8", "replace")


async def _read_loop(sandbox: Sandbox, assembly: str, counted: Counted | None, static: Static) -> None:
    if platform.machine() not in _ARCHITECTURES:
        static.missing["hot loop"] = f"assembly of {platform.machine()} is not read"
        return
    spent = counted.spent if counted is not None else {}
    loop = hottest(innermost_loops(assembly), spent)
    if loop is None:
        static.missing["hot loop"] = "there is no loop in the machine code"
        return
    mix = mix_of(loop)
    schedule = await _schedule(sandbox, loop, mix.vector_bits == 512, static)
    whole, inside = sum(spent.values()), sum(spent.get(place, 0) for place in loop.places)
    static.hot_loop = HotLoop(
        line=loop.line(SOURCE),
        share=Metric(value=100.0 * inside / whole, unit="%") if whole else None,
        instructions=len(loop.instructions),
        vector_bits=mix.vector_bits,
        scalar_operations=mix.scalar,
        packed_operations=mix.packed,
        gathers=mix.gathers,
        divisions=mix.divisions,
        calls=tuple(dict.fromkeys(name[:60] for name in mix.calls)),
        loads=mix.loads,
        stores=mix.stores,
        streaming_stores=mix.streaming,
        model=schedule.model if schedule else "",
        cycles=schedule.cycles if schedule else None,
        least_cycles=schedule.least_cycles if schedule else None,
        ipc=schedule.ipc if schedule else None,
        dependence=schedule.dependence if schedule else None,
        pressure=schedule.pressure if schedule else None,
    )


async def _schedule(sandbox: Sandbox, loop: Loop, wide: bool, static: Static) -> Schedule | None:
    """llvm-mca for the first processor that its version knows and can schedule this loop for."""
    command = f"llvm-mca -mtriple=x86_64-linux-gnu -iterations={ITERATIONS} -bottleneck-analysis"
    script = (
        "command -v llvm-mca >/dev/null || exit 127; llvm-mca --version | grep -m 1 version\n"
        f"for model in {' '.join(mca_models(_vendor(), wide=wide))}; do\n"
        f"  {command} -mcpu=$model /job/loop.s >found 2>said || continue\n"
        "  grep -q 'not a recognized processor' said && continue\n"
        '  echo "model $model"; cat found; exit 0\n'
        "done; exit 1"
    )
    result = await sandbox.run(
        ["/bin/sh", "-c", script], files={"loop.s": loop.text.encode()}, limits=Limits(wall_s=20, cpu_s=20)
    )
    if not result.ok:
        lacks = result.exit_code == _TOOL_MISSING
        static.missing["llvm-mca"] = _why(result, "llvm-mca") if lacks else "it can schedule this loop for no processor"
        return None
    text = result.stdout.decode("utf-8", "replace")
    static.tools["llvm-mca"] = text.partition("\n")[0].strip()
    return read_schedule(text)


async def _count(
    sandbox: Sandbox, source: str, settings: KernelSettings, inputs: Inputs, primary: Dims, static: Static
) -> Counted | None:
    """Two runs, of one call and of two: the difference is one call with warm pages, without start and reading."""
    if platform.machine() not in _ARCHITECTURES:
        static.missing["cachegrind"] = f"not tried on {platform.machine()}"
        return None
    if _WIDE.search(source):
        static.missing["cachegrind"] = "the program is written for AVX-512, which cachegrind cannot run"
        return None
    shape = counted_shape(settings, primary)
    cache = simulated_cache(settings.traffic_bytes(shape), settings.traffic_bytes(primary))
    flags = [flag for flag in compiler_flags(source) if not flag.startswith(("-march=", "-mprefer-vector-width"))]
    flags.append(f"-march={CACHEGRIND_ARCHITECTURE}")
    words = " ".join(f"'{flag}'" for flag in (*flags, "-g1", f"-DNF_SYMBOL={settings.symbol}"))
    grind = f"valgrind --tool=cachegrind --cache-sim=yes --LL={cache},16,64"
    try:
        data = _data(settings, inputs, shape)
    except Exception as error:
        # The task's own code: it may not be made for a shape that the task does not name.
        static.missing["cachegrind"] = f"inputs.py cannot fill {shape}: {type(error).__name__}: {error}"[:300]
        return None
    script = (
        "command -v valgrind >/dev/null || exit 127; valgrind --version\n"
        f"gcc {words} -c /job/{SOURCE} -o kernel.o && gcc -O2 -DNF_SYMBOL={settings.symbol} /job/driver.c kernel.o "
        "-o driver -lmvec -lm || exit 1\n"
        f"for calls in 1 2; do {grind} --cachegrind-out-file=calls-$calls ./driver $calls /job/data >said 2>&1 "
        "|| { tail -n 3 said >&2; exit 2; }; done"
    )
    result = await sandbox.run(
        ["/bin/sh", "-c", script],
        files={SOURCE: source.encode(), "driver.c": _text("profile_driver.c"), "data": data},
        limits=Limits(wall_s=40, cpu_s=40, memory_bytes=2048 * MIB),
        outputs=("calls-1", "calls-2"),
    )
    runs = [read_cachegrind(result.outputs.get(f"calls-{calls}", b"").decode("utf-8", "replace")) for calls in (1, 2)]
    if not result.ok or runs[0] is None or runs[1] is None:
        static.missing["cachegrind"] = _why(result, "valgrind")
        return None
    static.tools["valgrind"] = result.stdout.decode("utf-8", "replace").partition("\n")[0].strip()
    call = runs[1].less(runs[0])
    static.cache = cache_counts(call, shape, cache, fetched_bytes(settings, shape))
    return call


def cache_counts(call: Counted, shape: Dims, last_level_bytes: int, least_bytes: int) -> CacheCounts:
    misses = call.total("DLmr", "DLmw")
    return CacheCounts(
        shape=dict(shape),
        instructions=Metric(value=call.total("Ir"), unit="instructions per call"),
        data_references=Metric(value=call.total("Dr", "Dw"), unit="references per call"),
        first_level_misses=Metric(value=call.total("D1mr", "D1mw"), unit="lines per call"),
        last_level_misses=Metric(value=misses, unit="lines per call"),
        last_level_bytes=last_level_bytes,
        traffic_ratio=Metric(value=64.0 * misses / least_bytes, unit="x"),
    )


def counted_shape(settings: KernelSettings, primary: Dims) -> Dims:
    """A shape that a simulator gets through in a second or two: the timed one with less of its first dimension (rows,
    as a rule, so that a row stays as it is), or the largest of the task's small ones."""

    def fits(shape: Dims) -> bool:
        return settings.traffic_bytes(shape) <= _LARGEST_DATA and settings.operations(shape) <= _MOST_OPERATIONS

    first = settings.buffers[0].count[0].partition("+")[0]
    shape = dict(primary)
    while not fits(shape) and shape[first] >= 2 * _LEAST_ROWS:
        shape[first] //= 2
    if fits(shape):
        return shape
    small = [listed for listed in (*settings.smoke, *settings.correctness) if fits(listed)]
    return max(small or settings.smoke, key=settings.traffic_bytes)


def fetched_bytes(settings: KernelSettings, shape: Dims) -> int:
    """What passes through the cache at least: each buffer once, also where it is read and written."""
    return sum(one.bytes(shape) for one in settings.buffers if one.kind != "scratch")


def simulated_cache(small: int, primary: int) -> int:
    """This machine's last cache, as much smaller as the data is: a power of two, for one core."""
    wanted = l3_bytes() * small / max(primary, 1)
    size = _LEAST_CACHE
    while size * 2 <= min(wanted, _MOST_CACHE):
        size *= 2
    return size


def _data(settings: KernelSettings, inputs: Inputs, shape: Dims) -> bytes:
    """The argument block as `profile_driver.c` reads it; the same for every program."""
    arrays: dict[str, Array] = {one.name: np.full(one.elements(shape), 0, dtype=one.dtype) for one in settings.buffers}
    scalars = inputs.fill(np.random.default_rng(0), shape, settings.timing.distributions[0], arrays)
    parts = []
    for argument in settings.arguments:
        if argument.is_buffer:
            content = arrays[argument.name].tobytes()
            parts += [struct.pack("<iq", 2, len(content)), content]
        else:
            kind, form = _KINDS[argument.kind]
            value = shape[argument.name] if argument.kind == "int64" else scalars[argument.name]
            parts += [struct.pack("<iq", kind, 8), struct.pack(form, value)]
    return b"".join(parts)


async def peak_rate(sandbox: Sandbox) -> Metric:
    """Operations per second of one core in its widest vectors, GFLOP/s; the median of several tries."""
    script = "gcc -std=gnu11 -O3 -march=native /job/peak.c -o peak && ./peak"
    result = await sandbox.run(
        ["/bin/sh", "-c", script], files={"peak.c": _text("profile_peak.c")}, limits=Limits(wall_s=30, cpu_s=30)
    )
    try:
        rate = float(result.stdout)
    except ValueError:
        raise EvaluatorFault(
            f"the core's arithmetic rate cannot be measured: {_why(result, 'gcc')}", where="profile_peak.c"
        ) from None
    return Metric(value=rate / 1e9, unit="GFLOP/s")


def _why(result: ExecResult, tool: str) -> str:
    if result.exit_code == _TOOL_MISSING:
        return f"{tool} is not installed: {install_hint(tool)}"
    said = result.stderr.decode("utf-8", "replace").strip().splitlines()
    how = f"status {result.exit_code}" if result.exit_code is not None else result.reason.value
    return f"{tool}: {said[-1][:200] if said else how}"


def _text(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()


@lru_cache(maxsize=1)
def _vendor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"^vendor_id\s*:\s*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""
