"""The section on area and delay: which designs nothing beats in both, among them those that people draw by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Evidence, Metric
from nightforge.domain.words import CandidateState
from nightforge.report.data import ReportData
from nightforge.report.front_plot import Drawn, draw_front
from nightforge.report.model import Column, Paragraph, Picture, Section, SectionMaker, Table
from nightforge.report.states import shape_and_word
from nightforge.report.text import clean_line, counted, number

AREA, DELAY = "area_um2", "delay_ns"
_MOST_ROWS = 14


@dataclass(frozen=True)
class Design:
    """One design's place; `state` is empty for a hand design."""

    name: str
    area: Metric
    delay: Metric
    state: str = ""
    proof: str = ""
    evidence: Evidence | None = None
    is_confirmed: bool = False

    @property
    def place(self) -> tuple[float, float]:
        return self.area.value, self.delay.value


def make_front(data: ReportData) -> Section | None:
    """None where area and delay are not what the evaluator measures."""
    found = [one for one in map(_design, _known(data)) if one is not None]
    if not found:
        return None
    hand = _hand_designs(data)
    edge = front(found)
    shown = sorted([*edge[:_MOST_ROWS], *hand], key=lambda one: (one.delay.value, one.area.value))
    beside = _conditions(shown)
    columns = [
        Column(title="design"),
        Column(title=f"area ({found[0].area.unit})", right=True),
        Column(title=f"delay ({found[0].delay.unit})", right=True),
        Column(title="area x delay", right=True),
        Column(title="state"),
        Column(title="proof"),
        *(Column(title=f"area x delay, {name}", right=True, minor=True) for name in beside),
    ]
    rows = tuple(_row(data, one, beside) for one in shown)
    designs, others = counted(len(found), "design"), counted(len(hand), "hand design")
    words = (
        f"{designs}, {len(edge)} of them beaten by no other in both; {others}. "
        "Area and delay are what mapping gives: no placement, no routing."
    )
    title = f"area and delay: {clean_line(data.plan.task)}"
    picture = Picture(
        name="front",
        title=_finding(found, hand),
        text=f"Plot: {title}. Orange marks: confirmed and proved. Line: the front, measured ones among it. Grey: other "
        "measured ones. Squares: designs by hand.",
        svg=draw_front(_drawn(data, found, hand), title=title),
    )
    blocks = (Paragraph(text=words), picture, Table(columns=tuple(columns), rows=rows))
    return Section(name="front", title="Area and delay", blocks=blocks)


def _finding(found: Sequence[Design], hand: Sequence[Design]) -> str:
    """What the plot shows, in one sentence."""
    if not hand:
        return f"{counted(len(front(found)), 'design')} on the front of area and delay"
    beaten = [one for one in hand if any(_beats(other, one) for other in found if other.is_confirmed)]
    if beaten:
        every = "all" if len(beaten) == len(hand) else f"{len(beaten)} of"
        return f"A confirmed design beats {every} {counted(len(hand), 'hand design')} in area and delay at once"
    measured = sum(any(_beats(other, one) for other in found) for one in hand)
    return f"No confirmed design beats a hand design in both; measured ones beat {measured} of {len(hand)}"


def _beats(one: Design, other: Design) -> bool:
    (area, delay), (own_area, own_delay) = one.place, other.place
    return area <= own_area and delay <= own_delay and one.place != other.place


def front(designs: Sequence[Design]) -> list[Design]:
    """Those that no other beats in one of area and delay without losing in the other; by delay, the fastest first."""
    edge: list[Design] = []
    for one in sorted(designs, key=lambda design: (design.delay.value, design.area.value)):
        if not edge or one.area.value < edge[-1].area.value:
            edge.append(one)
    return edge


def proof_of(evidence: Evidence | None) -> str:
    """The class of the proof that the evaluator noted, or `none`."""
    stages = evidence.stages if evidence is not None else ()
    return next((stage.tools["proof"] for stage in reversed(stages) if "proof" in stage.tools), "none")


def _known(data: ReportData) -> Sequence[Candidate]:
    return tuple({one.ordinal: one for one in (*data.ranked, *data.spread)}.values())


def _design(candidate: Candidate) -> Design | None:
    if candidate.state not in (CandidateState.CONFIRMED, CandidateState.MEASURED):
        return None
    confirmed = candidate.state is CandidateState.CONFIRMED
    evidence = candidate.confirmation if confirmed else candidate.evidence
    if evidence is None or not evidence.passed:
        return None
    area, delay = evidence.metrics.get(AREA), evidence.metrics.get(DELAY)
    if area is None or delay is None:
        return None
    name = f"{candidate.ref} (seed)" if candidate.ordinal == 0 else candidate.ref
    return Design(name, area, delay, shape_and_word(candidate), proof_of(evidence), evidence, confirmed)


def _hand_designs(data: ReportData) -> list[Design]:
    found = []
    for baseline in data.calibration.baselines if data.calibration else ():
        area, delay = baseline.metrics.get(AREA), baseline.metrics.get(DELAY)
        if area is not None and delay is not None:
            found.append(Design(clean_line(baseline.title or baseline.name), area, delay, "by hand"))
    return found


def _conditions(designs: Sequence[Design]) -> list[str]:
    """Further conditions under which any of them was mapped, in the order of their metrics."""
    prefix = "adp_um2_ns."
    names = (name for one in designs if one.evidence for name in one.evidence.metrics if name.startswith(prefix))
    return [name.removeprefix(prefix) for name in dict.fromkeys(names)]


def _row(data: ReportData, design: Design, beside: Sequence[str]) -> tuple[str, ...]:
    others = []
    for condition in beside:
        metric = design.evidence.metrics.get(f"adp_um2_ns.{condition}") if design.evidence else None
        if metric is None and data.calibration is not None and design.evidence is None:
            same = (one for one in data.calibration.baselines if clean_line(one.title or one.name) == design.name)
            metric = next((one.metrics.get(f"adp_um2_ns.{condition}") for one in same), None)
        others.append("-" if metric is None else number(metric.value))
    area, delay = design.place
    return (
        design.name,
        number(area),
        f"{delay:.3f}",
        number(area * delay),
        design.state or "-",
        design.proof or "-",
        *others,
    )


def _drawn(data: ReportData, found: Sequence[Design], hand: Sequence[Design]) -> Drawn:
    bound = next((one.bound for one in data.plan.constraints if one.metric == DELAY and one.relation == "<="), None)
    top = data.winner or data.top
    return Drawn(
        measured=tuple(one.place for one in found if not one.is_confirmed),
        confirmed=tuple((one.name, *one.place) for one in found if one.is_confirmed),
        hand=tuple((one.name, *one.place) for one in hand),
        front=tuple(one.place for one in front(found)),
        best=top.ref if top is not None else "",
        delay_bound=bound,
    )


section = SectionMaker(order=45, make=make_front)
