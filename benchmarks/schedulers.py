"""Acceptance table of the scheduling tasks: every human rule through the same evaluation as any candidate.

`python -m benchmarks.schedulers [TASK ...] [--public]`: for each task and budget class the references (mean, proven
share, mean bound), then for each rule its score on validation, the excess over the reference per group of instances
(training and validation together), CPU time per instance and seconds per evaluation. `--public` adds the gaps to the
best known bounds of public sets. Times are this machine's, and worth what its load allows.

`--rate` measures nothing but evaluations per hour of one core: the seed's whole evaluation, as the formula it is and as
a program that is none (a constant is added), in CPU time of this process and its boxes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from evaluators.schedulers.compiled import build_engine
from evaluators.schedulers.evaluator import SchedulerEvaluator
from evaluators.schedulers.player import Budget
from evaluators.schedulers.problem import Split
from evaluators.schedulers.scoring import BEST_GAIN, Row
from evaluators.schedulers.sets import CaseBook
from evaluators.schedulers.spec import load_problem, read_settings
from evaluators.schedulers.stages import METRIC
from nightforge.catalogue import shipped_tasks
from nightforge.domain.base import Scalar
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from sandbox.probe import open_sandbox
from sandbox.spent import cpu_time_s

_RATED = 20
_DECADE = 10
"""Taillard's instances come in tens of one size."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schedulers", description=__doc__)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--public", action="store_true", help="public sets, too")
    parser.add_argument("--rate", action="store_true", help="evaluations per hour of one core, and nothing else")
    options = parser.parse_args(arguments)
    shipped = {task.name: task for task in shipped_tasks() if task.domain == "schedulers"}
    unknown = set(options.tasks) - set(shipped)
    if unknown:
        parser.error(f"no scheduling task {', '.join(sorted(unknown))}; there is: {', '.join(sorted(shipped))}")
    for name in options.tasks or sorted(shipped):
        if options.rate:
            print(asyncio.run(_rates(shipped[name])), flush=True)
            continue
        for budget in _budgets(shipped[name]):
            for line in _report(shipped[name], budget, with_public=options.public):
                print(line, flush=True)
    return 0


def _budgets(task: Task) -> Sequence[str]:
    searches = any(rule.budget == "search" for rule in read_settings(task).baselines)
    return ("rule", "search") if searches else ("rule",)


def _report(task: Task, budget: str, *, with_public: bool) -> Iterator[str]:
    book = _book(task, budget)
    rows = {name: list(found) for name, found in book.baseline_rows(Split.TRAIN).items()}
    first = {case.instance.name for case in book.cases(Split.VALIDATION)}  # further draws have no references
    for name, found in book.baseline_rows(Split.VALIDATION).items():
        rows[name].extend(row for row in found if row.instance in first)
    yardsticks = [row.yardstick for row in next(iter(rows.values()))]
    groups = sorted({row.group for row in next(iter(rows.values()))})
    yield f"\n## {task.name}, class {budget}: {len(yardsticks)} instances in training and validation"
    proven = sum(one.is_proven for one in yardsticks)
    reference, bound = (fmean(float(cost) for cost in costs) for costs in _columns(yardsticks))
    yield f"reference {reference:.1f} on average, {proven} of {len(yardsticks)} proven optimal; bound {bound:.1f}"
    yield _line("rule", ["score", "worst 10 %", *(f"{group} %" for group in groups), "ms", "s"])
    evaluator = SchedulerEvaluator(open_sandbox())
    for rule in book.settings.baselines:
        metrics, seconds = asyncio.run(_evaluated(evaluator, task, task.read(rule.source), {"budget": budget}))
        excess = [f"{_excess([row for row in rows[rule.name] if row.group == group]):.1f}" for group in groups]
        score, worst, cpu_ms = metrics[METRIC], metrics["worst_decile"], metrics["cpu_ms"]
        yield _line(rule.name, [f"{score:+.3f}", f"{worst:+.2f}", *excess, f"{cpu_ms:.1f}", f"{seconds:.2f}"])
    if with_public:
        yield from _public(book)


