"""Kernels in containers: compiled inside, sharing memory with the trusted side, frozen and timed from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.task import Task
from nightforge.domain.words import Phase, SandboxTier
from sandbox.docker import DockerSandbox
from tools.rewrites.parallel import parallelised

pytestmark = pytest.mark.box


@pytest.fixture
def task() -> Task:
    found = load_task(Path(next(iter(tasks.__path__))) / "softmax-long")
    listed = found.settings["baselines"]
    assert isinstance(listed, list)
    kept = [entry for entry in listed if isinstance(entry, dict) and entry["name"] == "c-fast"]
    settings = {**found.settings, "primary": {"n": 1 << 18}, "baselines": kept}
    parameters = tuple(parameter for parameter in found.parameters if parameter.name != "n")
    return found.model_copy(update={"settings": settings, "parameters": parameters})


async def test_a_team_of_two_runs_and_a_thread_of_ones_own_does_not(
    docker: DockerSandbox, two_processors: None
) -> None:
    found = load_task(Path(next(iter(tasks.__path__))) / "softmax-rows")
    source = parallelised(found.read("c_fast.c"))
    own = "extern int pthread_create(void *, void *, void *(*)(void *), void *);\nstatic long thread;\n"
    start = "int nf_kernel(const nf_args *a) {"
    alone = "    if (pthread_create(&thread, 0, (void *(*)(void *))nf_kernel, (void *)a)) return 1;"
    evaluator = KernelEvaluator(docker, static_gate=False)
    parameters = {"threads": 2, "rows": 512}
    async with evaluator.open_checker(found, parameters, seed=5) as checker:
        finding = await checker.check(source)
    assert finding.accepted, (finding.reason, finding.feedback)
    evidence = await evaluator.evaluate(
        source.replace(start, f"{own}{start}\n{alone}"), found, parameters, seed=5, phase=Phase.SEARCH
    )
    assert evidence.failure is not None
    assert evidence.failure.reason == "forbidden_syscall", evidence.failure


async def test_the_seed_passes_every_stage(docker: DockerSandbox, task: Task) -> None:
    evaluator = KernelEvaluator(docker)
    evidence = await evaluator.evaluate(task.read(task.seed), task, {}, seed=5, phase=Phase.SEARCH, best_score=None)
    assert evidence.passed, evidence.failure
    assert evidence.tier is SandboxTier.DOCKER
    assert evidence.metrics["page_faults"].value == 0
    assert evidence.metrics["cpu_ms"].value > 0.01


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("*(volatile int *)0 = 1;", "smoke crash"),
        ("for (volatile int x = 1; x;) {}", "timeout"),
        ('__asm__(".incbin \\"/etc/shadow\\"");', "compile"),
    ],
)
async def test_a_bad_kernel_is_told_from_a_broken_box(
    docker: DockerSandbox, task: Task, body: str, reason: str
) -> None:
    head, brace, rest = task.read(task.seed).rpartition("int nf_kernel(")
    signature, opening, inside = rest.partition("{")
    source = head + brace + signature + opening + body + inside
    evidence = await KernelEvaluator(docker, static_gate=False).evaluate(
        source, task, {}, seed=5, phase=Phase.SEARCH, best_score=None
    )
    assert evidence.failure is not None
    assert reason in f"{evidence.failure.stage} {evidence.failure.reason}", evidence.failure
