"""The `settings` table of a scheduling task, validated; its problem, its rules and its references, loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from evaluators.schedulers.hidden import hidden_references_file
from evaluators.schedulers.problem import Cost, Problem
from nightforge.catalogue import describe_validation
from nightforge.domain.base import Frozen
from nightforge.domain.task import Task
from nightforge.errors import EvaluatorFault, UserError

REFERENCES_FILE = "references.json"
PUBLIC_FOLDER = "public"
STAGES = ("rules", "train", "validate", "hidden", "relations", "explain", "public")
PROBLEMS: Mapping[str, str] = {
    "bin-packing": "evaluators.schedulers.packing:BinPacking",
    "spot-deadline": "evaluators.schedulers.spot:SpotDeadline",
    "job-shop": "evaluators.schedulers.jobshop:JobShop",
    "rcpsp": "evaluators.schedulers.rcpsp:ProjectScheduling",
    "het-dag": "evaluators.schedulers.hetdag:HeterogeneousDag",
    "txn-order": "evaluators.schedulers.transactions:TransactionOrder",
}
"""Setting `problem` → `module:class`, made without arguments."""


class RuleSpec(Frozen):
    """A human rule, as a program that goes through the same evaluation as any candidate."""

    name: str
    title: str
    source: str
    credit: str = ""
    """Who published it, where."""
    budget: Literal["rule", "search"] = "rule"
    """The least budget class in which it ends in time."""


class Race(Frozen):
    """When a clearly worse candidate stops: after `after` instances, when its mean difference to the best so far on the
    same instances, plus `sigmas` standard errors, is negative. In training it is raced out when that is below
    `tolerance`, too: what is a little worse may lead to something better, and stays a parent."""

    after: Annotated[int, Field(ge=2)] = 8
    sigmas: Annotated[float, Field(gt=0)] = 2.0
    tolerance: Annotated[float, Field(ge=0)] = 0.15
    """In parts of the gap."""


class SchedulerSettings(Frozen):
    problem: str
    baselines: Annotated[tuple[RuleSpec, ...], Field(min_length=1)]
    train_seed: int = 1
    validation_seed: int = 2
    validation_draws: Annotated[int, Field(ge=1)] = 1
    """So many validation sets are drawn, where there is a compiled driver to play formulas: who falls behind the best
    sees few of them."""
    hidden_draws: Annotated[int, Field(ge=1)] = 1
    """So many hidden sets are drawn, where a compiled driver plays the human rules: a small set tells no finalists
    apart."""
    cpu_ms: Annotated[float, Field(gt=0)] = 50.0
    """CPU time that one instance may take, in the budget class `rule`."""
    search_cpu_ms: Annotated[float, Field(gt=0)] = 2000.0
    """The same in the budget class `search`."""
    together: Annotated[int, Field(ge=1)] = 1
    """Online problems: so many training or validation instances are played side by side, hidden ones never."""
    race: Race = Race()
    imports: tuple[str, ...] = ("math",)
    most_bytes: Annotated[int, Field(gt=0)] = 20_000


def seeds_of(seed: int, draws: int) -> Sequence[int]:
    """Of the draws of a set: far from any seed that a task names."""
    return [seed + 1_000_003 * draw for draw in range(draws)]


class Reference(Frozen):
    """The best known cost of an instance and the best proven lower bound, apart; fractions as `a/b`."""

    instance: str = ""
    value: str
    bound: str
    source: str = ""
    """Who found the value: a solver, a search, a rule."""

    @property
    def cost(self) -> Cost:
        return _read_cost(self.value)

    @property
    def proven(self) -> Cost:
        return _read_cost(self.bound)


def _read_cost(text: str) -> Cost:
    """Whole numbers as such: they are far quicker to compute with."""
    cost = Fraction(text)
    return cost.numerator if cost.denominator == 1 else cost


def read_settings(task: Task) -> SchedulerSettings:
    try:
        return SchedulerSettings.model_validate(task.settings)
    except ValidationError as error:
        raise UserError(describe_validation(error), where=f"{task.root / 'task.toml'}: settings") from error


@cache
def load_problem(name: str) -> Problem:
    if name not in PROBLEMS:
        raise UserError(
            f"problem {name!r} is unknown", where="settings.problem", hint=f"there is: {', '.join(PROBLEMS)}"
        )
    module, _, made = PROBLEMS[name].partition(":")
    problem: Problem = getattr(import_module(module), made)()
    return problem


def read_references(task: Task) -> dict[str, Reference]:
    """Instance digest → reference, those of public and hidden instances included; empty where there are none."""
    known: dict[str, Reference] = {}
    public = task.root / PUBLIC_FOLDER / REFERENCES_FILE
    for path in (task.root / REFERENCES_FILE, public, hidden_references_file(task.name)):
        if path.exists():
            known |= parse_references(path)
    return known


def parse_references(path: Path) -> dict[str, Reference]:
    """Raises EvaluatorFault."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {digest: Reference.model_validate(row) for digest, row in rows.items()}
    except (OSError, ValueError) as error:
        raise EvaluatorFault(f"cannot be read: {error}", where=str(path), hint="build it anew") from error
