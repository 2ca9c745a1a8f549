"""Source text to shared object: flags chosen from a list, compiled and disassembled inside the box."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nightforge.domain.limits import MIB, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import EvaluatorFault

MAX_SOURCE_BYTES = 256 * 1024
BASE_FLAGS = ("-std=gnu11", "-O3", "-march=native", "-fPIC", "-fopenmp-simd", "-fno-math-errno", "-Wall")
OPENMP = "-fopenmp"
"""In the place of `-fopenmp-simd` where threads are declared: elsewhere directives that ask for them mean nothing."""
FLAG_CHOICES: Mapping[str, tuple[str, ...]] = {
    "fast-math": ("-ffast-math",),
    "vec512": ("-mprefer-vector-width=512",) if platform.machine() == "x86_64" else (),
    "vec256": ("-mprefer-vector-width=256",) if platform.machine() == "x86_64" else (),
    "unroll": ("-funroll-loops",),
    "prefetch": ("-fprefetch-loop-arrays",),
    "no-vectorize": ("-fno-tree-vectorize",),
    "strict-math": ("-fmath-errno",),
}
# Start files are left out: what gcc < 13 links for -ffast-math sets FTZ/DAZ in a constructor, and without them an
# honest kernel has no constructor at all. Nothing is linked with -ffast-math.
_LINK_FLAGS = ("-shared", "-nostartfiles", "-Wl,--as-needed,-z,now,-z,relro,-z,noexecstack,--build-id=none")
_FLAG_LINE = re.compile(r"^\s*(?://|/\*|\*)\s*nf-flags:(?P<words>[^\n*]*)", re.MULTILINE)
_FORBIDDEN = r"syscall|sysenter|int[[:space:]]+\$0x80|rdtscp?|rdpmc|ldmxcsr|vldmxcsr|wrpkru|wrfsbase|wrgsbase|svc"
_UNREADABLE = "that_the_disassembler_cannot_read"
_FEEDBACK_CHARS = 4000
MAX_LIBRARY_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Built:
    """A compiled kernel: the library's bytes, what the compiler said, instructions that no kernel needs."""

    library: bytes
    remarks: str
    forbidden: tuple[str, ...]
    duration_s: float


@dataclass(frozen=True)
class BuildFailure:
    """The candidate's fault: a slug and the text for the coder."""

    reason: str
    feedback: str
    timed_out: bool = False


def parse_flags(source: str) -> tuple[str, ...] | BuildFailure:
    """The words of the `nf-flags:` header line (first 40 lines), each once, checked against the list."""
    head = "\n".join(source.splitlines()[:40])
    found = _FLAG_LINE.search(head)
    words = tuple(dict.fromkeys(found["words"].split())) if found else ()
    unknown = [word for word in words if word not in FLAG_CHOICES]
    if unknown:
        return BuildFailure(
            "unknown_flag", f"nf-flags: {' '.join(unknown)[:200]} unknown; choose from {', '.join(FLAG_CHOICES)}"
        )
    return words


def check_source(source: str, symbol: str) -> BuildFailure | None:
    """Size, encoding and the one symbol; nothing here is a fence, it only saves a compiler run."""
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        return BuildFailure("not_text", f"the source holds half of a character at {error.start}: {error.reason}")
    if size > MAX_SOURCE_BYTES:
        return BuildFailure("too_long", f"{size} bytes of source; the limit is {MAX_SOURCE_BYTES}")
    if "\0" in source:
        return BuildFailure("not_text", "the source holds a NUL byte")
    if symbol not in source:
        return BuildFailure("no_symbol", f"the source does not define {symbol}()")
    flags = parse_flags(source)
    return flags if isinstance(flags, BuildFailure) else None


def compiler_flags(source: str, threads: int = 1) -> tuple[str, ...]:
    words = parse_flags(source)
    if isinstance(words, BuildFailure):
        raise EvaluatorFault(f"flags were not checked before use: {words.feedback}")
    base = [OPENMP if threads > 1 and flag == "-fopenmp-simd" else flag for flag in BASE_FLAGS]
    return (*base, *(flag for word in words for flag in FLAG_CHOICES[word]))


