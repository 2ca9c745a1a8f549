"""`nightforge tasks`: what can be evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nightforge.cli.options import JsonFlag, QuietFlag, VerboseFlag
from nightforge.cli.output import Output

if TYPE_CHECKING:
    from nightforge.domain.integrity import IntegritySummary
    from nightforge.domain.task import Task


def tasks(
    name: Annotated[str | None, typer.Argument(help="One task in full: a name, or the path of a task folder.")] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """List the shipped tasks, or describe one: objectives, stages, parameters, rehearsal."""
    output = Output.open(json=json, quiet=quiet, verbose=verbose)
    from nightforge.catalogue import find_task, shipped_tasks
    from nightforge.guards import check_packages

    check_packages()
    if name is not None:
        from evaluators.integrity.stored import summarise

        task = find_task(name)
        integrity = summarise(task)
        if output.json:
            output.record({"kind": "task", **_record(task), "integrity": integrity.model_dump(mode="json")})
        else:
            output.text("\n".join([describe(task), *integrity_lines(integrity)]))
        return
    for task in shipped_tasks():
        if output.json:
            output.record({"kind": "task", **_record(task)})
        else:
            output.text(f"{task.name:<16} {task.title}  [{task.domain}, {_objective(task)}]")


def _record(task: Task) -> dict[str, object]:
    values = task.model_dump(mode="json", exclude={"settings"})
    values.pop("schema_version")
    return values


def _objective(task: Task) -> str:
    objective = task.objective
    return f"{objective.metric} in {objective.unit}, {objective.direction.value}"


def describe(task: Task) -> str:
    lines = [f"{task.name}: {task.title}", f"  {task.goal}", f"  folder     {task.root}"]
    lines.append(f"  evaluator  {task.domain}, programs in {task.language}, seed {task.seed}")
    for objective in task.objectives:
        lines.append(
            f"  objective  {objective.title or objective.metric}: {objective.metric} in {objective.unit}, "
            f"{objective.direction.value}, differences up to {objective.epsilon:g} count as equal"
        )
    for constraint in task.constraints:
        lines.append(f"  constraint {constraint.metric} {constraint.relation} {constraint.bound:g} {constraint.unit}")
    for stage in task.stages:
        lines.append(f"  stage      {stage.name}: {stage.title} (at most {stage.wall_s:g} s)")
    for parameter in task.parameters:
        offer = ", ".join(str(choice) for choice in parameter.choices)
        if parameter.minimum is not None or parameter.maximum is not None:
            offer = f"{parameter.minimum} to {parameter.maximum}"
        unit = f" {parameter.unit}" if parameter.unit else ""
        lines.append(
            f"  parameter  {parameter.name} = {parameter.default}{unit}: {parameter.title}"
            + (f" (on offer: {offer})" if offer else "")
        )
    for known in task.rehearsal:
        lines.append(
            f"  rehearsal  {known.path} must {_expected(known.expect)}{f': {known.title}' if known.title else ''}"
        )
    return "\n".join(lines)


def integrity_lines(found: IntegritySummary) -> list[str]:
    """The last check of its evaluator: the mutation score, and every wrong program that passed, with what is known."""
    from nightforge.report.text import clean_line

    if found.problem or found.score is None:
        return [f"  integrity  {clean_line(found.problem) or 'no mutation score'}"]
    made = f", checked {found.checked_at:%Y-%m-%d}" if found.checked_at else ""
    caught = found.counts.get("caught", 0)
    lines = [f"  integrity  mutation score {found.score:.1%}, {caught} of {caught + len(found.survivors)}{made}"]
    lines += [f"    survived {clean_line(survivor)}" for survivor in found.survivors]
    return [*lines, *(f"    against it: {clean_line(complaint)}" for complaint in found.complaints)]


def _expected(expect: str) -> str:
    return {"pass": "pass", "reject": "be rejected", "no-gain": "gain nothing"}[expect]
