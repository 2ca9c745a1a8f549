"""What every store does with candidates: steps, scores, counters, best, order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import Plan
from nightforge.domain.words import CandidateState, EvidenceClass, OperatorKind, SandboxTier
from nightforge.errors import NotFound
from nightforge.store import SqlStore

EvidenceMaker = Callable[..., Evidence]
MEASURED, CONFIRMED, REJECTED = CandidateState.MEASURED, CandidateState.CONFIRMED, CandidateState.REJECTED
SUSPICIOUS, EVALUATING = CandidateState.SUSPICIOUS, CandidateState.EVALUATING


@pytest.fixture
async def campaign_id(store: SqlStore, plan: Plan) -> str:
    return (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id


Bring = Callable[..., Any]


@pytest.fixture
def bring(store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker) -> Bring:
    async def go(ordinal: int, value: float | None, *, source: str = "", parents: tuple[int, ...] = ()) -> str:
        """One candidate through its whole run; a `value` of None is rejected. Returns the program's hash."""
        await store.open_candidate(campaign_id, ordinal, parents=parents)
        sha = await store.save_code(
            campaign_id,
            ordinal,
            source or f"int program_{ordinal};",
            attempt=0,
            operator=OperatorKind.TUNE,
            operator_name="tune.tile",
            note="tile 8",
        )
        await store.set_candidate_state(campaign_id, ordinal, EVALUATING)
        low = None if value is None else value - 0.1
        await store.save_evidence(campaign_id, ordinal, make_evidence(value), attempt=0, score=value, score_low=low)
        await store.finish_candidate(
            campaign_id,
            ordinal,
            REJECTED if value is None else MEASURED,
            reason="wrong_output" if value is None else "",
        )
        return sha

    return go


