"""Formulas played by a driver in C: the same decisions as by the program, at a hundredth of its time.

The engine is our own text, built once by the box's compiler and run in a box. The formula reaches it as data, so that
no candidate's code runs at all, and one process may play all instances. What it answers is verified like any answer.
Finalists run as the programs that they are.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evaluators.schedulers.formulas import Postfix, flattened
from evaluators.schedulers.player import Answered, RulePlayer
from evaluators.schedulers.problem import (
    Compiled,
    Cost,
    Instance,
    OfflineProblem,
    OnlineProblem,
    Problem,
    Violated,
)
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.errors import EvaluatorFault
from sandbox.channel import NONCE_BYTES, BadReply, pack, read_frame

_FOLDER = Path(__file__).parent / "engine"
_TOGETHER = 8
"""Instances per question: a race looks at them in between."""
_MOST_REPLY_BYTES = 64 * MIB
_PATIENCE_S = 60.0
_LIMITS = Limits(
    wall_s=3600.0,
    cpu_s=3600,
    memory_bytes=512 * MIB,
    address_space_bytes=1024 * MIB,
    processes=1,
    writable_bytes=1 * MIB,
    writable_inodes=16,
    file_bytes=0,
    output_bytes=64 * 1024,
)
_FLAGS = ("-std=gnu11", "-O2", "-ffp-contract=off", "-Wall")
"""No fused multiplication: doubles are rounded as Python rounds them."""


async def build_engine(sandbox: Sandbox, problem: Problem) -> bytes:
    """The program; empty where there is no compiler, or no driver in C: programs run as they are then."""
    if not isinstance(problem, Compiled):
        return b""
    names = ("engine.h", "main.c", f"{problem.engine}.c")
    result = await sandbox.run(
        ["gcc", *_FLAGS, "-o", "engine", "/job/main.c", f"/job/{problem.engine}.c", "-lm"],
        files={name: _FOLDER / name for name in names},
        limits=Limits(wall_s=60, cpu_s=60),
        outputs=("engine",),
    )
    return result.outputs.get("engine", b"") if result.ok else b""


class FormulaPlayer:
    """Plays formulas; what the engine calls doubtful, and all after it, is left to `program`."""

    def __init__(
        self, session: SandboxSession, problem: Problem, formulas: Sequence[Postfix], program: RulePlayer
    ) -> None:
        self._session = session
        self._problem = problem
        self._formulas = flattened(formulas)
        self._program = program
        self._is_doubtful = False
        self._sent = 0

    @property
    def together(self) -> int:
        return self._program.together if self._is_doubtful else _TOGETHER

    def answers(self, instances: Sequence[Instance]) -> list[Answered]:
        """Verified costs, as those of `RulePlayer.answers`."""
        played = [] if self._is_doubtful else self._play(instances)
        at_once = self._program.together
        rest = instances[len(played) :]
        for place in range(0, len(rest), at_once):
            played += self._program.answers(rest[place : place + at_once])
        return played

    def _play(self, instances: Sequence[Instance]) -> list[Answered]:
        """Up to the first doubtful one."""
        problem = self._problem
        assert isinstance(problem, Compiled)
        encoded = [instance.once(problem.encode) for instance in instances]
        kept: list[float] = [0, len(instances)]
        for numbers in encoded:
            kept += [len(numbers), *numbers]
        self._ask(kept)
        which = range(self._sent, self._sent + len(instances))
        self._sent += len(instances)
        reply = self._ask([1, *self._formulas, len(instances), *which])
        cpu_s = reply.pop() / 1e6
        answered, place = [], 0
        for instance in instances:
            is_doubtful, length = reply[place], reply[place + 1]
            if is_doubtful:
                self._is_doubtful = True
                break
            numbers = reply[place + 2 : place + 2 + length].tolist()
            place += 2 + length
            answered.append(Answered(self._cost(instance, problem.decode(instance, numbers)), cpu_s / len(instances)))
        return answered

    def _ask(self, numbers: Sequence[float]) -> array[int]:
        nonce = os.urandom(NONCE_BYTES)
        self._session.send(pack(nonce, array("d", numbers).tobytes()))
        try:
            reply = read_frame(self._session.receive, nonce, timeout_s=_PATIENCE_S, most_bytes=_MOST_REPLY_BYTES)
        except BadReply as bad:
            raise EvaluatorFault(f"the compiled driver does not answer: {bad}", where=self._problem.name) from bad
        return array("i", reply)

    def _cost(self, instance: Instance, answer: object) -> Cost:
        """Raises EvaluatorFault: the answer is the driver's work, and only its order the candidate's."""
        problem = self._problem
        try:
            if isinstance(problem, OfflineProblem):
                return problem.verify(instance, answer)  # type: ignore[arg-type]
            assert isinstance(problem, OnlineProblem)
            return _replayed(problem, instance, answer)
        except (Violated, StopIteration) as broken:
            raise EvaluatorFault(
                f"the compiled driver answers {instance.name} wrongly: {broken}",
                where=problem.name,
                hint="its C and its Python differ",
            ) from broken


def _replayed(problem: OnlineProblem, instance: Instance, decisions: object) -> Cost:
    """One decision after another, as if they came one by one."""
    assert isinstance(decisions, list)
    play = problem.play(instance)
    next(play)
    for place, decision in enumerate(decisions):
        try:
            play.send(decision)
        except StopIteration as end:
            if place + 1 < len(decisions):
                raise Violated("form", "more decisions than questions") from None
            cost: Cost = end.value
            return cost
    raise Violated("form", "fewer decisions than questions")


@contextmanager
def open_formulas(
    sandbox: Sandbox, engine: bytes, problem: Problem, formulas: Sequence[Postfix], program: RulePlayer
) -> Iterator[FormulaPlayer]:
    with sandbox.start(["/job/engine"], files={"engine": engine}, limits=_LIMITS) as session:
        yield FormulaPlayer(session, problem, formulas, program)
