"""A task's parameters as a person sets them: `NAME=VALUE`, checked against what the task offers."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.base import Scalar
from nightforge.domain.task import Task
from nightforge.errors import UserError


def read_parameters(task: Task, given: Sequence[str]) -> dict[str, Scalar]:
    """Defaults of the task with `NAME=VALUE` over them, held to what is on offer."""
    return {parameter.name: parameter.default for parameter in task.parameters} | typed_parameters(task, given)


def typed_parameters(task: Task, given: Sequence[str]) -> dict[str, Scalar]:
    """`NAME=VALUE` in the parameters' own types. UserError says what is on offer."""
    chosen: dict[str, Scalar] = {}
    offered = {parameter.name: parameter for parameter in task.parameters}
    for text in given:
        name, equals, value = text.partition("=")
        parameter = offered.get(name)
        if not equals or parameter is None:
            known = ", ".join(offered) or "none"
            raise UserError(f"{text!r} sets no parameter", where="--set", hint=f"{task.name} has: {known}")
        typed = _typed(value, like=parameter.default)
        outside = isinstance(typed, int | float) and (
            (parameter.minimum is not None and typed < parameter.minimum)
            or (parameter.maximum is not None and typed > parameter.maximum)
        )
        if typed is None or outside or (parameter.choices and typed not in parameter.choices):
            offer = ", ".join(str(choice) for choice in parameter.choices)
            raise UserError(
                f"{name} cannot be {value!r}",
                where="--set",
                hint=f"on offer: {offer}" if offer else f"from {parameter.minimum} to {parameter.maximum}",
            )
        chosen[name] = typed
    return chosen


def _typed(value: str, *, like: Scalar) -> Scalar | None:
    """`value` as the type of the default; None when it is not one."""
    if isinstance(like, bool):
        return {"true": True, "false": False}.get(value.lower())
    try:
        return type(like)(value)
    except ValueError:
        return None
