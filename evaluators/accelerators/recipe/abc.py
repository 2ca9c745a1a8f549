"""Runs ABC in boxes: a recipe on circuits in one box, the verdict on what came of them in another.

In the first box one ABC process takes the circuits of a stage one after another, because it computes for 15 to 40 ms
before its first command; in a confirmation each circuit has a process of its own. Only a graph comes back, as bytes
that `aig.read_aiger` takes apart and that are written anew before anybody looks at them again: no name, no register
and no comment of the candidate's gets further. In the second box ABC, which has never seen a line of the recipe,
proves each graph equivalent to our own original (`cec`), then maps and measures it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.accelerators import toolchain
from evaluators.accelerators.recipe.aig import Aig, AigerError, read_aiger
from evaluators.accelerators.recipe.settings import Circuit, Measure, RecipeSettings
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.standing_clock import standing_clock
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault
from tools.recipes.grammar import Recipe

TECHNOLOGY = "osu018"
PROOF_S = 20
"""Seconds for one proof of equivalence; the circuits here take hundredths of one."""
_SAID_OF_ONE = 64 * 1024
"""Bytes that ABC may print of one circuit; sizing tells each of its steps, some kilobytes."""
_WALL_PER_CPU = 60.0
"""A busy machine may be this much slower than the processor time that is allowed."""
_OPTIMISE = """job=${0%/*}
ulimit -t "$1"; ulimit -v "$2"
ln -s "$job" job
for part in "$job"/*.abc; do
  last=${part##*/}
  "$3" -s -q "$(cat "$part")" >log 2>&1 </dev/null
  code=$?
  echo "ended $code"
  if [ $code -ne 0 ] || [ ! -s "${last%.abc}.aig" ]; then tail -c 400 log; exit 0; fi
done
"""
_JUDGE = """cd "${0%/*}" || exit 1
"$1" -s -q "$(cat prove)" 2>&1 </dev/null
echo ==MAPPING==
shift; "$@" -s -q "$(cat map)" 2>&1 </dev/null
"""
_MAP = {
    Measure.ADP: "map -B 0.9; topo; buffer -c; upsize; dnsize; stime -p",
    Measure.LUT6: "if -K 6; print_stats",
}
_MARK = "==CIRCUIT="
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STIME = re.compile(r"Area = *([0-9.]+) .*Delay = *([0-9.]+) ps")
_LUTS = re.compile(r" nd = *(\d+) .* lev = *(\d+)")
_KILLED_FOR_TIME = frozenset({137, 152})
"""Exit codes of a shell whose child died by SIGKILL or SIGXCPU: the limit of processor time."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Of one mapped circuit. `size` is an area in µm² or a number of look-up tables, `delay` in ns or levels."""

    size: float
    delay: float

    def value(self, measure: Measure) -> float:
        """What is made small: µm²·ns, or look-up tables."""
        return self.size * self.delay if measure is Measure.ADP else self.size


@dataclass(frozen=True, slots=True)
class Job:
    """One part of a recipe on one circuit."""

    part: Recipe
    circuit: Circuit


async def optimise(
    sandbox: Sandbox, jobs: Sequence[Job], settings: RecipeSettings, *, alone: bool = False
) -> list[Aig]:
    """What each part makes of its circuit; `alone` gives each a process. Raises Refused when one fails."""
    contents = await written(sandbox, jobs, settings, alone=alone)
    return [checked(content, job.circuit) for content, job in zip(contents, jobs, strict=True)]


