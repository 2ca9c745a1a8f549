"""The policy `evolve`: islands of bounded archives, a bandit over the ways to make a candidate, adaptive intensity.

Each decision is a small function in a file of its own; here they are put together. What it knows is kept in the store
by `tell`, row by row, so that `ask` costs one look at a bounded number of rows at any size of the campaign.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated

from pydantic import Field, ValidationError

from agents.offline.coder import draws, is_structural, proposals
from nightforge.domain.base import Frozen
from nightforge.domain.candidate import Parent
from nightforge.domain.search import Choice, Policy, PolicyContext, Result
from nightforge.domain.team import Operator, OperatorContext, Program
from nightforge.domain.words import OperatorKind, TeamKind
from nightforge.errors import UserError
from tools.likeness import likeness, shingles_of
from workflows.search.bandit import Way, choose
from workflows.search.front import Front
from workflows.search.grid import rarity_of
from workflows.search.horizon import expected_evaluations
from workflows.search.inspirations import choose_inspirations
from workflows.search.intensity import intensity, restarts
from workflows.search.islands import Island, begun, choose_island
from workflows.search.memory import FRONT, SEED, Memory
from workflows.search.parents import BroadPicker, RankPicker, UniformPicker, draw
from workflows.search.ways import applies, free_operators, ways_of

MOST_ISLANDS = 5
OWN_ORDER = 0.5
"""Without a model: share of candidates that the coder makes in its own order, which no bandit has to learn anew; none
where the coder has no order for the parent, because every operator that applies draws."""
BREADTH = 8
LONG = 200
CLIMB = BroadPicker(1)
"""Below so many expected evaluations a search without a model climbs, as the baseline does; broad ones pay later."""
WIDE = 2000
"""Expected evaluations from which islands begin in a broad search; below it there is no time for them."""
KEEP = 0.7
"""In a broad search, of the weight of the next better one."""
ALIKE = 10_000
"""Expected evaluations from which the best are parents alike: the longer the search, the more patience pays."""
MOST_LOOKS = 4096
SURE = 16
"""Programs in a row for which an operator had something, from which on it is taken to have something for any: a look
costs as much as making a candidate."""
FAILURES = 3
"""Failed children of a parent that the next prompt on it names."""
PARENTS_WITH_FAILURES = 64
NOTHING_TO_TRY = "nothing_to_try"
"""The coder's word that an operator, or all of them, have nothing for a parent that is not known."""
REST = 16
"""Results for which a parent that nothing is left for offline is passed over: by then there are new partners."""
MOST_SPENT = 1024
HEARD = 4096
"""Ordinals remembered, so that a result told twice in one process counts once; the store knows them all."""


