"""Can a scheduling task's verifier be believed? Forged answers must be refused, human rules admitted.

For a rule every function is legitimate, so that a mutant of one is just another rule, good or bad, and proves nothing;
and a mutant of an answer (a start time later by one) may be a valid answer. What must not pass are answers that cannot
be right whatever the instance: these are the impostors. That every single constraint is checked is shown by tests, one
broken by one unit at a time. No mutation score is offered, and reports say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256

from evaluators.integrity.seams import Impostor
from evaluators.schedulers.player import Budget, RuleFailed, open_player
from evaluators.schedulers.problem import Instance, OnlineProblem, Problem, Split
from evaluators.schedulers.text_rules import parse_rule
from nightforge.domain.integrity import Finding
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Alarm
from nightforge.errors import EvaluatorFault

_FORGED = """

import sys

_driver = sys.modules["driver"]
_honest = _driver.solve


def _each(value, change):
    if isinstance(value, list):
        return [_each(one, change) for one in value]
    return change(value) if type(value) is int else value


def _forge(functions, instance):
    answer = _honest(functions, instance)
    return {answer}


_driver.solve = _forge
"""
_FORGED_DECISION = """

import sys

sys.modules["driver"].begin = lambda functions, facts: lambda observation: {answer}
"""
_ANSWERS = (
    ("zeros", "every number of the answer is 0", "_each(answer, lambda number: 0)"),
    ("millions", "every number of the answer is 10^6", "_each(answer, lambda number: 10**6)"),
    ("negative", "every number of the answer is turned below zero", "_each(answer, lambda number: -1 - number)"),
    ("fractions", "every number of the answer is a half more", "_each(answer, lambda number: number + 0.5)"),
    ("missing", "the last part of the answer is left out", "answer[:-1]"),
    ("duplicated", "the first part of the answer stands for the last, too", "answer[:-1] + [answer[0], answer[0]]"),
    ("copied", "the instance is the answer", "instance"),
    ("nothing", "an empty list", "[]"),
    ("a-word", "a word instead of an answer", "'optimal'"),
)
_DECISIONS = (
    ("negative", "every decision is -1", "-1"),
    ("one", "every decision is 1, possible or not", "1"),
    ("million", "every decision is 10^6", "10**6"),
    ("fraction", "every decision is 1.5", "1.5"),
    ("truth", "every decision is true", "True"),
    ("nothing", "every decision is null", "None"),
    ("copied", "what is observed is the decision", "[observation]"),
    ("a-word", "every decision is a word", "'best'"),
)


def impostors_of(problem: Problem, honest: str) -> Sequence[Impostor]:
    """Programs whose answers are forged behind the back of the driver that makes them from an honest rule."""
    text, kinds = (_FORGED_DECISION, _DECISIONS) if isinstance(problem, OnlineProblem) else (_FORGED, _ANSWERS)
    return [Impostor(name, title, honest + text.replace("{answer}", answer)) for name, title, answer in kinds]


class RuleChecker:
    """Implements `evaluators.integrity.seams.Checker`: the verifier on one instance of each group.

    Imports are not looked at here, so that the verifier has to hold alone.
    """

    def __init__(
        self, sandbox: Sandbox, problem: Problem, budget: Budget, tools: Mapping[str, str], *, seed: int
    ) -> None:
        self._sandbox = sandbox
        self._problem = problem
        self._budget = budget
        self._tools = tools
        self._instances = _one_of_each(problem, seed)

    async def tools(self) -> Mapping[str, str]:
        return self._tools

    async def check(self, source: str, *, known: Collection[str] = ()) -> Finding:
        return await asyncio.to_thread(self._find, source, self._instances)

    async def recheck(self, source: str, *, seed: int) -> Finding:
        instances = _one_of_each(self._problem, seed)
        return await asyncio.to_thread(self._find, source, instances)

    async def prove_equal(self, one: str, other: str) -> str:
        return ""

    def _find(self, source: str, instances: Sequence[Instance]) -> Finding:
        try:
            parse_rule(source, self._problem)
        except RuleFailed as failure:
            return Finding(built=False, accepted=False, stage="rules", reason=failure.reason, feedback=failure.feedback)
        digest, spent = sha256(), 0.0
        try:
            with open_player(self._sandbox, source, self._problem, self._budget) as player:
                for instance in instances:
                    answered = player.answer(instance)
                    digest.update(f"{answered.cost}\n".encode())
                    spent += answered.cpu_s
                    if answered.cost < self._problem.bound(instance):
                        raise RuleFailed(Alarm.BEYOND_BOUND, f"{instance.name}: {answered.cost} is below its bound")
        except RuleFailed as failure:
            return Finding(built=True, accepted=False, stage="train", reason=failure.reason, feedback=failure.feedback)
        return Finding(built=True, accepted=True, stage="train", answers=digest.hexdigest(), seconds=spent)


def _one_of_each(problem: Problem, seed: int) -> Sequence[Instance]:
    firsts: dict[str, Instance] = {}
    for instance in problem.generate(Split.TRAIN, seed):
        firsts.setdefault(instance.group, instance)
    if not firsts:
        raise EvaluatorFault(f"problem {problem.name!r} has no training instances")
    return tuple(firsts.values())
