"""Which designs nothing beats, among the many that were measured: what the pages draw as a front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nightforge.domain.archive import CAMPAIGN, Archive
from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.evidence import Calibration
from nightforge.report.choosing import Axis, Option
from nightforge.report.data import stated_metric
from nightforge.report.finalists import front_axes
from nightforge.report.text import clean_line, counted, number
from nightforge.store import SqlStore
from nightforge.web.charts import Front, Spot
from nightforge.web.charts import draw_front as draw
from nightforge.web.pictures import Chart, Column

CLOUD = 400
_MOST_ROWS = 40


class Place(Frozen):
    """A candidate on the front, or (`ordinal` None) a hand design; values in the order of the axes."""

    ordinal: int | None
    name: str
    values: tuple[float, ...]
    is_confirmed: bool = False


def axes_for(campaign: Campaign, known: Sequence[Candidate]) -> tuple[Axis, Axis] | None:
    """What is drawn across and up: of `front_axes` the second and the first; None where there is one number only."""
    axes = front_axes(campaign, known)
    return (axes[1], axes[0]) if axes else None


def front_chart(
    store: SqlStore,
    campaign: Campaign,
    known: Sequence[Candidate],
    archive: Archive,
    calibration: Calibration | None,
    *,
    picked: Sequence[Candidate] = (),
) -> Chart | None:
    """From a bounded number of candidates: the archive's front, the best ranked, an even sample. None without one."""
    axes = axes_for(campaign, [*known, *picked])
    if axes is None:
        return None
    named = campaign.campaign_id
    dots = [dot.ordinal for dot in store.dots(named, most=CLOUD) if dot.score is not None]
    homes = [one.ordinal for one in archive.residents if one.island == CAMPAIGN]
    confirmed = {one.ordinal: values for one in (*known, *picked) if (values := _stated(one, axes)) is not None}
    searched = store.metrics_of(named, sorted({*dots, *homes[:CLOUD]}))
    points = {ordinal: values for ordinal, found in searched.items() if (values := _values(found, axes)) is not None}
    points |= confirmed
    if not points:
        return None
    edge = edge_of(axes, points)
    hand = _by_hand(calibration, axes)
    sure = {one.ordinal for one in (*known, *picked) if one.confirmation is not None}
    bound = next((one.bound for one in campaign.plan.constraints if one.metric == axes[0].metric), None)
    drawn = Front(
        x=axes[0],
        y=axes[1],
        cloud=tuple(Spot(f".{ordinal}", *values) for ordinal, values in points.items()),
        edge=tuple(
            Spot(f".{one.ordinal}", one.values[0], one.values[1], href=f"/c/{named}/{one.ordinal}") for one in edge
        ),
        hand=tuple(Spot(name, *values) for name, values in hand.items()),
        picked=tuple(
            Spot(f".{one.ordinal}", *values) for one in picked if (values := points.get(one.ordinal)) is not None
        ),
        bound=bound,
    )
    places = [
        *(
            Place(ordinal=one.ordinal, name=f".{one.ordinal}", values=one.values, is_confirmed=one.ordinal in sure)
            for one in edge
        ),
        *(Place(ordinal=None, name=name, values=values) for name, values in hand.items()),
    ]
    return _chart(axes, places, drawn, beaten=_beaten(axes, edge, hand))


def edge_of(axes: tuple[Axis, Axis], points: Mapping[int, tuple[float, float]]) -> tuple[Option, ...]:
    """What no other beats in both, the best in the first axis first; of equal ones the first number. One pass."""
    across, up = axes

    def order(ordinal: int) -> tuple[float, float, int]:
        x, y = points[ordinal]
        return -across.turned(x), -up.turned(y), ordinal

    edge: list[Option] = []
    best = float("-inf")
    for ordinal in sorted(points, key=order):
        height = up.turned(points[ordinal][1])
        if height > best:
            best = height
            edge.append(Option(ordinal, points[ordinal]))
    return tuple(edge)


def _stated(candidate: Candidate, axes: tuple[Axis, Axis]) -> tuple[float, float] | None:
    found = [stated_metric(candidate, axis.metric) for axis in axes]
    if candidate.score is None or found[0] is None or found[1] is None:
        return None
    return found[0].value, found[1].value


def _values(found: Mapping[str, float], axes: tuple[Axis, Axis]) -> tuple[float, float] | None:
    x, y = (found.get(axis.metric) for axis in axes)
    return None if x is None or y is None else (x, y)


def _by_hand(calibration: Calibration | None, axes: tuple[Axis, Axis]) -> dict[str, tuple[float, float]]:
    found = {}
    for baseline in calibration.baselines if calibration is not None else ():
        x, y = (baseline.metrics.get(axis.metric) for axis in axes)
        if x is not None and y is not None:
            found[clean_line(baseline.title or baseline.name)] = (x.value, y.value)
    return found


def _beaten(axes: tuple[Axis, Axis], edge: Sequence[Option], hand: Mapping[str, tuple[float, float]]) -> int:
    """Hand designs that some design on the front beats."""

    def beats(one: Option, values: tuple[float, float]) -> bool:
        pairs = [
            (axis.turned(mine), axis.turned(theirs))
            for axis, mine, theirs in zip(axes, one.values, values, strict=True)
        ]
        return all(mine >= theirs for mine, theirs in pairs) and any(mine > theirs for mine, theirs in pairs)

    return sum(any(beats(one, values) for one in edge) for values in hand.values())


def _chart(axes: tuple[Axis, Axis], places: Sequence[Place], drawn: Front, *, beaten: int) -> Chart:
    on_front = [one for one in places if one.ordinal is not None]
    title = f"{counted(len(on_front), 'design')} that no other beats in both"
    if drawn.hand:
        every = "all" if beaten == len(drawn.hand) else f"{beaten} of"
        title = f"{title}; they beat {every} {counted(len(drawn.hand), 'hand design')}"
    rows = tuple(
        (
            one.name,
            "by hand" if one.ordinal is None else "confirmed" if one.is_confirmed else "measured",
            *map(number, one.values),
        )
        for one in places[:_MOST_ROWS]
    )
    return Chart(
        name="front",
        title=title,
        text="Orange: the front. Grey: an even sample of what was measured. Squares: designs made by hand.",
        columns=(
            Column(title="design"),
            Column(title="state"),
            *(Column(title=f"{axis.metric} ({axis.unit})" if axis.unit else axis.metric, right=True) for axis in axes),
        ),
        rows=rows,
        svg=draw(drawn),
    )
