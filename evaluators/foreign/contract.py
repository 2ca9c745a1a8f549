"""What is known of a peer's folder: how its evaluator is called, and what a task's settings keep of that."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from nightforge.domain.base import Frozen
from nightforge.domain.task import Task
from nightforge.errors import UserError

FOLDER = "folder"
"""Where the copy of a peer's folder lies in a task's folder."""
COMPLEXITY, DIVERSITY = "complexity", "diversity"
"""Feature dimensions that OpenEvolve computes itself."""


class ScoreName(StrEnum):
    """The metric that ranks."""

    COMBINED = "combined_score"
    """What the evaluator calls so."""
    MEAN = "mean_score"
    """Our mean of its numbers, where it gives no combined one."""
    SCORE = "score"
    """The one number that it returns."""


COMBINED, MEAN, SCORE = ScoreName


class Contract(StrEnum):
    PATHS = "paths"
    """evaluator.py with evaluate(path), or evaluate_stage1, 2, 3 (path): OpenEvolve, SkyDiscover."""
    SHINKA = "shinka"
    """evaluate.py --program_path P --results_dir D: ShinkaEvolve."""
    FUNCTION = "function"
    """evaluate(candidate) -> score | (score, info): GEPA and whatever else calls a function."""
    CLASS = "class"
    """A class with evaluate_program(text, callable): LLM4AD."""

    @property
    def engine(self) -> str:
        return {
            Contract.PATHS: "OpenEvolve or SkyDiscover",
            Contract.SHINKA: "ShinkaEvolve",
            Contract.FUNCTION: "GEPA, or any caller of a function",
            Contract.CLASS: "LLM4AD",
        }[self]


class ForeignSettings(Frozen):
    """`[settings]` of a task with `domain = "foreign"`; written by `nightforge run PATH`, and yours to edit."""

    contract: Contract
    folder: str = FOLDER
    """The peer's folder: a copy beside task.toml, or the absolute path of one too large to copy."""
    evaluator: str
    """File in that folder."""
    function: str = ""
    """`function`: what is called with the candidate. `class`: the candidate's function that is evaluated."""
    class_name: str = ""
    candidate_key: str = ""
    """`function`: the candidate is {key: text} instead of a text."""
    suffix: str = ".py"
    cascade: tuple[str, ...] = ()
    """Stages in order; empty: `evaluate` alone."""
    thresholds: tuple[float, ...] = ()
    """Least score to reach after each stage but the last, to go on."""
    stage_s: Annotated[float, Field(gt=0, le=86400)] = 300.0
    features: tuple[str, ...] = ()
    """Metrics that say what kind of program it is, and are left out of a mean score."""
    score: ScoreName = ScoreName.COMBINED
    place: tuple[str, ...] = ()
    """The last names of the folder's path as it was found: its modules may name one another by them."""
    python: str = ""
    """The interpreter of the evaluator; empty: the system's python3."""
    repeats: Annotated[int, Field(ge=1, le=100)] = 3
    """Evaluations of the folder's own program before the night, for the noise, and of each finalist."""
    memory_mb: Annotated[int, Field(ge=64)] = 4096

    @property
    def stages(self) -> tuple[str, ...]:
        return self.cascade or ("evaluate",)


def read_settings(task: Task) -> ForeignSettings:
    """UserError names the field."""
    try:
        settings = ForeignSettings.model_validate(task.settings)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise UserError(
            f"settings.{field}: {problem['msg']}", where=f"{task.root}/task.toml", hint="see docs/foreign-tasks.md"
        ) from error
    folder = folder_of(task, settings)
    if not (folder / settings.evaluator).is_file():
        raise UserError(
            f"has no {settings.evaluator}", where=str(folder), hint="make the task again: nightforge run PATH"
        )
    return settings


def folder_of(task: Task, settings: ForeignSettings) -> Path:
    return task.root / settings.folder
