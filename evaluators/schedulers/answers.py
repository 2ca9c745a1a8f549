"""Strict reading of answers: exact types, exact lengths, closed ranges."""

from __future__ import annotations

from evaluators.schedulers.problem import Violated
from nightforge.domain.base import Json


def read_integers(value: Json, count: int, least: int, most: int, where: str) -> list[int]:
    """A list of exactly `count` integers within bounds (no booleans, no floats). Raises Violated."""
    if not isinstance(value, list) or len(value) != count:
        raise Violated("form", f"{where}: expected a list of {count} integers")
    for place, number in enumerate(value):
        if type(number) is not int or not least <= number <= most:
            raise Violated("form", f"{where}[{place}]: expected an integer from {least} to {most}, got {number!r:.40}")
    return [int(number) for number in value if isinstance(number, int)]


def read_permutation(value: Json, count: int, where: str) -> list[int]:
    """Every number from 0 to `count` - 1 exactly once. Raises Violated."""
    order = read_integers(value, count, 0, count - 1, where)
    if len(set(order)) != count:
        repeated = next(number for number in order if order.count(number) > 1)
        raise Violated("permutation", f"{where}: {repeated} stands more than once")
    return order


def integers(value: Json) -> list[int]:
    """Our own instance's list, as such; not for answers."""
    assert isinstance(value, list)
    return [int(number) for number in value if isinstance(number, int)]


def integer_rows(value: Json) -> list[list[int]]:
    """Our own instance's matrix, as such; not for answers."""
    assert isinstance(value, list)
    return [integers(row) for row in value]
