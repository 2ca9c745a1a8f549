"""`compare`: which one do I ship? Two to four candidates: numbers, place on the front, programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Candidate, Verdict
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState, Direction
from nightforge.errors import UserError
from nightforge.report.data import ranked_for_people
from nightforge.report.finalists import FINALISTS, front_axes, ideas_among
from nightforge.report.text import counted, number
from nightforge.store import SqlStore
from nightforge.web.choosing import AdviceView, Fold, IdeaView, advice_beside, advice_for, folded, idea_view
from nightforge.web.code_view import Difference, ShownLine, difference, shown_lines
from nightforge.web.fronts import front_chart
from nightforge.web.pictures import Chart
from nightforge.web.render import PageRouter, View
from nightforge.web.rows import Row, gain_word, row_of
from nightforge.web.site import CampaignId, SiteDep

router = PageRouter()

MOST = 4
_LESS_IS_BETTER = ("_ms", "_us", "_ns", "_um2", "_j", "err", "page_faults")
"""Endings and beginnings of metrics that are no objective, of which less is surely better."""


class Side(Frozen):
    """One of the compared."""

    row: Row
    lines: int
    verdict: Verdict | None
    stages: tuple[str, ...]
    generations: int
    idea: IdeaView | None
    """The idea that it is a finalist of; None where it is none."""


class Line(Frozen):
    """A metric of all of them."""

    name: str
    unit: str
    values: tuple[Metric | None, ...]
    best: tuple[bool, ...]
    """Whose interval no other's lies wholly above; none where the direction is not known."""
    is_objective: bool = False


class Pair(Frozen):
    """The difference from the first to one of the others."""

    ordinal: int
    difference: Difference

    @property
    def lines(self) -> list[ShownLine]:
        return shown_lines(self.difference)


class CompareView(View):
    campaign_id: str
    goal: str
    column: str
    headline: str
    sides: tuple[Side, ...]
    lines: tuple[Line, ...]
    pairs: tuple[Pair, ...]
    front: Chart | None
    advice: tuple[AdviceView, ...]
    """Which design of the whole campaign to take, where several numbers count."""
    nearest: tuple[AdviceView, ...]
    """What is nearest to the first of them but better in one of the numbers."""
    suggestions: tuple[Row, ...]
    """Where fewer than two were chosen: the best ranked."""
    ideas: tuple[IdeaView, ...]

    @property
    def folds(self) -> tuple[Fold, ...]:
        """The suggestions, one row an idea."""
        return folded(self.suggestions, self.ideas, 1)


@router.page("/c/{campaign}/compare", template="compare.html")
def compare(
    site: SiteDep,
    campaign: CampaignId,
    chosen: Annotated[list[str], Query(alias="with", max_length=16, description="Numbers: `1,2,3` or repeated.")] = [],  # noqa: B006
) -> CompareView:
    """Two to four candidates of one campaign side by side; the first is the one that others are held against."""
    store = site.store
    home = store.campaign(campaign)
    named = home.campaign_id
    objective = home.plan.objectives[0]
    ones = [store.candidate(named, ordinal) for ordinal in numbers(chosen)]
    calibration = store.document(named, "calibration", Calibration)
    programs = [store.source(one.code_sha) if one.code_sha else "" for one in ones]
    enough = len(ones) > 1
    ranked = ranked_for_people(store, named, limit=FINALISTS + 1)
    found = ideas_among(store, home, ranked)
    ideas = tuple(map(idea_view, found))
    return CompareView(
        campaign_id=named,
        goal=home.plan.goal,
        column=gain_word(objective),
        headline=_headline(ones, objective),
        sides=tuple(_side(store, one, program, objective, ideas) for one, program in zip(ones, programs, strict=True)),
        lines=_lines(ones, home.plan.objectives) if enough else (),
        pairs=tuple(
            Pair(ordinal=one.ordinal, difference=difference(programs[0], program))
            for one, program in zip(ones[1:], programs[1:], strict=True)
        ),
        front=front_chart(store, home, ones, store.archive(named), calibration, picked=ones) if enough else None,
        advice=advice_for(store, home, ranked, found) if enough and front_axes(home, ranked) else (),
        nearest=advice_beside(store, home, ones[0]) if enough else (),
        suggestions=() if enough else tuple(row_of(one, objective) for one in ranked),
        ideas=ideas,
    )


