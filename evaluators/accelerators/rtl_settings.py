"""The settings table of an `rtl_comb` task: ports, golden model, condition, hand designs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from evaluators.accelerators.mapping import CONDITIONS, Condition, condition_of
from evaluators.accelerators.yosys_json import PortSpec
from nightforge.catalogue import describe_validation
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.task import Name, Task
from nightforge.errors import UserError

TOP = "cand"
METRICS = ("adp_um2_ns", "area_um2", "delay_ns")
STAGES = ("static", "elaborate", "simulate", "map", "prove", "confirm")
CONDITION = "condition"
"""The parameter that chooses the condition, where a task offers it."""
_IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]*$"


class RtlPort(Frozen):
    """One port of the top module."""

    name: Annotated[str, Field(pattern=_IDENTIFIER)]
    """As in the Verilog."""
    direction: Literal["input", "output"]
    """Seen from the module."""
    width: Annotated[int, Field(ge=1, le=1024)]
    """Bits; `[width-1:0]`."""


class HandDesign(Frozen):
    """A design that a person would write: a baseline."""

    name: Name
    """Short name."""
    title: str
    """In words."""
    source: str
    """File in the task folder: Verilog, or a generator program by its first line."""


class RtlSettings(Frozen):
    """The table `[settings]`."""

    ports: Annotated[tuple[RtlPort, ...], Field(min_length=2)]
    """The contract: exactly these ports, in this order."""
    golden: str = "golden.v"
    """Verilog in the task folder, module `cand` with the same ports: what every candidate must compute."""
    condition: str = "osu018-bare"
    """A named condition (docs/accelerators.md), or the path of a Liberty file: bare mapping to its cells."""
    confirm: tuple[str, ...] = ("osu018-loaded", "osu035-bare")
    """Conditions under which finalists are mapped again."""
    baselines: tuple[HandDesign, ...] = ()
    """Hand designs; the best of them under `condition` is the reference, unless `reference` names one."""
    reference: str = ""
    """The baseline that gains are counted against; empty: the best."""
    vectors: Annotated[int, Field(ge=1, le=1 << 24)] = 1 << 17
    """Secret vectors per candidate, beside all corners."""
    quick_proof_bits: Annotated[int, Field(ge=0, le=32)] = 20
    """With at most so many input bits every candidate is proved; wider ones only when better than the best so far."""

    @model_validator(mode="after")
    def _makes_sense(self) -> RtlSettings:
        names = [port.name for port in self.ports]
        if len(set(names)) != len(names):
            raise ValueError("ports: a name stands twice")
        if {port.direction for port in self.ports} != {"input", "output"}:
            raise ValueError("ports: inputs and outputs are both needed")
        known = [baseline.name for baseline in self.baselines]
        if len(set(known)) != len(known):
            raise ValueError("baselines: a name stands twice")
        if self.reference and self.reference not in known:
            raise ValueError(f"reference: {self.reference!r} is none of the baselines {known}")
        for name in (self.condition, *self.confirm):
            if name not in CONDITIONS and "/" not in name:
                raise ValueError(
                    f"condition {name!r} is unknown: {', '.join(CONDITIONS)}, or the path of a Liberty file"
                )
        return self

    @property
    def specs(self) -> tuple[PortSpec, ...]:
        return tuple(PortSpec(port.name, port.width, port.direction == "input") for port in self.ports)


def read_settings(task: Task) -> RtlSettings:
    """The validated table; UserError names file and field."""
    where = str(task.root / "task.toml")
    try:
        settings = RtlSettings.model_validate(task.settings)
    except ValidationError as error:
        raise UserError(
            describe_validation(error), where=f"{where} [settings]", hint="see docs/accelerators.md"
        ) from error
    for name in (settings.golden, *(baseline.source for baseline in settings.baselines)):
        if not (task.root / name).is_file():
            raise UserError(f"needs {name!r}, which is not a file in the folder", where=str(task.root))
    return settings


def scored_condition(settings: RtlSettings, task: Task, parameters: Mapping[str, Scalar]) -> Condition:
    """The condition of this campaign; a value that the task does not offer is a UserError."""
    offered = {parameter.name: parameter for parameter in task.parameters}
    for name, value in parameters.items():
        if name not in offered:
            raise UserError(
                f"the task has no parameter {name!r}", where=task.name, hint=f"it has: {', '.join(offered) or 'none'}"
            )
        choices = offered[name].choices
        if choices and value not in choices:
            raise UserError(
                f"{name} = {value} is not on offer",
                where=task.name,
                hint=f"choose one of: {', '.join(str(choice) for choice in choices)}",
            )
    return condition_of(str(parameters.get(CONDITION, settings.condition)))


def task_file(task: Task, name: str) -> str:
    """Text of a file of the task. UserError when it cannot be read."""
    try:
        return (task.root / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(Path(task.root) / name)) from error
