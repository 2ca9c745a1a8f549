"""Plans as files: read with the line or the field named, written as JSON."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from pydantic import ValidationError

from nightforge.catalogue import describe_validation
from nightforge.domain.plan import Plan
from nightforge.domain.words import TeamKind
from nightforge.errors import NotFound, UserError
from nightforge.registry import POLICIES, PRESETS, load


def read_plan(path: Path) -> Plan:
    """A UserError names the file, then the line and column (syntax) or the field (content)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError("no such plan file", where=str(path), hint="--plan-out FILE.json writes one") from None
    except OSError as error:
        raise UserError(f"the plan cannot be read: {error.strerror}", where=str(path), hint="mend its rights") from None
    except UnicodeDecodeError as error:
        raise UserError(f"the plan is not UTF-8: {error}", where=str(path), hint="save it as UTF-8") from None
    try:
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise UserError(str(error), where=str(path), hint="mend the line named") from None
    try:
        return Plan.model_validate(document)
    except ValidationError as error:
        raise UserError(
            describe_validation(error), where=str(path), hint="--plan-only --plan-out FILE.json writes a valid one"
        ) from None


def check_plan(plan: Plan, where: str) -> None:
    """What only registries and the task know; a UserError names the field, before anything is measured or stored."""
    from nightforge.catalogue import find_task
    from workflows.stopping import rules_for

    if not plan.goal.strip():
        raise UserError("goal: it is empty", where=where, hint="say in words what the plan is for")
    if (plan.team is TeamKind.LLM) != bool(plan.models):
        hint = "name models with team llm, and none with team offline; --model and --offline set both"
        raise UserError(f"team: {plan.team.value} with {len(plan.models)} models", where=where, hint=hint)
    check_preset(plan.search.preset, f"{where}: search.preset")
    check_policy(plan.search.policy, f"{where}: search.policy")
    try:
        rules_for(plan, None)
    except UserError as error:
        raise UserError(f"stop: {error.what}", where=where, hint=error.hint or "see docs/plans.md") from None
    task = find_task(plan.task)
    known = [objective.metric for objective in task.objectives]
    for objective in plan.objectives:
        if objective.metric not in known:
            raise UserError(
                f"objectives: task {task.name} does not measure {objective.metric!r}",
                where=where,
                hint=f"it measures: {', '.join(known)}",
            )


def check_preset(name: str, where: str) -> None:
    try:
        load(PRESETS, name)
    except NotFound as error:
        raise UserError(f"there is no preset {name!r}", where=where, hint=error.hint) from None


def check_policy(name: str, where: str) -> None:
    try:
        load(POLICIES, name)
    except NotFound as error:
        raise UserError(f"there is no search policy {name!r}", where=where, hint=error.hint) from None


def check_plan_place(path: Path) -> None:
    """Before minutes are spent on measuring: a UserError where no plan can be written."""
    if path.suffix != ".json":
        raise UserError("a plan is written as JSON", where=str(path), hint=f"call it {path.with_suffix('.json')}")
    if not path.parent.is_dir():
        raise UserError("the plan's folder does not exist", where=str(path.parent), hint="make it, or name another")


def write_plan(path: Path, plan: Plan) -> None:
    check_plan_place(path)
    try:
        path.write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"the plan cannot be written: {error.strerror}", where=str(path), hint="name another place"
        ) from None
