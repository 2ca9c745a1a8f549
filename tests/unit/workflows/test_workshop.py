"""Claims on programs in flight, and what a desk lets go of however its run ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from nightforge.domain.candidate import Tally
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, NoDraft
from nightforge.domain.words import CandidateState, Direction, OperatorKind
from tools.budget import BudgetMeter
from tools.clock import SystemClock
from workflows.search.novelty import NoveltyGate
from workflows.workshop import MOST_OWNERS, PROGRAM_CACHE, Desk, Workshop, hash_source


@dataclass
class StoredPrograms:
    """The part of the store that claims and parents read."""

    owners: dict[str, int] = field(default_factory=dict)
    asked: int = 0

    def owner_of(self, campaign_id: str, code_sha: str) -> int | None:
        self.asked += 1
        return self.owners.get(code_sha)

    def candidate(self, campaign_id: str, ordinal: int) -> Any:
        return SimpleNamespace(
            ordinal=ordinal,
            code_sha=None,
            evidence=None,
            score=None,
            verdict=None,
            note="",
            operator_name="",
            state=CandidateState.MEASURED,
        )


def workshop(store: StoredPrograms, *, evaluations: int = 3) -> Workshop:
    objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
    plan = Plan(goal="g", task="t", objectives=(objective,), budget=Budget(evaluations=evaluations))
    unused = cast(Any, None)
    return Workshop(
        campaign_id="c",
        plan=plan,
        task=unused,
        preset=unused,
        store=cast(Any, store),
        evaluator=unused,
        policy=unused,
        novelty=NoveltyGate(cast(Any, store), "c", "text"),
        team=unused,
        budget=BudgetMeter(plan.budget, spent=Tally()),
        clock=SystemClock(),
        calibration=None,
        brief="",
    )


def draft(source: str) -> Draft:
    return Draft(source=source, operator=OperatorKind.DIFF)


def test_a_program_in_flight_belongs_to_one_candidate() -> None:
    shop = workshop(StoredPrograms())
    assert shop.claim("P", 1) is None
    assert shop.claim("P", 1) is None, "two drafts of one candidate may be equal"
    assert shop.claim("P", 2) == 1
    shop.unclaim("P", 2)
    assert shop.claim("P", 2) == 1, "only its own candidate lets it go"
    shop.unclaim("P", 1)
    assert shop.claim("P", 2) is None


def test_a_stored_program_is_nobodys_to_claim_not_even_its_own_candidates() -> None:
    shop = workshop(StoredPrograms({hash_source("P"): 4}))
    assert shop.claim("P", 5) == 4
    assert shop.claim("P", 4) == 4
    assert not shop.claimed


def test_the_store_is_asked_for_a_program_once_and_again_when_it_may_have_got_an_owner() -> None:
    store = StoredPrograms()
    shop = workshop(store)
    for _ in range(5):
        assert not shop.is_known("P")
    assert store.asked == 1
    assert shop.claim("P", 3) is None
    assert shop.is_known("P")
    store.owners[hash_source("P")] = 3
    shop.unclaim("P", 3)
    assert shop.is_known("P")
    assert shop.claim("P", 4) == 3
    assert store.asked == 2


def test_what_the_store_said_is_kept_of_so_many_programs_alone() -> None:
    store = StoredPrograms()
    shop = workshop(store)
    for number in range(MOST_OWNERS + 10):
        shop.is_known(f"P{number}")
    assert len(shop._owners) == MOST_OWNERS
    shop.is_known("P0")
    assert store.asked == MOST_OWNERS + 11


def test_a_desk_frees_what_it_held_and_did_not_use() -> None:
    shop = workshop(StoredPrograms())
    desk = Desk(shop, 1, reservation=shop.budget.reserve(evaluations=1))
    desk.drafts = {0: draft("P"), 1: NoDraft(reason="no_program"), 2: draft("Q")}
    for source in ("P", "Q"):
        assert shop.claim(source, 1) is None
    assert shop.claim("R", 2) is None
    desk.clear()
    desk.clear()
    assert shop.claimed == {hash_source("R"): 2}
    shop.budget.reserve(evaluations=3)


def test_kept_programs_are_bounded_and_the_least_used_goes_first() -> None:
    shop = workshop(StoredPrograms())
    first = shop.program(0)
    for ordinal in range(1, PROGRAM_CACHE):
        shop.program(ordinal)
    assert shop.program(0) is first
    for ordinal in range(PROGRAM_CACHE, 3 * PROGRAM_CACHE):
        shop.program(ordinal)
    assert len(shop._programs) == PROGRAM_CACHE
    assert 0 not in shop._programs


def test_without_a_model_no_proposal_runs_ahead_of_the_slots() -> None:
    made = workshop(StoredPrograms())
    assert made.pipeline.fixed == made.plan.search.evaluation_slots
    made.pipeline.propose(1)
    assert not made.pipeline.has_room
