"""Whatever the order of writes: counters equal a recount, the best equals a search, children counted by parent."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightforge.domain.candidate import Candidate
from nightforge.domain.evidence import Evidence, StageEvidence
from nightforge.domain.model import CallKey, CallState, Usage
from nightforge.domain.plan import Plan
from nightforge.domain.words import CandidateState, OperatorKind, Outcome, Role, SandboxTier
from nightforge.store import SqlStore, open_store

TERMINAL = [state for state in CandidateState if state.is_terminal]
CAN_BE_BEST = {CandidateState.EVALUATING, CandidateState.MEASURED, CandidateState.CONFIRMED}
ORDINALS = st.integers(0, 3)
SCORES = st.none() | st.sampled_from([-2.0, -1.0, 0.0, 1.0, 1.0, 2.0])
OPERATIONS = st.one_of(
    st.tuples(st.just("open"), ORDINALS, st.lists(ORDINALS, max_size=2)),
    st.tuples(st.just("code"), ORDINALS, st.integers(0, 2), st.integers(0, 3), st.sampled_from(["tune.a", "diff"])),
    st.tuples(
        st.just("state"), ORDINALS, st.sampled_from(list(CandidateState)), st.sampled_from(["", "slow", "cheat"])
    ),
    st.tuples(st.just("evidence"), ORDINALS, st.sampled_from([0, 0, 0, 1]), SCORES),
    st.tuples(st.just("confirm"), ORDINALS, st.sampled_from(TERMINAL), SCORES),
    st.tuples(st.just("mark"), ORDINALS, st.sampled_from([None, True, False]), st.sampled_from([None, True, False])),
    st.tuples(st.just("call"), ORDINALS, st.sampled_from(["open", "answered", "failed", "lost"]), st.integers(0, 99)),
)


def evidence_of(score: float | None) -> Evidence:
    outcome = Outcome.FAIL if score is None else Outcome.PASS
    stage = StageEvidence(stage="measure", outcome=outcome, feedback=f"measured {score}", seed=7)
    return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))


class Script:
    """Plays operations; what a store may refuse (nothing there, already evaluated) is part of the play."""

    def __init__(self, store: SqlStore, campaign_id: str) -> None:
        self.store = store
        self.campaign_id = campaign_id
        self.evaluations: set[tuple[int, int]] = set()
        self.opened: dict[int, list[int]] = {}
        self.costs: list[float] = []
        self.calls: list[int] = []

    async def play(self, operation: Any) -> None:
        name, ordinal, *rest = operation
        if name == "open":
            known = [each for each in rest[0] if each in self.opened]
            await self.store.open_candidate(self.campaign_id, ordinal, parents=known)
            self.opened.setdefault(ordinal, known)
        elif name == "call":
            await self._call(ordinal, *rest)
        elif ordinal in self.opened:
            await getattr(self, "_" + name)(ordinal, *rest)

    async def _code(self, ordinal: int, attempt: int, program: int, operator: str) -> None:
        write = self.store.save_code(
            self.campaign_id,
            ordinal,
            f"program {program}",
            attempt=attempt,
            operator=OperatorKind.TUNE,
            operator_name=operator,
        )
        if (ordinal, attempt) not in self.evaluations:
            await write
            return
        with contextlib.suppress(ValueError):  # refused when the program differs
            await write

    async def _state(self, ordinal: int, state: CandidateState, reason: str) -> None:
        await self.store.set_candidate_state(self.campaign_id, ordinal, state, reason=reason)

    async def _evidence(self, ordinal: int, attempt: int, score: float | None) -> None:
        await self.store.save_evidence(
            self.campaign_id, ordinal, evidence_of(score), attempt=attempt, score=score, score_low=score
        )
        self.evaluations.add((ordinal, attempt))

    async def _confirm(self, ordinal: int, state: CandidateState, score: float | None) -> None:
        if state is CandidateState.CONFIRMED and score is None:
            return
        await self.store.save_confirmation(self.campaign_id, ordinal, evidence_of(score), state=state, score=score)

    async def _mark(self, ordinal: int, starred: bool | None, discarded: bool | None) -> None:
        await self.store.mark_candidate(self.campaign_id, ordinal, starred=starred, discarded=discarded)

    async def _call(self, ordinal: int, what: str, cents: int) -> None:
        key = CallKey(campaign_id=self.campaign_id, ordinal=ordinal, step="code", role=Role.CODER)
        if what == "open":
            call = await self.store.open_call(key, "aa", (), model="m", reserved_usd=cents / 100)
            self.calls.append(call.call_id)
        elif what == "lost":
            await self.store.book_lost_calls(self.campaign_id)
        elif self.calls:
            usage = Usage(tokens_in=cents, tokens_out=1)
            call_id = self.calls[cents % len(self.calls)]
            await self.store.close_call(call_id, CallState(what), usage=usage, cost_usd=cents / 100)

    def check(self) -> None:
        tally = self.store.tally(self.campaign_id)
        rows = self.store.recent(self.campaign_id, limit=100)
        assert tally.candidates == len(rows) == len(self.opened)
        assert tally.by_state == Counter(row.state for row in rows)
        assert tally.by_reason == Counter(row.reason for row in rows if row.state.is_terminal and row.reason)
        assert tally.evaluations == len(self.evaluations)
        self._check_best(rows)
        self._check_calls()
        made = [row for row in rows if row.code_sha is not None]
        assert self.store.operator_counts(self.campaign_id) == {
            name: (
                sum(row.operator_name == name for row in made),
                sum(row.operator_name == name and row.state.may_be_parent for row in made),
            )
            for name in {row.operator_name for row in made}
        }
        assert [row.ordinal for row in self.store.unfinished(self.campaign_id)] == sorted(
            row.ordinal for row in rows if not row.state.is_terminal
        )
        children = Counter(parents[0] for parents in self.opened.values() if parents)
        for parent in self.store.parents(self.campaign_id):
            assert parent.children == children[parent.ordinal]
        events = self.store.events(self.campaign_id)
        assert [each.sequence for each in events] == list(range(len(events)))

    def _check_best(self, rows: Any) -> None:
        tally = self.store.tally(self.campaign_id)
        standing = [row for row in rows if row.score is not None and row.state in CAN_BE_BEST and not row.discarded]
        best = max(standing, key=_strength, default=None)
        found = (tally.best_ordinal, tally.best_score, tally.best_score_low)
        expected_best = (None, None, None) if best is None else (best.ordinal, best.score, best.score_low)
        assert found == expected_best
        ranked = [row.ordinal for row in self.store.ranked(self.campaign_id)]
        expected = sorted(
            (row for row in standing if row.state is not CandidateState.EVALUATING),
            key=lambda row: (row.state is CandidateState.CONFIRMED, *_strength(row)),
            reverse=True,
        )
        assert ranked == [row.ordinal for row in expected]
        parents = [row.ordinal for row in self.store.parents(self.campaign_id) if row.code_sha]
        by_score = sorted((row for row in expected if row.code_sha), key=_strength, reverse=True)
        assert parents == [row.ordinal for row in by_score]

    def _check_calls(self) -> None:
        tally = self.store.tally(self.campaign_id)
        calls = self.store.calls(self.campaign_id, limit=1000)
        assert tally.model_calls == len(calls)
        assert tally.tokens_in == sum(call.usage.tokens_in for call in calls)
        assert tally.tokens_out == sum(call.usage.tokens_out for call in calls)
        assert math.isclose(tally.cost_usd, math.fsum(call.cost_usd for call in calls), abs_tol=1e-9)


def _strength(row: Candidate) -> tuple[float, int]:
    assert row.score_low is not None
    return row.score_low, -row.ordinal


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once; each example starts from a copy."""
    from tools.clock import SystemClock

    file = tmp_path_factory.mktemp("property") / "empty.db"
    asyncio.run(open_store(f"sqlite:///{file}", clock=SystemClock()).close())
    return file


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, max_size=40), together=st.booleans())
def test_counters_equal_a_recount(
    operations: list[Any], together: bool, empty_database: Path, tmp_path: Path, plan: Plan, clock: Any
) -> None:
    file = tmp_path / "copy.db"
    for leftover in tmp_path.glob("copy.db*"):
        leftover.unlink()
    shutil.copy(empty_database, file)

    async def play() -> None:
        store = open_store(f"sqlite:///{file}", clock=clock)
        campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
        script = Script(store, campaign.campaign_id)
        for ordinal in range(4):  # scores count only while a candidate is evaluated, or after
            await script.play(("open", ordinal, []))
            await script.play(("state", ordinal, CandidateState.EVALUATING, ""))
        for operation in operations:
            if together:  # a neighbour's write in the same commit
                await asyncio.gather(script.play(operation), store.append_event(campaign.campaign_id, "test.neighbour"))
            else:
                await script.play(operation)
        script.check()
        await store.close()

    asyncio.run(play())


async def test_the_same_play_on_every_store(store: SqlStore, plan: Plan) -> None:
    """One long fixed script, checked after each step, on PostgreSQL too."""
    campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    script = Script(store, campaign.campaign_id)
    for ordinal in range(6):
        for operation in (
            ("open", ordinal, [0, ordinal - 1] if ordinal else []),
            ("code", ordinal, 0, ordinal % 4, "diff"),
            ("state", ordinal, CandidateState.EVALUATING, ""),
            ("evidence", ordinal, 0, [1.0, None, 2.0, -1.0, 2.0, None][ordinal]),
            ("state", ordinal, TERMINAL[ordinal % 2], "slow"),
            ("call", ordinal, "open", 30),
            ("call", ordinal, "answered", 7),
            ("confirm", ordinal, TERMINAL[ordinal % 4], 0.0),
            ("mark", ordinal, True, ordinal == 2),
            ("call", ordinal, "lost", 0),
        ):
            await script.play(operation)
            script.check()
