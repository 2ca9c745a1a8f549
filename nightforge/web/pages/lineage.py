"""`lineage`: how did the good ones come about? The finalists' family, or that of one candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Query
from markupsafe import Markup

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign
from nightforge.domain.listing import ListQuery, Order, Relative, Shown
from nightforge.domain.task import Objective
from nightforge.domain.words import CandidateState
from nightforge.report.text import brief, counted, number
from nightforge.store import SqlStore
from nightforge.web.charts import Node, draw_tree
from nightforge.web.render import PageRouter, View
from nightforge.web.rows import gain_word, value_of
from nightforge.web.site import HIGHEST_ORDINAL, CampaignId, SiteDep

router = PageRouter()

FINALISTS = 16
STARRED = 16
CHILDREN = 24


class Member(Frozen):
    """A node of the tree; `parent` is the nearest ancestor that is drawn."""

    ordinal: int
    parent: int | None
    skipped: int
    """Generations between the two that are left out: none of them branches."""
    depth: int
    """Generations from the seed, those left out counted."""
    state: CandidateState
    operator: str
    note: str
    value: float | None
    children: int
    starred: bool
    is_finalist: bool
    """One of those that the tree was made for."""


class LineageView(View):
    campaign_id: str
    goal: str
    column: str
    headline: str
    at: int | None
    members: tuple[Member, ...]
    """Parents before their children."""
    candidates: int
    cut: bool
    """The family is larger than what was followed."""

    @property
    def tree(self) -> Markup:
        nodes = [
            Node(
                ordinal=one.ordinal,
                parent=one.parent,
                words="" if one.value is None else number(one.value),
                look=one.state.value,
                href=f"/c/{self.campaign_id}/{one.ordinal}",
                skipped=one.skipped,
                is_marked=one.is_finalist,
            )
            for one in self.members
        ]
        return draw_tree(nodes, label=self.headline)


@router.page("/c/{campaign}/lineage", template="lineage.html")
def lineage(
    site: SiteDep,
    campaign: CampaignId,
    at: Annotated[
        int | None, Query(ge=0, le=HIGHEST_ORDINAL, description="One candidate: its line and its children.")
    ] = None,
) -> LineageView:
    """The best ranked and the starred with their ancestors; lines without a branch are drawn short."""
    store = site.store
    home = store.campaign(campaign)
    named = home.campaign_id
    objective = home.plan.objectives[0]
    if at is None:
        ends = _finalists(store, named)
        family = dict(store.ancestry(named, ends))
    else:
        store.candidate(named, at)
        ends = [at]
        family = dict(store.ancestry(named, ends))
        family |= {child.ordinal: child for child in store.children_of(named, at, limit=CHILDREN)}
    members = members_of(family, set(ends), objective, keep_all_below=at)
    cut = any(one.parents and one.parents[0] not in family for one in family.values())
    return LineageView(
        campaign_id=named,
        goal=home.plan.goal,
        column=gain_word(objective),
        headline=_headline(home, family, ends, at),
        at=at,
        members=members,
        candidates=home.tally.candidates,
        cut=cut,
    )


def _finalists(store: SqlStore, campaign_id: str) -> list[int]:
    ranked = [one.ordinal for one in store.ranked(campaign_id, limit=FINALISTS)]
    starred = store.stretch(campaign_id, ListQuery(Shown.STARRED, Order.NEW), limit=STARRED)
    return list(dict.fromkeys([*ranked, *(one.ordinal for one in starred.candidates)]))


def members_of(
    family: Mapping[int, Relative], ends: set[int], objective: Objective, *, keep_all_below: int | None = None
) -> tuple[Member, ...]:
    """Without those that only hand on: one child in the family, none of `ends`, no star, not the seed."""
    parent = {one.ordinal: one.parents[0] if one.parents else None for one in family.values()}
    branches: dict[int, int] = {}
    for above in parent.values():
        if above is not None:
            branches[above] = branches.get(above, 0) + 1
    kept = {
        ordinal
        for ordinal, one in family.items()
        if ordinal in ends
        or one.starred
        or branches.get(ordinal, 0) != 1
        or parent[ordinal] not in family
        or (keep_all_below is not None and parent[ordinal] == keep_all_below)
    }
    members = []
    depths: dict[int, int] = {}
    for ordinal in sorted(family):
        above, skipped = parent[ordinal], 0
        depths[ordinal] = depths.get(above, -1) + 1 if above is not None else 0
        if ordinal not in kept:
            continue
        while above is not None and above in family and above not in kept:
            above, skipped = parent[above], skipped + 1
        one = family[ordinal]
        members.append(
            Member(
                ordinal=ordinal,
                parent=above if above in family else None,
                skipped=skipped,
                depth=depths[ordinal],
                state=one.state,
                operator="seed" if ordinal == 0 else one.operator_name,
                note=brief(one.note, 200),
                value=value_of(one, objective),
                children=one.children,
                starred=one.starred,
                is_finalist=ordinal in ends,
            )
        )
    return tuple(members)


def _headline(home: Campaign, family: Mapping[int, Relative], ends: Sequence[int], at: int | None) -> str:
    if not family:
        return "No family yet: nothing is measured"
    if at is not None:
        own = family[at]
        generations = _generations(family, at)
        return f".{at} is {counted(generations, 'generation')} from the seed and has {_children(own.children)}"
    founders = {_founder(family, one) for one in ends} - {0}
    if not founders:
        return "Only the seed is ranked so far"
    return f"The best {len(ends)} come from {counted(len(founders), 'first change')} of the seed"


def _children(count: int) -> str:
    return "no children" if count == 0 else "1 child" if count == 1 else f"{count:,} children"


def _generations(family: Mapping[int, Relative], ordinal: int) -> int:
    steps, one = 0, family[ordinal]
    while one.parents and one.parents[0] in family:
        one, steps = family[one.parents[0]], steps + 1
    return steps


def _founder(family: Mapping[int, Relative], ordinal: int) -> int:
    """The seed's child that it descends from; the seed itself for the seed."""
    one = family.get(ordinal)
    while one is not None and one.parents and one.parents[0] != 0:
        one = family.get(one.parents[0])
    return 0 if one is None else one.ordinal
