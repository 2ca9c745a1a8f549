"""A fingerprint changes with everything that an evaluation depends on, and with nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.task import Task
from nightforge.domain.words import Outcome, SandboxTier
from nightforge.errors import UserError
from nightforge.fingerprint import fingerprint
from sandbox import open_sandbox

TASK = "axpy"
Shipped = Callable[[str], Task]


@pytest.fixture
def task(shipped: Shipped, tmp_path: Path) -> Task:
    one = shipped(TASK)
    folder = tmp_path / TASK
    shutil.copytree(one.root, folder)
    return one.model_copy(update={"root": folder})


def test_the_same_question_has_the_same_fingerprint(task: Task, tmp_path: Path) -> None:
    code = tmp_path / "evaluator.py"
    code.write_text("LIMIT = 1\n")
    tools = {"gcc": "12", "as": "2.40"}
    first = fingerprint(task, {"rows": 8, "cols": 16}, tools=tools, code=[code])
    again = fingerprint(task, {"cols": 16, "rows": 8}, tools=dict(reversed(tools.items())), code=[code])
    assert first == again
    assert len(bytes.fromhex(first)) == 32


@pytest.mark.parametrize("what", ["file", "new file", "name", "hidden", "setting", "parameter", "type", "tool", "code"])
def test_whatever_an_evaluation_depends_on_changes_it(task: Task, tmp_path: Path, what: str) -> None:
    code = tmp_path / "evaluator.py"
    code.write_text("LIMIT = 1\n")
    tools = {"gcc": "12"}
    before = fingerprint(task, {"rows": 8}, tools=tools, code=[code])
    parameters: dict[str, int | float] = {"rows": 8}
    match what:
        case "file":
            (task.root / "brief.md").write_text("other words")
        case "new file":
            (task.root / "more.txt").write_text("")
        case "name":
            (task.root / "brief.md").rename(task.root / "letter.md")
        case "hidden":
            with (task.root / "hidden.toml").open("a", encoding="utf-8") as hidden:
                hidden.write("# one more line\n")
        case "setting":
            task = task.model_copy(update={"settings": {**task.settings, "symbol": "other"}})
        case "parameter":
            parameters = {"rows": 9}
        case "type":
            parameters = {"rows": 8.0}
        case "tool":
            tools = {"gcc": "13"}
        case "code":
            code.write_text("LIMIT = 2\n")
    assert fingerprint(task, parameters, tools=tools, code=[code]) != before


def test_byte_code_does_not_count(task: Task, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "evaluator.py").write_text("LIMIT = 1\n")
    before = fingerprint(task, {}, tools={}, code=[package])
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "evaluator.pyc").write_bytes(b"\0")
    assert fingerprint(task, {}, tools={}, code=[package]) == before


def test_a_file_that_is_gone_is_named(task: Task, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read") as caught:
        fingerprint(task, {}, tools={}, code=[tmp_path / "nothing-here.py"])
    assert "nothing-here.py" in str(caught.value)


@pytest.mark.box
async def test_kernels_name_compiler_linker_and_disassembler_as_the_box_sees_them(task: Task) -> None:
    first, second = KernelEvaluator(open_sandbox()), KernelEvaluator(open_sandbox(), static_gate=False)
    assert await first.fingerprint(task, {}) == await first.fingerprint(task, {})
    assert await first.fingerprint(task, {}) != await first.fingerprint(task, {"n": 1 << 20})
    assert await first.fingerprint(task, {}) != await second.fingerprint(task, {})


@pytest.mark.parametrize(
    ("outcome", "reason", "feedback", "lasting"),
    [
        (Outcome.FAIL, "wrong_output", "", True),
        (Outcome.FAIL, "static_gate", "", True),
        (Outcome.FAIL, "compile_error", "kernel.c:3:9: error: expected ';'", True),
        (Outcome.FAIL, "compile_error", "kernel.c:1:10: fatal error: nothing.h: No such file or directory", True),
        (Outcome.FAIL, "compile_error", "cc1: out of memory allocating 65536 bytes", False),
        (Outcome.FAIL, "compile_error", "gcc: fatal error: Killed signal terminated program cc1", False),
        (Outcome.FAIL, "compile_memory_limit", "", False),
        (Outcome.FAIL, "memory_limit", "", False),
        (Outcome.FAIL, "crash", "", False),
        (Outcome.FAIL, "not_deterministic", "", False),
        (Outcome.FAIL, "slower", "", False),
        (Outcome.FAIL, "below_roof", "", False),
        (Outcome.TIMEOUT, "timeout", "", False),
        (Outcome.TIMEOUT, "wrong_output", "", False),
        (Outcome.ERROR, "wrong_output", "", False),
        (Outcome.PASS, "", "", False),
    ],
)
def test_kernels_keep_refusals_and_wrong_answers_and_never_a_time(
    outcome: Outcome, reason: str, feedback: str, lasting: bool
) -> None:
    stage = StageEvidence(stage="any", outcome=outcome, reason=reason, feedback=feedback, seed=1)
    evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))
    assert KernelEvaluator(open_sandbox()).is_lasting(evidence) is lasting
