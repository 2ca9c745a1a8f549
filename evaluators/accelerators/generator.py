"""Candidates that are Python programs which print Verilog: run in the sandbox, their output goes through the same gate.

The program is run once per evaluation and all stages see what it printed then: it cannot show one design to one stage
and another to the next. Beside it lies `structures.py` (`tools.rtl.structures`: adders and multipliers as genomes).
"""

from __future__ import annotations

from pathlib import Path

import tools.rtl.structures
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.static_rules import MAX_BYTES
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault

MARK = "# nightforge: generator"
"""The first line of a generator; everything else is taken for Verilog."""
LIBRARY = Path(tools.rtl.structures.__file__)
DEFAULT_WALL_S = 10.0
_MAX_SOURCE_BYTES = 256 * 1024
_FEEDBACK_CHARS = 2000
# Not -I: it would leave the program's own folder, where the library lies, out of the path. The box has no variables.
# Sets of texts come in the same order in each run.
_COMMAND = ("/usr/bin/env", "PYTHONHASHSEED=0", "python3", "-s", "-S", "-B", "/job/generator.py")
_ENDS = {
    ExitReason.WALL_LIMIT: ("generator_timeout", "the generator did not end in time"),
    ExitReason.CPU_LIMIT: ("generator_timeout", "the generator used up its CPU time"),
    ExitReason.MEMORY_LIMIT: ("generator_memory", "the generator took more than 512 MiB"),
    ExitReason.OUTPUT_LIMIT: ("too_long", f"the generator printed more than {MAX_BYTES} bytes of Verilog"),
    ExitReason.DISK_LIMIT: ("generator_disk", "the generator filled its disk: it has only to print"),
    ExitReason.SIGNALLED: ("generator_error", "the generator crashed"),
}


def is_generator(source: str) -> bool:
    return source.split("\n", 1)[0].strip() == MARK


def library_text() -> bytes:
    """What generators import as `structures`."""
    return LIBRARY.read_bytes()


async def run_generator(sandbox: Sandbox, source: str, *, wall_s: float = DEFAULT_WALL_S) -> str:
    """The Verilog that the program prints. Raises Refused for all that is the program's fault."""
    try:
        program = source.encode()
    except UnicodeEncodeError as error:
        raise Refused("not_text", f"the generator holds half of a character at {error.start}") from error
    if len(program) > _MAX_SOURCE_BYTES:
        raise Refused("too_long", f"{len(program)} bytes of generator; the limit is {_MAX_SOURCE_BYTES}")
    result = await sandbox.run(
        _COMMAND,
        files={"generator.py": program, "structures.py": library_text()},
        limits=Limits(
            wall_s=wall_s,
            cpu_s=max(1, int(wall_s)),
            memory_bytes=512 * MIB,
            processes=4,
            writable_bytes=MIB,
            output_bytes=MAX_BYTES + 1,
        ),
    )
    return _read_output(result)


def _read_output(result: ExecResult) -> str:
    if result.reason in _ENDS:
        reason, what = _ENDS[result.reason]
        raise Refused(reason, what, Outcome.TIMEOUT if reason == "generator_timeout" else Outcome.FAIL)
    errors = result.stderr.decode("utf-8", "replace")
    if result.exit_code == 127 and "python3" in errors:
        raise EvaluatorFault("python3 does not run inside the box", hint="apt-get install python3")
    if not result.ok:
        raise Refused("generator_error", _shorten(errors) or f"the generator ended with status {result.exit_code}")
    try:
        text = result.stdout.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("not_text", f"the generator printed what is not UTF-8: {error}") from error
    if not text.strip():
        raise Refused("generator_silent", "the generator printed nothing: print the Verilog of module cand")
    return text


def _shorten(errors: str) -> str:
    """The end of a traceback says what went wrong."""
    text = errors.replace("/job/", "").strip()
    return text if len(text) <= _FEEDBACK_CHARS else "[shortened]\n" + text[-_FEEDBACK_CHARS:]
