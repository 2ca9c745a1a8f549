"""Who plays a candidate where only costs count: the compiled driver where it is a formula, else the program itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from evaluators.schedulers.compiled import Engine, FormulaPlayer
from evaluators.schedulers.formulas import postfix_of
from evaluators.schedulers.player import Budget, RulePlayer, open_player
from evaluators.schedulers.problem import Problem
from nightforge.domain.ports import Sandbox

Player = RulePlayer | FormulaPlayer
T = TypeVar("T")


def batches(player: Player, items: Sequence[T]) -> Iterator[Sequence[T]]:
    """What the player takes in one question, which may grow as it plays."""
    place = 0
    while place < len(items):
        batch = items[place : place + player.together]
        place += len(batch)
        yield batch


@contextmanager
def open_quick(
    sandbox: Sandbox,
    source: str,
    problem: Problem,
    budget: Budget,
    *,
    engine: Engine | None,
    together: int = 1,
    checked: bool = True,
) -> Iterator[Player]:
    """Not for finalists, which run as the programs that they are. `engine` as `build_engine` gives it; not `checked`:
    the engine's own costs are taken."""
    formulas = postfix_of(source, problem) if engine else None
    with open_player(sandbox, source, problem, budget, together=together) as program:
        if engine is None or formulas is None:
            yield program
        else:
            yield FormulaPlayer(engine, problem, formulas, program, checked=checked)