class EvolveParameters(Frozen, extra="forbid"):
    """`search.policy_parameters` of the policy `evolve`."""

    islands: Annotated[int, Field(ge=0, le=16)] = 0
    """From the start. 0 begins with one; another begins at 240 results, 480, 960, and 1,920."""
    top: Annotated[int, Field(ge=1, le=256)] = 16
    """Best candidates that an island keeps whatever their behaviour."""
    cells: Annotated[int, Field(ge=0, le=256)] = 32
    """Cells of the grid of behaviour that an island keeps the best candidate of."""
    breadth: Annotated[int, Field(ge=0, le=256)] = 0
    """So many best are parents alike. 0: the best is followed; without a model, where no rewrite is structural, the 8
    best are parents from room for 200 evaluations on, the better the more often, alike from 10,000 on."""
    migrate_every: Annotated[int, Field(ge=1)] = 25
    """Results of an island between two migrations."""
    explore_low: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of candidates that explore while the search improves fast."""
    explore_high: Annotated[float, Field(ge=0, le=1)] = 0.35
    """The share when it stands still."""
    stagnation: Annotated[int, Field(ge=1)] = 24
    """Results without a better best after which another approach is asked for."""
    shift_burst: Annotated[int, Field(ge=1, le=16)] = 2
    """Candidates for which it is asked then."""


def read_parameters(given: Mapping[str, object]) -> EvolveParameters:
    try:
        return EvolveParameters.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            f"policy evolve: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where="search.policy_parameters",
            hint="its parameters: " + ", ".join(EvolveParameters.model_fields),
        ) from error


class Evolve:
    """Implements `nightforge.domain.search.Policy`, `RemembersResults` and `KeepsArchive`."""

    name = "evolve"

    def __init__(self, context: PolicyContext) -> None:
        self._context = context
        self._set = read_parameters(context.plan.search.policy_parameters)
        offline = context.plan.team is TeamKind.OFFLINE
        self._memory = Memory(
            islands=[
                Island(number, self._set.cells, self._set.top) for number in range(self._set.islands or MOST_ISLANDS)
            ],
            front=Front([objective.epsilon for objective in context.plan.objectives]),
            dimensions=context.task.behaviour,
            migrate_every=self._set.migrate_every,
            by_name=offline,
            grows=self._set.islands == 0,
        )
        self._memory.restore(context.store.archive(context.campaign_id))
        self._ways = ways_of(context.plan, context.task)
        self._offline = offline
        self._operators = free_operators(context.plan, context.task) if offline else {}
        self._has_stacks = any(is_structural(one) for one in self._operators.values())
        self._has_proposals: OrderedDict[tuple[str, str], bool] = OrderedDict()
        """(program, operator) → whether it has any."""
        self._streaks: Counter[str] = Counter()
        """Operator → programs since the last one that it had nothing for."""
        self._asked: Counter[int] = Counter()
        self._in_flight: dict[int, int] = {}
        self._heard: OrderedDict[int, None] = OrderedDict()
        self._shifts_left = 0
        self._failed: OrderedDict[int, tuple[int, ...]] = OrderedDict()
        self._spent: OrderedDict[tuple[int, str], int] = OrderedDict()
        """(parent, arm; "" for all of them) → results told when it had nothing left."""

    def untold(self) -> Sequence[int]:
        """Finished candidates that a crash kept it from hearing of."""
        return self._context.store.untold(self._context.campaign_id)

    def ask(self, ordinal: int, *, random: Random) -> Choice:
        memory = self._memory
        room = self._room()
        islands = memory.open_islands()
        patient = self._set.islands > 0 or not LONG <= room < WIDE
        island = choose_island(islands if patient else begun(islands), self._asked)
        self._asked[island] += 1
        self._in_flight[ordinal] = island
        cells = memory.cells(island)
        pool = self._pool(list(cells))
        if not pool:
            # A person may have discarded every other parent: the seed is always there to start from again.
            return Choice(parents=(SEED,), island=island)
        broad = self._broad(room)
        shift = broad is None and self._shifts()
        explore = shift or self._explores(island, broad, random)
        here = {one.ordinal: cells.get(one.ordinal, "") for one in pool}
        home = [one for one in pool if here[one.ordinal] != FRONT]
        parent = (
            draw(pool, UniformPicker(), rarity_of(here), random)
            if explore
            else draw(home or pool, broad or RankPicker(), {}, random)
        )
        others = choose_inspirations(parent.ordinal, pool, here, count=self._context.inspirations, random=random)
        others += self._demonstrations(parent, others, pool)
        beside = [one for one in pool if one.ordinal in others]
        operator, name, model = self._way(parent, beside, broad=broad, shift=shift, random=random)
        if broad and self._offline and not self._combines(name):
            others = ()  # what is not named to combine would often do so beside partners, whatever that brings
        return Choice(
            parents=(parent.ordinal, *others),
            operator=operator,
            operator_name=name,
            model=model,
            island=island,
            shift=shift,
            failed=self._failed.get(parent.ordinal, ()),
            reason=self._reason(shift=shift, explore=explore),
        )

    def _demonstrations(self, parent: Parent, shown: Sequence[int], pool: Sequence[Parent]) -> tuple[int, ...]:
        """The good programs nearest to the parent, for a model to learn from, as GPT4AIGChip (ICCAD 2023) does.

        Only the better half of the pool is good enough to be shown; programs of ours have no use for it.
        """
        count = 0 if self._offline else self._context.plan.search.demonstrations
        good = [one for one in pool[: (len(pool) + 1) // 2] if one.ordinal not in (parent.ordinal, *shown)]
        if count == 0 or not good:
            return ()
        language, source = self._context.task.language, self._context.store.source
        own = shingles_of(source(parent.code_sha), language)
        near = {one.ordinal: likeness(own, shingles_of(source(one.code_sha), language)) for one in good}
        return tuple(sorted(near, key=lambda ordinal: (-near[ordinal], ordinal))[:count])

    def _pool(self, ordinals: Sequence[int]) -> Sequence[Parent]:
        """Best first: of these, else of all islands, those that something is left for; else what there is."""
        store, campaign_id = self._context.store, self._context.campaign_id
        pool = store.parents_among(campaign_id, ordinals) or store.parents(campaign_id, limit=self._set.top)
        return (
            self._unspent(pool)
            or self._unspent(store.parents_among(campaign_id, sorted(self._memory.residents())))
            or pool
        )

    def _unspent(self, pool: Sequence[Parent]) -> Sequence[Parent]:
        told = self._memory.whole.told
        return [one for one in pool if told - self._spent.get((one.ordinal, ""), -REST) >= REST]

    def _way(
        self, parent: Parent, others: Sequence[Parent], *, broad: BroadPicker | None, shift: bool, random: Random
    ) -> tuple[OperatorKind | None, str, str]:
        """(kind, operator's name, model). Offline a parent's first children are made in the coder's own order.

        Where all that applies draws, that order is chance by priors: there the bandit chooses each time, by what they
        bring (adaptive operator selection; Fialho et al. 2010), but for a climb, which has no time to learn it.
        """
        ways = [way for way in self._ways if others or way.operator != OperatorKind.CROSSOVER]
        if self._offline:
            if shift or broad is CLIMB or not ways:
                return None, "", ""
            if self._is_ordered(parent) and (not (parent.children or broad) or random.random() < OWN_ORDER):
                return None, "", ""
            return None, self._applicable(ways, parent, others, random), ""
        if shift:
            ways = [way for way in ways if way.operator == OperatorKind.FULL] or ways
        while ways:
            way = choose(ways, self._memory.arms, random)
            if self._has_something(way, parent):
                return OperatorKind(way.operator), "", way.model
            ways.remove(way)
        return None, "", ""

    def _room(self) -> float:
        """Expected evaluations of a search that may begin widely; infinite where the best is followed.

        Structural rewrites have an order of promise, in which a climb goes far; elsewhere its first basin holds it.
        """
        if not self._offline or self._has_stacks:
            return math.inf
        plan = self._context.plan
        return expected_evaluations(plan.budget, plan.search.evaluation_slots, self._memory.arms.values())

    def _broad(self, room: float) -> BroadPicker | None:
        """How parents are chosen among several best; None where the best is followed."""
        if self._set.breadth:
            return BroadPicker(self._set.breadth)
        if room < LONG:
            return CLIMB if room else None
        return BroadPicker(BREADTH, KEEP if room < ALIKE else 1.0) if room < math.inf else None

    def _explores(self, island: int, broad: BroadPicker | None, random: Random) -> bool:
        """A climb restarts instead, and what is broad otherwise looks at several anyhow."""
        if broad:
            return broad is CLIMB and random.random() < restarts(self._memory.whole.stale)
        share = intensity(self._memory.progress[island], low=self._set.explore_low, high=self._set.explore_high)
        return random.random() < share

    def _combines(self, name: str) -> bool:
        return name in self._operators and self._operators[name].kind is not OperatorKind.REWRITE

    def _applicable(self, ways: Sequence[Way], parent: Parent, others: Sequence[Parent], random: Random) -> str:
        """The operator that the bandit chooses among those with something for this program; else the coder's choice.

        Without the look, an operator that never applies would keep what is expected of it, and its turns go to chance.
        """
        left = list(ways)
        while left:
            way = choose(left, self._memory.arms, random)
            if self._proposes(self._operators[way.operator], parent, others):
                return way.operator
            left.remove(way)
        return ""

    def _is_ordered(self, parent: Parent) -> bool:
        """An operator that does not draw has something for this program."""
        return any(self._proposes(one, parent) for one in self._operators.values() if not draws(one))

    def _proposes(self, operator: Operator, parent: Parent, others: Sequence[Parent] = ()) -> bool:
        """Looked at once for a program: whether an operator applies is a matter of its text, seldom of partners."""
        key = parent.code_sha, operator.name
        known = self._has_proposals.get(key, True if self._streaks[operator.name] >= SURE else None)
        if known is None:
            partners = () if operator.kind is OperatorKind.REWRITE else tuple(map(self._program, others))
            asked = OperatorContext(
                language=self._context.task.language.lower(),
                parent=self._program(parent),
                partners=partners,
                history=partners,
                seed=0,
            )
            known = bool(proposals(operator, asked))
            if not known and not partners and operator.kind is not OperatorKind.REWRITE:
                return False  # for want of partners, perhaps, of which there are some later
            self._streaks[operator.name] = known * (self._streaks[operator.name] + 1)
            self._has_proposals[key] = known
            if len(self._has_proposals) > MOST_LOOKS:
                self._has_proposals.popitem(last=False)
        return known

    def _program(self, one: Parent) -> Program:
        return Program(ordinal=one.ordinal, source=self._context.store.source(one.code_sha), score=one.score)

    def _has_something(self, way: Way, parent: Parent) -> bool:
        """Looked at for the arm that is about to be taken only: a candidate without a program is an ordinal wasted."""
        if (parent.ordinal, way.operator) in self._spent:
            return False
        if way.operator != OperatorKind.TUNE or applies(way, self._context.store.source(parent.code_sha)):
            return True
        self._note_spent(parent.ordinal, way.operator)
        return False

    def _note_spent(self, parent: int, arm: str) -> None:
        self._spent[parent, arm] = self._memory.whole.told
        self._spent.move_to_end((parent, arm))
        if len(self._spent) > MOST_SPENT:
            self._spent.popitem(last=False)

    def _shifts(self) -> bool:
        """Another approach, for a few candidates, whenever the campaign has stood still for long."""
        whole = self._memory.whole
        if self._shifts_left == 0 and min(whole.stale, whole.told - whole.moved) >= self._set.stagnation:
            self._memory.note_shift()
            self._shifts_left = self._set.shift_burst
        if self._shifts_left == 0:
            return False
        self._shifts_left -= 1
        return True

    def _reason(self, *, shift: bool, explore: bool) -> str:
        if shift:
            return f"no better one in {self._memory.whole.stale} results: another approach"
        return "explore" if explore else ""

    async def tell(self, result: Result) -> None:
        if result.ordinal in self._heard:
            return
        self._heard[result.ordinal] = None
        if len(self._heard) > HEARD:
            self._heard.popitem(last=False)
        island = self._in_flight.pop(result.ordinal, None)
        if island is not None:
            self._asked[island] -= 1
        self._note_failure(result)
        if result.choice.operator_name not in ("", result.operator_name):
            self._streaks[result.choice.operator_name] = 0
        if result.reason == NOTHING_TO_TRY and result.choice.parents:
            self._note_spent(result.choice.parents[0], "" if self._offline else result.choice.operator or "")
        # Taken in before the write is awaited: two results told at once must both count.
        await self._context.store.save_trial(self._context.campaign_id, self._memory.hear(result))

    def has_lost(self) -> bool:
        return len(self._alive()) < len(self._memory.residents())

    async def revise(self, results: Sequence[Result]) -> None:
        change = self._memory.revise(results, self._alive())
        await self._context.store.save_trial(self._context.campaign_id, change)

    def _alive(self) -> set[int]:
        known = sorted(self._memory.residents())
        return {one.ordinal for one in self._context.store.parents_among(self._context.campaign_id, known)}

    def _note_failure(self, result: Result) -> None:
        """For a model's next prompt on the same parent; a program of ours cannot read."""
        if self._offline or result.state.may_be_parent or result.operator is None or not result.choice.parents:
            return
        parent = result.choice.parents[0]
        self._failed[parent] = (*self._failed.pop(parent, ()), result.ordinal)[-FAILURES:]
        if len(self._failed) > PARENTS_WITH_FAILURES:
            self._failed.popitem(last=False)


def make_evolve(context: PolicyContext) -> Policy:
    return Evolve(context)