async def written(
    sandbox: Sandbox, jobs: Sequence[Job], settings: RecipeSettings, *, alone: bool = False
) -> list[bytes]:
    """The same as bytes that nobody has looked at yet; none is empty."""
    names = [f"{number:03}" for number in range(len(jobs))]
    files: dict[str, bytes | Path] = {"run.sh": _OPTIMISE.encode()}
    for name, job in zip(names, jobs, strict=True):
        files[f"{name}.aig"] = job.circuit.aig.to_aiger()
    scripts = {name: _script(name, job.part) for name, job in zip(names, jobs, strict=True)}
    for process in [[name] for name in names] if alone else [names]:
        files[f"{process[-1]}.abc"] = "; ".join(scripts[name] for name in process).encode()
    processes = len(jobs) if alone else 1
    limits = Limits(
        cpu_s=(settings.cpu_s + 1) * processes,
        wall_s=_WALL_PER_CPU * settings.cpu_s * processes,
        memory_bytes=(settings.memory_mib + 64) * MIB,
        processes=8,
    )
    clock = await standing_clock(sandbox)
    argv = [*clock.words, "/bin/sh", "/job/run.sh", str(settings.cpu_s), str(settings.memory_mib * 1024), program()]
    outputs = [f"{name}.aig" for name in names]
    result = await sandbox.run(argv, files={**files, **clock.files}, limits=limits, outputs=outputs)
    _check_ended(result, "the recipe")
    contents = [result.outputs.get(f"{name}.aig", b"") for name in names]
    for content, job in zip(contents, jobs, strict=True):
        if not content:
            raise _why_nothing(job.circuit.name, result.stdout.decode("utf-8", "replace"))
    return contents


def _script(name: str, part: Recipe) -> str:
    commands = "; ".join(step.commands for step in part)
    return f"empty; read_aiger job/{name}.aig; strash; {commands}; strash; write_aiger {name}.aig"


def _why_nothing(circuit: str, log: str) -> Refused:
    codes = list(re.finditer(r"(?m)^ended (\d+)$", log))
    code, words = (int(codes[-1][1]), log[codes[-1].end() :]) if codes else (0, "")
    words = _COLOUR.sub("", words).strip()[-300:]
    if code in _KILLED_FOR_TIME:
        return Refused("timeout", f"{circuit}: the recipe ran out of its processor time", Outcome.TIMEOUT)
    if code:
        return Refused("crashed", f"{circuit}: ABC ended with code {code} within the recipe. {words}".strip())
    return Refused("no_result", f"{circuit}: the recipe stopped at an error of ABC and left nothing. {words}".strip())


def _check_ended(result: ExecResult, what: str) -> None:
    """A box that did not end well; ABC's own fate is told by the shell in it."""
    if result.ok:
        return
    if result.reason is ExitReason.WALL_LIMIT:
        raise EvaluatorFault(f"{what} got too little of the processor", hint="the machine is overloaded; try again")
    outcome = Outcome.TIMEOUT if result.reason is ExitReason.CPU_LIMIT else Outcome.FAIL
    raise Refused("timeout" if outcome is Outcome.TIMEOUT else "crashed", f"{what}: {result.reason.value}", outcome)


def checked(content: bytes, circuit: Circuit) -> Aig:
    """The graph, when it has the ports of the original. Ports have no names here: they count by their order."""
    try:
        made = read_aiger(content)
    except AigerError as error:
        raise Refused("no_circuit", f"{circuit.name}: what was written is no circuit: {error}") from error
    original = circuit.aig
    if (made.inputs, len(made.outputs)) != (original.inputs, len(original.outputs)):
        raise Refused(
            "ports_changed",
            f"{circuit.name}: {made.inputs} inputs and {len(made.outputs)} outputs instead of "
            f"{original.inputs} and {len(original.outputs)}",
        )
    return made


