"""The offline coder: what it tries first, what it never tries twice, and how it mends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest

from agents.offline.coder import STACK, OfflineCoder, load_operators
from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import StageEvidence
from nightforge.domain.profile import Bottleneck
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, NoDraft, Operator, OperatorContext, Program, StepContext, StepPlan
from nightforge.domain.words import Direction, OperatorKind, Outcome
from tools.sections import Sectioned


class Append:
    """Adds `count` different words to a program: an operator small enough to reason about."""

    languages: frozenset[str] = frozenset()

    def __init__(
        self, name: str, count: int, prior: float = 0.5, *, structural: bool = False, kind: OperatorKind | None = None
    ) -> None:
        self.name, self._count, self.prior, self.structural = name, count, prior, structural
        self.kind = kind or OperatorKind.REWRITE

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        stem = self.name.rpartition(".")[2]
        return [
            Draft(source=f"{context.parent.source} {stem}{k}", operator=self.kind, operator_name=self.name, note=stem)
            for k in range(self._count)
            if f"{stem}{k}" not in context.parent.source
        ]


class OnlyVerilog(Append):
    languages = frozenset({"verilog"})


def _context(source: str = "seed", **changes: object) -> StepContext:
    base = StepContext(
        campaign_id="c",
        ordinal=1,
        goal="",
        task="t",
        language="c",
        brief="",
        objective=Objective(metric="speedup", unit="x", direction=Direction.MAX),
        parent=Program(ordinal=0, source=source, score=1.0),
    )
    return base.model_copy(update=changes)


async def _all(coder: OfflineCoder, context: StepContext, seed: int = 0) -> list[Draft]:
    known = {context.parent.source}
    found: list[Draft] = []
    while True:
        made = await coder.write(context, random=Random(seed), is_known=known.__contains__)
        if isinstance(made, NoDraft):
            assert made.reason == "nothing_to_try"
            return found
        known.add(made.source)
        found.append(made)


def _operators() -> list[Operator]:
    return [
        Append("rewrite.small", 3, 0.2),
        Append("rewrite.big", 1, 0.9, structural=True),
        Append("rewrite.wide", 2, 0.8, structural=True),
        OnlyVerilog("rewrite.other", 5, 1.0),
    ]


async def test_stack_first_then_one_of_each_then_the_rest_each_once() -> None:
    made = await _all(OfflineCoder(_operators()), _context())
    assert [draft.source for draft in made[:4]] == ["seed big0 wide0", "seed big0", "seed wide0", "seed small0"]
    assert made[0].operator_name == STACK
    assert made[0].note == "big + wide: big; wide"
    assert {draft.source for draft in made[4:]} == {"seed wide1", "seed small1", "seed small2"}


async def test_planner_kind_goes_first_and_is_no_dead_end() -> None:
    operators = [Append("rewrite.a", 1, 0.9), Append("tune.b", 1, 0.1, kind=OperatorKind.TUNE)]
    context = _context(step=StepPlan(operator=OperatorKind.TUNE))
    made = await _all(OfflineCoder(operators), context)
    assert [draft.source for draft in made] == ["seed b0", "seed a0"]
    context = _context(step=StepPlan(operator=OperatorKind.DIFF))
    assert len(await _all(OfflineCoder(operators), context)) == 2


async def test_parallel_drafts_of_one_step_differ() -> None:
    coder = OfflineCoder(_operators())
    made = [
        await coder.write(_context(draft=k), random=Random(0), is_known=lambda source: source == "seed")
        for k in range(3)
    ]
    sources = [draft.source for draft in made if isinstance(draft, Draft)]
    assert len(set(sources)) == 3


async def test_a_resumed_coder_goes_on_where_the_first_stopped() -> None:
    known = {"seed"}
    first = OfflineCoder(_operators())
    for _ in range(3):
        draft = await first.write(_context(), random=Random(4), is_known=known.__contains__)
        assert isinstance(draft, Draft)
        known.add(draft.source)
    again = await OfflineCoder(_operators()).write(_context(), random=Random(4), is_known=known.__contains__)
    assert again == await first.write(_context(), random=Random(4), is_known=known.__contains__)


class Counted(Append):
    """Counts how often it is asked."""

    asked = 0

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        self.asked += 1
        return super().propose(context)


async def test_what_depends_on_scores_is_asked_once_it_is_chosen() -> None:
    tuner = Counted("tune.t", 4, 0.0001, kind=OperatorKind.TUNE)
    coder = OfflineCoder([Append("rewrite.a", 400, 1.0), tuner])
    step = StepPlan(by_chance=True)
    for seed in range(40):
        await coder.write(_context(step=step), random=Random(seed), is_known=lambda _: False)
    assert tuner.asked < 10
    named = StepPlan(operator_name="tune.t")
    made = await coder.write(_context(step=named), random=Random(0), is_known=lambda _: False)
    assert isinstance(made, Draft)
    assert made.operator_name == "tune.t"


async def test_success_among_the_inspirations_makes_an_operator_likelier() -> None:
    operators = [Append("rewrite.a", 40, 0.5), Append("rewrite.b", 40, 0.5)]
    good = tuple(Program(ordinal=k, source=f"g{k}", score=2.0, operator_name="rewrite.b") for k in range(1, 9))
    known = {"seed", "seed a0", "seed b0"}
    coder, counts = OfflineCoder(operators), {"rewrite.a": 0, "rewrite.b": 0}
    for seed in range(200):
        draft = await coder.write(_context(inspirations=good), random=Random(seed), is_known=known.__contains__)
        assert isinstance(draft, Draft)
        counts[draft.operator_name] += 1
    assert counts["rewrite.b"] > 3 * counts["rewrite.a"]


async def _repaired(source: str, known: set[str]) -> Draft | NoDraft:
    failure = StageEvidence(stage="correctness", outcome=Outcome.FAIL, reason="wrong_output")
    context = _context(broken=Program(ordinal=5, source=source), failure=failure, attempt=1)
    return await OfflineCoder(_operators()).repair(context, random=Random(0), is_known=known.__contains__)


async def test_an_operator_of_no_promise_that_is_named_gives_all_that_it_has() -> None:
    # Such is `tune.tpe`: the policy of that name asks for it each time, and its first proposal is soon known.
    coder = OfflineCoder([Append("rewrite.rare", 4, prior=0.0)])
    made = await _all(coder, _context(step=StepPlan(operator_name="rewrite.rare")))
    assert len(made) == 4


async def test_repair_tries_another_form_of_the_same_rewrite() -> None:
    draft = await _repaired("seed small0", {"seed", "seed small0", "seed small1"})
    assert isinstance(draft, Draft)
    assert draft.source == "seed small2"
    assert draft.operator is OperatorKind.REPAIR
    assert draft.note.startswith("instead of what failed")


async def test_repair_of_a_stack_leaves_the_last_layer_out_first() -> None:
    draft = await _repaired("seed big0 wide0", {"seed", "seed big0 wide0"})
    assert isinstance(draft, Draft)
    assert draft.source == "seed big0"


@pytest.mark.parametrize("source", ["unheard of", "seed big0"])
async def test_repair_gives_up_where_nothing_weaker_is_left(source: str) -> None:
    made = await _repaired(source, {"seed", source})
    assert isinstance(made, NoDraft)
    assert made.reason == "nothing_to_try"


async def test_repair_without_a_broken_program() -> None:
    made = await OfflineCoder(_operators()).repair(_context(), random=Random(0), is_known=lambda _: False)
    assert isinstance(made, NoDraft)


class Broken(Append):
    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        raise ValueError("a fault of an operator from elsewhere")


async def test_a_faulty_operator_is_passed_over_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    made = await _all(OfflineCoder([Broken("rewrite.broken", 1, 0.9), Append("rewrite.a", 1)]), _context())
    assert [draft.source for draft in made] == ["seed a0"]
    assert "rewrite.broken failed on candidate 0" in caplog.text


SUM = """void kernel(const float *x, float *y, long n) {
    float sum = 0;
    for (long i = 0; i < n; i++) sum += x[i];
    for (long i = 0; i < n; i++) y[i] = x[i] / sum;
}
"""


async def test_registered_operators_give_a_long_supply_of_distinct_programs() -> None:
    made = await _all(OfflineCoder(), _context(SUM))
    assert len({draft.source for draft in made}) == len(made) > 20
    assert {"rewrite.stream_store", "rewrite.split_accumulators", "rewrite.reciprocal"} <= {
        d.operator_name for d in made
    }


async def test_other_languages_get_the_operators_that_fit_any() -> None:
    source = "# nf: tune SIZE in {1,2,3}\nSIZE = 1\n"
    made = await _all(OfflineCoder(), _context(source, language="julia"))
    assert {draft.operator_name for draft in made} == {"tune.optuna"}
    assert len(made) == 2


def test_registered_names_are_unique_and_prefixed_by_kind() -> None:
    operators = [operator for operator in load_operators() if not isinstance(operator, Sectioned)]
    names = [operator.name for operator in operators]
    assert len(set(names)) == len(names)
    check: Callable[[Operator], bool] = lambda operator: operator.name.startswith(f"{operator.kind.value}.")  # noqa: E731
    assert all(check(operator) for operator in operators)


async def test_a_step_by_chance_draws_among_an_operators_proposals() -> None:
    """Else every seed of the policy `random` begins with the same steps."""
    coder = OfflineCoder([Append("rewrite.a", 8), Append("rewrite.b", 8)])

    async def firsts(step: StepPlan) -> set[str]:
        made = [
            await coder.write(_context(step=step), random=Random(seed), is_known=lambda _: False) for seed in range(60)
        ]
        return {one.source for one in made if isinstance(one, Draft)}

    assert await firsts(StepPlan(operator_name="rewrite.b")) == {"seed b0"}
    assert await firsts(StepPlan(operator_name="rewrite.b", by_chance=True)) == {f"seed b{k}" for k in range(8)}


class Relief(Append):
    """Meant for kernels that memory limits."""

    relieves = frozenset({"memory_bound"})


class Layer(Append):
    """Laid on again and again in a stack."""

    repeated = True


async def test_what_is_meant_for_the_bottleneck_comes_before_what_promises_more() -> None:
    operators: list[Operator] = [Append("rewrite.any", 1, 0.9), Relief("rewrite.fit", 1, 0.2)]
    parent = Program(ordinal=0, source="seed", score=1.0)

    async def first(limit: Bottleneck | None) -> str:
        judged = parent.model_copy(update={"verdict": Verdict(limit=limit)})
        made = await _all(OfflineCoder(operators), _context(parent=judged))
        assert {draft.source for draft in made} == {"seed any0", "seed fit0"}
        return made[0].source

    assert await first(Bottleneck.MEMORY_BOUND) == "seed fit0"
    assert await first(Bottleneck.COMPUTE_BOUND) == "seed any0"
    assert await first(None) == "seed any0"


async def test_by_chance_the_bottleneck_weighs_more_and_rules_nothing_out() -> None:
    operators: list[Operator] = [Append("rewrite.any", 1, 0.4), Relief("rewrite.fit", 1, 0.4)]
    limited = Program(ordinal=0, source="seed", score=1.0, verdict=Verdict(limit=Bottleneck.MEMORY_BOUND))
    context = _context(parent=limited, step=StepPlan(by_chance=True))
    firsts = [(await _all(OfflineCoder(operators), context, seed))[0].source for seed in range(100)]
    assert 60 < firsts.count("seed fit0") < 100


async def test_a_repeated_layer_is_laid_on_until_it_finds_no_place() -> None:
    operators: list[Operator] = [
        Layer("rewrite.again", 3, 0.9, structural=True),
        Append("rewrite.once", 3, 0.8, structural=True),
    ]
    made = await _all(OfflineCoder(operators), _context())
    assert made[0].source == "seed again0 again1 again2 once0"


async def test_stacks_without_one_layer_each_follow_the_whole() -> None:
    operators: list[Operator] = [
        Append(f"rewrite.{name}", 1, prior, structural=True) for name, prior in (("a", 0.9), ("b", 0.8), ("c", 0.7))
    ]
    made = await _all(OfflineCoder(operators), _context())
    assert [draft.source for draft in made[:4]] == ["seed a0 b0 c0", "seed a0 b0", "seed a0 c0", "seed b0 c0"]
    assert all(draft.operator_name == STACK for draft in made[:4])
