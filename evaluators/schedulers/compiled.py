"""Formulas played by a driver in C: the same decisions as by the program, at a hundredth of its time.

The engine is our own text, built once by the box's compiler and run in a box. The formula reaches it as data, so that
no candidate's code runs at all, and one process may play all instances. What it answers is verified like any answer;
where many rules are compared it is taken at its word (not `checked`). Finalists run as the programs that they are.
"""

from __future__ import annotations

import os
import weakref
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import cast

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
from nightforge.domain.base import Json
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.errors import EvaluatorFault
from sandbox.channel import NONCE_BYTES, BadReply, pack, read_frame

_FOLDER = Path(__file__).parent / "engine"
_TOGETHER, _MOST_TOGETHER = 8, 64
"""Instances of the first question, and of later ones, which double: a race looks at them in between."""
_MOST_REPLY_BYTES = 64 * MIB
_PATIENCE_S = 60.0
_LIMITS = Limits(
    wall_s=86400.0,
    cpu_s=86400,
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


async def build_engine(sandbox: Sandbox, problem: Problem) -> Engine | None:
    """None where there is no compiler, or no driver in C: programs run as they are then."""
    if not isinstance(problem, Compiled):
        return None
    names = ("engine.h", "main.c", f"{problem.engine}.c")
    result = await sandbox.run(
        ["gcc", *_FLAGS, "-o", "engine", "/job/main.c", f"/job/{problem.engine}.c", "-lm"],
        files={name: _FOLDER / name for name in names},
        limits=Limits(wall_s=60, cpu_s=60),
        outputs=("engine",),
    )
    program = result.outputs.get("engine")
    return Engine(sandbox, program, problem) if result.ok and program else None


@dataclass
class _Warm:
    """A process that runs, and the instances that it knows, by their place in memory: they are kept with it."""

    session: SandboxSession
    closing: ExitStack
    known: dict[int, int] = field(default_factory=dict)
    kept: list[Instance] = field(default_factory=list)

    def ask(self, numbers: Sequence[float]) -> array[int]:
        nonce = os.urandom(NONCE_BYTES)
        self.session.send(pack(nonce, array("d", numbers).tobytes()))
        reply = read_frame(self.session.receive, nonce, timeout_s=_PATIENCE_S, most_bytes=_MOST_REPLY_BYTES)
        return array("i", reply)

    def play(
        self, problem: Compiled, formulas: Sequence[float], instances: Sequence[Instance], question: int
    ) -> array[int]:
        new = [instance for instance in instances if id(instance) not in self.known]
        if new:
            numbers: list[float] = [0, len(new)]
            for instance in new:
                encoded = instance.once(problem.encode)
                numbers += [len(encoded), *encoded]
                self.known[id(instance)] = len(self.kept)
                self.kept.append(instance)
            self.ask(numbers)
        return self.ask([question, *formulas, len(instances), *(self.known[id(instance)] for instance in instances)])


class Engine:
    """The driver in C of one problem: processes that wait for formulas, as many as were asked at once."""

    def __init__(self, sandbox: Sandbox, program: bytes, problem: Problem) -> None:
        self._sandbox = sandbox
        self._program = program
        self._problem = problem
        self._idle: list[_Warm] = []
        self._lock = Lock()
        # Boxes that wait have nothing to lose: they are closed with us, or when the process ends.
        weakref.finalize(self, _close_all, self._idle)

    def rest(self) -> None:
        """Ends the processes that wait."""
        with self._lock:
            _close_all(self._idle)

    def play(self, formulas: Sequence[float], instances: Sequence[Instance], *, costs_only: bool = False) -> array[int]:
        """As engine/main.c answers. Raises EvaluatorFault where a fresh process does not."""
        problem = self._problem
        assert isinstance(problem, Compiled)
        while True:
            with self._lock:
                warm = self._idle.pop() if self._idle else None
            is_fresh = warm is None
            warm = warm or self._start()
            try:
                reply = warm.play(problem, formulas, instances, 2 if costs_only else 1)
            except BadReply as bad:
                warm.closing.close()
                if is_fresh:
                    raise EvaluatorFault(f"the compiled driver does not answer: {bad}", where=self._problem.name) from (
                        bad
                    )
                continue  # it came to the end of its limits
            except BaseException:
                warm.closing.close()
                raise
            with self._lock:
                self._idle.append(warm)
            return reply

    def _start(self) -> _Warm:
        closing = ExitStack()
        opened = self._sandbox.start(["/job/engine"], files={"engine": self._program}, limits=_LIMITS)
        return _Warm(closing.enter_context(opened), closing)


def _close_all(idle: list[_Warm]) -> None:
    while idle:
        idle.pop().closing.close()


class FormulaPlayer:
    """Plays formulas; what the engine calls doubtful, and all after it, is left to `program`."""

    def __init__(
        self,
        engine: Engine,
        problem: Problem,
        formulas: Sequence[Postfix],
        program: RulePlayer,
        *,
        checked: bool = True,
    ) -> None:
        self._engine = engine
        self._problem = problem
        self._checked = checked
        self._is_offline = isinstance(problem, OfflineProblem)
        self._together = _TOGETHER
        self._formulas = flattened(formulas)
        self._program = program
        self._is_doubtful = False

    @property
    def together(self) -> int:
        """In the next question."""
        return self._program.together if self._is_doubtful else self._together

    def answers(self, instances: Sequence[Instance]) -> list[Answered]:
        """Verified costs, as those of `RulePlayer.answers`; where it is not `checked`, what the engine counted."""
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
        reply = self._engine.play(self._formulas, instances, costs_only=not self._checked)
        cpu_s = reply.pop() / 1e6
        self._together = min(_MOST_TOGETHER, 2 * self._together)
        answered, place = [], 0
        for instance in instances:
            is_doubtful, length = reply[place], reply[place + 1]
            if is_doubtful:
                self._is_doubtful = True
                break
            numbers = reply[place + 2 : place + 2 + length].tolist()
            place += 2 + length
            cost = self._cost(instance, problem.decode(instance, numbers)) if self._checked else numbers[0]
            answered.append(Answered(cost, cpu_s / len(instances)))
        return answered

    def _cost(self, instance: Instance, answer: object) -> Cost:
        """Raises EvaluatorFault: the answer is the driver's work, and only its order the candidate's."""
        problem = self._problem
        try:
            if self._is_offline:
                return cast("OfflineProblem", problem).verify(instance, cast("Json", answer))
            return _replayed(cast("OnlineProblem", problem), instance, answer)
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
