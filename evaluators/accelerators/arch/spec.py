"""The settings table of an `arch_config` task, and its hidden layers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, ValidationError

from evaluators.accelerators.arch.schema import Precision
from evaluators.accelerators.arch.workloads import NETWORKS, Layer, find_layer
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.task import Task
from nightforge.errors import UserError

HIDDEN_FILE = "hidden.toml"
AREA = "area_mm2"
"""The task parameter that holds the area budget."""
STAGES = ("parse", "capacity", "budget", "economy", "model")
CONFIRM = "held-out"


class ArchSettings(Frozen):
    """`[settings]` of a task whose domain is `arch_config`."""

    layers: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]
    """`network/layer` of `workloads.NETWORKS`; their energies and times are added up."""
    precision: Precision = 8
    """Bits of an operand that the networks need; fewer are refused."""
    dram_gbps: Annotated[float, Field(gt=0, le=1024)] = 12.8
    """The largest bandwidth that the board offers."""
    random_configurations: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Feasible configurations drawn by chance, whose best is a baseline."""


class HiddenLayers(Frozen):
    """`hidden.toml`: layers that confirmation alone looks at."""

    layers: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]


def read_settings(task: Task) -> ArchSettings:
    """Raises UserError naming file and field."""
    where = f"{task.root / 'task.toml'}: settings"
    try:
        settings = ArchSettings.model_validate(dict(task.settings))
    except ValidationError as error:
        raise UserError(_first(error), where=where, hint="see docs/arch_config.md") from error
    layers_of(settings.layers, where)
    return settings


def read_hidden(task: Task) -> HiddenLayers:
    """Raises UserError when the file is missing, not TOML, or names a layer that the search sees."""
    path = task.root / HIDDEN_FILE
    try:
        hidden = HiddenLayers.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not TOML: {error}", where=str(path)) from error
    except ValidationError as error:
        raise UserError(_first(error), where=str(path), hint='layers = ["network/layer", ...]') from error
    seen = {shape_of(layer) for layer in layers_of(read_settings(task).layers, str(path))}
    known = [layer.name for layer in layers_of(hidden.layers, str(path)) if shape_of(layer) in seen]
    if known:
        raise UserError(f"layers: of a shape that the search sees: {', '.join(known)}", where=str(path))
    return hidden


def shape_of(layer: Layer) -> tuple[int, int, int, int]:
    return layer.m, layer.n, layer.k, layer.repeat


def layers_of(names: Sequence[str], where: str) -> tuple[Layer, ...]:
    found = []
    for name in names:
        layer = find_layer(name)
        if layer is None:
            raise UserError(f"no layer {name!r}", where=where, hint=f"networks: {', '.join(NETWORKS)}")
        found.append(layer)
    return tuple(found)


def area_budget(task: Task, parameters: Mapping[str, Scalar]) -> float:
    """mm2; UserError when the task has no such parameter or its value is no positive number."""
    where = f"{task.root / 'task.toml'}: parameters.{AREA}"
    default = next((parameter.default for parameter in task.parameters if parameter.name == AREA), None)
    value = parameters.get(AREA, default)
    if value is None:
        raise UserError("the task needs the parameter that holds its area budget", where=where)
    if isinstance(value, (bool, str)) or value <= 0:
        raise UserError(f"{value!r} is no area in mm2", where=where)
    return float(value)


def _first(error: ValidationError) -> str:
    one = error.errors()[0]
    return f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
