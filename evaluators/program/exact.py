"""Strict reading of answers into exact numbers: no truth value, text or object passes for a number."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from evaluators.program.contract import Refused
from nightforge.domain.base import Json, Scalar


def read_list(value: Json, where: str, *, least: int, most: int) -> list[Json]:
    """A list of `least` to `most` parts. Raises Refused."""
    if not isinstance(value, list):
        raise Refused("form", f"{where}: expected a list, got {shown(value)}")
    if not least <= len(value) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise Refused("count", f"{where}: {wanted} are needed, {len(value)} came")
    return value


def read_rational(value: Json, where: str) -> Fraction:
    """The very number that a finite double or an integer is. Raises Refused."""
    if type(value) is not float and type(value) is not int:
        raise Refused("form", f"{where}: expected a number, got {shown(value)}")
    try:
        return Fraction(value)
    except (ValueError, OverflowError):  # the channel lets none through; a verifier stands alone all the same
        raise Refused("form", f"{where}: {value!r} is no finite number") from None


def read_integer(value: Json, where: str) -> int:
    """Raises Refused."""
    if type(value) is not int:
        raise Refused("form", f"{where}: expected an integer, got {shown(value)}")
    return value


def whole(parameters: Mapping[str, Scalar], name: str) -> int:
    """A parameter of ours, as such; not for answers."""
    value = parameters[name]
    assert type(value) is int, f"{name} = {value!r}"
    return value


def shown(value: Json) -> str:
    """Short, whatever it is."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} names"
    return repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:37]}..."
