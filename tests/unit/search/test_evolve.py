"""The policy as a whole on a real store: it goes on after a restart as if there had been none."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agents.offline.coder import draws, proposals
from nightforge.catalogue import find_task
from nightforge.domain.archive import CAMPAIGN
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, ModelSpec, Plan, SearchSpec
from nightforge.domain.search import Choice, PolicyContext, RemembersResults, Result
from nightforge.domain.task import Objective, Task
from nightforge.domain.team import Draft, Operator, OperatorContext, Program
from nightforge.domain.words import CandidateState, Direction, OperatorKind, Outcome, SandboxTier, TeamKind
from nightforge.errors import UserError
from nightforge.store import SqlStore, open_store
from tools.clock import SystemClock
from workflows.search.evolve import ALIKE, LONG, SURE, WIDE, Evolve
from workflows.search.intensity import PATIENCE
from workflows.search.islands import YOUTH
from workflows.search.policies import make_policy
from workflows.search.ways import free_operators

TOY_PEAK = Path(__file__).parents[2] / "toy_domain" / "nightforge_toy" / "tasks" / "toy-peak"
SECOND = Objective(metric="weight", unit="g", direction=Direction.MIN)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path / 'nightforge.db'}", clock=SystemClock())
    yield opened
    await opened.close()


class Night:
    """A campaign whose candidates are made here: a score for each, and the policy told of it."""

    def __init__(self, store: SqlStore, context: PolicyContext) -> None:
        self.store, self.context = store, context
        self.policy = self.reopened()
        self.ordinal = 0
        self.scores: dict[int, float | None] = {}

    def reopened(self) -> Evolve:
        made = make_policy(self.context)
        assert isinstance(made, Evolve)
        return made

    async def run(self, scores: list[float | None], *, tell: bool = True, source: str = "") -> list[Choice]:
        chosen = []
        for score in scores:
            choice = (
                Choice(parents=()) if self.ordinal == 0 else self.policy.ask(self.ordinal, random=Random(self.ordinal))
            )
            self.scores[self.ordinal] = score
            await self.finish(choice, score, source)
            if tell:
                await self.policy.tell(self.result(self.ordinal, choice, score))
            chosen.append(choice)
            self.ordinal += 1
        return chosen

    async def finish(self, choice: Choice, score: float | None, source: str = "") -> None:
        store, campaign_id, ordinal = self.store, self.context.campaign_id, self.ordinal
        await store.open_candidate(campaign_id, ordinal, parents=choice.parents, choice=choice)
        await store.save_code(campaign_id, ordinal, source or f"p{ordinal}", attempt=0, operator=OperatorKind.TUNE)
        outcome = Outcome.FAIL if score is None else Outcome.PASS
        metrics = {} if score is None else {"height": Metric(value=score)}
        stage = StageEvidence(stage="full", outcome=outcome, metrics=metrics)
        evidence = Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(stage,))
        await store.save_evidence(campaign_id, ordinal, evidence, attempt=0, score=score, score_low=score)
        await store.finish_candidate(campaign_id, ordinal, self.state(score))

    @staticmethod
    def state(score: float | None) -> CandidateState:
        return CandidateState.REJECTED if score is None else CandidateState.MEASURED

    def result(self, ordinal: int, choice: Choice, score: float | None) -> Result:
        parent = self.store.candidate(self.context.campaign_id, choice.parents[0]).score if choice.parents else None
        return Result(
            ordinal=ordinal,
            choice=choice,
            state=self.state(score),
            operator=OperatorKind.TUNE,
            operator_name="tune.optuna",
            score=score,
            score_low=score,
            parent_score=parent,
            objectives=() if score is None else (score, -(score % 7.0)),
            seconds=1.0,
        )


async def night(store: SqlStore, *, models: tuple[str, ...] = (), **parameters: Any) -> Night:
    task: Task = find_task(str(TOY_PEAK))
    plan = Plan(
        goal="climb",
        task=task.name,
        objectives=(*task.objectives, SECOND),
        budget=Budget(),
        search=SearchSpec(policy="evolve", policy_parameters=parameters),
        team=TeamKind.LLM if models else TeamKind.OFFLINE,
        models=tuple(ModelSpec(model=name) for name in models),
    )
    campaign = await store.create_campaign(plan, tier=SandboxTier.BUBBLEWRAP)
    return Night(store, PolicyContext(campaign_id=campaign.campaign_id, plan=plan, task=task, store=store))


def remembered(policy: Evolve) -> tuple[object, ...]:
    memory = policy._memory
    return (
        [island.residents for island in memory.islands],
        memory.front.residents,
        memory.progress,
        memory.arms,
    )


SCORES = [float((7 * number) % 23) if number % 5 else None for number in range(1, 60)]


async def test_a_restart_changes_nothing_of_what_it_knows_and_does(store: SqlStore) -> None:
    made = await night(store, islands=3, migrate_every=5, top=4)
    await made.run([1.0, *SCORES])
    again = made.reopened()
    assert remembered(again) == remembered(made.policy)
    made.policy._shifts_left = 0
    ask = [policy.ask(99, random=Random(5)) for policy in (made.policy, again)]
    assert ask[0] == ask[1]


async def test_what_a_crash_kept_from_it_is_told_on_resume_and_nothing_twice(store: SqlStore) -> None:
    made = await night(store, islands=2)
    await made.run([1.0, 2.0, 3.0])
    lost = await made.run([4.0, None], tell=False)
    again = made.reopened()
    assert isinstance(again, RemembersResults)
    assert list(again.untold()) == [3, 4]
    for ordinal, choice, score in zip((3, 4), lost, (4.0, None), strict=True):
        for _ in range(2):
            await again.tell(made.result(ordinal, choice, score))
    assert list(again.untold()) == []
    assert store.trials(made.context.campaign_id) == 5
    assert again._memory.whole.told == 5
    assert remembered(made.reopened()) == remembered(again)


async def test_the_best_of_an_island_arrives_at_the_next_one(store: SqlStore) -> None:
    made = await night(store, islands=2, migrate_every=4, top=2, cells=0)
    await made.run([1.0])
    for score in (5.0, 9.0, 3.0):
        made.ordinal += 1
        choice = Choice(parents=(0,), island=0)
        await made.finish(choice, score)
        await made.policy.tell(made.result(made.ordinal, choice, score))
    here, there = made.policy._memory.islands
    best = here.ranked()[0]
    assert best.score_low == 9.0
    assert best.ordinal in there.residents
    assert {one.score_low for one in there.residents.values()} == {1.0, 9.0}


async def test_a_discarded_champion_has_no_more_children(store: SqlStore) -> None:
    made = await night(store)
    await made.run([1.0, 2.0, 50.0, 3.0])
    before = {made.policy.ask(9, random=Random(seed)).parents[0] for seed in range(60)}
    assert 2 in before
    await store.mark_candidate(made.context.campaign_id, 2, discarded=True)
    after = [made.policy.ask(9, random=Random(seed)).parents for seed in range(60)]
    assert all(2 not in parents for parents in after)
    for ordinal in (0, 1, 3):
        await store.mark_candidate(made.context.campaign_id, ordinal, discarded=True)
    assert made.policy.ask(9, random=Random(0)).parents == (0,)


async def test_another_approach_is_asked_for_on_stagnation_only_and_not_for_ever(store: SqlStore) -> None:
    made = await night(store, stagnation=10, shift_burst=2)
    rising = await made.run([float(number) for number in range(40)])
    assert not any(choice.shift for choice in rising)
    still = await made.run([0.5] * 33)
    shifts = [index for index, choice in enumerate(still) if choice.shift]
    assert shifts == [10, 11, 20, 21, 30, 31]
    assert "10 results" in still[10].reason


async def test_with_models_each_choice_names_an_arm_and_a_shift_is_a_new_program(store: SqlStore) -> None:
    made = await night(store, models=("small", "large"), stagnation=12)
    chosen = (await made.run([10.0, *[float(number % 7) for number in range(60)]]))[1:]
    assert {choice.model for choice in chosen} >= {"small", "large"}
    kinds = {choice.operator for choice in chosen}
    assert kinds >= {OperatorKind.DIFF, OperatorKind.FULL}
    assert all(choice.operator is OperatorKind.FULL for choice in chosen if choice.shift)
    assert any(choice.shift for choice in chosen)


async def test_beside_a_model_tuning_is_for_programs_that_declare_tunables(store: SqlStore) -> None:
    made = await night(store, models=("small",))
    await made.run([1.0])
    kinds = [made.policy.ask(99, random=Random(seed)).operator for seed in range(300)]
    assert OperatorKind.TUNE not in kinds  # the programs here declare none
    other = await night(store, models=("small",))
    await other.run([1.0], source="# nf: tune A in {1,2}\nA = 1\n")
    kinds = [other.policy.ask(99, random=Random(seed)).operator for seed in range(300)]
    assert OperatorKind.TUNE in kinds
    found_nothing = other.result(1, Choice(parents=(0,), operator=OperatorKind.TUNE), None)
    await other.policy.tell(found_nothing.model_copy(update={"reason": "nothing_to_try"}))
    kinds = [other.policy.ask(99, random=Random(seed)).operator for seed in range(300)]
    assert OperatorKind.TUNE not in kinds


async def test_offline_a_parent_that_nothing_is_left_for_rests(store: SqlStore) -> None:
    made = await night(store)
    await made.run([1.0, 5.0, 2.0])

    def parents() -> set[int]:
        return {made.policy.ask(99, random=Random(seed)).parents[0] for seed in range(200)}

    assert parents() == {0, 1, 2}
    told = made.result(3, Choice(parents=(1,)), None).model_copy(update={"reason": "nothing_to_try"})
    await made.policy.tell(told)
    assert parents() == {0, 2}
    made.ordinal = 4
    await made.run([None] * 16)
    assert 1 in parents()
    for parent in (0, 1, 2):
        made.ordinal += 1
        told = made.result(made.ordinal, Choice(parents=(parent,)), None)
        await made.policy.tell(told.model_copy(update={"reason": "nothing_to_try"}))
    assert parents() == {0, 1, 2}  # never empty-handed


async def test_the_front_keeps_what_no_one_dominates(store: SqlStore) -> None:
    made = await night(store)
    await made.run([1.0, 6.0, 7.0, 13.0])
    front = made.policy._memory.front.residents
    assert {one.score_low for one in front.values()} == {7.0, 13.0}
    assert all(one.island == CAMPAIGN for one in front.values())


async def test_parameters_are_checked_by_name(store: SqlStore) -> None:
    with pytest.raises(UserError, match="icelands"):
        await night(store, icelands=3)
    with pytest.raises(UserError, match="islands"):
        await night(store, islands=-1)


async def test_the_search_begins_on_one_island_and_a_young_one_is_left_alone(store: SqlStore) -> None:
    made = await night(store, migrate_every=20, top=4)
    plan = made.context.plan.model_copy(update={"budget": Budget(evaluations=WIDE)})
    made = Night(store, replace(made.context, plan=plan))
    first = await made.run([5.0, *[None] * (2 * YOUTH - 1)])
    assert {choice.island for choice in first} == {0}
    then = await made.run([4.0, *[None] * YOUTH])
    assert 1 in {choice.island for choice in then}
    young = made.policy._memory.islands[1].residents
    assert set(young) <= {0, *range(2 * YOUTH, 3 * YOUTH + 1)}
    assert remembered(made.reopened()) == remembered(made.policy)
    asked = [{policy.ask(999, random=Random(0)).island} for policy in (made.reopened(), made.reopened())]
    assert asked[0] == asked[1]


async def test_a_policy_is_the_same_for_the_same_seed(store: SqlStore) -> None:
    one, other = await night(store, islands=2), await night(store, islands=2)
    assert await one.run([1.0, *SCORES]) == await other.run([1.0, *SCORES])
    assert replace(one.context, campaign_id="") == replace(other.context, campaign_id="")


async def test_a_discarded_candidate_leaves_every_archive_and_what_it_stood_before_comes_forward(
    store: SqlStore,
) -> None:
    made = await night(store, islands=2, migrate_every=2, top=2, cells=0)
    await made.run([1.0, 8.0, 22.0, 9.0, 10.0, 8.5])
    campaign_id, policy = made.context.campaign_id, made.policy
    best = 2
    assert all(best in island.residents for island in policy._memory.islands), "at home, and a guest"
    assert policy._memory.whole.best == 22.0
    await store.mark_candidate(campaign_id, best, discarded=True)
    assert policy.has_lost()
    results = [
        made.result(number, Choice(parents=(0,), island=number % 2), made.scores[number]) for number in (1, 3, 4, 5)
    ]
    await policy.revise(results)
    kept = store.archive(campaign_id)
    assert best not in {one.ordinal for one in kept.residents}
    assert {4, 3} <= {one.ordinal for one in kept.residents}
    assert policy._memory.whole.best == 10.0, "what follows is held against the best that is left"
    assert not policy.has_lost()
    assert remembered(made.reopened()) == remembered(policy)
    await store.mark_candidate(campaign_id, best, discarded=False)
    back = made.result(best, Choice(parents=(0,), island=0), 22.0)
    await policy.revise([*results, back])
    assert best in policy._memory.islands[0].residents
    assert policy._memory.whole.best == 22.0
    assert remembered(made.reopened()) == remembered(policy)


async def test_a_model_is_shown_the_good_programs_most_like_the_parent(store: SqlStore) -> None:
    made = await night(store, models=("small",), explore_low=0.0, explore_high=0.0)
    lines = [f"line {number}" for number in range(40)]
    await made.run([1.0], source="\n".join(lines))
    for number, score in enumerate([9.0, 8.0, 7.0, 6.0, 5.0, 2.0, 2.0, 2.0, 2.0], 1):
        changed = [f"other {place}" if place % 10 < number else line for place, line in enumerate(lines)]
        await made.run([score], source="\n".join(changed))
    for seed in range(20):
        choice = made.policy.ask(99, random=Random(seed))
        parent, champion, _unlike, *shown = choice.parents
        assert len(shown) == 1
        assert len(set(choice.parents)) == len(choice.parents)
        assert 1 <= shown[0] <= 5, "the better half"
        near = min({1, 2, 3, 4, 5} - set(choice.parents[:3]), key=lambda other: abs(other - parent))
        assert abs(shown[0] - parent) == abs(near - parent), (choice.parents, champion)


async def test_demonstrations_can_be_left_out_and_are_nothing_to_programs(store: SqlStore) -> None:
    made = await night(store, models=("small",))
    await made.run([float(number) for number in range(12)])
    shown = {len(made.policy.ask(99, random=Random(seed)).parents) for seed in range(20)}
    assert shown == {4}
    search = made.context.plan.search.model_copy(update={"demonstrations": 0})
    plan = made.context.plan.model_copy(update={"search": search})
    bare = Evolve(replace(made.context, plan=plan))
    assert {len(bare.ask(99, random=Random(seed)).parents) for seed in range(20)} == {3}
    offline = await night(store)
    await offline.run([float(number) for number in range(12)])
    assert {len(offline.policy.ask(99, random=Random(seed)).parents) for seed in range(20)} == {3}


def test_a_generator_program_has_operators_that_draw_alone() -> None:
    task = find_task("mul8")
    objectives = task.objectives[:1]
    plan = Plan(goal="g", task=task.name, parameters={}, objectives=objectives, budget=Budget(evaluations=1))
    ordered = [operator for operator in free_operators(plan, task).values() if not draws(operator)]

    def has_order(path: str) -> bool:
        program = Program(ordinal=0, source=task.read(path))
        asked = OperatorContext(language=task.language, parent=program, seed=0)
        return any(proposals(operator, asked) for operator in ordered)

    assert has_order(task.seed)
    assert not has_order("hand/dadda_sklansky.py")


async def test_the_bandit_chooses_each_time_where_the_coder_has_no_order(store: SqlStore) -> None:
    made = await night(store, stagnation=1000)
    tunable = made.context.task.read(made.context.task.seed)
    usual = [choice.operator_name for choice in await made.run([1.0, *SCORES], source=tunable)]
    assert {"", "tune.optuna"} <= set(usual[1:])
    task = find_task("add32")
    for room, always in ((LONG, True), (LONG - 1, False)):
        context = replace((await night(store, stagnation=1000)).context, task=task)
        budgeted = context.plan.model_copy(update={"budget": Budget(evaluations=room)})
        drawn = Night(store, replace(context, plan=budgeted))
        chosen = await drawn.run([1.0, *SCORES], source=task.read("hand/sklansky.py"))
        assert {bool(choice.operator_name) for choice in chosen[1:]} == {always}, "a brief search learns nothing"
    bare = await night(store, stagnation=1000)
    assert {choice.operator_name for choice in (await bare.run([1.0, *SCORES]))[1:]} == {""}, "nothing applies to it"


async def test_no_operator_is_named_that_has_nothing_for_the_program(store: SqlStore) -> None:
    task = find_task("add32")
    made = await night(store, stagnation=1000)
    plan = made.context.plan.model_copy(update={"budget": Budget(evaluations=LONG)})
    adder = Night(store, replace(made.context, task=task, plan=plan))
    chosen = await adder.run([1.0, *SCORES], source=task.read("hand/sklansky.py"))
    named = {choice.operator_name for choice in chosen[1:]}
    assert "rewrite.rtl-prefix" in named
    assert not named & {
        "",
        "tune.optuna",
        "crossover.blocks",
        "rewrite.rtl-wiring",
        "rewrite.rtl-compressors",
        "rewrite.rtl-tree",
        "rewrite.rtl-generator",
    }


def with_budget(made: Night, budget: Budget) -> Evolve:
    plan = made.context.plan.model_copy(update={"budget": budget})
    return Evolve(replace(made.context, plan=plan))


def parents_of(policy: Evolve) -> set[int]:
    return {policy.ask(99, random=Random(seed)).parents[0] for seed in range(300)}


async def test_with_room_for_many_evaluations_the_eight_best_are_parents(store: SqlStore) -> None:
    made = await night(store, explore_low=0.0, explore_high=0.0)
    await made.run([float(number) for number in range(14)])
    best = set(range(6, 14))
    assert parents_of(with_budget(made, Budget(evaluations=LONG - 1))) != best
    patient = with_budget(made, Budget(evaluations=ALIKE))
    drawn = Counter(patient.ask(99, random=Random(seed)).parents[0] for seed in range(2000))
    assert set(drawn) == best
    assert min(drawn.values()) > 150, "alike: 250 each on average"
    wide = with_budget(made, Budget(evaluations=ALIKE - 1))
    drawn = Counter(wide.ask(99, random=Random(seed)).parents[0] for seed in range(2000))
    assert set(drawn) == best
    assert 500 < drawn[13] < 800, "0.7 of the next better one's share: 637 on average"
    assert drawn[13] > drawn[12] > drawn[11] > drawn[10] > drawn[9] > drawn[6]


async def test_no_island_begins_where_there_is_no_time_for_one(store: SqlStore) -> None:
    made = await night(store, top=4)
    plan = made.context.plan.model_copy(update={"budget": Budget(evaluations=WIDE - 1)})
    made = Night(store, replace(made.context, plan=plan))
    assert {choice.island for choice in await made.run([5.0, *[None] * (3 * YOUTH)])} == {0}


async def test_what_programs_of_ours_made_of_the_seed_founds_the_islands_to_come(store: SqlStore) -> None:
    for models, founded in (((), {0, 1}), (("small",), {0})):
        made = await night(store, models=models, top=4)
        await made.run([5.0])
        for parent, score in ((0, 6.0), (1, 7.0)):
            choice = Choice(parents=(parent,), operator=OperatorKind.FULL)
            made.ordinal = parent + 1
            await made.finish(choice, score)
            await made.policy.tell(made.result(made.ordinal, choice, score))
        islands = made.policy._memory.islands
        assert set(islands[0].residents) == {0, 1, 2}
        assert [set(island.residents) for island in islands[1:]] == [founded] * 4
        assert remembered(made.reopened()) == remembered(made.policy)


async def test_where_an_island_has_nothing_left_another_ones_programs_go_on_there(store: SqlStore) -> None:
    made = await night(store, islands=2)
    await made.run([1.0])
    elsewhere = Choice(parents=(0,), island=0)
    made.ordinal = 1
    await made.finish(elsewhere, 3.0)
    await made.policy.tell(made.result(1, elsewhere, 3.0))
    nothing = made.result(2, Choice(parents=(0,), island=1), None)
    await made.policy.tell(nothing.model_copy(update={"reason": "nothing_to_try"}))
    assert {made.policy.ask(99, random=Random(seed)).parents[0] for seed in range(50)} == {1}


async def test_how_much_room_there_is_follows_from_what_a_candidate_took(store: SqlStore) -> None:
    made = await night(store, explore_low=0.0, explore_high=0.0)
    await made.run([float(number) for number in range(14)])  # a second each
    assert parents_of(with_budget(made, Budget(cpu_s=LONG - 1))) != set(range(6, 14))
    assert parents_of(with_budget(made, Budget(cpu_s=LONG))) == set(range(6, 14))
    assert parents_of(with_budget(made, Budget(wall_s=LONG))) == set(range(6, 14))


async def test_a_brief_search_climbs(store: SqlStore) -> None:
    """The best alone; once it has stood for long, every second time another one."""
    made = await night(store, explore_low=1.0, explore_high=1.0, stagnation=1)
    await made.run([float(number) for number in range(14)])
    for budget, reasons in ((Budget(evaluations=LONG), {""}), (Budget(), {"explore"})):
        policy = with_budget(made, budget)
        assert {policy.ask(99, random=Random(seed)).reason for seed in range(50)} == reasons, budget
    climb = Budget(evaluations=LONG - 1)
    choices = [with_budget(made, climb).ask(99, random=Random(seed)) for seed in range(50)]
    assert {(choice.parents, choice.operator_name, choice.reason) for choice in choices} == {((13,), "", "")}
    await made.run([1.0] * PATIENCE)
    drawn = Counter(with_budget(made, climb).ask(99, random=Random(seed)).parents for seed in range(400))
    assert 160 < drawn[(13,)] < 260, "half, and its share of the others"
    assert len(drawn) > 5
    assert {len(parents) for parents in drawn} == {1}


async def test_the_breadth_can_be_set(store: SqlStore) -> None:
    made = await night(store, breadth=3)
    await made.run([float(number) for number in range(14)])
    assert parents_of(made.policy) == {11, 12, 13}


async def test_a_broad_search_shows_partners_to_what_combines_alone(store: SqlStore) -> None:
    made = await night(store, breadth=8)
    await made.run([float(number) for number in range(14)], source="# nf: tune A in {1,2}\nA = 1\n")
    choices = [made.policy.ask(99, random=Random(seed)) for seed in range(200)]
    kinds = {name: made.policy._operators[name].kind for name in made.policy._operators}
    assert any(choice.operator_name for choice in choices)
    for choice in choices:
        combines = choice.operator_name != "" and kinds[choice.operator_name] is not OperatorKind.REWRITE
        assert (len(choice.parents) > 1) == combines, choice
    assert not any(choice.shift or choice.reason for choice in choices)


async def test_where_rewrites_have_an_order_of_promise_the_best_is_followed_at_any_budget(store: SqlStore) -> None:
    task = find_task("rmsnorm")
    made = await night(store, explore_low=0.0, explore_high=0.0)
    await made.run([float(number) for number in range(14)])
    plan = made.context.plan.model_copy(update={"budget": Budget(evaluations=10_000)})
    kernels = Evolve(replace(made.context, plan=plan, task=task))
    assert 13 in parents_of(kernels)
    drawn = Counter(kernels.ask(99, random=Random(seed)).parents[0] for seed in range(300))
    assert drawn[13] > 200


async def test_what_lacked_partners_once_is_looked_at_again_when_there_are_some(store: SqlStore) -> None:
    task = find_task("gemm-edp")
    made = Night(store, replace((await night(store)).context, task=task))
    source = task.read(task.seed)
    await made.run([1.0], source=source)
    wide = with_budget(made, Budget(evaluations=1000))
    alone = {wide.ask(99, random=Random(seed)).operator_name for seed in range(200)}
    assert "crossover.arch" not in alone
    assert "rewrite.arch-field" in alone
    await made.run([0.5, 0.25], source=source.replace('"clock_mhz": 400', '"clock_mhz": 500'))
    wide._memory.restore(store.archive(made.context.campaign_id))
    assert "crossover.arch" in {wide.ask(99, random=Random(seed)).operator_name for seed in range(400)}


async def test_what_always_applied_is_not_looked_at_any_more_until_it_fails_to(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: Counter[str] = Counter()

    def counted(operator: Operator, context: OperatorContext) -> tuple[Draft, ...]:
        looks[operator.name] += 1
        return proposals(operator, context)

    monkeypatch.setattr("workflows.search.evolve.proposals", counted)
    task = find_task("add32")
    made = Night(store, replace((await night(store)).context, task=task))
    policy, prefix = made.policy, made.policy._operators["rewrite.rtl-prefix"]
    wiring = policy._operators["rewrite.rtl-wiring"]
    adder = task.read("hand/sklansky.py")
    for number in range(SURE + 8):
        await made.finish(Choice(parents=()), 1.0, f"{adder}\n# {number}\n")
        (parent,) = store.parents_among(made.context.campaign_id, [number])
        assert policy._proposes(prefix, parent)
        assert not policy._proposes(wiring, parent), "it is for multipliers"
        made.ordinal += 1
    assert (looks[prefix.name], looks[wiring.name]) == (SURE, SURE + 8)
    missed = Choice(parents=(0,), operator_name=prefix.name)
    await policy.tell(made.result(7, missed, 1.0))
    assert policy._proposes(prefix, parent)
    assert looks[prefix.name] == SURE + 1