def _columns(yardsticks: Sequence[object]) -> Iterator[list[float]]:
    for name in ("reference", "bound"):
        yield [float(getattr(one, name)) for one in yardsticks]


def _book(task: Task, budget: str) -> CaseBook:
    settings = read_settings(task)
    rules = tuple(rule for rule in settings.baselines if budget == "search" or rule.budget == "rule")
    cpu_ms = settings.search_cpu_ms if budget == "search" else settings.cpu_ms
    settings = settings.model_copy(update={"baselines": rules})
    sandbox, problem = open_sandbox(), load_problem(settings.problem)
    engine = asyncio.run(build_engine(sandbox, problem))
    return CaseBook(sandbox, task, settings, problem, Budget(cpu_ms / 1000), engine=engine)


async def _evaluated(
    evaluator: SchedulerEvaluator, task: Task, source: str, parameters: Mapping[str, Scalar]
) -> tuple[dict[str, float], float]:
    """Metrics of a search evaluation, and its seconds once the instances are made."""
    await evaluator.calibrate(task, parameters, seed=1)
    evidence = await evaluator.evaluate(source, task, parameters, seed=1, phase=Phase.SEARCH)
    if evidence.failure is not None:
        raise SystemExit(f"a human rule of {task.name} was rejected: {evidence.failure}")
    metrics = {name: metric.value for name, metric in evidence.metrics.items()}
    return metrics, sum(stage.duration_s for stage in evidence.stages)


async def _rates(task: Task) -> str:
    """One line: both rates of the class `rule`, of a rule that is no new best and falls behind nobody."""
    sandbox = open_sandbox()
    evaluator = SchedulerEvaluator(sandbox)
    parameters: dict[str, Scalar] = {"budget": "rule"}
    await evaluator.calibrate(task, parameters, seed=1)
    source = task.read(task.seed)
    cells = []
    for program, count in ((source, _RATED), (f"{source}\nNO_FORMULA = 1\n", 3)):
        await evaluator.evaluate(program, task, parameters, seed=1, phase=Phase.SEARCH)
        before = cpu_time_s()
        for _ in range(count):
            evidence = await evaluator.evaluate(
                program, task, parameters, seed=1, phase=Phase.SEARCH, best_score=BEST_GAIN
            )
            if evidence.failure is not None:
                raise SystemExit(f"the seed of {task.name} was rejected: {evidence.failure}")
        evaluator.rest()
        spent = (cpu_time_s() - before) / count
        cells += [f"{1000 * spent:.0f} ms", f"{3600 / spent:.0f} /h"]
    return _line(task.name, cells)


def _public(book: CaseBook) -> Iterator[str]:
    found = book.baseline_rows(Split.PUBLIC)
    if not found:
        yield "no public set"
        return
    names = [row.instance for row in next(iter(found.values()))]
    tens = [names[at : at + _DECADE] for at in range(0, len(names), _DECADE)]
    yield f"\npublic: % over the best known, {names[0]} to {names[-1]}, by tens; last column: the first fifty"
    yield _line("rule", [*(f"{ten[0]}-{ten[-1][-2:]}" for ten in tens), "01-50"])
    for rule, rows in found.items():
        cells = [_excess(rows[at : at + _DECADE]) for at in range(0, len(rows), _DECADE)]
        yield _line(rule, [f"{cell:.1f}" for cell in [*cells, _excess(rows[:50])]])


def _excess(rows: Sequence[Row]) -> float:
    """Mean % over the reference."""
    return fmean(100 * (float(row.cost) / float(row.yardstick.reference) - 1) for row in rows if row.cost is not None)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<20}" + "".join(f"{cell:>13}" for cell in cells)


if __name__ == "__main__":
    raise SystemExit(main())
