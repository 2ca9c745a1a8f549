"""`candidates`: which of them are worth a look. Ranked; filter, order and place in the address."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query

from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Campaign, Tally
from nightforge.domain.duel import Duels
from nightforge.domain.listing import ListQuery, Order, Place, Shown, Stretch
from nightforge.domain.task import Objective
from nightforge.domain.words import CampaignState, CandidateState, Direction
from nightforge.errors import UserError
from nightforge.report.data import champion_first
from nightforge.report.finalists import ideas_among
from nightforge.report.states import standing
from nightforge.web.choosing import AdviceView, Fold, IdeaView, advice_for, folded, idea_view
from nightforge.web.render import PageRouter, View
from nightforge.web.rows import Row, gain_word, row_of
from nightforge.web.site import CampaignId, Site, SiteDep

router = PageRouter()

MOST_COMPARED = 4
PER_PAGE = (25, 50, 100, 200)


class By(StrEnum):
    IDEA = "idea"
    RANK = "rank"


class Tab(Frozen):
    shown: Shown
    count: int | None
    """None where no counter is kept."""
    href: str


class ColumnSort(Frozen):
    """The head of a column that the list can be ordered by."""

    href: str
    """Orders by it; turns the order where it is by this column already."""
    now: str
    """As `aria-sort` has it; empty where the order is another column's."""


class CandidatesView(View):
    campaign_id: str
    goal: str
    state: CampaignState
    is_alive: bool
    objective: Objective
    column: str
    tabs: tuple[Tab, ...]
    shown: Shown
    order: Order
    orders: tuple[Order, ...]
    sorts: dict[str, ColumnSort]
    """By `number` and `value`."""
    operator: str
    reason: str
    q: str
    per_page: int
    operators: tuple[str, ...]
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]
    first_rank: int | None
    """Rank of the first row, where this is the ranking from its beginning."""
    ideas: tuple[IdeaView, ...]
    """The finalists among the rows by idea, best first; on the ranking's first page."""
    is_folded: bool
    """Twins are shown below the best of their idea."""
    advice: tuple[AdviceView, ...]
    """Which of the finalists to take, where there are several answers; on the ranking's first page."""
    next: str
    """Address of the next page; empty at the end."""
    previous: str
    start: str
    """Address of the list's beginning, without filters' places."""
    ended_early: bool
    """Rows without a find were passed by; `next` goes on looking."""
    last_event: int

    @property
    def is_narrowed(self) -> bool:
        return bool(self.operator or self.reason or self.q)

    @property
    def finalists(self) -> int:
        return sum(1 + len(idea.twins) for idea in self.ideas)

    @property
    def folds(self) -> tuple[Fold, ...]:
        return folded(self.rows, self.ideas if self.is_folded else (), self.first_rank)


Short = Annotated[str, Query(max_length=120)]


@router.page("/c/{campaign}/candidates", template="candidates.html")
def candidates(
    site: SiteDep,
    campaign: CampaignId,
    state: Annotated[Shown, Query(description="Which candidates.")] = Shown.RANKED,
    sort: Annotated[Order | None, Query(description="`best`, `worst` of a rank; else `new`, `old`.")] = None,
    operator: Short = "",
    reason: Short = "",
    q: Annotated[str, Query(max_length=120, description="Words in note, reason or operator; or a number.")] = "",
    after: Annotated[str, Query(max_length=80, description="Where the page before ended.")] = "",
    before: Annotated[str, Query(max_length=80)] = "",
    rows: Annotated[int, Query(description="Rows a page: 25, 50, 100 or 200.")] = 50,
    by: Annotated[By, Query(description="`idea`: twins of a finalist below it; `rank`: each at its place.")] = By.IDEA,
) -> CandidatesView:
    """One page of a campaign's candidates, found by where the last one ended: the same cost at any depth."""
    one, alive = standing(site.store, site.store.campaign(campaign))
    order = _order(state, sort)
    per_page = min(PER_PAGE, key=lambda size: abs(size - rows))
    words = q.strip()
    query = ListQuery(state, order, operator_name=operator, reason=reason, words=words)
    address = Address(one.campaign_id, state, sort, operator, reason, words, per_page, by)
    number = words.removeprefix(".").removeprefix(f"{one.campaign_id}.")
    if number.isascii() and number.isdecimal() and len(number) < 10:
        found = Stretch([site.store.candidate(one.campaign_id, int(number))], None, None)
    else:
        found = _stretch(site, one, query, after, before, per_page)
    whole = not (after or before) and state is Shown.RANKED and order is Order.BEST and not query.is_narrowed
    listed = found.candidates
    if whole:
        listed = champion_first(listed, site.store.document(one.campaign_id, "duels", Duels))
    ideas = ideas_among(site.store, one, listed) if whole else ()
    return CandidatesView(
        campaign_id=one.campaign_id,
        goal=one.plan.goal,
        state=one.state,
        is_alive=alive,
        objective=one.plan.objectives[0],
        column=gain_word(one.plan.objectives[0]),
        tabs=tuple(_tabs(one, address)),
        shown=state,
        order=order,
        orders=orders_of(state),
        sorts=_sorts(state, order, one.plan.objectives[0], address),
        operator=operator,
        reason=reason,
        q=words,
        per_page=per_page,
        operators=tuple(name for name in site.store.operator_counts(one.campaign_id) if name),
        reasons=tuple(sorted(one.tally.by_reason, key=lambda name: -one.tally.by_reason[name])[:40]),
        rows=tuple(row_of(candidate, one.plan.objectives[0]) for candidate in listed),
        first_rank=1 if whole else None,
        ideas=tuple(map(idea_view, ideas)),
        is_folded=by is By.IDEA,
        advice=advice_for(site.store, one, listed, ideas) if ideas else (),
        next=address.to(after=found.forward) if found.forward else "",
        previous=address.to(before=found.backward) if found.backward else "",
        start=address.to(),
        ended_early=found.ended_early,
        last_event=site.store.last_event(one.campaign_id),
    )


