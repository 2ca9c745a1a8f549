"""The planner without a model: retrieval and parsed numbers for the goal, the judge's last word for a step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agents.fencing import clean_line
from agents.planner_reading import read_goal_by_words
from nightforge.domain.plan import GoalReading
from nightforge.domain.ports import Clock
from nightforge.domain.task import Task
from nightforge.domain.team import StepContext, StepPlan
from nightforge.domain.words import OperatorKind


class OfflinePlanner:
    """Implements `nightforge.domain.team.Planner`; deterministic given the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def read_goal(self, goal: str, tasks: Sequence[Task]) -> GoalReading:
        return read_goal_by_words(goal, tasks, now=self._local_now())

    async def plan_step(self, context: StepContext) -> StepPlan:
        """Leave the operator to the coder, whose choice is seeded; pass on what the judge said of the parent."""
        if context.shift:
            # Rewrites of one parent are used up: join what stands apart, or change the structure once more.
            kind = OperatorKind.CROSSOVER if context.inspirations else OperatorKind.REWRITE
            return StepPlan(operator=kind, reason="the search stands still: programs that stand apart are joined")
        verdict = context.parent.verdict
        if verdict is None or not verdict.next_step:
            return StepPlan(reason="nothing is known of the parent but its score")
        return StepPlan(hint=clean_line(verdict.next_step), reason=clean_line(f"parent: {verdict.bottleneck}"))

    def _local_now(self) -> datetime:
        """The user's own time of day, for goals such as "until 7"."""
        return self._clock.now().astimezone()
