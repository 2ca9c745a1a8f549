"""`nightforge compare`: several search policies at one budget."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import (
    BaseUrl,
    JsonFlag,
    Models,
    OfflineFlag,
    PresetName,
    PriceIn,
    PriceOut,
    QuietFlag,
    TaskName,
    UnsafeFlag,
    VerboseFlag,
)
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from pathlib import Path

    from nightforge.cli.requests import ModelFlags
    from nightforge.domain.comparison import Cell, Comparison, Summary
    from workflows.comparison import Comparing, ComparisonRequest
    from workflows.contract import StopSwitch

FILES = ("comparison.svg", "comparison.txt", "summary.json")
_NO_CAP = 10_000_000
"""Evaluations, where CPU time ends a campaign."""
DEFAULT_POLICIES = "evolve,random,best-of-n,hill-climb,ga,tpe"


def compare(
    goal: Annotated[str, typer.Argument(metavar="TASK|GOAL", help="A task's name, or a goal in plain words.")],
    policies: Annotated[
        str, typer.Option("--policies", metavar="A,B", help="Search policies; the first is held against the others.")
    ] = DEFAULT_POLICIES,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=100, help="Campaigns of each policy.")] = 5,
    evaluations: Annotated[int, typer.Option("--evaluations", min=2, help="Evaluations of each campaign.")] = 40,
    cpu: Annotated[
        float | None,
        typer.Option("--cpu", min=1, help="End each campaign after so many CPU seconds, not after evaluations."),
    ] = None,
    first_seed: Annotated[int, typer.Option("--first-seed", min=0, help="The seeds count from it.")] = 0,
    task: TaskName = None,
    preset: PresetName = None,
    model: Models = None,
    base_url: BaseUrl = None,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    offline: OfflineFlag = False,
    plot_only: Annotated[bool, typer.Option("--plot-only", help="Run nothing; show what is there.")] = False,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Run each policy once per seed on the same evaluations; table, plot, JSON. The same command goes on with it."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.cli.failures import INTERRUPTED
    from nightforge.cli.requests import ModelFlags
    from workflows.comparison import ComparisonRequest

    names = tuple(name.strip() for name in policies.split(",") if name.strip())
    models = ModelFlags(tuple(model or ()), base_url, price_in, price_out, offline).checked()
    counted = tuple(range(first_seed, first_seed + seeds))
    most = evaluations if cpu is None else _NO_CAP
    wanted = ComparisonRequest(goal, names, counted, most, task, preset or "", cpu)
    if asyncio.run(_compare(output, wanted, models, plot_only=plot_only, unsafe_local=unsafe_local)):
        return
    raise typer.Exit(INTERRUPTED)


async def _compare(
    output: Output, wanted: ComparisonRequest, models: ModelFlags, *, plot_only: bool, unsafe_local: bool
) -> bool:
    """False when it was interrupted; what is done is shown in any case."""
    from nightforge.cli.night import prepare_home
    from nightforge.cli.reading import resolve_settings
    from workflows.comparison import open_comparing
    from workflows.contract import StopSwitch

    settings = resolve_settings({"unsafe_local": unsafe_local or None, "base_url": models.base_url}).settings
    settings = settings.model_copy(update={"models": models.choose(settings)})
    prepare_home(settings)
    stop, progress = StopSwitch(), _Progress(output)
    async with open_comparing(settings, wanted, progress.told) as work:
        ended = True
        if not plot_only:
            output.note(f"comparison {work.folder.name}: {len(work.state.cells)} campaigns of {work.task.name}")
            with _interrupts(stop, output):
                ended = await work.run(stop)
        _show(output, work)
    if not ended:
        output.alert("interrupted; what was measured is saved, and the same command goes on")
    return ended


@dataclass
class _Progress:
    """A line when a campaign begins and one when it ends, with the time that is left by the mean so far."""

    output: Output
    taken_s: list[float] = field(default_factory=list)
    started: float = 0.0

    def told(self, comparison: Comparison, cell: Cell) -> None:
        from nightforge.report.states import reason_words
        from nightforge.report.text import counted, duration

        total = len(comparison.cells)
        done = sum(one.done for one in comparison.cells)
        name = f"{cell.policy}, seed {cell.seed}"
        if not cell.done:
            self.started = time.monotonic()
            self.output.note(f"[{done + 1}/{total}] {name} ...")
            return
        self.taken_s.append(time.monotonic() - self.started)
        left_s = sum(self.taken_s) / len(self.taken_s) * (total - done)
        left = f"; {counted(total - done, 'campaign')} left, about {duration(left_s)}" if total > done else ""
        self.output.note(
            f"[{done}/{total}] {name}: {reason_words(cell.reason)} after {duration(self.taken_s[-1])}{left}"
        )
        if self.output.json:
            self.output.record({"kind": "compared", "comparison_id": comparison.comparison_id, **cell.model_dump()})


@contextmanager
def _interrupts(stop: StopSwitch, output: Output) -> Iterator[None]:
    """SIGINT and SIGTERM drain the campaign that runs; the second one ends it now. Both leave it to be gone on with."""

    def press() -> None:
        stop.press()
        output.alert("stopping now" if stop.immediate else "draining (interrupt again to stop now)")

    import asyncio

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, press)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _show(output: Output, work: Comparing) -> None:
    """The table on stdout (or its data with --json), the plot and both beside the comparison's file."""
    from nightforge.report.comparison_plot import draw
    from nightforge.report.comparison_text import comparison_text

    objective = work.task.objective
    summary = work.summary()
    if not summary.runs:
        output.note("no campaign of this comparison has ended yet")
        return
    sense = "" if objective.direction.value == "max" else ", turned: more is better"
    plot = draw(summary, y_title=f"{objective.metric} [{objective.unit}]{sense}")
    text = comparison_text(summary)
    _write(work.folder, dict(zip(FILES, (plot, text + "\n", summary.model_dump_json(indent=1)), strict=True)))
    if output.json:
        output.record({"kind": "comparison", **_record(summary, work)})
    else:
        output.text(text)
        output.note(f"plot: {work.folder / FILES[0]}")


def _record(summary: Summary, work: Comparing) -> dict[str, object]:
    values = summary.model_dump(mode="json", exclude={"spec": {"schema_version"}})
    return {"comparison_id": work.folder.name, "plot": str(work.folder / FILES[0]), **values}


def _write(folder: Path, files: dict[str, str]) -> None:
    from nightforge.errors import StoreFault

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise StoreFault(f"cannot be written: {error.strerror}", where=str(folder), hint="mend its rights") from error
