"""`nightforge eval`: one program through the same cascade as in a campaign."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, Parameters, QuietFlag, SandboxFlag, UnsafeFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nightforge.domain.base import Scalar
    from nightforge.domain.evidence import Calibration, Evidence
    from nightforge.domain.ports import Evaluator, Sandbox
    from nightforge.domain.task import Task
    from nightforge.domain.words import CandidateState

LARGEST_PROGRAM_BYTES = 1 << 20


def evaluate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The program; `-` reads stdin.")],
    task: Annotated[str, typer.Option("--task", metavar="NAME", help="A shipped task, or the path of a task folder.")],
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Then measure again in a fresh process on hidden inputs.")
    ] = False,
    parameters: Parameters = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Seed of the inputs; the default comes from the system.")
    ] = None,
    sandbox: SandboxFlag = None,
    unsafe_local: UnsafeFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Evaluate one program. A program that fails is an answer, not an error: the exit code is 0."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    import asyncio

    from nightforge.catalogue import find_task
    from nightforge.cli.own_path import task_named
    from nightforge.cli.reading import open_box, resolve_settings
    from nightforge.domain.words import SandboxTier

    settings = resolve_settings({"sandbox": sandbox, "unsafe_local": unsafe_local or None}).settings
    source = read_program(file)
    found = find_task(task_named(output, task, sandbox=sandbox, unsafe_local=unsafe_local))
    from workflows.parameters import read_parameters

    chosen = read_parameters(found, parameters or [])
    box = open_box(settings)
    if box.tier is SandboxTier.UNSAFE_LOCAL:
        output.alert("warning: --unsafe-local: the program runs WITHOUT A SANDBOX and can do all that you can do")
    evaluator = open_evaluator(found, box)
    url = settings.database_url if confirm else None
    result = asyncio.run(_evaluate(output, evaluator, source, found, chosen, seed=seed, confirm_in=url))
    if output.json:
        output.record(result.record())
    else:
        output.text(result.describe())


def read_program(file: str) -> str:
    """The text of FILE or stdin; UserError names what is wrong with it."""
    from nightforge.errors import UserError

    try:
        data = sys.stdin.buffer.read(LARGEST_PROGRAM_BYTES + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"the program cannot be read: {error.strerror}", where=file, hint="name a file, or -") from None
    if len(data) > LARGEST_PROGRAM_BYTES:
        raise UserError("the program is larger than 1 MiB", where=file, hint="a program is one source file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"the program is not UTF-8: {error}", where=file, hint="save it as UTF-8") from None


def open_evaluator(task: Task, sandbox: Sandbox) -> Evaluator:
    """The task's evaluator; PrerequisiteMissing lists what this machine lacks for it."""
    from nightforge.errors import PrerequisiteMissing, UserError
    from nightforge.registry import EVALUATORS, load

    factory = load(EVALUATORS, task.domain)
    if not callable(factory):
        raise UserError(f"{task.domain!r} is registered, but cannot be called", where=EVALUATORS)
    evaluator: Evaluator = factory(sandbox)
    evaluator.check_task(task)
    lacking = evaluator.prerequisites(task)
    if lacking:
        raise PrerequisiteMissing("; ".join(lacking), where=f"task {task.name}", hint="`nightforge doctor` says more")
    return evaluator


class Result:
    """What one program came to: state, evidence of the search stage, evidence of the confirmation."""

    def __init__(self, task: Task, calibration: Calibration, measured: Evidence, confirmed: Evidence | None) -> None:
        self.task = task
        self.calibration = calibration
        self.measured = measured
        self.confirmed = confirmed
        self.state, self.reason = _state(measured)
        if confirmed is not None:
            from workflows.confirmation import settle

            self.state, self.reason = settle(confirmed)

    def record(self) -> dict[str, object]:
        evidence = self.confirmed or self.measured
        last = evidence.stages[-1]
        return {
            "kind": "eval",
            "task": self.task.name,
            "state": self.state.value,
            "stage": last.stage,
            "outcome": last.outcome.value,
            "reason": self.reason,
            "distinguishable": evidence.passed and evidence.distinguishable,
            "metrics": {name: metric.model_dump(mode="json") for name, metric in evidence.metrics.items()},
            "feedback": last.feedback,
            "tier": evidence.tier.value,
            "evidence_class": evidence.evidence_class.value,
            "evidence": self.measured.model_dump(mode="json"),
            "confirmation": self.confirmed.model_dump(mode="json") if self.confirmed else None,
            "calibration": self.calibration.model_dump(mode="json"),
        }

    def describe(self) -> str:
        from nightforge.cli.words import evidence_lines, metric_text
        from nightforge.report.states import CANDIDATE_SHAPES, class_note

        reason = f" ({self.reason})" if self.reason else ""
        lines = [f"{CANDIDATE_SHAPES[self.state]} {self.state.value}{reason}"]
        evidence = self.confirmed or self.measured
        objective = self.task.objective
        metric = evidence.metrics.get(objective.metric)
        if evidence.passed and metric is not None:
            word = "confirmed" if self.state.value == "confirmed" else "measured, not confirmed"
            word += class_note(evidence)
            lines.append(
                f"{objective.title or objective.metric}: {metric_text(metric)} against "
                f"{self.calibration.reference} ({word})"
            )
            if not evidence.distinguishable:
                lines.append(f"not distinguishable from the reference: the band is {self.calibration.band:.1%} today")
        for title, shown in (("measured", self.measured), ("confirmation", self.confirmed)):
            if shown is not None:
                lines.append(f"{title} ({shown.evidence_class.value}, sandbox {shown.tier.value})")
                lines.extend(evidence_lines(shown))
        return "\n".join(lines)


def _state(evidence: Evidence) -> tuple[CandidateState, str]:
    from nightforge.domain.words import CandidateState

    failure = evidence.failure
    if failure is not None:
        return CandidateState.REJECTED, failure.reason or failure.outcome.value
    return CandidateState.MEASURED, "" if evidence.distinguishable else "not_distinguishable"


async def count_look(url: str, task: Task) -> None:
    """The look at the hidden inputs, counted in the database before it is taken."""
    from nightforge.store import open_store
    from tools.clock import SystemClock

    store = open_store(url, clock=SystemClock())
    try:
        await store.open_hidden_aside(task.name)
    finally:
        await store.close()


async def _evaluate(
    output: Output,
    evaluator: Evaluator,
    source: str,
    task: Task,
    parameters: Mapping[str, Scalar],
    *,
    seed: int | None,
    confirm_in: str | None,
) -> Result:
    import secrets

    from nightforge.domain.words import Phase

    fixed = secrets.randbits(63) if seed is None else seed
    output.note("measuring the baselines and the noise ...")
    calibration = await evaluator.calibrate(task, parameters, seed=fixed)
    output.note("evaluating ...")
    measured = await evaluator.evaluate(
        source, task, parameters, seed=fixed, phase=Phase.SEARCH, calibration=calibration
    )
    confirmed = None
    if confirm_in is not None and measured.passed:
        await count_look(confirm_in, task)
        output.note("confirming in a fresh process on hidden inputs ...")
        confirmed = await evaluator.evaluate(
            source, task, parameters, seed=secrets.randbits(63), phase=Phase.CONFIRMATION, calibration=calibration
        )
    return Result(task, calibration, measured, confirmed)
