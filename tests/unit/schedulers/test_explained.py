"""Finalists explained, in a real box on a few small shops; what the judge is told of a broken constraint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from protocol_server import ProtocolServer
from protocol_server.behaviours import answer
from protocol_server.workbench import Workbench, spec
from rule_play import scheduling_task

from agents.judge import LlmJudge
from agents.offline.judge import OfflineJudge
from evaluators.schedulers.evaluator import SchedulerEvaluator
from evaluators.schedulers.explain import Explainer, explained
from evaluators.schedulers.jobshop import JobShop
from evaluators.schedulers.player import Budget, open_player
from evaluators.schedulers.problem import Instance, Split
from evaluators.schedulers.scoring import OK, Row
from evaluators.schedulers.sets import CaseBook
from evaluators.schedulers.spec import read_settings
from nightforge.domain.explanation import Explanation
from nightforge.domain.ports import Sandbox
from nightforge.domain.team import Program, StepContext
from nightforge.domain.words import Phase
from sandbox.probe import open_sandbox
from tools.rules.formula import parse
from tools.rules.program import rules_of

pytestmark = pytest.mark.box
FEW = 5
LONG = 'f["waited"] * 0 - f["duration"] / max(f["remaining"], 1) + 0.0001 * (f["now"] - f["now"])'
NOT_ONCE = "def order(instance):\n    return [0] * len(instance['transactions'])\n"


class FewShops(JobShop):
    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        return super().generate(split, seed)[:FEW]


@pytest.fixture(scope="module")
def box() -> Sandbox:
    return open_sandbox()


@pytest.fixture(scope="module")
def book(box: Sandbox) -> CaseBook:
    task = scheduling_task("job-shop")
    settings = read_settings(task)
    few = tuple(rule for rule in settings.baselines if rule.name in {"spt", "lwkr"})
    return CaseBook(box, task, settings.model_copy(update={"baselines": few}), FewShops(), Budget(0.5))


def program(formula: str) -> str:
    task = scheduling_task("job-shop")
    rule = rules_of(task.read(task.seed))[0]
    return rule.with_formula(parse(formula))


def rows_of(box: Sandbox, book: CaseBook, source: str) -> list[Row]:
    with open_player(box, source, book.problem, Budget(0.5)) as player:
        return [
            Row(case.instance.name, case.instance.group, OK, case.yardstick, player.answer(case.instance).cost)
            for case in book.cases(Split.VALIDATION)
        ]


def test_a_finalist_is_explained(box: Sandbox, book: CaseBook) -> None:
    source = program(LONG)
    rows = rows_of(box, book, source)
    found = Explainer(box, book, source).explain(rows)
    assert [row.instance for row in found.rows] == [case.instance.name for case in book.cases(Split.VALIDATION)]
    assert found.checked == len(book.cases(Split.TRAIN)) + len(book.cases(Split.VALIDATION))
    (short,) = found.short
    assert "waited" not in short
    assert "now" not in short
    changed = program(short.removeprefix("priority: "))
    assert [row.cost for row in rows_of(box, book, changed)] == [row.cost for row in rows], "the same schedules"
    losses = {one.feature: one.loss for one in found.importance}
    assert set(losses) == {"waited", "duration", "remaining", "now"}
    assert losses["waited"] == losses["now"] == 0
    assert losses["duration"] > 0


def test_charts_show_valid_schedules_of_the_length_that_counts(box: Sandbox, book: CaseBook) -> None:
    source = program('-f["duration"] / f["remaining"]')
    found = Explainer(box, book, source).explain(rows_of(box, book, source))
    baseline, candidate = found.charts
    best = max(found.rows, key=lambda row: row.gain)
    assert (baseline.length, candidate.length) == (best.baseline, best.cost)
    for chart in found.charts:
        assert max(span.end for span in chart.spans) == chart.length
        for lane in {span.lane for span in chart.spans}:
            bars = sorted((span.start, span.end) for span in chart.spans if span.lane == lane)
            assert all(end <= start for (_, end), (start, _) in pairwise(bars))
    assert found.lane == "machine"


def test_what_fails_while_it_is_explained_decides_nothing(box: Sandbox, book: CaseBook) -> None:
    rows = rows_of(box, book, program('f["duration"]'))
    assert explained(box, book, "def priority(f):\n    return 1 // 0\n", rows) == ""
    again = explained(box, book, program('f["duration"]'), rows)
    assert Explanation.model_validate_json(again).rows


async def test_the_judge_is_told_which_constraint_broke_on_which_instance(
    box: Sandbox, protocol_server: ProtocolServer, step: StepContext, tmp_path: Path
) -> None:
    task = scheduling_task("txn-order")
    evidence = await SchedulerEvaluator(box).evaluate(NOT_ONCE, task, {}, seed=0, phase=Phase.SEARCH)
    failure = evidence.failure
    assert failure is not None
    assert (failure.stage, failure.reason) == ("train", "infeasible")
    instance = failure.feedback.split(":")[0]
    assert "permutation" in failure.feedback
    assert "0 stands more than once" in failure.feedback
    protocol_server.always(answer(json.dumps({"summary": "It repeats one."})))
    async with Workbench(tmp_path) as bench:
        judge = LlmJudge(bench.client(spec(protocol_server.base_url)))
        await judge.judge(step.model_copy(update={"campaign_id": bench.campaign_id}), NOT_ONCE, evidence)
    prompt = protocol_server.requests[0].prompt
    for text in ("infeasible", instance, "permutation", "0 stands more than once"):
        assert text in prompt
    verdict = await OfflineJudge().judge(step, NOT_ONCE, evidence)
    assert "constraint" in verdict.next_step


@pytest.fixture
def step() -> StepContext:
    task = scheduling_task("txn-order")
    return StepContext(
        campaign_id="bako",
        ordinal=1,
        goal="order transactions",
        task=task.name,
        language=task.language,
        brief=task.read("brief.md"),
        objective=task.objective,
        parent=Program(ordinal=0, source=task.read(task.seed)),
    )
