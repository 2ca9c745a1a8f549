"""Loops on threads: which are known to be independent, and that four threads then compute what one does."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from loop_programs import HEAD, PROGRAMS, SHAPES, Workbench, question, same

from agents.offline.coder import OfflineCoder
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, OperatorContext, Program, StepContext, StepPlan
from nightforge.domain.words import Direction
from tools.rewrites.parallel import ParallelFor, is_parallel, parallelised
from tools.rewrites.rewrite import without_stray_pragmas

_DOUBT = "not all are known"
_QUESTIONS = [question(shape, number) for number, shape in enumerate(SHAPES)]
_TIMES = 3


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return Workbench(tmp_path_factory.mktemp("parallel"))


@pytest.fixture
def step() -> StepContext:
    return StepContext(
        campaign_id="c",
        ordinal=1,
        goal="",
        task="t",
        language="c",
        brief="",
        objective=Objective(metric="speedup", unit="x", direction=Direction.MAX),
        parent=Program(ordinal=0, source=""),
    )


def _drafts(source: str) -> list[Draft]:
    parent = Program(ordinal=0, source=source)
    return list(ParallelFor().propose(OperatorContext(language="c", parent=parent, seed=0)))


def _on_four(source: str) -> str:
    return source.replace("omp parallel for", "omp parallel for num_threads(4)")


def test_what_is_known_to_be_independent_computes_the_same_on_four_threads(workbench: Workbench) -> None:
    seen = set()
    for name, source in PROGRAMS.items():
        for draft in _drafts(source):
            if _DOUBT not in draft.note:
                seen.add(name)
                wanted = workbench.run(source, _QUESTIONS)
                for _ in range(_TIMES):
                    found = workbench.run(_on_four(draft.source), _QUESTIONS, ("-fopenmp",))
                    assert same(found, wanted, exact=False), f"{name}: {draft.note}"
    assert {"product_ijp", "product_sum", "sparse", "rows", "vector", "scaled", "transposed", "batch"} <= seen


@pytest.mark.parametrize(
    "body",
    [
        "for (long i = 1; i < n; i++) a[i] = a[i - 1] + b[i];",
        "for (long i = 0; i < n; i++) a[index[i]] = b[i];",
        "for (long i = 0; i < n; i++) a[i + index[i]] = b[i];",
        "for (long i = 0; i < n; i++) a[i - i / 2] = b[i];",
        "for (long i = 0; i < n; i++) { const long q = index[i]; a[i + q] = b[i]; }",
        "for (long i = 0; i < n; i++) { long q = 0; for (; q < m; q += 2) a[i + q] = b[i]; }",
        "for (long i = 0; i < n; i++) c[0] = a[i];",
        "for (long i = 0; i < n; i++) for (long j = 0; j < m; j++) a[i + j] = b[i];",
        "float last = 0; for (long i = 0; i < n; i++) { c[i] = last; last = a[i]; }",
        "float sum = 0; for (long i = 0; i < n; i++) { sum += a[i]; c[i] = sum; }",
        "for (long i = 0; i < n; i++) c[i] = a[i] * c[i + 1];",
        "for (long i = 0; i < n; i++) a[i % 2] = b[i];",
    ],
)
def test_what_may_depend_is_not_called_independent(body: str) -> None:
    source = f"{HEAD}{body}\n}}\n"
    assert parallelised(source) == source
    assert all(_DOUBT in draft.note for draft in _drafts(source))


@pytest.mark.parametrize(
    ("body", "clause"),
    [
        ("float s = 0; for (long i = 0; i < n; i++) { s += a[i] * b[i]; } c[0] = s;", " reduction(+:s)"),
        ("float s = a[0]; for (long i = 0; i < n; i++) { if (a[i] > s) s = a[i]; } c[0] = s;", " reduction(max:s)"),
        ("float s = 0; for (long i = 0; i < n; i++) { c[i] = a[i]; s += a[i]; } c[0] = s;", " reduction(+:s)"),
        ("for (long i = 0; i < n; i++) { float s = 0; for (long j = 0; j < m; j++) s += a[i * m + j]; c[i] = s; }", ""),
        ("for (long i = 0; i < n; i++) { const long q = i * m; c[q] = a[index[i]]; }", ""),
    ],
)
def test_sums_become_reductions_and_locals_stay_private(body: str, clause: str, workbench: Workbench) -> None:
    source = f"{HEAD}{body}\n}}\n"
    changed = parallelised(source)
    assert f"#pragma omp parallel for{clause}\n" in changed
    wanted = workbench.run(source, _QUESTIONS)
    for _ in range(_TIMES):
        assert same(workbench.run(_on_four(changed), _QUESTIONS, ("-fopenmp",)), wanted, exact=False)


def test_a_program_that_says_what_is_parallel_keeps_its_word() -> None:
    source = f"{HEAD}#pragma omp parallel for\n    for (long i = 0; i < n; i++) c[i] = a[i];\n}}\n"
    assert is_parallel(source)
    assert parallelised(source) == source
    assert _drafts(source) == []


def test_a_directive_whose_loop_has_gone_goes_too() -> None:
    assert without_stray_pragmas("#pragma omp parallel for\n{ x; }") == "{ x; }"
    kept = "#pragma omp parallel for\nfor (;;) {}"
    assert without_stray_pragmas(kept) == kept


@pytest.mark.parametrize(("threads", "is_tried"), [(1, False), (2, True)])
async def test_the_offline_coder_uses_it_where_threads_are_declared(
    threads: int, is_tried: bool, step: StepContext
) -> None:
    context = step.model_copy(
        update={
            "parameters": {"threads": threads},
            "parent": Program(ordinal=0, source=PROGRAMS["product_ijp"], score=1.0),
            "step": StepPlan(operator_name="rewrite.parallel_for"),
        }
    )
    draft = await OfflineCoder([ParallelFor()]).write(context, random=Random(1), is_known=lambda _: False)
    assert isinstance(draft, Draft) is is_tried


def test_the_shipped_opponents_are_parallel_or_say_that_they_are_not() -> None:
    folder = Path(__file__).parents[3] / "tasks"
    alone = {
        f"{task.parent.name}/{task.name}"
        for task in folder.glob("*/c_fast.c")
        if "16]" in (task.parent / "task.toml").read_text(encoding="utf-8")
        and not is_parallel(parallelised(task.read_text(encoding="utf-8")))
    }
    assert alone == {"gemm-f32/c_fast.c"}
