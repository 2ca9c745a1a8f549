"""`nightforge bench kernels`: every kernel task, its opponents and the best that a campaign has found, measured now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, SandboxFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.evidence import Baseline, Metric
    from nightforge.domain.task import Task
    from nightforge.settings import Settings
    from workflows.kernel_bench import KernelRow, Standing

EXAMPLES = Path("examples/kernels")


def kernels(
    tasks: Annotated[
        list[str] | None, typer.Option("--task", metavar="NAME", help="Only this kernel task; repeatable.")
    ] = None,
    examples: Annotated[
        Path, typer.Option("--examples", metavar="FOLDER", help="Kept results of campaigns, a folder for each task.")
    ] = EXAMPLES,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Kernel tasks: seed, best honest baseline, kept result with its ratio and interval, share of the roof, goal."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.reading import resolve_settings
    from workflows.kernel_bench import kernel_tasks

    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    chosen = kernel_tasks(tasks or ())
    if not examples.is_dir():
        output.alert(f"no folder {examples}: no result of a campaign is measured; --examples names another")
    rows = []
    for number, task in enumerate(chosen, start=1):
        output.note(f"{number} of {len(chosen)}: {task.name} ...")
        row = asyncio.run(_measure(settings, task, examples))
        rows.append(row)
        if output.json:
            output.record({"kind": "bench.kernels", **row.model_dump(mode="json")})
        elif len(chosen) > 1:
            output.note(f"{task.name}: {row.verdict}")
    if not output.json:
        output.text(describe(rows, output.width))


async def _measure(settings: Settings, task: Task, examples: Path) -> KernelRow:
    from nightforge.cli.evaluate import count_look, open_evaluator
    from nightforge.cli.reading import open_box
    from workflows.kernel_bench import EXAMPLE_FILE, measure_task

    folder = examples / task.name
    if (folder / EXAMPLE_FILE).is_file():
        await count_look(settings.database_url, task)
    return await measure_task(open_evaluator(task, open_box(settings)), task, folder)


def describe(rows: list[KernelRow], width: int | None) -> str:
    """A line a task, then what stands behind each."""
    from nightforge.cli.words import columns

    head = ("task", "seed", "best honest baseline", "found", "gain", "of the roof", "goal", "")
    table = [head, *(_cells(row) for row in rows)]
    return "\n\n".join([columns(table, width=width), *(_behind(row) for row in rows)])


def _cells(row: KernelRow) -> tuple[str, ...]:
    share = row.evolved.roof_pct if row.evolved is not None else None
    return (
        row.task,
        _milliseconds(row.naive.cpu_ms),
        f"{row.best.name} {_milliseconds(row.best.metrics.get('cpu_ms'))}",
        _milliseconds(row.evolved.cpu_ms) if row.evolved is not None else "-",
        _ratio(row.gain),
        f"{share.value:.0f} %" if share is not None else "-",
        row.goal.words() if row.goal is not None else "none stated",
        row.verdict,
    )


def _behind(row: KernelRow) -> str:
    lines = [f"{row.task}: {row.title}"]
    naive = f"{_ratio(row.naive.speedup)} {row.reference}" if row.naive.ok else f"failed ({row.naive.reason})"
    lines.append(f"  seed      {naive}")
    lines.append(f"  baseline  {_baseline(row.best, row.best_roof_pct)}")
    others = ", ".join(f"{name} {_milliseconds(one)}" for name, one in row.timed.items() if name != row.best.name)
    lines += [f"  others    {others}"] if others else []
    lines += [f"  missing   {name}: {reason}" for name, reason in row.missing.items()]
    if row.evolved is not None and row.found is not None:
        lines.append(f"  found     {_found(row)}")
        lines += _figures(row.evolved)
    else:
        lines.append("  found     no result of a campaign is kept for this task")
    if row.verdict == "not reached" and row.evolved is not None and row.evolved.limit:
        lines.append(f"  held back {row.evolved.limit}")
    return "\n".join(lines)


def _baseline(baseline: Baseline, share: float | None) -> str:
    environment = ", ".join(f"{name} {value}" for name, value in baseline.environment.items())
    faults = baseline.metrics.get("page_faults")
    parts = [f"{baseline.title} ({environment})"]
    if share is not None:
        parts.append(f"{share:.0f} % of the roof")
    if faults is not None:
        parts.append(f"{faults.value:.0f} page faults per call")
    return "; ".join(parts)


def _found(row: KernelRow) -> str:
    found = row.found
    assert found is not None
    return (
        f"{found.campaign}.{found.ordinal}, {found.team} team, {found.evaluations} evaluations in "
        f"{found.active_minutes:.0f} min, seed {found.seed}; then {_ratio(found.speedup)} {found.reference} "
        f"({found.state})"
    )


def _figures(standing: Standing) -> list[str]:
    if not standing.ok:
        return [f"  now       failed: {standing.reason}"]
    against = ", ".join(f"{_ratio(metric)} {name}" for name, metric in standing.against.items())
    noise = "" if standing.distinguishable else "; not distinguishable from noise"
    return [f"  now       {against}{noise}"]


def _ratio(metric: Metric | None) -> str:
    from nightforge.cli.words import metric_text

    return "-" if metric is None else metric_text(metric)


def _milliseconds(metric: Metric | None) -> str:
    return "-" if metric is None else f"{metric.value:.3g} ms"
