"""Small registries: evaluators, operators, stop rules, presets and tasks load through entry points.

Ours are declared in pyproject.toml like anyone else's, so that a wheel can add one without touching the core.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from nightforge.errors import NotFound, UserError

EVALUATORS = "nightforge.evaluators"
OPERATORS = "nightforge.operators"
STOP_RULES = "nightforge.stop_rules"
PRESETS = "nightforge.presets"
POLICIES = "nightforge.policies"
REPORT_SECTIONS = "nightforge.report_sections"
TASKS = "nightforge.tasks"


@cache
def registered(group: str) -> Mapping[str, EntryPoint]:
    """Name → entry point; two distributions that claim one name are an error, never a silent shadow."""
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise UserError(
                f"two packages register {point.name!r}: {other.value} and {point.value}",
                where=group,
                hint="uninstall one of them, or rename its entry point",
            )
        found[point.name] = point
    return found


def load(group: str, name: str) -> object:
    """The registered object, or NotFound naming what there is."""
    points = registered(group)
    if name not in points:
        known = ", ".join(points) or "nothing"
        raise NotFound(f"no {name!r} is registered", where=group, hint=f"there is: {known}")
    return points[name].load()
