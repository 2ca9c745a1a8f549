"""Help in choosing, as pages show it: finalists folded by idea, and which of several good designs to take."""

from __future__ import annotations

from collections.abc import Sequence

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Candidate
from nightforge.domain.words import CandidateState
from nightforge.report.choices import Advice, advise, nearest_to
from nightforge.report.data import ranked_for_people
from nightforge.report.finalists import FINALISTS, front_axes, ideas_among, trades_of
from nightforge.report.grouping import Idea
from nightforge.store import SqlStore
from nightforge.web.rows import Row


class IdeaView(Frozen):
    """Finalists whose changes against the seed are alike, numbers apart."""

    leader: int
    """The best of them."""
    twins: tuple[int, ...]
    """The others, best first."""
    trail: tuple[str, ...]
    """The operators that led to the leader."""
    lines_changed: int
    """Of the leader against the seed, added and removed."""


class Fold(Frozen):
    """A row of a ranked list, and those that are folded below it; ranks are those of the whole list."""

    row: Row
    rank: int | None
    twins: tuple[Fold, ...] = ()


class ChoiceView(Frozen):
    words: str
    ordinal: int
    state: CandidateState
    values: tuple[float, ...]
    """In the order of the axes."""
    told: tuple[str, ...]
    """The same in as few digits as tell them apart."""


class AdviceView(Frozen):
    """The confirmed and the measured are weighed apart: numbers of two kinds are never mixed."""

    words: str
    is_confirmed: bool
    axes: tuple[str, ...]
    """`delay_ns (ns)`."""
    choices: tuple[ChoiceView, ...]


def idea_view(idea: Idea) -> IdeaView:
    return IdeaView(
        leader=idea.leader.candidate.ordinal,
        twins=tuple(twin.candidate.ordinal for twin in idea.twins),
        trail=idea.trail,
        lines_changed=idea.leader.lines_changed,
    )


def advice_views(found: Sequence[Advice]) -> tuple[AdviceView, ...]:
    return tuple(
        AdviceView(
            words=advice.words,
            is_confirmed=advice.is_confirmed,
            axes=tuple(f"{axis.metric} ({axis.unit})" if axis.unit else axis.metric for axis in advice.axes),
            choices=tuple(
                ChoiceView(
                    words=one.words,
                    ordinal=one.candidate.ordinal,
                    state=one.candidate.state,
                    values=one.values,
                    told=told,
                )
                for one, told in zip(advice.choices, advice.told(), strict=True)
            ),
        )
        for advice in found
    )


def folded(rows: Sequence[Row], ideas: Sequence[IdeaView], first_rank: int | None) -> tuple[Fold, ...]:
    """In the order of the list; twins that are in it stand below the best of their idea instead of at their place."""
    at = {row.ordinal: place for place, row in enumerate(rows)}

    def fold(ordinal: int, twins: Sequence[int] = ()) -> Fold:
        place = at[ordinal]
        rank = None if first_rank is None else first_rank + place
        return Fold(row=rows[place], rank=rank, twins=tuple(fold(twin) for twin in twins if twin in at))

    below = {one.leader: one.twins for one in ideas if one.leader in at}
    hidden = {twin for twins in below.values() for twin in twins}
    return tuple(fold(row.ordinal, below.get(row.ordinal, ())) for row in rows if row.ordinal not in hidden)


def advice_for(
    store: SqlStore, campaign: Campaign, ranked: Sequence[Candidate], ideas: Sequence[Idea] = ()
) -> tuple[AdviceView, ...]:
    """For the campaign as a whole. Without `ideas` only where a front is drawn, and they are made here.

    `ranked` are the best, `FINALISTS` and the seed at least, so that each page weighs the same ones as the report.
    """
    best = ranked[: FINALISTS + 1]
    if not ideas and front_axes(campaign, best):
        ideas = ideas_among(store, campaign, best)
    return advice_views(advise(campaign, ideas, _trades(store, campaign, best))) if ideas else ()


def advice_beside(store: SqlStore, campaign: Campaign, chosen: Candidate) -> tuple[AdviceView, ...]:
    """What is nearest to this one but better in one of the numbers; nothing where no front is drawn."""
    if not front_axes(campaign, [chosen]):
        return ()
    best = ranked_for_people(store, campaign.campaign_id, limit=FINALISTS + 1)
    ideas = ideas_among(store, campaign, best)
    return advice_views(nearest_to(campaign, chosen, ideas, _trades(store, campaign, best)))


def _trades(store: SqlStore, campaign: Campaign, best: Sequence[Candidate]) -> Sequence[Candidate]:
    return trades_of(store, campaign, store.archive(campaign.campaign_id), best)
