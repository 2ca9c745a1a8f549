"""One program's way through text, build, check and measure. Its failures raise CandidateFailed."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from hashlib import sha256

from evaluators.cascade import CandidateFailed
from evaluators.own.bench import BUILT, Bench, Staged
from evaluators.own.reading import BadMeasure, answer_of, read_metrics, shortened, words_of
from evaluators.own.spec import LARGEST_FILE_BYTES, OwnSettings
from evaluators.own.timed import run_timed
from evaluators.own.tree import pack_bundle
from nightforge.domain.bundle import BLOCK_START, Bundle, language_of, parse_bundle
from nightforge.domain.evidence import Metric
from nightforge.domain.limits import ExecResult, ExitReason
from nightforge.domain.words import Outcome
from nightforge.errors import UserError
from tools.patching import fixed_parts

_LIMITS: Mapping[ExitReason, str] = {
    ExitReason.MEMORY_LIMIT: "memory_limit",
    ExitReason.OUTPUT_LIMIT: "too_much_output",
    ExitReason.DISK_LIMIT: "disk_limit",
}
NETWORK_WORDS = (
    *("could not resolve", "couldn't resolve", "temporary failure in name resolution", "name or service not known"),
    *("network is unreachable", "failed to establish a new connection", "no route to host", "getaddrinfo"),
    *("in offline mode", "but --offline was specified", "using offline mode"),
    *("failed to download", "unable to access 'http", "failed to fetch", "spurious network error"),
)
"""What builds say that look for a network; a box has none."""


def read_program(source: str, seed: Bundle) -> Bundle:
    """The program's files, held to those that may change and to their blocks."""
    try:
        bundle = parse_bundle(source)
    except UserError as error:
        raise CandidateFailed("not_a_program", f"{error}. {error.hint}") from None
    if bundle.files.keys() != seed.files.keys():
        raise CandidateFailed("other_files", f"exactly these files may change: {', '.join(seed.files)}")
    for path, text in bundle.files.items():
        before = seed.files[path]
        if "\0" in text or len(text.encode()) > LARGEST_FILE_BYTES:
            raise CandidateFailed("too_long", f"{path}: at most {LARGEST_FILE_BYTES} bytes of text")
        if BLOCK_START in before and fixed_parts(before) != fixed_parts(text):
            raise CandidateFailed("outside_evolve_block", f"{path}: only what stands between the markers may change")
        if language_of(path) == "python":
            _check_python(path, text)
    return bundle


def _check_python(path: str, text: str) -> None:
    try:
        ast.parse(text, filename=path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        place = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise CandidateFailed("syntax_error", f"{path}{place}: {error}") from None


async def build(bench: Bench, bundle: Bundle) -> Staged:
    """The program staged, with what its build left."""
    staged = Staged(pack_bundle(bundle))
    if not bench.settings.build:
        return staged
    result = await bench.run(bench.settings.build, staged, stage="build", keep=True)
    refuse(result, "build")
    built = result.outputs.get(BUILT)
    if built is None:
        raise CandidateFailed("disk_limit", "the build left more than settings.disk_mb can hold")
    return Staged(staged.packed, built)


async def check(bench: Bench, staged: Staged) -> ExecResult:
    result = await bench.run(bench.settings.check, staged, stage="check")
    refuse(result, "check")
    return result


async def answer(
    bench: Bench, staged: Staged, seed: int, *, at_most_s: float | None = None
) -> tuple[ExecResult, dict[str, str]]:
    """The measured command's run, and what it answered."""
    measure = bench.settings.measure
    result = await run_timed(bench, staged, seed=seed, at_most_s=at_most_s)
    refuse(result, "run")
    return result, answer_of(result, measure)


def refuse(result: ExecResult, what: str) -> None:
    """Raise what an ended command means for its program; nothing when it ended well."""
    if result.ok:
        return
    said = words_of(result)
    if result.reason in {ExitReason.WALL_LIMIT, ExitReason.CPU_LIMIT}:
        raise CandidateFailed(f"{what}_timeout", f"stopped after {result.wall_s:.1f} s\n{said}", Outcome.TIMEOUT)
    if result.reason in _LIMITS:
        raise CandidateFailed(_LIMITS[result.reason], f"{result.reason.value} in {what}\n{said}")
    ended = f"signal {result.signal}" if result.signal else f"exit code {result.exit_code}"
    raise CandidateFailed(f"{what}_failed", f"{ended}\n{said}")


def metrics_of(result: ExecResult, settings: OwnSettings) -> dict[str, Metric]:
    """What a report or a judge printed. An exit code is a number only where it is read as one."""
    measure = settings.measure
    if measure.read != "exit" or result.reason is not ExitReason.EXITED:
        refuse(result, "run")
    try:
        return read_metrics(result, measure)
    except BadMeasure as bad:
        raise CandidateFailed(bad.reason, str(bad)) from bad


def wrong_answer(difference: str) -> CandidateFailed:
    return CandidateFailed("wrong_answer", shortened(difference, 600))


def digest_of(staged: Staged) -> str:
    """Of what was built: two programs with the same one are the same program. Empty where nothing is built."""
    return sha256(staged.built).hexdigest() if staged.built is not None else ""
