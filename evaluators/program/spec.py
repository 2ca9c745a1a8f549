"""The `settings` table of a program task, validated, and its verifier, loaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, cast

from pydantic import Field, ValidationError

from evaluators.program.contract import Verifier
from nightforge.catalogue import describe_validation
from nightforge.domain.base import Frozen
from nightforge.domain.task import Task
from nightforge.errors import UserError

SECONDS = "seconds"
"""The task parameter that says how much CPU time a candidate has for its answer."""
STAGES = ("rules", "run", "verify", "repeat")
VERIFIERS: Mapping[str, str] = {
    "packing": "evaluators.program.packing",
    "schemes": "evaluators.program.schemes",
    "capset": "evaluators.program.capset",
}
"""Setting `verifier` → module of ours; any other name is a file of the task's folder."""


class BaselineProgram(Frozen):
    """A construction by people, as a program that goes through the same evaluation as any candidate."""

    name: str
    title: str
    source: str
    when: dict[str, int] = Field(default_factory=dict)
    """Parameters of the task for which it is one; empty: for all."""


class ProgramSettings(Frozen):
    function: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*$")]
    """Called with the task's parameters by name (texts apart); what it returns is the answer."""
    verifier: str
    """`packing`, `schemes`, `capset`, or a file of the task's folder with `verify` and `known`."""
    baselines: Annotated[tuple[BaselineProgram, ...], Field(min_length=1)]
    witnesses: tuple[BaselineProgram, ...] = ()
    """Answers written out, with no room in them: any number changed by one unit must be refused (`task check`)."""
    imports: tuple[str, ...] = ("math", "random", "itertools", "functools", "heapq", "bisect", "fractions", "time")
    """A courtesy that gives good messages; the box is the wall."""
    most_bytes: Annotated[int, Field(gt=0)] = 100_000
    repeats: Annotated[int, Field(ge=1)] = 2
    """Further processes at confirmation; the worst answer of all is the score."""


def read_settings(task: Task) -> ProgramSettings:
    try:
        return ProgramSettings.model_validate(task.settings)
    except ValidationError as error:
        raise UserError(describe_validation(error), where=f"{task.root / 'task.toml'}: settings") from error


def load_verifier(task: Task, settings: ProgramSettings) -> Verifier:
    """Raises UserError where there is none of that name, or it is no verifier."""
    if settings.verifier in VERIFIERS:
        return cast(Verifier, import_module(VERIFIERS[settings.verifier]))
    path = task.root / settings.verifier
    hint = f"one of {', '.join(VERIFIERS)}, or a file of the folder; docs/program.md shows one"
    if path.suffix != ".py" or not path.is_file():
        raise UserError(f"verifier {settings.verifier!r} is unknown", where=str(task.root / "task.toml"), hint=hint)
    return _load_file(path, path.stat().st_mtime_ns)


@cache
def _load_file(path: Path, changed_ns: int) -> Verifier:
    spec = importlib.util.spec_from_file_location(f"nightforge_verifier_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise UserError("cannot be loaded as a Python module", where=str(path))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's own file raises is said, not passed on
        raise UserError(f"does not load: {type(error).__name__}: {error}", where=str(path)) from error
    lacking = [name for name in ("verify", "known") if not callable(getattr(module, name, None))]
    if lacking:
        raise UserError(f"has no function {' nor '.join(lacking)}", where=str(path), hint="docs/program.md shows one")
    return cast(Verifier, module)