class TestSteps:
    async def test_a_whole_run(
        self, store: SqlStore, campaign_id: str, bring: Bring, make_evidence: EvidenceMaker, clock: Any
    ) -> None:
        sha = await bring(0, 1.0, source="int f(void) { return 1; }\n" * 50)
        verdict = Verdict(bottleneck="memory", next_step="stream")
        await store.finish_candidate(campaign_id, 0, MEASURED, verdict=verdict)
        await store.finish_candidate(campaign_id, 0, MEASURED, verdict=verdict)
        await store.finish_candidate(campaign_id, 0, MEASURED)
        seen = store.candidate(campaign_id, 0)
        assert seen.state is MEASURED
        assert (seen.score, seen.score_low, seen.attempt, seen.code_sha) == (1.0, 0.9, 0, sha)
        assert (seen.operator, seen.operator_name, seen.note) == (OperatorKind.TUNE, "tune.tile", "tile 8")
        assert seen.evidence == make_evidence(1.0)
        assert seen.verdict == verdict
        assert (seen.created_at, seen.finished_at) == (clock.now(), clock.now())
        assert store.source(sha) == "int f(void) { return 1; }\n" * 50
        assert store.next_ordinal(campaign_id) == 1
        assert store.unfinished(campaign_id) == ()
        kinds = [each.kind for each in store.events(campaign_id)]
        assert kinds == [
            "campaign.created",
            "candidate.opened",
            "candidate.code",
            "candidate.state",
            "candidate.state",
            "candidate.evidence",
            "candidate.best",
            "candidate.state",
            "candidate.verdict",
        ]

    async def test_every_step_twice_changes_nothing(
        self, store: SqlStore, campaign_id: str, bring: Bring, make_evidence: EvidenceMaker
    ) -> None:
        for ordinal, value in enumerate((1.0, None, 2.0)):
            await bring(ordinal, value, parents=(0,) if ordinal else ())
        await store.save_confirmation(campaign_id, 2, make_evidence(1.9), state=CONFIRMED, score=1.9, score_low=1.8)
        before = (
            store.tally(campaign_id),
            store.events(campaign_id),
            store.recent(campaign_id),
            store.parents(campaign_id),
            store.operator_counts(campaign_id),
        )
        for ordinal, value in enumerate((1.0, None)):
            await store.open_candidate(campaign_id, ordinal, parents=(0,) if ordinal else ())
            await store.save_code(
                campaign_id, ordinal, f"int program_{ordinal};", attempt=0, operator=OperatorKind.TUNE
            )
            low = None if value is None else value - 0.1
            evidence = make_evidence(value)
            await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=value, score_low=low)
            state = REJECTED if value is None else MEASURED
            reason = "wrong_output" if value is None else ""
            await store.finish_candidate(campaign_id, ordinal, state, reason=reason)
        await store.save_confirmation(campaign_id, 2, make_evidence(1.9), state=CONFIRMED, score=1.9, score_low=1.8)
        assert before == (
            store.tally(campaign_id),
            store.events(campaign_id),
            store.recent(campaign_id),
            store.parents(campaign_id),
            store.operator_counts(campaign_id),
        )

    async def test_repair_is_a_new_attempt_of_the_same_candidate(
        self, store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker
    ) -> None:
        await store.open_candidate(campaign_id, 0, parents=())
        first = await store.save_code(
            campaign_id, 0, "broken", attempt=0, operator=OperatorKind.DIFF, operator_name="diff", note="bold"
        )
        await store.save_evidence(campaign_id, 0, make_evidence(None), attempt=0)
        second = await store.save_code(
            campaign_id, 0, "mended", attempt=1, operator=OperatorKind.REPAIR, operator_name="repair", note="declared i"
        )
        assert store.candidate(campaign_id, 0).evidence is None
        await store.save_evidence(campaign_id, 0, make_evidence(2.0), attempt=1, score=2.0, score_low=1.9)
        await store.finish_candidate(campaign_id, 0, MEASURED)
        seen = store.candidate(campaign_id, 0)
        assert (seen.attempt, seen.code_sha, seen.score, seen.operator_name) == (1, second, 2.0, "diff")
        attempts = store.attempts(campaign_id, 0)
        assert [(each.attempt, each.code_sha, each.operator, each.note) for each in attempts] == [
            (0, first, OperatorKind.DIFF, "bold"),
            (1, second, OperatorKind.REPAIR, "declared i"),
        ]
        assert [each.evidence for each in attempts] == [make_evidence(None), make_evidence(2.0)]
        assert store.tally(campaign_id).evaluations == 2
        assert store.operator_counts(campaign_id) == {"diff": (1, 1)}
        assert store.owner_of(campaign_id, first) == store.owner_of(campaign_id, second) == 0

    async def test_an_attempt_that_was_not_evaluated_can_be_written_anew(
        self, store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker
    ) -> None:
        await store.open_candidate(campaign_id, 0, parents=())
        old = await store.save_code(campaign_id, 0, "old", attempt=0, operator=OperatorKind.FULL, operator_name="full")
        new = await store.save_code(campaign_id, 0, "new", attempt=0, operator=OperatorKind.FULL, operator_name="full")
        assert store.owner_of(campaign_id, old) is None
        assert store.owner_of(campaign_id, new) == 0
        assert store.operator_counts(campaign_id) == {"full": (1, 0)}
        await store.save_evidence(campaign_id, 0, make_evidence(None), attempt=0)
        with pytest.raises(ValueError, match="already evaluated"):
            await store.save_code(campaign_id, 0, "third", attempt=0, operator=OperatorKind.FULL)

    async def test_the_first_to_save_a_program_owns_it(
        self, store: SqlStore, campaign_id: str, plan: Plan, bring: Bring
    ) -> None:
        other = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
        await store.open_candidate(campaign_id, 3, parents=())
        sha = await bring(7, 1.0, source="same")
        await store.save_code(campaign_id, 3, "same", attempt=0, operator=OperatorKind.FULL)
        assert store.owner_of(campaign_id, sha) == 7
        assert store.owner_of(other, sha) is None
        assert store.next_ordinal(campaign_id) == 8
        assert [each.ordinal for each in store.unfinished(campaign_id)] == [3]

    async def test_any_text_survives(self, store: SqlStore, campaign_id: str) -> None:
        await store.open_candidate(campaign_id, 0, parents=())
        for attempt, source in enumerate(["", "x", "é\x00\n" * 100, "\ud800 lone", "z" * 100_000]):
            sha = await store.save_code(campaign_id, 0, source, attempt=attempt, operator=OperatorKind.FULL)
            assert store.source(sha) == source

    async def test_what_is_not_there(self, store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker) -> None:
        with pytest.raises(NotFound, match="no candidate 4"):
            store.candidate(campaign_id, 4)
        with pytest.raises(NotFound, match="no candidate 4"):
            store.attempts(campaign_id, 4)
        with pytest.raises(NotFound, match="no candidate 4"):
            await store.save_evidence(campaign_id, 4, make_evidence(1.0), attempt=0, score=1.0)
        with pytest.raises(NotFound, match="no candidate 9"):
            await store.open_candidate(campaign_id, 1, parents=(9,))
        assert store.next_ordinal(campaign_id) == 0
        with pytest.raises(NotFound):
            store.source("ab" * 32)
        with pytest.raises(NotFound):
            store.source("not hex")


