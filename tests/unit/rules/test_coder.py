"""The offline coder with operators that draw, and the policy that draws linear rules."""

from __future__ import annotations

from pathlib import Path
from random import Random

from agents.offline.coder import OfflineCoder
from nightforge.domain.task import Objective
from nightforge.domain.team import Draft, Program, StepContext, StepPlan
from nightforge.domain.words import Direction, OperatorKind
from tools.rules.operators import LINEAR, Insert, Linear, Start
from tools.rules.program import rules_of
from workflows.nodes import UNREPAIRABLE_STAGES

SEED = (Path(__file__).resolve().parents[3] / "tasks" / "job-shop" / "seed.py").read_text(encoding="utf-8")


def context(seed: int, **step: object) -> StepContext:
    return StepContext(
        campaign_id="bako",
        ordinal=seed,
        goal="shorter",
        task="any",
        language="python",
        brief="",
        objective=Objective(metric="gap_closed", unit="of the gap", direction=Direction.MAX),
        parent=Program(ordinal=0, source=SEED),
        step=StepPlan.model_validate(step),
        seed=seed,
    )


async def written(coder: OfflineCoder, step: StepContext) -> Draft:
    draft = await coder.write(step, random=Random(step.seed), is_known=lambda source: source == SEED)
    assert isinstance(draft, Draft)
    return draft


async def test_what_draws_has_something_new_for_each_candidate() -> None:
    coder = OfflineCoder((Insert(),))
    sources = {(await written(coder, context(seed))).source for seed in range(8)}
    assert len(sources) == 8
    assert (await written(coder, context(3))).source == (await written(coder, context(3))).source


async def test_rules_by_people_go_before_what_is_drawn() -> None:
    draft = await written(OfflineCoder((Insert(), Start())), context(1))
    assert draft.operator_name == Start.name


async def test_all_rules_by_people_come_before_what_is_drawn() -> None:
    coder, known = OfflineCoder((Insert(), Start())), {SEED}
    (rule,) = rules_of(SEED)
    quoted = [one.formula for one in rule.known if one.formula != rule.formula]
    for formula in quoted:
        draft = await coder.write(context(1), random=Random(1), is_known=known.__contains__)
        assert isinstance(draft, Draft)
        assert rules_of(draft.source)[0].formula == formula
        known.add(draft.source)
    after = await coder.write(context(1), random=Random(1), is_known=known.__contains__)
    assert isinstance(after, Draft)
    assert after.operator_name == Insert.name


async def test_linear_rules_come_on_request_alone() -> None:
    coder = OfflineCoder((Insert(), Linear()))
    for seed in range(5):
        assert (await written(coder, context(seed))).operator_name == Insert.name
    asked = await written(coder, context(1, operator=OperatorKind.REWRITE, operator_name=LINEAR))
    assert asked.operator_name == LINEAR
    (rule,) = rules_of(asked.source)
    assert not any(node.op in {"/", "min", "max", "if"} for _, node in rule.formula.walk())


def test_a_valid_rule_that_lost_a_race_is_not_repaired() -> None:
    assert "raced_out" in UNREPAIRABLE_STAGES
