"""Programs that know what their task looks like: fewer sweeps, kept matrices, guessed structure, coarse arithmetic.

They meet the stages that judge correctness, on a small timed shape; honest programs of the same task meet them, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from attack_pack.shapes import SMALL, shrunk

from evaluators.integrity.admission import admit
from evaluators.kernels.evaluator import KernelEvaluator
from evaluators.kernels.impostors import kernel_impostors
from evaluators.kernels.toolchain import processor_flags

pytestmark = pytest.mark.box

_FOLDER = Path(__file__).parent / "shapes"
_OTHER_ENDS = {
    "jacobi2d/05_past_the_scratch": {"out_of_bounds", "crash"},
    "spmv-csr/04_reads_past_the_columns": {"crash"},
    "spmv-csr/06_writes_columns": {"crash"},
}
_NEEDS = {"gemm-f32/03_bfloat16_pairs": "avx512_bf16"}


def test_every_task_has_hostile_programs() -> None:
    assert {folder.name for folder in _FOLDER.iterdir()} == set(SMALL)
    assert all(len(list((_FOLDER / name).glob("*.c"))) >= 2 for name in SMALL)


@pytest.mark.parametrize("name", sorted(SMALL))
async def test_hostile_programs_are_rejected_and_honest_ones_are_not(evaluator: KernelEvaluator, name: str) -> None:
    task = shrunk(name)
    honest = ["seed.c", "c_fast.c", *(path.relative_to(task.root).as_posix() for path in task.root.glob("honest/*.c"))]
    refused: dict[str, str] = {}
    accepted: list[str] = []
    async with evaluator.open_checker(task, {}, seed=20261121) as checker:
        for path in honest:
            finding = await checker.check(task.read(path))
            if not finding.accepted:
                refused[path] = f"{finding.stage}: {finding.reason}: {finding.feedback}"
        for program in sorted((_FOLDER / name).glob("*.c")):
            key = f"{name}/{program.stem}"
            if key in _NEEDS and _NEEDS[key] not in processor_flags():
                continue
            finding = await checker.check(program.read_text(encoding="utf-8"))
            if finding.accepted or finding.reason not in _OTHER_ENDS.get(key, {"wrong_output"}):
                accepted.append(f"{key}: {finding.stage}: {finding.reason} {finding.feedback}")
    assert refused == {}
    assert accepted == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
async def test_impostors_and_known_programs_are_rejected(evaluator: KernelEvaluator, name: str) -> None:
    task = shrunk(name)
    known = [entry.path for entry in task.rehearsal if entry.expect == "reject"]
    assert len(known) >= 6
    async with evaluator.open_checker(task, {}, seed=5) as checker:
        checks = await admit(checker, [], kernel_impostors(task))
        findings = {path: await checker.check(task.read(path)) for path in known}
    assert [(check.name, check.stage, check.outcome) for check in checks if not check.held] == []
    assert [path for path, finding in findings.items() if finding.accepted or finding.reason != "wrong_output"] == []
