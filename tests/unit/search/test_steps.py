"""What the policy decides is honoured by the offline team."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agents.offline.coder import OfflineCoder
from agents.offline.planner import OfflinePlanner
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, OperatorContext, Program, StepContext, StepPlan
from nightforge.domain.words import Direction, OperatorKind
from tools.clock import SystemClock


class Append:
    languages: frozenset[str] = frozenset()

    def __init__(self, name: str, prior: float, kind: OperatorKind = OperatorKind.REWRITE) -> None:
        self.name, self.prior, self.kind, self.structural = name, prior, kind, False

    def propose(self, context: OperatorContext) -> Sequence[Draft]:
        made = f"{context.parent.source} {self.name}"
        return [Draft(source=made, operator=self.kind, operator_name=self.name)]


def context(step: StepPlan, **more: object) -> StepContext:
    parent = Program(ordinal=0, source="seed", score=1.0)
    objective = Objective(metric="speedup", unit="x", direction=Direction.MAX)
    base = StepContext(
        campaign_id="c", ordinal=1, goal="", task="t", language="c", brief="", objective=objective, parent=parent
    )
    return base.model_copy(update={"step": step, **more})


async def sources(step: StepPlan) -> list[str]:
    coder = OfflineCoder([Append("rewrite.a", 0.9), Append("rewrite.b", 0.1), Append("tune.c", 0.5, OperatorKind.TUNE)])
    known = {"seed"}
    found = []
    for _ in range(3):
        draft = await coder.write(context(step), random=Random(0), is_known=known.__contains__)
        assert isinstance(draft, Draft)
        known.add(draft.source)
        found.append(draft.operator_name)
    return found


async def test_a_named_operator_goes_first_then_its_kind_then_all() -> None:
    named = StepPlan(operator=OperatorKind.REWRITE, operator_name="rewrite.b")
    assert await sources(named) == ["rewrite.b", "rewrite.a", "tune.c"]
    assert (await sources(StepPlan(operator_name="tune.c")))[0] == "tune.c"
    assert (await sources(StepPlan(operator_name="rewrite.gone")))[0] == "rewrite.a"


async def test_instead_of_a_named_operator_comes_any_other_and_not_the_most_promising() -> None:
    step = StepPlan(operator=OperatorKind.TUNE, operator_name="tune.spent")
    spent = Append("tune.spent", 0.5, OperatorKind.TUNE)
    others = [Append("rewrite.a", 0.9), Append("rewrite.b", 0.8), Append("rewrite.c", 0.7)]
    for one in others:
        one.structural = True  # in our own order these are stacked first
    coder = OfflineCoder([spent, *others])
    known = {"seed", "seed tune.spent"}
    made = set()
    for seed in range(40):
        draft = await coder.write(context(step), random=Random(seed), is_known=known.__contains__)
        assert isinstance(draft, Draft)
        made.add(draft.operator_name)
    assert made == {"rewrite.a", "rewrite.b", "rewrite.c"}


async def test_the_offline_planner_joins_what_stands_apart_when_the_search_stands_still() -> None:
    planner = OfflinePlanner(SystemClock())
    other = Program(ordinal=3, source="other")
    joined = await planner.plan_step(context(StepPlan(), shift=True, inspirations=(other,)))
    alone = await planner.plan_step(context(StepPlan(), shift=True))
    assert (joined.operator, alone.operator) == (OperatorKind.CROSSOVER, OperatorKind.REWRITE)
    assert (await planner.plan_step(context(StepPlan()))).operator is None
