"""The arms of a campaign: which models and operators there are, and what is expected of each beforehand."""

from __future__ import annotations

from agents.coder import WEIGHTS
from agents.offline.coder import is_free, load_operators, prior_of, suits
from nightforge.domain.plan import ModelSpec, Plan
from nightforge.domain.task import Task
from nightforge.domain.team import Operator
from nightforge.domain.words import OperatorKind, TeamKind
from tools.sections import fits
from tools.tuning import parse_tunables
from workflows.search.bandit import Way

PROGRAMS_PRIOR = 0.1
"""Of tuning and rewriting beside a model: they cost no call, and soon show whether there is something in them."""
UNCERTAIN = 0.5
"""Priors are damped to this: they order the arms, and results decide."""


def ways_of(plan: Plan, task: Task) -> tuple[Way, ...]:
    """Model × kind of operator with models; each applicable operator by name without."""
    if plan.team is TeamKind.OFFLINE:
        return tuple(Way("", one.name, UNCERTAIN * prior_of(one)) for one in free_operators(plan, task).values())
    models = [(spec.model if len(plan.models) > 1 else "", share) for spec, share in _shares(plan.models)]
    made = [Way(model, kind, UNCERTAIN * weight * share) for model, share in models for kind, weight in WEIGHTS.items()]
    programs = [Way("", kind, PROGRAMS_PRIOR) for kind in _program_kinds(_usable(plan, task), task)]
    return (*made, *programs)


def free_operators(plan: Plan, task: Task) -> dict[str, Operator]:
    """By name, those for the task's language that are used without being asked for."""
    return {one.name: one for one in _usable(plan, task) if is_free(one)}


def _usable(plan: Plan, task: Task) -> list[Operator]:
    seed = task.read(task.seed)
    return [one for one in load_operators() if suits(one, task.language, plan.parameters) and fits(one, seed)]


def applies(way: Way, source: str) -> bool:
    """False where the way surely has nothing for this program: numeric tuning of one that declares no tunables."""
    return way.operator != OperatorKind.TUNE or bool(parse_tunables(source))


def _shares(models: tuple[ModelSpec, ...]) -> list[tuple[ModelSpec, float]]:
    """Each model with its weight, the heaviest at 1; a model without one among weighted ones only steps in."""
    weights = [spec.weight for spec in models]
    most = max((weight for weight in weights if weight), default=0.0)
    if most == 0.0:
        return [(spec, 1.0) for spec in models]
    return [(spec, spec.weight / most) for spec in models if spec.weight]


def _program_kinds(operators: list[Operator], task: Task) -> list[OperatorKind]:
    """Numeric tuning and rewriting need no model, where the task has something for them."""
    kinds = []
    if parse_tunables(task.read(task.seed)):
        kinds.append(OperatorKind.TUNE)
    if any(one.kind is OperatorKind.REWRITE and one.languages for one in operators):
        kinds.append(OperatorKind.REWRITE)
    return kinds