def orders_of(shown: Shown) -> tuple[Order, ...]:
    if shown is Shown.RANKED:
        return (Order.BEST, Order.WORST)
    return (Order.BEST, Order.WORST, Order.NEW, Order.OLD) if shown.has_rank else (Order.NEW, Order.OLD)


def _order(shown: Shown, asked: Order | None) -> Order:
    """What the list has; an order that it does not have gives way to its own."""
    known = orders_of(shown)
    return asked if asked in known else known[0]


def _sorts(shown: Shown, order: Order, objective: Objective, address: Address) -> dict[str, ColumnSort]:
    """By number and by value, where the list has that order. What an index holds is sorted, nothing else: a page of
    a list costs the same however long the list is."""
    known = orders_of(shown)
    grows = Order.WORST if objective.direction is Direction.MAX else Order.BEST
    made: dict[str, ColumnSort] = {}
    for column, first, upwards in (("number", Order.NEW, Order.OLD), ("value", Order.BEST, grows)):
        if first in known:
            is_by = order in {first, first.turned}
            now = "" if not is_by else "ascending" if order is upwards else "descending"
            chosen = order.turned if is_by else first
            made[column] = ColumnSort(href=address.to(sort=chosen.value), now=now)
    return made


def _stretch(site: Site, one: Campaign, query: ListQuery, after: str, before: str, limit: int) -> Stretch:
    try:
        return site.store.stretch(
            one.campaign_id,
            query,
            after=unpacked(after) if after else None,
            before=unpacked(before) if before and not after else None,
            limit=limit,
        )
    except ValueError as error:
        hint = "go back to the list's beginning, and from there by its links"
        raise UserError(f"that is no place in this list: {error}", where="the address", hint=hint) from error


class Address:
    """The list's address with a place in it."""

    def __init__(
        self,
        campaign_id: str,
        shown: Shown,
        sort: Order | None,
        operator: str,
        reason: str,
        q: str,
        per_page: int,
        by: By,
    ) -> None:
        self._path = f"/c/{campaign_id}/candidates"
        self._fields = {
            "state": "" if shown is Shown.RANKED else shown.value,
            "sort": sort.value if sort is not None else "",
            "operator": operator,
            "reason": reason,
            "q": q,
            "rows": "" if per_page == 50 else str(per_page),
            "by": "" if by is By.IDEA else by.value,
        }

    def to(self, *, after: Place | None = None, before: Place | None = None, **changed: str) -> str:
        fields = {**self._fields, **changed}
        fields |= {"after": packed(after)} if after is not None else {}
        fields |= {"before": packed(before)} if before is not None else {}
        query = urlencode({name: value for name, value in fields.items() if value})
        return f"{self._path}?{query}" if query else self._path


def packed(place: Place) -> str:
    """`41` or `measured:1.25:41`: the number's shortest form that reads back as the same."""
    if place.state is None or place.score_low is None:
        return str(place.ordinal)
    return f"{place.state.value}:{place.score_low!r}:{place.ordinal}"


def unpacked(text: str) -> Place:
    """Raises ValueError for what `packed` never gives."""
    state, _, rest = text.partition(":")
    if not rest:
        return Place(_number(text))
    score, _, ordinal = rest.partition(":")
    value = float(score)
    if not abs(value) < float("inf"):
        raise ValueError(f"{score} is no score")
    return Place(_number(ordinal), CandidateState(state), value)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 11):
        raise ValueError(f"{text!r} is no number")
    return int(text)


_COUNTED = {
    Shown.CONFIRMED: CandidateState.CONFIRMED,
    Shown.MEASURED: CandidateState.MEASURED,
    Shown.SUSPICIOUS: CandidateState.SUSPICIOUS,
    Shown.REJECTED: CandidateState.REJECTED,
}


def _tabs(one: Campaign, address: Address) -> list[Tab]:
    counts = _counts(one.tally)
    return [
        Tab(
            shown=shown,
            count=counts.get(shown),
            href=address.to(state="" if shown is Shown.RANKED else shown.value, sort="", reason=""),
        )
        for shown in Shown
    ]


def _counts(tally: Tally) -> dict[Shown, int]:
    by_state = {shown: tally.by_state.get(state, 0) for shown, state in _COUNTED.items()}
    working = sum(count for state, count in tally.by_state.items() if not state.is_terminal)
    ranked = by_state[Shown.CONFIRMED] + by_state[Shown.MEASURED]
    return {**by_state, Shown.WORKING: working, Shown.RANKED: ranked, Shown.ALL: tally.candidates}
