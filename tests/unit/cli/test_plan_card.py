"""The plan card says all that a person needs before anything is spent."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nightforge.cli.plan_card import card_record, print_card
from nightforge.cli.tasks import integrity_lines
from nightforge.domain.integrity import IntegritySummary
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.words import Direction, SandboxTier
from workflows.contract import PlanCard
from workflows.plan_words import budget_text


def printed(card: PlanCard) -> str:
    stream = io.StringIO()
    print_card(card, Console(file=stream, width=400, highlight=False, markup=False, emoji=False))
    return stream.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        "fast softmax over one long row",
        "speedup in x, higher is better: CPU time against c-fast",
        "compile (gcc inside the sandbox)",
        "C fast-math: speedup 1 x ← reference",
        "torch.softmax: not measured: torch is not installed",
        "2.10% between equal runs; smallest gain that can be told apart: 1.04 x",
        "at most 3.20 x (least memory traffic)",
        "sandbox      bubblewrap",
        "nothing leaves this machine",
        "offline: no model is used",
        "10 min, 40 evaluations, $2.00 (whichever ends first)",
        "5 min-10 min, 40-90 evaluations, $0.00",
        "the budget; near-bound: the best reaches 97% of the room",
        "One thread was assumed.",
        "⚠ Baseline torch is missing",
        "threads = 1",
    ],
)
def test_the_card_says(card: PlanCard, words: str) -> None:
    assert words in printed(card)


def test_a_room_within_the_noise_is_said_in_capitals(card: PlanCard) -> None:
    small = card.model_copy(update={"room_is_small": True})
    assert "NOT MORE than the smallest gain" in printed(small)
    assert "NOT MORE" not in printed(card)


def test_no_sandbox_is_said_loudly(card: PlanCard) -> None:
    assert "WITHOUT A SANDBOX" in printed(card.model_copy(update={"tier": SandboxTier.UNSAFE_LOCAL}))


def test_models_stand_with_endpoint_and_price(card: PlanCard) -> None:
    model = ModelSpec(model="m-1", base_url="http://127.0.0.1:9/v1", input_usd_per_mtok=1.5, output_usd_per_mtok=6)
    plan = card.plan.model_copy(update={"models": (model,)})
    text = printed(card.model_copy(update={"plan": plan}))
    assert "m-1 at http://127.0.0.1:9/v1 ($1.5 in, $6 out per million tokens)" in text


def test_the_smallest_gain_of_an_objective_to_push_down_is_below_the_reference(card: PlanCard) -> None:
    objective = card.plan.objectives[0].model_copy(update={"direction": Direction.MIN})
    plan = card.plan.model_copy(update={"objectives": (objective,)})
    text = printed(card.model_copy(update={"plan": plan}))
    assert "lower is better" in text
    assert "told apart: 0.958 x" in text


def test_the_smallest_gain_of_an_amount_is_an_amount_and_where_it_begins(card: PlanCard) -> None:
    objective = card.plan.objectives[0].model_copy(update={"direction": Direction.MIN, "unit": "um2"})
    plan = card.plan.model_copy(update={"objectives": (objective,)})
    text = printed(card.model_copy(update={"plan": plan}))
    assert "told apart: 0.0420 um2 (0.958 um2 and better)" in text


def test_a_hostile_goal_cannot_steer_the_terminal(card: PlanCard) -> None:
    plan = card.plan.model_copy(update={"goal": "x\x1b[2J\u202ey"})
    assert "x·y" in printed(card.model_copy(update={"plan": plan}))


def test_the_record_is_whole_and_has_no_evaluator_settings(card: PlanCard) -> None:
    record = card_record(card)
    assert {"kind", "plan", "task", "calibration", "tier", "disclosure", "estimate", "warnings"} <= set(record)
    assert "settings" not in str(record["task"])


def test_a_single_cap_needs_no_whichever(card: PlanCard) -> None:
    assert budget_text(card.plan.model_copy(update={"budget": Budget(tokens=5000)})) == "5000 tokens"


def test_survivors_take_one_line_and_stand_in_full_with_the_task(card: PlanCard) -> None:
    survivors = tuple(f"seed.c:{line}:abc n → n + {line} (no proof that it must be so)" for line in range(1, 7))
    found = IntegritySummary(score=0.97, counts={"caught": 194, "equivalent": 26}, survivors=survivors)
    text = printed(card.model_copy(update={"integrity": found}))
    assert "6 survivors: nightforge tasks softmax-long" in text
    assert "no proof" not in text
    lines = integrity_lines(found)
    assert lines[0] == "  integrity  mutation score 97.0%, 194 of 200"
    assert [line for line in lines if "n → n + 4" in line] == [f"    survived {survivors[3]}"]


def test_where_nothing_is_noisy_any_better_score_is_a_gain(card: PlanCard) -> None:
    exact = card.model_copy(update={"calibration": card.calibration.model_copy(update={"band": 0.0})})
    assert "can be told apart: any (better than 1 x, the best baseline's)" in printed(exact)
