"""Every hostile kernel of tests/hostile/kernels through what `nightforge eval` does: which stage rejected it, and why.

`make cheats` writes the table of docs/security.md; `PYTHONPATH=.:tests python -m attack_pack.cheats [NAME …]` prints it
or the rows of some (with `--write` the page keeps the others). The tasks are the shipped ones on small shapes, with
the C baselines or their reference alone, so that the whole takes minutes.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path

from attack_pack.shapes import SMALL, shrunk
from attack_pack.table import put_into
from attack_pack.verdicts import REPOSITORY
from nightforge.catalogue import find_task
from nightforge.cli.evaluate import Result, open_evaluator, read_program
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from nightforge.errors import EvaluatorFault
from sandbox import open_sandbox
from workflows.parameters import read_parameters

KERNELS = REPOSITORY / "tests" / "hostile" / "kernels"
TASKS = {"softmax": "softmax-long", "axpy": "axpy"}
"""Folder of kernels → the task that they cheat; below `shapes` a folder has its task's name."""
SHAPES = KERNELS / "shapes"
BEGIN = "<!-- written by make cheats -->"
END = "<!-- end of what make cheats writes -->"
ROW = 1 << 20
TRIES = 6
PAUSE_S = 3.0
"""An overloaded machine is our fault, not the candidate's: tried again."""


def small_task(name: str, folder: Path) -> Path:
    """The shipped task with fewer elements and no Python baseline."""
    target = folder / name
    subprocess.run(["/bin/cp", "-r", str(REPOSITORY / "tasks" / name), str(target)], check=True)
    file = target / "task.toml"
    text = file.read_text(encoding="utf-8").replace("16777216", str(ROW))
    head, *baselines = text.split("[[settings.baselines]]")
    kept = [baseline for baseline in baselines if 'language = "python"' not in baseline]
    file.write_text("[[settings.baselines]]".join([head, *kept]), encoding="utf-8")
    return target


async def evaluate(kernels: Sequence[Path], task: Task) -> AsyncIterator[Result | str]:
    """What `nightforge eval --confirm` comes to for each program, on one calibration for all; a fault as its words."""
    parameters = read_parameters(task, [])
    evaluator = open_evaluator(task, open_sandbox())
    calibration = await evaluator.calibrate(task, parameters, seed=secrets.randbits(63))

    async def look(source: str, phase: Phase) -> Evidence:
        seed = secrets.randbits(63)
        return await evaluator.evaluate(source, task, parameters, seed=seed, phase=phase, calibration=calibration)

    for kernel in kernels:
        source = read_program(str(kernel))
        for left in reversed(range(TRIES)):
            try:
                measured = await look(source, Phase.SEARCH)
                confirmed = await look(source, Phase.CONFIRMATION) if measured.passed else None
                yield Result(task, calibration, measured, confirmed)
                break
            except EvaluatorFault as fault:
                if not left:
                    yield str(fault)
                await asyncio.sleep(PAUSE_S)


def label(kernel: Path) -> str:
    return f"{kernel.parent.name}/{kernel.stem}"


def found_kernels(only: Collection[str]) -> dict[str, list[Path]]:
    """Task → kernels; of `only`, by name with or without the folder, where there are any."""
    folders = {folder.name for folder in KERNELS.iterdir() if any(folder.glob("*.c"))}
    places = {KERNELS / name: task for name, task in TASKS.items()} | {SHAPES / name: name for name in SMALL}
    folders |= {folder.name for folder in SHAPES.iterdir()} - set(SMALL)
    if unknown := folders - set(TASKS):
        raise SystemExit(f"no task is known for tests/hostile/kernels/{', '.join(unknown)}: add it to TASKS")
    chosen = {
        task: [
            kernel for kernel in sorted(place.glob("*.c")) if not only or kernel.stem in only or label(kernel) in only
        ]
        for place, task in places.items()
    }
    return {task: kernels for task, kernels in chosen.items() if kernels}


def what(kernel: Path) -> str:
    """The first comment of the source."""
    text = kernel.read_text(encoding="utf-8")
    found = re.search(r"/\*(.*?)\*/", text, re.DOTALL)
    return " ".join(found[1].replace("*", " ").split()) if found else ""


HEAD = ["| cheat | what it does | state | stage | reason | gain over the reference |", "|" + " --- |" * 6]


def row(kernel: Path, result: Result | str) -> str:
    if isinstance(result, str):
        return f"| `{label(kernel)}` | {what(kernel)} | **not evaluated** | - | {result} | - |"
    said = result.record()
    cells = [f"`{label(kernel)}`", what(kernel), str(said["state"]), str(said["stage"]), str(said["reason"]) or "-"]
    evidence = result.confirmed or result.measured
    gain = evidence.metrics.get(result.task.objective.metric)
    cells.append("-" if gain is None else f"{gain.value:.2f}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


async def run(found: Mapping[str, Sequence[Path]], folder: Path) -> list[str]:
    rows = []
    for task, kernels in found.items():
        small = shrunk(task) if task in SMALL else find_task(str(small_task(task, folder)))
        results = evaluate(kernels, small)
        for kernel in kernels:
            rows.append(row(kernel, await anext(results)))
            sys.stdout.write(rows[-1] + "\n")
            sys.stdout.flush()
    return rows


def merged(page: str, rows: Sequence[str]) -> list[str]:
    """The page's rows with these in the place of theirs, in the order of the kernels."""

    def name(line: str) -> str:
        found = re.match(r"\| `([^`]+)`", line)
        return found[1] if found else ""

    table = page.partition(BEGIN)[2].partition(END)[0].splitlines()
    known = {name(line): line for line in (*table, *rows) if name(line)}
    listed = [label(kernel) for kernels in found_kernels(()).values() for kernel in kernels]
    return [known[one] for one in listed if one in known]


def main() -> int:
    only = {word for word in sys.argv[1:] if not word.startswith("--")}
    found = found_kernels(only)
    with tempfile.TemporaryDirectory(prefix="nf-cheats-") as name:
        Path(name).chmod(0o755)
        rows = asyncio.run(run(found, Path(name)))
    if "--write" in sys.argv:
        document = REPOSITORY / "docs" / "security.md"
        text = document.read_text(encoding="utf-8")
        document.write_text(put_into(text, "\n".join([*HEAD, *merged(text, rows)]), BEGIN, END), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