def numbers(chosen: Sequence[str]) -> list[int]:
    """Each number once, in the order given. UserError for what is no number, and for too many."""
    found: list[int] = []
    for word in (part.strip().lstrip(".") for each in chosen for part in each.split(",")):
        if not word:
            continue
        if not (word.isascii() and word.isdecimal() and len(word) < 10):
            raise UserError(f"{word!r} is no candidate's number", where="with", hint="as compare?with=1,2,3")
        if int(word) not in found:
            found.append(int(word))
    if len(found) > MOST:
        raise UserError(
            f"{len(found)} candidates are too many to compare", where="with", hint=f"choose two to {MOST} of them"
        )
    return found


def _side(store: SqlStore, one: Candidate, program: str, objective: Objective, ideas: Sequence[IdeaView]) -> Side:
    evidence = one.confirmation or one.evidence
    stages = evidence.stages if evidence is not None else ()
    return Side(
        row=row_of(one, objective),
        lines=program.count("\n"),
        verdict=one.verdict,
        stages=tuple(f"{stage.stage} {stage.outcome.value}" for stage in stages),
        generations=len(store.ancestry(one.campaign_id, [one.ordinal])) - 1,
        idea=next((idea for idea in ideas if one.ordinal in (idea.leader, *idea.twins)), None),
    )


def stated(one: Candidate) -> dict[str, Metric]:
    evidence = one.confirmation if one.state is CandidateState.CONFIRMED else one.evidence
    return dict(evidence.metrics) if evidence is not None else {}


def _lines(ones: Sequence[Candidate], objectives: Sequence[Objective]) -> tuple[Line, ...]:
    measured = [stated(one) for one in ones]
    directions = {one.metric: one.direction for one in objectives}
    names = [*directions, *dict.fromkeys(name for each in measured for name in each if name not in directions)]
    lines = []
    for name in names:
        values = tuple(each.get(name) for each in measured)
        if name == "distinguishable" or all(value is None for value in values):
            continue
        direction = directions.get(name) or _direction(name)
        lines.append(
            Line(
                name=name,
                unit=next((value.unit for value in values if value is not None), ""),
                values=values,
                best=_best(values, direction),
                is_objective=name in directions,
            )
        )
    return tuple(lines)


def _direction(name: str) -> Direction | None:
    if name.partition(".")[0] == "speedup" or name == "roof_pct":
        return Direction.MAX
    return Direction.MIN if name.endswith(_LESS_IS_BETTER[:5]) or name.startswith(_LESS_IS_BETTER[5:]) else None


def _best(values: Sequence[Metric | None], direction: Direction | None) -> tuple[bool, ...]:
    """Those that cannot be told from the best by their intervals; nobody where nothing sets them apart."""
    if direction is None:
        return tuple(False for _ in values)
    sign = 1 if direction is Direction.MAX else -1
    ends = [None if one is None else _ends(one, sign) for one in values]
    top = max((low for one in ends if one is not None for low in one[:1]), default=None)
    best = tuple(one is not None and top is not None and one[1] >= top for one in ends)
    return best if not all(best) else tuple(False for _ in values)


def _ends(metric: Metric, sign: int) -> tuple[float, float]:
    """The interval turned so that more is better: its worse end, its better end."""
    low = metric.value if metric.low is None else metric.low
    high = metric.value if metric.high is None else metric.high
    return (low, high) if sign > 0 else (-high, -low)


def _headline(ones: Sequence[Candidate], objective: Objective) -> str:
    """What the comparison says of the objective, in one sentence; never more than the intervals allow."""
    if len(ones) < 2:
        return "Choose two to four candidates"
    values = [stated(one).get(objective.metric) for one in ones]
    if any(value is None for value in values):
        without = [f".{one.ordinal}" for one, value in zip(ones, values, strict=True) if value is None]
        has = "has" if len(without) == 1 else "have"
        return f"{', '.join(without)} {has} no {objective.metric}: not measured to the end"
    best = _best(values, objective.direction)
    if not any(best):
        return f"By {objective.metric} they cannot be told apart: their intervals overlap"
    names = [f".{one.ordinal}" for one, is_best in zip(ones, best, strict=True) if is_best]
    value = next(value for value, is_best in zip(values, best, strict=True) if is_best and value is not None)
    unconfirmed = sum(one.state is not CandidateState.CONFIRMED for one in ones)
    caution = f"; {counted(unconfirmed, 'number')} of {len(ones)} not confirmed" if unconfirmed else ""
    if len(names) > 1:
        return f"{' and '.join(names)} lead, and cannot be told apart from each other{caution}"
    return f"{names[0]} leads with {number(value.value)} {objective.unit}".rstrip() + caution
