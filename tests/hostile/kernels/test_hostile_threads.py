"""More threads than declared, or work that a team does when nobody looks: refused, or of no use."""

from __future__ import annotations

import pytest
from attack_pack.shapes import shrunk

from evaluators.kernels.evaluator import KernelEvaluator
from nightforge.domain.evidence import Evidence
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from sandbox.probe import open_sandbox

pytestmark = pytest.mark.box

_HEAD = """// nf-flags: fast-math vec512
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>

typedef struct {
    const float *x;
    float *y;
    int64_t rows;
    int64_t cols;
} nf_args;

extern int omp_get_num_threads(void), omp_get_thread_num(void);

static void one_row(const float *restrict x, float *restrict y, int64_t cols) {
    float largest = x[0], sum = 0.0f;
    for (int64_t i = 0; i < cols; i++) largest = x[i] > largest ? x[i] : largest;
    for (int64_t i = 0; i < cols; i++) {
        y[i] = expf(x[i] - largest);
        sum += y[i];
    }
    float scale = 1.0f / sum;
    for (int64_t i = 0; i < cols; i++) y[i] *= scale;
}

static void part(const nf_args *a, int64_t from, int64_t to) {
    for (int64_t r = from; r < to; r++) one_row(a->x + r * a->cols, a->y + r * a->cols, a->cols);
}

"""
_OWN_THREAD = """
static void *second_half(void *a) { part(a, ((nf_args *)a)->rows / 2, ((nf_args *)a)->rows); return 0; }
int nf_kernel(const nf_args *a) {
    pthread_t thread;
    if (pthread_create(&thread, 0, second_half, (void *)a) != 0) return 1;
    part(a, 0, a->rows / 2);
    return pthread_join(thread, 0);
}
"""
_TEAM_OF_EIGHT = """
int nf_kernel(const nf_args *a) {
    int most = 0;
#pragma omp parallel for num_threads(8)
    for (int64_t r = 0; r < a->rows; r++) {
        if (r == 0) most = omp_get_num_threads();
        part(a, r, r + 1);
    }
    return most > 2 ? most : 0;
}
"""
_ANOTHER_PROCESSOR = """
int nf_kernel(const nf_args *a) {
    cpu_set_t all;
    for (unsigned i = 0; i < sizeof all; i++) ((unsigned char *)&all)[i] = 255;
    part(a, 0, a->rows);
    return sched_setaffinity(0, sizeof all, &all);
}
"""
_EARLY_TEAM = """
static int early;
void GOMP_parallel(void (*f)(void *), void *data, unsigned n, unsigned flags) {
    (void)f, (void)data, (void)n, (void)flags;
    early = 1;
}
int nf_kernel(const nf_args *a) {
    part(a, 0, a->rows);
    return early;
}
"""
_LEFT_BEHIND = """
static void *home[5];
int nf_kernel(const nf_args *a) {
    if (__builtin_setjmp(home) == 0) {
#pragma omp parallel
        {
            if (omp_get_thread_num() == 0) {
                part(a, 0, a->rows / 2);
                __builtin_longjmp(home, 1);
            }
            for (volatile long i = 0; i < 1000000000; i++) {}
            part(a, a->rows / 2, a->rows);
        }
    }
    return 0;
}
"""
_RUNTIME_BY_NAME = """
extern void GOMP_parallel(void (*)(void *), void *, unsigned, unsigned);
static void half(void *data) {
    const nf_args *a = data;
    int64_t middle = a->rows / 2, me = omp_get_thread_num(), all = omp_get_num_threads();
    part(a, me ? middle : 0, me || all == 1 ? a->rows : middle);
}
int nf_kernel(const nf_args *a) { GOMP_parallel(half, (void *)a, 2, 0); return 0; }
"""


@pytest.fixture(scope="session")
def ungated() -> KernelEvaluator:
    return KernelEvaluator(open_sandbox(), static_gate=False)


@pytest.fixture
def task() -> Task:
    return shrunk("softmax-rows")


async def _evaluate(evaluator: KernelEvaluator, task: Task, body: str, threads: int) -> Evidence:
    return await evaluator.evaluate(_HEAD + body, task, {"threads": threads}, seed=7, phase=Phase.SEARCH)


async def _refusal(evaluator: KernelEvaluator, task: Task, body: str) -> str:
    """Why the stages that judge correctness refuse it on two threads; empty when they do not."""
    async with evaluator.open_checker(task, {"threads": 2}, seed=7) as checker:
        finding = await checker.check(_HEAD + body)
    return "" if finding.accepted else f"{finding.stage}: {finding.reason}: {finding.feedback}"


def _ended(evidence: Evidence) -> tuple[str, str]:
    failure = evidence.failure
    return (failure.stage, failure.reason) if failure is not None else ("", "")


@pytest.mark.parametrize("body", [_OWN_THREAD, _ANOTHER_PROCESSOR])
@pytest.mark.parametrize("threads", [1, 2])
async def test_a_thread_of_ones_own_is_refused_on_either_track(
    evaluator: KernelEvaluator, ungated: KernelEvaluator, task: Task, two_processors: None, body: str, threads: int
) -> None:
    assert _ended(await _evaluate(evaluator, task, body, threads)) == ("gate", "static_gate")
    assert _ended(await _evaluate(ungated, task, body, threads)) == ("smoke", "forbidden_syscall")


async def test_a_team_is_never_larger_than_declared(
    evaluator: KernelEvaluator, task: Task, two_processors: None
) -> None:
    """It would return how many there are."""
    assert await _refusal(evaluator, task, _TEAM_OF_EIGHT) == ""


async def test_on_one_thread_there_is_no_runtime_to_be_had(
    evaluator: KernelEvaluator, ungated: KernelEvaluator, task: Task
) -> None:
    assert _ended(await _evaluate(evaluator, task, _RUNTIME_BY_NAME, 1)) == ("gate", "static_gate")
    assert _ended(await _evaluate(ungated, task, _RUNTIME_BY_NAME, 1)) == ("smoke", "does_not_load")


async def test_the_same_runtime_serves_where_threads_are_declared(
    evaluator: KernelEvaluator, task: Task, two_processors: None
) -> None:
    assert await _refusal(evaluator, task, _RUNTIME_BY_NAME) == ""


async def test_the_team_is_made_before_the_candidate_is_there(
    evaluator: KernelEvaluator, task: Task, two_processors: None
) -> None:
    """A function of the runtime's name would else run before the filters."""
    assert await _refusal(evaluator, task, _EARLY_TEAM) == ""


async def test_what_the_team_does_after_the_reply_is_too_late(
    evaluator: KernelEvaluator, task: Task, two_processors: None
) -> None:
    stage, reason = _ended(await _evaluate(evaluator, task, _LEFT_BEHIND, 2))
    assert stage == "smoke"
    assert reason in {"wrong_output", "timeout", "crash"}
