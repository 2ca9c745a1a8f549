"""What one candidate asks of the database does not grow with the number of those before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from itertools import pairwise
from random import Random
from statistics import mean

import pytest
from nightforge_toy.evaluator import ToyEvaluator
from sqlalchemy import Engine, event

from agents.offline.team import OfflineTeam
from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.plan import Budget
from nightforge.domain.task import Task
from nightforge.domain.team import Draft, StepContext
from nightforge.domain.words import OperatorKind, Phase
from workflows.contract import AwaitApproval, Done, NightRequest
from workflows.night import Night

NightOpener = Callable[..., AbstractAsyncContextManager[Night]]
pytestmark = pytest.mark.box
WINDOW = 40


class NewEachTime:
    async def write(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft:
        source = f"X = {1 + context.ordinal % 6}\nY = {context.ordinal % 40}\n# {context.ordinal}\n"
        return Draft(source=source, operator=OperatorKind.FULL, operator_name="full.new")

    async def repair(self, context: StepContext, *, random: Random, is_known: Callable[[str], bool]) -> Draft:
        raise AssertionError("nothing fails here")


@contextmanager
def counting() -> Iterator[list[int]]:
    """The one number in the list grows with each statement."""
    count = [0]

    def add(*_: object) -> None:
        count[0] += 1

    event.listen(Engine, "before_cursor_execute", add)
    try:
        yield count
    finally:
        event.remove(Engine, "before_cursor_execute", add)


async def test_a_late_candidate_costs_no_more_statements_than_an_early_one(open_toy_night: NightOpener) -> None:
    marks: list[int] = []
    with counting() as count:

        class Counting(ToyEvaluator):
            async def evaluate(
                self,
                source: str,
                task: Task,
                parameters: Mapping[str, Scalar],
                *,
                seed: int,
                phase: Phase,
                calibration: Calibration | None = None,
                best_score: float | None = None,
            ) -> Evidence:
                if phase is Phase.SEARCH:
                    marks.append(count[0])
                return await super().evaluate(source, task, parameters, seed=seed, phase=phase)

        async with open_toy_night() as night:
            night.house.evaluators = {"toy": Counting}
            night.house.make_team = lambda models, budget, campaign_id: OfflineTeam(NewEachTime())
            request = NightRequest(goal="climb the hill to its peak", budget=Budget(evaluations=240), in_flight=3)
            assert isinstance(await night.begin(request), AwaitApproval)
            assert isinstance(await night.approve(), Done)
    steps = [later - earlier for earlier, later in pairwise(marks)]
    early, late = mean(steps[WINDOW : 2 * WINDOW]), mean(steps[-WINDOW:])
    assert early > 5
    assert late <= 1.1 * early + 1
