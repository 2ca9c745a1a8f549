"""Why a schedule is shorter: what the evaluator of rules says of a finalist, read by the report."""

from __future__ import annotations

from pydantic import Field

from nightforge.domain.base import Frozen

STAGE = "explain"
"""The stage of a confirmation whose feedback is an `Explanation` as JSON."""


class InstanceRow(Frozen):
    """One instance: what the candidate's answer costs, what the strongest baseline's, what the reference."""

    instance: str
    group: str
    cost: float | None
    """None without a valid answer."""
    baseline: float
    reference: float
    gain: float


class Span(Frozen):
    """A bar of a Gantt chart: `label` occupies `lane` from `start` to before `end`."""

    lane: int
    label: str
    start: int
    end: int


class Chart(Frozen):
    title: str
    length: float
    """The cost; bars end there or before."""
    spans: tuple[Span, ...]


class Importance(Frozen):
    """What is lost when a formula does not see a feature: the objective with it and with a constant in its place."""

    feature: str
    meaning: str = ""
    loss: float


class Explanation(Frozen):
    rows: tuple[InstanceRow, ...] = ()
    """Of the validation set."""
    lane: str = ""
    """What the lanes of the charts are: `machine`."""
    charts: tuple[Chart, ...] = ()
    """The baseline's schedule and the candidate's, of the instance with the largest gain."""
    formulas: tuple[str, ...] = ()
    """`FUNCTION: FORMULA` of each function that is one."""
    short: tuple[str, ...] = ()
    """The same where a shorter formula gives every training and validation instance the same cost."""
    checked: int = Field(default=0, ge=0)
    """Instances on which the shorter one was compared."""
    importance: tuple[Importance, ...] = ()
