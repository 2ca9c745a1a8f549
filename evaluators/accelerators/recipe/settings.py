"""The settings table and the hidden file of a recipe task."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from random import Random
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from evaluators.accelerators.recipe.aig import Aig
from evaluators.accelerators.recipe.circuits import KINDS, UnknownCircuit, make_circuit
from nightforge.domain.base import Frozen
from nightforge.domain.task import Task
from nightforge.errors import UserError

HIDDEN_FILE = "hidden.toml"
_SEED = "seed"


class Measure(StrEnum):
    """What is made small."""

    ADP = "adp"
    """Area times delay after mapping to the OSU 0.18 µm cells."""
    LUT6 = "lut6"
    """Look-up tables of six inputs."""


class Circuit(Frozen):
    """A circuit from the generators, by kind and numbers."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=32)]
    """As reports show it."""
    kind: str
    """`adder`, `max`, `priority` …: the generators' list."""
    numbers: dict[str, int]
    """What the kind takes: sizes, and a seed where it is random."""

    @model_validator(mode="after")
    def _can_be_made(self) -> Circuit:
        try:
            _made(self.kind, tuple(sorted(self.numbers.items())))
        except UnknownCircuit as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def aig(self) -> Aig:
        return _made(self.kind, tuple(sorted(self.numbers.items())))


@lru_cache(maxsize=512)
def _made(kind: str, numbers: tuple[tuple[str, int], ...]) -> Aig:
    """Graphs do not change: each evaluation reads the settings again and needs the same ones."""
    return make_circuit(kind, dict(numbers))


class Anchor(Frozen):
    """A number of others that ours stand beside; it scores nothing."""

    circuit: str
    """The public circuit."""
    value: float
    """Best known there."""
    unit: str
    """Of the value."""
    source: str
    """Where the number stands."""


class RecipeSettings(Frozen):
    """`[settings]` of a recipe task."""

    measure: Measure
    """`adp` or `lut6`."""
    training: Annotated[tuple[Circuit, ...], Field(min_length=2)]
    """Scored in each evaluation, in this order."""
    screen: Annotated[int, Field(ge=0)] = 4
    """After so many circuits a clearly worse recipe is dropped; 0 never drops one."""
    drop_factor: Annotated[float, Field(gt=0, le=1)] = 0.93
    """Clearly worse: below this share of the best candidate's gain."""
    cpu_s: Annotated[int, Field(ge=1)] = 10
    """CPU seconds that a recipe may take: on all circuits of a stage, in a confirmation on each."""
    memory_mib: Annotated[int, Field(ge=64)] = 512
    """Address space that ABC may take for a recipe."""
    anchors: tuple[Anchor, ...] = ()
    """Published results for public circuits of the same kinds."""

    @model_validator(mode="after")
    def _names_differ(self) -> RecipeSettings:
        _check_names(self.training)
        if self.screen >= len(self.training):
            raise ValueError(f"screen = {self.screen} leaves none of {len(self.training)} circuits for the rest")
        return self


class Hidden(Frozen):
    """`hidden.toml`: circuits that only confirmation uses. Agents are never shown it."""

    circuits: Annotated[tuple[Circuit, ...], Field(min_length=2)]
    """Scored in each confirmation."""
    drawn: tuple[Circuit, ...] = ()
    """Random kinds whose seed each confirmation draws anew; nobody can have fitted a recipe to them."""

    @model_validator(mode="after")
    def _drawn_have_seeds(self) -> Hidden:
        _check_names((*self.circuits, *self.drawn))
        for circuit in self.drawn:
            if _SEED not in KINDS[circuit.kind][1]:
                raise ValueError(f"drawn: {circuit.name} is of kind {circuit.kind}, which takes no seed")
        return self

    def draw(self, seed: int) -> tuple[Circuit, ...]:
        random = Random(seed)
        return tuple(
            circuit.model_copy(update={"numbers": {**circuit.numbers, _SEED: random.getrandbits(48)}})
            for circuit in self.drawn
        )


def _check_names(circuits: Sequence[Circuit]) -> None:
    names = [circuit.name for circuit in circuits]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two circuits are called {twice[0]}")


def read_settings(task: Task) -> RecipeSettings:
    """Raises UserError naming the field."""
    try:
        return RecipeSettings.model_validate(task.settings)
    except ValidationError as error:
        raise _refusal(error, str(task.root / "task.toml"), "settings") from error


def read_hidden(task: Task) -> Hidden:
    """Raises UserError naming the file and the field."""
    path = task.root / HIDDEN_FILE
    try:
        return Hidden.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), hint="it names held-out circuits") from (
            error
        )
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"no TOML: {error}", where=str(path)) from error
    except ValidationError as error:
        raise _refusal(error, str(path), "") from error


def _refusal(error: ValidationError, where: str, table: str) -> UserError:
    first = error.errors()[0]
    place = ".".join(map(str, (table, *first["loc"]) if table else first["loc"]))
    return UserError(f"{place}: {first['msg']}", where=where, hint="docs/synth_recipe.md lists the fields")