def _quote(words: tuple[str, ...]) -> str:
    return " ".join("'" + word + "'" for word in words)


async def build_kernel(sandbox: Sandbox, source: str, *, wall_s: float, threads: int = 1) -> Built | BuildFailure:
    """Compile with the chosen flags, link without fast-math, list forbidden instructions; all inside the box."""
    compile_words = ("gcc", *compiler_flags(source, threads), "-fopt-info-vec", "-c", "/job/kernel.c", "-o", "kernel.o")
    link_words = ("gcc", *_LINK_FLAGS, "-o", "kernel.so", "kernel.o", *(("-lgomp",) if threads > 1 else ()))
    link = f"{{ {_quote((*link_words, '-lmvec', '-lm'))} || {_quote((*link_words, '-lm'))}; }}"
    script = (
        f"{_quote(compile_words)} && {link} && "
        f"{{ objdump -d --no-show-raw-insn kernel.so || echo {_UNREADABLE}; }} | "
        f"grep -oE '\\b({_FORBIDDEN}|{_UNREADABLE})\\b' | sort | uniq -c > forbidden; true"
    )
    result = await sandbox.run(
        ["/bin/sh", "-c", script],
        files={"kernel.c": source.encode()},
        limits=Limits(wall_s=wall_s, cpu_s=max(1, int(wall_s)), memory_bytes=1024 * MIB),
        outputs=("kernel.so", "forbidden"),
    )
    remarks = _shorten(result.stderr.decode("utf-8", "replace"))
    if result.reason in {ExitReason.WALL_LIMIT, ExitReason.CPU_LIMIT}:
        return BuildFailure("compile_timeout", f"the compiler took longer than {wall_s:.0f} s", timed_out=True)
    if result.reason is not ExitReason.EXITED:
        return BuildFailure(
            f"compile_{result.reason.value}", f"the compiler was stopped: {result.reason.value}\n{remarks}"
        )
    library = result.outputs.get("kernel.so")
    if not library:
        if "gcc: not found" in remarks:
            raise EvaluatorFault("no gcc inside the box", hint="install the package gcc")
        return BuildFailure("compile_error", remarks or "the compiler gave no output")
    if len(library) > MAX_LIBRARY_BYTES:
        words = f"the library has {len(library)} bytes; the limit is {MAX_LIBRARY_BYTES}"
        return BuildFailure("library_too_large", words)
    forbidden = tuple(result.outputs.get("forbidden", b"").decode("utf-8", "replace").split("\n"))
    return Built(library, remarks, tuple(line.strip() for line in forbidden if line.strip()), result.wall_s)


def _shorten(text: str) -> str:
    """Errors first: the compiler's notes on vectorised loops are many and come last."""
    lines = text.replace("/job/", "").splitlines()
    errors = [line for line in lines if "optimized:" not in line]
    notes = [line for line in lines if "optimized:" in line]
    kept = "\n".join([*errors, *notes[:20]])
    return kept if len(kept) <= _FEEDBACK_CHARS else kept[:_FEEDBACK_CHARS] + "\n[shortened]"


async def build_worker(sandbox: Sandbox, source: bytes) -> bytes:
    """The trusted program that loads candidates, built from our own source by the same compiler."""
    result = await sandbox.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-o", "worker", "/job/worker.c", "-ldl"],
        files={"worker.c": source},
        limits=Limits(wall_s=30, cpu_s=30),
        outputs=("worker",),
    )
    worker = result.outputs.get("worker")
    if not result.ok or not worker:
        raise EvaluatorFault(
            f"the kernel worker does not compile: {result.stderr.decode('utf-8', 'replace')[-2000:]}",
            where="kernel_worker.c",
            hint="install gcc and libc6-dev",
        )
    return worker
