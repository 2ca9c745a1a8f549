"""The baselines alone: what they choose from a real store's rows, and that it is the same after a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from nightforge.catalogue import find_task
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan, SearchSpec
from nightforge.domain.ports import Store
from nightforge.domain.search import Choice, Policy, PolicyContext
from nightforge.domain.task import Task
from nightforge.domain.words import CandidateState, OperatorKind, Outcome, SandboxTier, TeamKind
from nightforge.errors import UserError
from nightforge.store import open_store
from tools.clock import SystemClock
from tools.tuning import TPE
from workflows.search.policies import make_policy

TOY_PEAK = Path(__file__).parents[2] / "toy_domain" / "nightforge_toy" / "tasks" / "toy-peak"
SCORES = {0: 10.0, 1: 12.0, 2: None, 3: 30.0, 4: 20.0, 5: 11.0}
"""Ordinal → score; None was rejected."""


@pytest.fixture
def task() -> Task:
    return find_task(str(TOY_PEAK))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=SystemClock())
    yield opened
    await opened.close()


def plan_of(task: Task, policy: str, team: TeamKind = TeamKind.OFFLINE, **parameters: float) -> Plan:
    return Plan(
        goal="climb",
        task=task.name,
        objectives=task.objectives,
        budget=Budget(evaluations=50),
        search=SearchSpec(policy=policy, policy_parameters=dict(parameters)),
        team=team,
    )


async def filled(store: Store, plan: Plan, scores: dict[int, float | None] = SCORES) -> str:
    campaign_id = (await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)).campaign_id
    seed = find_task(str(TOY_PEAK)).read("seed.txt")
    for ordinal, score in scores.items():
        await store.open_candidate(campaign_id, ordinal, parents=() if ordinal == 0 else (0,))
        source = seed.replace("X = 3", f"X = {3 + ordinal}")
        await store.save_code(campaign_id, ordinal, source, attempt=0, operator=OperatorKind.TUNE)
        outcome = Outcome.PASS if score is not None else Outcome.FAIL
        metrics = {"height": Metric(value=score)} if score is not None else {}
        stages = (StageEvidence(stage="full", outcome=outcome, metrics=metrics),)
        evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=stages)
        await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=score, score_low=score)
        state = CandidateState.REJECTED if score is None else CandidateState.MEASURED
        await store.finish_candidate(campaign_id, ordinal, state)
    return campaign_id


async def policy(
    store: Store, task: Task, name: str, scores: dict[int, float | None] = SCORES, **values: float
) -> Policy:
    plan = plan_of(task, name, TeamKind.OFFLINE, **values)
    context = PolicyContext(campaign_id=await filled(store, plan, scores), plan=plan, task=task, store=store)
    made = make_policy(context)
    assert made.name == name
    return made


def choices(policy: Policy, count: int = 200) -> list[Choice]:
    return [policy.ask(len(SCORES), random=Random(number)) for number in range(count)]


async def test_random_takes_every_measured_program_and_no_other(store: Store, task: Task) -> None:
    taken = Counter(choice.parents[0] for choice in choices(await policy(store, task, "random"), 500))
    assert set(taken) == {0, 1, 3, 4, 5}
    assert max(taken.values()) < 2 * min(taken.values())


async def test_random_starts_from_the_seed_when_nothing_is_measured(store: Store, task: Task) -> None:
    assert {choice.parents for choice in choices(await policy(store, task, "random", {0: None}), 20)} == {(0,)}


async def test_random_draws_inside_the_operator_too_and_no_other_does(store: Store, task: Task) -> None:
    for name in ("random", "best-of-n", "hill-climb", "ga", "tpe"):
        assert {choice.by_chance for choice in choices(await policy(store, task, name), 20)} == {name == "random"}


async def test_best_of_n_varies_nothing_but_the_seed(store: Store, task: Task) -> None:
    assert {choice.parents for choice in choices(await policy(store, task, "best-of-n"))} == {(0,)}


async def test_hill_climb_varies_the_best_and_restarts_only_when_it_stands_still(store: Store, task: Task) -> None:
    moving = choices(await policy(store, task, "hill-climb"))
    assert {choice.parents for choice in moving} == {(3,)}
    standing = Counter(choice.parents[0] for choice in choices(await policy(store, task, "hill-climb", patience=2)))
    assert standing[3] > 100
    assert set(standing) == {0, 1, 3, 4, 5}


async def test_the_genetic_algorithm_selects_and_crosses(store: Store, task: Task) -> None:
    chosen = choices(await policy(store, task, "ga"), 400)
    first = Counter(choice.parents[0] for choice in chosen)
    assert first[3] > first[4] > first[0]
    crossed = [choice for choice in chosen if choice.operator is OperatorKind.CROSSOVER]
    assert 140 < len(crossed) < 260
    assert all(len(set(choice.parents)) == 2 for choice in crossed)
    none = choices(await policy(store, task, "ga", crossover=0.0))
    assert all(choice.operator is not OperatorKind.CROSSOVER for choice in none)
    few = choices(await policy(store, task, "ga", population=2))
    assert {parent for choice in few for parent in choice.parents} == {3, 4}


async def test_tpe_studies_the_seeds_family(store: Store, task: Task) -> None:
    asked = (await policy(store, task, "tpe")).ask(6, random=Random(0))
    assert (asked.operator, asked.operator_name) == (OperatorKind.TUNE, TPE)
    assert asked.parents[0] == 0
    assert set(asked.parents[1:]) == {1, 3, 4, 5}


async def test_a_policy_made_anew_decides_the_same(store: Store, task: Task) -> None:
    for name in ("random", "best-of-n", "hill-climb", "ga", "tpe"):
        plan = plan_of(task, name)
        context = PolicyContext(campaign_id=await filled(store, plan), plan=plan, task=task, store=store)
        first, second = (make_policy(context) for _ in range(2))
        assert choices(first, 20) == choices(second, 20)


async def test_an_unknown_parameter_is_named_with_those_there_are(store: Store, task: Task) -> None:
    with pytest.raises(UserError, match="tournaments") as caught:
        await policy(store, task, "ga", tournaments=3)
    assert "population = 16" in caught.value.hint


async def test_tpe_refuses_a_model_and_a_task_without_tunables(store: Store, task: Task, tmp_path: Path) -> None:
    with_model = PolicyContext(campaign_id="c", plan=plan_of(task, "tpe", TeamKind.LLM), task=task, store=store)
    with pytest.raises(UserError, match="needs no model"):
        make_policy(with_model)
    (tmp_path / "seed.txt").write_text("X = 3\nY = 5\n", encoding="utf-8")
    bare = task.model_copy(update={"root": tmp_path})
    untunable = PolicyContext(campaign_id="c", plan=plan_of(task, "tpe"), task=bare, store=store)
    with pytest.raises(UserError, match="declares no tunables"):
        make_policy(untunable)
