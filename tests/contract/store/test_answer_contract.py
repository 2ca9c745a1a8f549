"""What every store does with evaluations that answer a question asked before."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from nightforge.domain.candidate import Answer
from nightforge.domain.evidence import Evidence
from nightforge.domain.plan import Plan
from nightforge.domain.words import CandidateState, OperatorKind, Phase, SandboxTier
from nightforge.store import SqlStore

EvidenceMaker = Callable[..., Evidence]
SEED = 2**64 - 1


def question(text: str) -> str:
    return sha256(text.encode()).hexdigest()


async def evaluated(store: SqlStore, plan: Plan, evidence: Evidence, *, attempt: int = 0) -> str:
    """A campaign with one evaluated candidate, ordinal 0."""
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    await store.open_candidate(campaign_id, 0, parents=())
    await store.save_code(campaign_id, 0, "int f;", attempt=attempt, operator=OperatorKind.FULL)
    await store.set_candidate_state(campaign_id, 0, CandidateState.EVALUATING)
    score = evidence.metrics["speedup"].value if evidence.passed else None
    await store.save_evidence(campaign_id, 0, evidence, attempt=attempt, score=score)
    return campaign_id


async def test_an_answer_is_the_evidence_with_where_it_is_from(
    store: SqlStore, plan: Plan, make_evidence: EvidenceMaker
) -> None:
    campaign_id = await evaluated(store, plan, make_evidence(None))
    assert store.answer(question("a")) is None
    await store.keep_answers(campaign_id, [Answer(question=question("a"), seed=SEED, ordinal=0, attempt=0)])
    found = store.answer(question("a"))
    assert found == make_evidence(None).model_copy(update={"taken_from": f"{campaign_id}.0"})
    assert store.answer(question("b")) is None


async def test_a_seed_that_is_asked_for_is_the_only_one_that_serves(
    store: SqlStore, plan: Plan, make_evidence: EvidenceMaker
) -> None:
    campaign_id = await evaluated(store, plan, make_evidence(1.0))
    await store.keep_answers(campaign_id, [Answer(question=question("a"), seed=SEED, ordinal=0, attempt=0)])
    assert store.answer(question("a"), seed=SEED) == store.answer(question("a")) is not None
    assert store.answer(question("a"), seed=SEED - 1) is None


async def test_the_first_answer_stays(store: SqlStore, plan: Plan, make_evidence: EvidenceMaker) -> None:
    first = await evaluated(store, plan, make_evidence(1.0))
    second = await evaluated(store, plan, make_evidence(2.0))
    for campaign_id in (first, second, second):
        await store.keep_answers(campaign_id, [Answer(question=question("a"), seed=SEED, ordinal=0, attempt=0)])
    found = store.answer(question("a"))
    assert found is not None
    assert (found.taken_from, found.metrics["speedup"].value) == (f"{first}.0", 1.0)


async def test_the_attempt_that_was_meant_answers(store: SqlStore, plan: Plan, make_evidence: EvidenceMaker) -> None:
    campaign_id = await evaluated(store, plan, make_evidence(None))
    await store.save_code(campaign_id, 0, "int g;", attempt=1, operator=OperatorKind.REPAIR)
    await store.save_evidence(campaign_id, 0, make_evidence(3.0), attempt=1, score=3.0)
    answers = [Answer(question=question(str(at)), seed=SEED, ordinal=0, attempt=at) for at in (0, 1, 2)]
    await store.keep_answers(campaign_id, answers)
    passed = [found.passed if (found := store.answer(question(str(at)))) else None for at in (0, 1, 2)]
    assert passed == [False, True, None], "what was never evaluated answers nothing"


async def test_evidence_that_was_taken_is_counted_and_marked(
    store: SqlStore, plan: Plan, make_evidence: EvidenceMaker
) -> None:
    taken = make_evidence(1.5).model_copy(update={"taken_from": "20261121-aaaa.7"})
    campaign_id = await evaluated(store, plan, taken)
    tally = store.tally(campaign_id)
    assert (tally.evaluations, tally.evaluations_taken) == (1, 1)
    assert store.candidate(campaign_id, 0).evidence == taken
    event = next(each for each in store.events(campaign_id) if each.kind == "candidate.evidence")
    assert event.payload["taken_from"] == "20261121-aaaa.7"


async def test_a_confirmation_is_never_taken(store: SqlStore, plan: Plan, make_evidence: EvidenceMaker) -> None:
    campaign_id = await evaluated(store, plan, make_evidence(1.0))
    taken = make_evidence(1.0).model_copy(update={"taken_from": "x.0", "phase": Phase.CONFIRMATION})
    with pytest.raises(ValueError, match="never taken"):
        await store.save_confirmation(campaign_id, 0, taken, state=CandidateState.CONFIRMED, score=1.0)
    assert store.candidate(campaign_id, 0).confirmation is None