class TestScores:
    async def test_failure_is_never_a_number(
        self, store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker
    ) -> None:
        await store.open_candidate(campaign_id, 0, parents=())
        await store.save_code(campaign_id, 0, "x", attempt=0, operator=None)
        with pytest.raises(ValueError, match="passed every stage"):
            await store.save_evidence(campaign_id, 0, make_evidence(None), attempt=0, score=5.0)
        with pytest.raises(ValueError, match="finite"):
            await store.save_evidence(campaign_id, 0, make_evidence(1.0), attempt=0, score=float("nan"))
        with pytest.raises(ValueError, match="without a score"):
            await store.save_evidence(campaign_id, 0, make_evidence(1.0), attempt=0, score_low=1.0)
        with pytest.raises(ValueError, match="passed every stage"):
            await store.save_confirmation(campaign_id, 0, make_evidence(None), state=REJECTED, score=1.0)
        with pytest.raises(ValueError, match="cannot finish"):
            await store.finish_candidate(campaign_id, 0, EVALUATING)
        assert store.tally(campaign_id).evaluations == 0

    async def test_rejected_candidates_stand_nowhere(self, store: SqlStore, campaign_id: str, bring: Bring) -> None:
        """Whatever the sign: the only passing score is negative."""
        await bring(0, None)
        await bring(1, -3.0)
        assert [each.ordinal for each in store.ranked(campaign_id)] == [1]
        assert [each.ordinal for each in store.parents(campaign_id)] == [1]
        tally = store.tally(campaign_id)
        assert (tally.best_ordinal, tally.best_score, tally.best_score_low) == (1, -3.0, -3.1)
        assert tally.by_state == {REJECTED: 1, MEASURED: 1}
        assert tally.by_reason == {"wrong_output": 1}
        assert (tally.candidates, tally.evaluations, tally.last_improvement_evaluation) == (2, 2, 2)
        assert store.operator_counts(campaign_id) == {"tune.tile": (2, 1)}

    async def test_order_of_ranking(
        self, store: SqlStore, campaign_id: str, bring: Bring, make_evidence: EvidenceMaker
    ) -> None:
        for ordinal, value in enumerate((1.0, 3.0, 2.0, 3.0, None, 2.5)):
            await bring(ordinal, value)
        await store.save_confirmation(campaign_id, 0, make_evidence(1.1), state=CONFIRMED)
        await store.save_confirmation(campaign_id, 2, make_evidence(1.9), state=CONFIRMED, score=1.9, score_low=1.7)
        await store.save_confirmation(campaign_id, 5, make_evidence(9.0), state=SUSPICIOUS, reason="unlikely_gain")
        assert [each.ordinal for each in store.ranked(campaign_id)] == [2, 0, 1, 3]
        assert [each.ordinal for each in store.ranked(campaign_id, limit=2, offset=1)] == [0, 1]
        assert [each.ordinal for each in store.ranked(campaign_id, limit=2, offset=3)] == [3]
        assert [each.ordinal for each in store.parents(campaign_id)] == [1, 3, 2, 0]
        assert [each.ordinal for each in store.parents(campaign_id, limit=2)] == [1, 3]
        assert [each.ordinal for each in store.recent(campaign_id, limit=3)] == [5, 4, 3]
        best = store.ranked(campaign_id)[0]
        assert (best.score, best.score_low, best.confirmation) == (1.9, 1.7, make_evidence(1.9))
        assert best.evidence == make_evidence(2.0)

    async def test_of_equal_figures_the_first_stands_for_all(
        self, store: SqlStore, campaign_id: str, bring: Bring, make_evidence: EvidenceMaker
    ) -> None:
        for ordinal, value in enumerate((1.0, 3.0, 2.0, 3.0, None, 2.5, 2.5, 3.0)):
            await bring(ordinal, value)
        assert [each.ordinal for each in store.distinct(campaign_id)] == [1, 5, 2, 0]
        assert [each.ordinal for each in store.distinct(campaign_id, limit=2)] == [1, 5]
        assert [each.ordinal for each in store.ranked(campaign_id)] == [1, 3, 7, 5, 6, 2, 0]
        # What is confirmed stands itself, equals or not; what has its figures is behind it.
        same = store.candidate(campaign_id, 5).score_low
        for ordinal in (5, 6):
            await store.save_confirmation(
                campaign_id, ordinal, make_evidence(2.5), state=CONFIRMED, score=2.5, score_low=same
            )
        await store.save_confirmation(campaign_id, 1, make_evidence(9.0), state=SUSPICIOUS, reason="unlikely_gain")
        assert [each.ordinal for each in store.distinct(campaign_id)] == [5, 6, 3, 2, 0]
        await store.mark_candidate(campaign_id, 3, discarded=True)
        assert [each.ordinal for each in store.distinct(campaign_id)] == [5, 6, 7, 2, 0]
        await bring(8, 2.5)
        assert [each.ordinal for each in store.distinct(campaign_id, limit=3)] == [5, 6, 7]
        assert 8 not in {each.ordinal for each in store.distinct(campaign_id)}

    async def test_the_best_falls_and_the_next_one_stands(
        self, store: SqlStore, campaign_id: str, bring: Bring
    ) -> None:
        for ordinal, value in enumerate((1.0, 3.0, 2.0)):
            await bring(ordinal, value)
        assert store.tally(campaign_id).best_ordinal == 1
        await store.set_candidate_state(campaign_id, 1, SUSPICIOUS, reason="cheat")
        tally = store.tally(campaign_id)
        assert (tally.best_ordinal, tally.best_score, tally.last_improvement_evaluation) == (2, 2.0, 2)
        assert tally.by_reason == {"cheat": 1}
        await store.mark_candidate(campaign_id, 2, discarded=True)
        assert store.tally(campaign_id).best_ordinal == 0
        assert [each.ordinal for each in store.ranked(campaign_id)] == [0]
        assert [each.ordinal for each in store.parents(campaign_id)] == [0]
        await store.mark_candidate(campaign_id, 2, starred=True, discarded=False)
        assert store.tally(campaign_id).best_ordinal == 2
        assert store.candidate(campaign_id, 2).starred
        await store.set_candidate_state(campaign_id, 1, MEASURED)
        assert store.tally(campaign_id).best_ordinal == 1
        assert store.tally(campaign_id).by_reason == {}
        events = [each.ordinal for each in store.events(campaign_id) if each.kind == "candidate.best"]
        assert events == [0, 1, 2, 0, 2, 1]

    async def test_of_equals_the_first_ordinal_is_best(self, store: SqlStore, campaign_id: str, bring: Bring) -> None:
        for ordinal in (2, 1, 3):
            await bring(ordinal, 1.0)
        tally = store.tally(campaign_id)
        assert (tally.best_ordinal, tally.last_improvement_evaluation) == (1, 1)

    async def test_who_is_shown_beside_the_parent_gets_no_child(
        self, store: SqlStore, campaign_id: str, bring: Bring
    ) -> None:
        for ordinal, parents in enumerate([(), (0,), (0, 1), (1, 0), (0, 1, 2)]):
            await bring(ordinal, 1.0, parents=parents)
        assert {each.ordinal: each.children for each in store.parents(campaign_id)} == {0: 3, 1: 1, 2: 0, 3: 0, 4: 0}
        assert store.candidate(campaign_id, 2).parents == (0, 1)

    async def test_only_isolated_evidence_that_passed_confirms(
        self, store: SqlStore, campaign_id: str, bring: Bring, make_evidence: EvidenceMaker
    ) -> None:
        await bring(0, 1.0)
        foreign = make_evidence(1.0).model_copy(update={"evidence_class": EvidenceClass.FOREIGN})
        for evidence in (foreign, make_evidence(None)):
            with pytest.raises(ValueError, match="isolated"):
                await store.save_confirmation(campaign_id, 0, evidence, state=CONFIRMED)
        assert store.candidate(campaign_id, 0).confirmation is None

    async def test_a_second_confirmation_counts_and_the_first_is_kept(
        self, store: SqlStore, campaign_id: str, bring: Bring, make_evidence: EvidenceMaker
    ) -> None:
        await bring(0, 1.0)
        for value in (1.1, 1.2, 1.2):
            await store.save_confirmation(campaign_id, 0, make_evidence(value), state=CONFIRMED)
        assert store.candidate(campaign_id, 0).confirmation == make_evidence(1.2)
        kinds = [each.kind for each in store.events(campaign_id)]
        assert kinds.count("candidate.confirmed") == 2
        assert store.tally(campaign_id).evaluations == 1


async def test_long_lists_are_read_in_pieces(store: SqlStore, campaign_id: str, make_evidence: EvidenceMaker) -> None:
    """More rows than one statement may name."""
    for ordinal in range(1200):
        await store.open_candidate(campaign_id, ordinal, parents=())
        if ordinal % 300 == 0:
            evidence = make_evidence(None, feedback=f"feedback {ordinal}")
            await store.save_evidence(campaign_id, ordinal, evidence, attempt=0)
            await store.save_confirmation(campaign_id, ordinal, evidence, state=REJECTED)
    rows = store.recent(campaign_id, limit=5000)
    assert [row.ordinal for row in rows] == list(range(1199, -1, -1))
    read = {row.ordinal for row in rows if row.evidence is not None and row.evidence == row.confirmation}
    assert read == {0, 300, 600, 900}
