"""Sources that attack the compiler, the parser of what it made, or whoever reads its words."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import pytest

from evaluators.kernels.build import MAX_LIBRARY_BYTES
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Phase

pytestmark = pytest.mark.box

_KERNEL = "int nf_kernel(void *a) { return a == 0; }\n"


def _repeated(lines: str, count: int) -> str:
    """Assembler lines in which `\\\\@` is another number each time."""
    return f'asm(".macro one\\n{lines}\\n.endm\\n.rept {count}\\none\\n.endr\\n");\n{_KERNEL}'


_SOURCES = {
    "flags without end": ("// nf-flags:" + " vec512" * 30_000 + "\nint nf_kernel(void) { return missing(1); }", None),
    "half a character": ("// \ud800\n" + _KERNEL, ("parse", "not_text")),
    "a NUL byte": ("// \0\n" + _KERNEL, ("parse", "not_text")),
    "giant": ("//" + "x" * (300 * 1024) + "\n" + _KERNEL, ("parse", "too_long")),
    "itself": ("int nf_kernel(void);\n#include __FILE__\n", ("compile", "compile_error")),
    "the terminal": ('#include "/dev/ptmx"\n' + _KERNEL, ("compile", None)),
    "memory without end": ('asm(".incbin \\"/dev/zero\\"");\n' + _KERNEL, ("compile", None)),
    "a large table": (f"int t[{MAX_LIBRARY_BYTES // 4 + 1}] = {{1}};\n{_KERNEL}", ("compile", "library_too_large")),
    "a huge table": (f"int t[{1 << 30}] = {{1}};\n{_KERNEL}", ("compile", None)),
    "many symbols": (_repeated(r".globl s\\@\n.set s\\@, 1", 30_000), ("gate", "static_gate")),
    "many sections": (_repeated(r".section s\\@, \"a\"\n.byte 1", 20_000), ("gate", "static_gate")),
    "a false symbol table": (
        'asm(".section .dynsym, \\"a\\"\\n.quad 0\\n.text");\n' + _KERNEL,
        None,
    ),
    "all at once": (
        "#define A(x) x x x x x x x x x x\n#define B(x) A(A(A(A(x))))\n" + _KERNEL + "int v = 0 B(B(+ 1));\n",
        ("compile", None),
    ),
}


@pytest.fixture
def task(shipped: Callable[[str], Task], small: Callable[[Task, int], Task]) -> Task:
    found = small(shipped("softmax-long"), 1 << 16)
    stages = [stage.model_copy(update={"wall_s": 6.0}) if stage.name == "compile" else stage for stage in found.stages]
    return found.model_copy(update={"stages": tuple(stages)})


async def _evaluate(evaluator: KernelEvaluator, task: Task, source: str) -> Evidence:
    return await evaluator.evaluate(source, task, {}, seed=1, phase=Phase.SEARCH)


@pytest.mark.parametrize("name", sorted(_SOURCES))
async def test_a_hostile_source_is_the_candidates_failure_within_its_time(
    evaluator: KernelEvaluator, task: Task, name: str
) -> None:
    source, expected = _SOURCES[name]
    began = time.monotonic()
    evidence = await _evaluate(evaluator, task, source)
    assert time.monotonic() - began < 40
    failure = evidence.failure
    assert failure is not None
    if expected is not None:
        stage, reason = expected
        assert failure.stage == stage, failure.feedback
        assert reason in {None, failure.reason}, failure.feedback
    assert len(failure.feedback) < 10_000
    assert all(each.seed == 1 and each.tools["gcc"] for each in evidence.stages)


async def test_words_of_the_compiler_cannot_steer_a_terminal(evaluator: KernelEvaluator, task: Task) -> None:
    source = _KERNEL + 'int x = "\x1b[2J\x1b]0;owned\x07\u202egnirts";\n#error \x1b[31mred\x1b[0m\n'
    failure = (await _evaluate(evaluator, task, source)).failure
    assert failure is not None
    assert failure.reason == "compile_error"
    assert "red" in failure.feedback
    assert all(letter in "\n\t" or letter.isprintable() for letter in failure.feedback)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 instructions")
@pytest.mark.parametrize("name", ["syscall", "rdtsc", "rdpmc"])
async def test_an_instruction_that_no_kernel_needs_is_named(evaluator: KernelEvaluator, task: Task, name: str) -> None:
    failure = (await _evaluate(evaluator, task, f'int nf_kernel(void) {{ asm("{name}"); return 0; }}')).failure
    assert failure is not None
    assert failure.reason == "static_gate"
    assert name in failure.feedback
