"""A candidate's function in the box: a fresh child for each call, its answer as plain data, its CPU time counted.

The box and its runner are those of scheduling rules (`evaluators.schedulers.player`): one process that never runs
candidate code forks a child per question, from which nothing survives into the next one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from evaluators.cascade import CandidateFailed
from evaluators.program.spec import ProgramSettings
from evaluators.python_candidates import check_imports, parse_functions
from evaluators.schedulers.player import Budget, RulePlayer, open_player
from evaluators.schedulers.problem import Feature, Instance, Split
from nightforge.domain.base import Json, Scalar
from nightforge.domain.ports import Sandbox

_DRIVER = "def solve(functions, instance):\n    return functions[0](**instance)\n"
_PATIENCE = 4.0


@dataclass(frozen=True)
class ProgramBudget(Budget):
    """Whoever sleeps is not waited for as long as one that computes on a busy machine might need."""

    def wall_s(self, count: int) -> float:
        return 5.0 + _PATIENCE * self.allowed_s(count)


class _Question:
    """Implements `evaluators.schedulers.problem.OfflineProblem`: keeps the answer, which is judged elsewhere."""

    name = "program"
    features: tuple[Feature, ...] = ()

    def __init__(self, function: str) -> None:
        self.functions = (function,)
        self.driver = _DRIVER
        self.answer: Json = None

    def generate(self, split: Split, seed: int) -> Sequence[Instance]:
        return ()

    def bound(self, instance: Instance) -> int:
        return 0

    def verify(self, instance: Instance, answer: Json) -> int:
        self.answer = answer
        return 0


@dataclass(frozen=True)
class Answered:
    answer: Json
    cpu_s: float


class Runner:
    """One box with one candidate; each `call` is a process of its own. Blocking.

    The function is given the task's parameters by name; those that are texts only say what is meant.
    """

    def __init__(self, player: RulePlayer, question: _Question, arguments: Mapping[str, Scalar]) -> None:
        self._player = player
        self._question = question
        self._arguments: dict[str, Json] = {
            name: value for name, value in arguments.items() if not isinstance(value, str)
        }

    def call(self) -> Answered:
        """Raises CandidateFailed: crash, timeout, malformed, too_large, memory_limit, output_limit, left_traces."""
        answered = self._player.answer(Instance("", "", self._arguments))
        return Answered(self._question.answer, answered.cpu_s)


@contextmanager
def open_runner(
    sandbox: Sandbox, source: str, function: str, arguments: Mapping[str, Scalar], seconds: float
) -> Iterator[Runner]:
    question = _Question(function)
    with open_player(sandbox, source, question, ProgramBudget(seconds)) as player:
        yield Runner(player, question, arguments)


def check_text(source: str, settings: ProgramSettings) -> ast.Module:
    """Raises CandidateFailed: too_long, syntax_error, no_function, forbidden_import."""
    size = len(source.encode())
    if size > settings.most_bytes:
        raise CandidateFailed("too_long", f"{size} bytes; a program has at most {settings.most_bytes}")
    tree = parse_program(source, settings.function)
    check_imports(tree, settings.imports, CandidateFailed)
    return tree


def parse_program(source: str, function: str) -> ast.Module:
    """Raises CandidateFailed: syntax_error, no_function."""
    return parse_functions(source, (function,), CandidateFailed)
