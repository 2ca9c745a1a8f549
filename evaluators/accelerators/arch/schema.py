"""The candidate: an accelerator configuration with its mappings as JSON. Data, never run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal, NoReturn, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

LARGEST_BYTES = 16 * 1024
"""Of a candidate: the largest sensible one has a tenth of it."""
MOST_MAPPINGS = 6
LARGEST_TILE = 65_536

Dataflow: TypeAlias = Literal["os", "ws", "is"]
Order: TypeAlias = Literal["mnk", "mkn", "nmk", "nkm", "kmn", "knm"]
Precision: TypeAlias = Literal[4, 8, 16]
DATAFLOWS: tuple[Dataflow, ...] = get_args(Dataflow)
ORDERS: tuple[Order, ...] = get_args(Order)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Tile: TypeAlias = Annotated[int, Field(ge=1, le=LARGEST_TILE)]


class _Strict(BaseModel):
    """No unknown field, no NaN or infinity, and no text or truth value where a number stands."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class Mapping(_Strict):
    """How a layer, a product of an M x K and a K x N matrix, is cut into tiles and laid on the array."""

    dataflow: Dataflow
    """What stays in the processing elements: outputs, weights (K x N) or inputs (M x K)."""
    tile_m: Tile
    tile_n: Tile
    tile_k: Tile
    order: Order
    """Loops over tiles, the outermost first."""


class ArchConfig(_Strict):
    """An array of `pe_rows` x `pe_cols` multiply-accumulate units, two levels of buffers, DRAM, and mappings.

    The hardware offers every mapping to every layer; each layer runs with the one that suits it best.
    """

    pe_rows: Annotated[int, Field(ge=1, le=128)]
    pe_cols: Annotated[int, Field(ge=1, le=128)]
    l1_kib: Annotated[int, Field(ge=1, le=1024)]
    """Operand buffer at the array, a power of two."""
    l2_kib: Annotated[int, Field(ge=4, le=16_384)]
    """Global buffer, a power of two."""
    dram_gbps: Annotated[float, Field(ge=0.1, le=1024)]
    """10^9 bytes per second."""
    clock_mhz: Annotated[int, Field(ge=10, le=2000)]
    precision: Precision
    """Bits of an operand; sums have 24, 32 and 48."""
    mappings: Annotated[tuple[Mapping, ...], Field(min_length=1, max_length=MOST_MAPPINGS)]

    @field_validator("precision", mode="before")
    @classmethod
    def _is_whole(cls, value: object) -> object:
        if type(value) is not int:
            raise ValueError("must be a whole number")  # 8.0 equals 8, and would pass for it
        return value

    @field_validator("l1_kib", "l2_kib")
    @classmethod
    def _is_power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            raise ValueError("must be a power of two")
        return value

    @property
    def pes(self) -> int:
        return self.pe_rows * self.pe_cols

    @property
    def dataflows(self) -> frozenset[Dataflow]:
        return frozenset(mapping.dataflow for mapping in self.mappings)


class ConfigError(Exception):
    """Why a text is no configuration: a slug for counting and a text for the coder."""

    def __init__(self, reason: str, feedback: str) -> None:
        super().__init__(feedback)
        self.reason = reason
        self.feedback = feedback


def read_config(source: str) -> ArchConfig:
    """The configuration that `source` holds; ConfigError names what is wrong with it, whatever the text is."""
    if len(source.encode(errors="replace")) > LARGEST_BYTES:
        raise ConfigError("too_long", f"more than {LARGEST_BYTES} bytes")
    try:
        document = json.loads(source, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ConfigError:
        raise
    except RecursionError as error:
        raise ConfigError("not_json", "nested too deeply") from error
    except ValueError as error:  # also of an integer with thousands of digits
        raise ConfigError("not_json", str(error)[:300]) from error
    if not isinstance(document, dict):
        raise ConfigError("bad_config", "expected one object with the fields of the brief")
    try:
        # Through text once more: strict mode takes a JSON array for a tuple only there.
        return ArchConfig.model_validate_json(json.dumps(document, allow_nan=True))
    except ValidationError as error:
        raise ConfigError("bad_config", _explained(error)) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError("not_json", str(error)[:300]) from error


def write_config(config: ArchConfig) -> str:
    """The one text of a configuration: equal configurations have equal texts."""
    mappings = ",\n".join(map(_mapping_text, config.mappings))
    fields = "".join(f'  "{name}": {value!r},\n' for name, value in config if name != "mappings")
    return f'{{\n{fields}  "mappings": [\n{mappings}\n  ]\n}}\n'


@lru_cache(maxsize=4096)
def _mapping_text(mapping: Mapping) -> str:
    """Operators write thousands of configurations that differ in one mapping."""
    return f"    {json.dumps(mapping.model_dump(mode='json'))}"


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ConfigError("duplicate_key", f"given twice: {', '.join(twice)[:200]}")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ConfigError("not_json", f"{name} is no number of JSON")


def _explained(error: ValidationError) -> str:
    found = error.errors()
    # Of a list whose one entry is bad pydantic says also that it is too short: of what it left of it.
    outer = {one["loc"][:depth] for one in found for depth in range(1, len(one["loc"]))}
    told = [one for one in found if one["loc"] not in outer]
    lines = [f"{'.'.join(map(str, one['loc'])) or 'configuration'}: {one['msg']}" for one in told[:8]]
    return "\n".join(line[:200] for line in lines)
