"""Two-pass softmax against three passes, out of cache and in it: the published gain, given as a candidate.

    python -m benchmarks.two_pass_softmax

M. Dukhan and A. Ablavatski (2020) report up to 1.28x with AVX-512 for rows beyond the cache, and none within it. Both
programs share their exponential and their loops (`kernels/softmax_passes.c`), and meet in a duel: the same rounds, the
same data, every answer checked. One row of 16 million floats lies beyond every cache. The evaluator empties the cache
before each round, so that what stays in it is timed by a program of our own (`kernels/warm_turns.c`): the same two
programs in turns on a warm row. Rows of a matrix stand between: cold at first, in the cache for the later passes.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

from evaluators.kernels.build import compiler_flags
from evaluators.kernels.calibrate import machine_facts
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.statistics import Estimate, bootstrap_ratio
from nightforge.catalogue import find_task
from nightforge.domain.duel import DuelFinding
from nightforge.domain.limits import Limits
from nightforge.errors import EvaluatorFault, PrerequisiteMissing
from nightforge.report.text import metric_text
from sandbox import open_sandbox

SOURCE = Path(__file__).parent / "kernels" / "softmax_passes.c"
CASES = (
    ("softmax-long", False, False, "one row of 16 M floats"),
    ("softmax-long", False, True, "one row of 16 M floats, the second pass streaming"),
    ("softmax-rows", True, False, "a matrix: each row cold, then in the cache"),
)
WARM_FLOATS = (4096, 65536)
"""16 KiB and 256 KiB a row, twice that with its results: in the first cache and in the second."""
WARM_ROUNDS = 41
PUBLISHED = "1.2 to 1.45 x out of cache, none in it"


def program(passes: int, *, rows: bool, stream: bool) -> str:
    """The flags must stay in the first line: definitions go below it."""
    flags, rest = SOURCE.read_text(encoding="utf-8").split("\n", 1)
    stored = stream and passes == 2
    return f"{flags}\n#define PASSES {passes}\n#define ROWS {int(rows)}\n#define STREAM {int(stored)}\n{rest}"


async def meet(task_name: str, *, rows: bool, stream: bool) -> DuelFinding:
    task = find_task(task_name)
    evaluator = KernelEvaluator(open_sandbox())
    parameters = {parameter.name: parameter.default for parameter in task.parameters}
    three, two = (program(passes, rows=rows, stream=stream) for passes in (3, 2))
    return await evaluator.duel(three, two, task, parameters, seed=secrets.randbits(63))


async def warm(floats: int) -> Estimate:
    """Three passes over two, by CPU time, on a row that is in the cache."""
    flags = " ".join(compiler_flags(program(2, rows=False, stream=False)))
    objects = " && ".join(f"gcc {flags} -Dnf_kernel={name} -c /job/{name}.c -o {name}.o" for name in ("three", "two"))
    # Some 20 ms a turn: on a virtual machine the CPU clock of shorter ones jumps with the time that the host takes.
    calls = max(1, 100_000_000 // floats)
    script = f"{objects} && gcc -O2 /job/warm.c three.o two.o -o warm -lm && ./warm {floats} {WARM_ROUNDS} {calls}"
    files = {
        "three.c": program(3, rows=False, stream=False).encode(),
        "two.c": program(2, rows=False, stream=False).encode(),
        "warm.c": (SOURCE.parent / "warm_turns.c").read_bytes(),
    }
    result = await open_sandbox().run(["/bin/sh", "-c", script], files=files, limits=Limits(wall_s=120, cpu_s=60))
    if not result.ok:
        raise EvaluatorFault(result.stderr.decode("utf-8", "replace")[-500:], where="warm_turns.c")
    times = [tuple(map(float, line.split())) for line in result.stdout.decode().splitlines()]
    return bootstrap_ratio([one[0] for one in times], [one[1] for one in times])


def told(finding: DuelFinding) -> str:
    if finding.gain is None:
        return f"{finding.verdict}: {finding.reason}"
    control = finding.windows[-1].control if finding.windows else None
    beside = f"; the same program beside itself {metric_text(control)}" if control is not None else ""
    return f"{metric_text(finding.gain)} ({finding.verdict}){beside}"


def main() -> int:
    """`--warm` alone: only what stays in the cache."""
    cases = () if "--warm" in sys.argv[1:] else CASES
    if machine_facts().get("vector") != "avx512":
        raise PrerequisiteMissing("both programs need AVX-512", where="softmax_passes.c", hint="run it elsewhere")
    print(f"two passes over three, CPU time; published: {PUBLISHED}")
    for task, rows, stream, title in cases:
        print(f"{title:<50} {told(asyncio.run(meet(task, rows=rows, stream=stream)))}", flush=True)
    for floats in WARM_FLOATS:
        title = f"one row of {floats} floats, warm in the cache"
        print(f"{title:<50} {metric_text(asyncio.run(warm(floats)).metric('x'))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
