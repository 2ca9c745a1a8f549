"""`nightforge task check`: can this task's evaluator be believed? `task design`: a task made of one's own RTL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, LibertyFile, PythonFlag, QuietFlag, SandboxFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output
from nightforge.cli.task_init import init

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evaluators.integrity.mutation import Progress
    from nightforge.domain.integrity import IntegrityReport, MutantResult
    from nightforge.domain.ports import Evaluator
    from nightforge.domain.task import Task

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Work on a task folder.")
SHOWN_EVERY = 10


@app.command("check", short_help="Check that a task's evaluator can be believed.")
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A shipped task, or the path of a task folder.")],
    mutants: Annotated[
        int | None,
        typer.Option("--mutants", min=0, help="Mutants that must count (caught or survived); 0 leaves them out."),
    ] = None,
    rehearsal: Annotated[
        bool, typer.Option("--rehearsal/--no-rehearsal", help="Also measure the candidates of known fate.")
    ] = True,
    save: Annotated[
        bool, typer.Option("--save", help="Keep the report as integrity.json in the task's folder, for plan cards.")
    ] = False,
    output_file: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the whole report there, as JSON.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of data and order; the default comes from the system.")
    ] = None,
    python: PythonFlag = None,
    adapt: Annotated[
        bool, typer.Option("--adapt", help="Own code: write the measure of two processes into task.toml, if one works.")
    ] = False,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Admission, rehearsal and mutants of one task. Exit 4 when something stands against trusting its evaluator."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from evaluators.integrity.examination import Extent, examine_task
    from evaluators.integrity.stored import write_report
    from nightforge.catalogue import find_task
    from nightforge.cli.evaluate import open_evaluator
    from nightforge.cli.own_path import task_named
    from nightforge.cli.reading import open_box, resolve_settings
    from nightforge.fingerprint import INTEGRITY_FILE

    settings = resolve_settings({"unsafe_local": unsafe_local or None}).settings
    task = find_task(task_named(output, name, python=python, unsafe_local=unsafe_local))
    evaluator = open_evaluator(task, open_box(settings))
    if adapt:
        task, evaluator = _adapted(output, task, evaluator)
    parameters = {parameter.name: parameter.default for parameter in task.parameters}
    extent = Extent(mutants=mutants, rehearsal=rehearsal, seed=seed)
    report = asyncio.run(
        examine_task(evaluator, task, parameters, extent, say=output.note, progress=_progress(output, verbose=verbose))
    )
    for path in (*([task.root / INTEGRITY_FILE] if save else []), *([output_file] if output_file else [])):
        write_report(path, report)
    if output.json:
        output.record({"kind": "integrity", **_record(report)})
    else:
        output.text(describe(task, report))
    if report.complaints:
        output.note("not to be trusted: " + "; ".join(report.complaints))
        raise typer.Exit(4)


app.command("init", short_help="Make a task of your own code.")(init)


@app.command("design", short_help="Make a task of a Verilog file of yours.")
def design(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Combinational Verilog: golden model, seed, baseline.")],
    top: Annotated[str, typer.Option("--top", metavar="MODULE", help="The module to improve.")],
    goal: Annotated[
        str, typer.Option("--goal", metavar="GOAL", help="As for `run`: `smaller at 4 ns`.")
    ] = "smaller area times delay",
    liberty: LibertyFile = None,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write the task's folder below the home and print its path, for `run --task`, `eval --task`, `task check`."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.cli.own_design import OwnFlags

    folder = OwnFlags(file, top, liberty, sandbox, unsafe_local).task_for(output, goal, None)
    if output.json:
        output.record({"kind": "task-folder", "path": folder})
    else:
        output.text(str(folder))


def _adapted(output: Output, task: Task, evaluator: Evaluator) -> tuple[Task, Evaluator]:
    """The task as it was written anew, with an evaluator that has not seen the old one."""
    import asyncio
    import secrets

    from evaluators.own.evaluator import OwnEvaluator
    from nightforge.catalogue import load_task
    from nightforge.errors import UserError

    if not isinstance(evaluator, OwnEvaluator):
        raise UserError("goes with a task of your own code", where="--adapt", hint="made by `nightforge task init`")
    output.note(asyncio.run(evaluator.adapt(task, seed=secrets.randbits(62))))
    return load_task(task.root), OwnEvaluator(evaluator.sandbox)


def _progress(output: Output, *, verbose: bool) -> Progress:
    def show(result: MutantResult, counted: int, wanted: int) -> None:
        if verbose:
            output.note(f"{counted}/{wanted} {result.mutant_id} {result.fate}: {result.why} ({result.seconds:.1f} s)")
        elif counted and counted % SHOWN_EVERY == 0 and result.fate in {"caught", "survived"}:
            output.note(f"{counted} of {wanted} mutants")

    return show


def _record(report: IntegrityReport) -> Mapping[str, object]:
    values = report.model_dump(mode="json")
    mutation = report.mutation
    values["complaints"] = list(report.complaints)
    values["mutation_score"] = None if mutation is None else mutation.score
    values["mutants"] = {} if mutation is None else {fate.value: count for fate, count in mutation.counts.items()}
    return values


def describe(task: Task, report: IntegrityReport) -> str:
    from nightforge.report.text import clean_line

    lines = [f"{task.name}: evaluator {report.evaluator}"]
    for remark in report.remarks:
        mark = {"ok": "ok  ", "note": "note", "bad": "FAIL"}[remark.level]
        lines.append(f"  {mark} {remark.topic}: {clean_line(remark.said)}")
        lines += [f"       mend: {clean_line(remark.mend)}"] if remark.mend else []
    for check in report.admission:
        mark = "ok  " if check.held else "FAIL"
        lines.append(
            f"  {mark} {check.name:<18} must {check.expect:<6} {check.stage}: {check.outcome}  ({check.title})"
        )
        if check.expect == "reject" and not check.held:
            lines.append("       mend: let a check, or an answer that is compared, depend on it")
    if report.rehearsal is not None:
        for known in report.rehearsal.checks:
            mark = "ok  " if known.held else "FAIL"
            lines.append(
                f"  {mark} {known.path:<18} must {known.expect:<6} {clean_line(known.outcome)}  ({known.title})"
            )
    lines.extend(f"  not offered by this evaluator: {lack}" for lack in report.not_offered)
    if report.mutation is not None:
        lines.extend(_mutation_lines(report))
    return "\n".join(lines)


def _mutation_lines(report: IntegrityReport) -> Sequence[str]:
    from nightforge.report.text import clean_line

    assert report.mutation is not None
    mutation = report.mutation
    score = "nothing to catch" if mutation.score is None else f"{mutation.score:.1%} of {mutation.counted}"
    counts = ", ".join(f"{count} {fate.value}" for fate, count in mutation.counts.items())
    seconds = sum(result.seconds for result in mutation.results)
    lines = [f"  mutation score {score} ({counts}; {seconds:.0f} s)"]
    for one in mutation.survivors:
        lines.append(
            f"    survived {one.mutant_id} [{one.operator}] {clean_line(f'{one.before} → {one.after}')}: {one.why}"
        )
    return lines
