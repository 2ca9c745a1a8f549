"""The frozen base of every model that crosses a border."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypeAliasType

Json = TypeAliasType("Json", "bool | int | float | str | list[Json] | dict[str, Json] | None")
Scalar = bool | int | float | str


class Frozen(BaseModel):
    """Immutable, strict about unknown fields, never NaN or infinite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