async def judge(
    sandbox: Sandbox, pairs: Sequence[tuple[Circuit, Aig]], measure: Measure, settings: RecipeSettings
) -> list[Quality]:
    """Prove each graph equivalent to its circuit, then map and measure it. Raises Refused for the first that is not.

    Two processes: mapping a network that ABC chokes on must not take the proofs' words with it.
    """
    files: dict[str, bytes | Path] = {"run.sh": _JUDGE.encode()}
    prove: list[str] = []
    map_all = [f"read_lib -v {liberty()}"] if measure is Measure.ADP else []
    for number, (circuit, made) in enumerate(pairs):
        original, written, mark = f"original{number}.aig", f"written{number}.aig", f"echo {_MARK}{number}="
        files[original], files[written] = circuit.aig.to_aiger(), made.to_aiger()
        prove += [mark, f"cec -n -T {PROOF_S} -C 1000000 {original} {written}"]
        map_all += [mark, f"read_aiger {written}", _MAP[measure]]
    files["prove"], files["map"] = "; ".join(prove).encode(), "; ".join(map_all).encode()
    allowed_s = (PROOF_S + settings.cpu_s) * len(pairs)
    limits = Limits(
        cpu_s=allowed_s,
        wall_s=_WALL_PER_CPU * allowed_s,
        memory_bytes=2048 * MIB,
        processes=8,
        output_bytes=MIB + _SAID_OF_ONE * len(pairs),
    )
    clock = await standing_clock(sandbox)
    argv = ["/bin/sh", "/job/run.sh", program(), *clock.words, program()]
    result = await sandbox.run(argv, files={**files, **clock.files}, limits=limits)
    if result.reason is ExitReason.WALL_LIMIT:
        raise EvaluatorFault("a proof got too little of the processor", hint="the machine is overloaded; try again")
    if result.reason is ExitReason.OUTPUT_LIMIT:
        raise EvaluatorFault("ABC said more of the mappings than is kept", hint="fewer or smaller circuits in the task")
    proofs, _, mapped = _COLOUR.sub("", result.stdout.decode("utf-8", "replace")).partition("==MAPPING==\n")
    proven, measured = _by_mark(proofs), _by_mark(mapped)
    for number, (circuit, _) in enumerate(pairs):
        _check_proof(circuit, proven.get(number, ""))
    return [_quality(circuit, measured.get(number, ""), measure) for number, (circuit, _) in enumerate(pairs)]


def _by_mark(text: str) -> dict[int, str]:
    found = (part.partition("=") for part in text.split(_MARK)[1:])
    return {int(number): said for number, _, said in found if number.isdigit()}


def _check_proof(circuit: Circuit, said: str) -> None:
    if "Networks are NOT EQUIVALENT" in said:
        raise Refused("not_equivalent", f"{circuit.name}: the result computes something else")
    if not re.search(r"^Networks are equivalent", said, re.MULTILINE):
        raise Refused("not_proven", f"{circuit.name}: equivalence could not be proven within {PROOF_S} s")


def _quality(circuit: Circuit, said: str, measure: Measure) -> Quality:
    found = (_STIME if measure is Measure.ADP else _LUTS).search(said)
    if found is None:
        raise Refused("not_mapped", f"{circuit.name}: ABC ended before the result was mapped")
    size, delay = float(found[1]), float(found[2])
    quality = Quality(size, delay / 1000 if measure is Measure.ADP else delay)
    if quality.value(measure) <= 0:
        raise Refused("no_area", f"{circuit.name}: a mapped circuit of size {size:g} and delay {delay:g}")
    return quality


def program() -> str:
    """ABC's path, here and in the box. Raises PrerequisiteMissing naming the package."""
    return str(toolchain.require(toolchain.ABC))


def liberty() -> Path:
    return toolchain.technologies()[TECHNOLOGY].path


async def versions(sandbox: Sandbox) -> Mapping[str, str]:
    """ABC as the box sees it. Raises EvaluatorFault when it does not run."""
    result = await sandbox.run([program(), "-s", "-q", "version"], limits=Limits(wall_s=30.0))
    lines = [line for line in result.stdout.decode("utf-8", "replace").splitlines() if "ABC" in line]
    if not result.ok or not lines:
        raise EvaluatorFault("ABC does not run inside the box", hint="install the package berkeley-abc")
    return {"abc": lines[0].strip()}
