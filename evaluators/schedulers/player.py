"""A candidate's rule in a box, asked instance by instance; clock, limits and verdict are on this side."""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluators.cascade import CandidateFailed
from evaluators.python_candidates import PYTHON
from evaluators.schedulers.problem import Cost, Instance, OfflineProblem, OnlineProblem, Play, Problem, Violated
from nightforge.domain.base import Json
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault
from sandbox import runners
from sandbox.channel import NONCE_BYTES, BadReply, pack, read_frame, strict_json

MOST_ANSWER_BYTES = 1024 * 1024
_RECORD = struct.Struct(f"<{NONCE_BYTES}sid")
_MACHINE_PATIENCE = 10.0
_LEAST_WALL_S = 5.0
_STEP_WALL_S = 10.0
"""For one decision of an online problem: whoever sleeps is not waited for until the time of all decisions is over."""
_SLACK_S = 0.005
"""Of the CPU time: a fork, and the kernel's own work at the end of a process."""
_NO_DRIVER = "def solve(functions, instance):\n    return functions[0](instance)\n"
_FAILED, _LEFT_TRACES = 70, 71
"""Exit codes of a child, as sandbox/runners/rule_worker.py has them."""
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
_LIMITS = Limits(
    wall_s=3600.0,
    cpu_s=3600,
    memory_bytes=256 * MIB,
    address_space_bytes=1024 * MIB,
    processes=2,
    writable_bytes=1 * MIB,
    writable_inodes=16,
    file_bytes=0,
    output_bytes=64 * 1024,
)
"""Two processes: the box's own and one child, which can start neither another nor a thread."""
_WORKER = Path(next(iter(runners.__path__))) / "rule_worker.py"


class RuleFailed(CandidateFailed):
    """The rule gave no valid answer.

    `reason`: infeasible, crash, timeout, malformed, too_large, memory_limit, output_limit, left_traces. `instance` is
    empty where several were played side by side; `constraint` names what an infeasible answer breaks.
    """

    def __init__(
        self,
        reason: str,
        feedback: str,
        outcome: Outcome = Outcome.FAIL,
        *,
        instance: str = "",
        constraint: str = "",
    ) -> None:
        super().__init__(reason, f"{instance}: {feedback}" if instance else feedback, outcome)
        self.instance = instance
        self.constraint = constraint


@dataclass(frozen=True)
class Budget:
    """CPU seconds that one instance may take."""

    cpu_s: float

    def allowed_s(self, count: int) -> float:
        return self.cpu_s * count + _SLACK_S

    def wall_s(self, count: int) -> float:
        """Long enough for a busy machine: the CPU time is what decides."""
        return _LEAST_WALL_S + self.allowed_s(count) * _MACHINE_PATIENCE


@dataclass(frozen=True)
class Answered:
    cost: Cost
    cpu_s: float
    """Of the child's whole life, by the kernel's count; of several played side by side, an equal share each."""


class RulePlayer:
    """One box with one candidate. After a failure the box is gone; the next instance opens another.

    At most `together` online instances are played side by side, in one process: this saves most of the talking, and
    a rule that uses it to pass something from one instance to another could learn no more than what has been seen.
    """

    def __init__(self, sandbox: Sandbox, source: str, problem: Problem, budget: Budget, *, together: int = 1) -> None:
        self._sandbox = sandbox
        self._source = source
        self._problem = problem
        self._budget = budget
        self.together = together if isinstance(problem, OnlineProblem) else 1
        self._session: SandboxSession | None = None
        self._control = -1
        self._closing = ExitStack()

    def answer(self, instance: Instance) -> Answered:
        """The verified cost. Raises RuleFailed; EvaluatorFault where the problem is neither offline nor online."""
        return self.answers([instance])[0]

    def answers(self, instances: Sequence[Instance]) -> list[Answered]:
        """The same for several instances in one process: of an online problem, at most `together`."""
        name = instances[0].name if len(instances) == 1 else ""
        session = self._open(len(instances))
        wall_s = self._budget.wall_s(len(instances))
        step_s = _STEP_WALL_S if isinstance(self._problem, OnlineProblem) else wall_s
        exchange = _Exchange(session, self._control, wall_s=wall_s, step_s=step_s)
        try:
            costs = self._costs(exchange, instances)
            record = exchange.wait_for_end()
        except BadReply as bad:
            raise self._ended(bad, exchange, len(instances), name) from bad
        except Violated as violated:
            self.close()
            where = violated.instance or name
            detail = f"{violated.constraint}: {violated.detail}"
            raise RuleFailed("infeasible", detail, instance=where, constraint=violated.constraint) from violated
        if record.code != 0:
            raise self._died(record, len(instances), name)
        self._check_time(record.cpu_s, len(instances), name)
        return [Answered(cost, record.cpu_s / len(instances)) for cost in costs]

    def _costs(self, exchange: _Exchange, instances: Sequence[Instance]) -> list[Cost]:
        problem = self._problem
        if isinstance(problem, OfflineProblem):
            return [problem.verify(instance, exchange.put({"solve": instance.data})) for instance in instances]
        if isinstance(problem, OnlineProblem):
            return _play(exchange, problem, instances)
        raise EvaluatorFault(f"problem {problem.name!r} is neither offline nor online")

    def _check_time(self, cpu_s: float, count: int, name: str) -> None:
        if cpu_s > self._budget.allowed_s(count):
            self.close()
            said = f"{cpu_s:.3f} s of CPU time; {self._budget.cpu_s * count:g} s are allowed"
            raise RuleFailed("timeout", said, Outcome.TIMEOUT, instance=name)

    def _open(self, count: int) -> SandboxSession:
        if count > self.together:
            raise EvaluatorFault(f"{count} instances side by side; {self.together} were announced")
        if self._session is None:
            problem = self._problem
            files: dict[str, bytes | Path] = {"rule_worker.py": _WORKER, "candidate.py": self._source.encode()}
            argv = [PYTHON, "-I", "-S", "/job/rule_worker.py", "/job/candidate.py", ",".join(problem.functions)]
            argv += [repr(self._budget.allowed_s(self.together) + _SLACK_S), "/job/driver.py"]
            driver = problem.driver if isinstance(problem, OfflineProblem | OnlineProblem) else ""
            files["driver.py"] = (driver or _NO_DRIVER).encode()
            self._control, inside = os.pipe()
            self._closing.callback(os.close, self._control)
            try:
                opened = self._sandbox.start(argv, files=files, descriptors=(inside,), limits=_LIMITS)
                self._session = self._closing.enter_context(opened)
            finally:
                os.close(inside)
        return self._session

    def _ended(self, bad: BadReply, exchange: _Exchange, count: int, name: str) -> RuleFailed:
        if bad.reason == "timeout":
            self.close()
            said = "it neither answers nor computes, or does not go after its answer"
            return RuleFailed("timeout", said, Outcome.TIMEOUT, instance=name)
        if bad.reason == "no_reply":
            return self._died(exchange.record(), count, name)
        self.close()
        reason = "too_large" if bad.reason in {"too_large", "too_deep"} else "malformed"
        return RuleFailed(reason, f"{bad.reason}: {bad.detail}", instance=name)

    def _died(self, record: _Record | None, count: int, name: str) -> RuleFailed:
        session = self._session
        if session is None:
            raise EvaluatorFault("the box is closed")
        result = session.close()
        self.close()
        late = record is not None and record.cpu_s > self._budget.allowed_s(count)
        if late or (record is not None and record.code in {-signal.SIGPROF, -signal.SIGXCPU}):
            return RuleFailed("timeout", "it used up its CPU time", Outcome.TIMEOUT, instance=name)
        return _describe_end(result, record, name)

    def close(self) -> None:
        self._session, self._control = None, -1
        self._closing.close()


@dataclass(frozen=True)
class _Record:
    """What the box's own process tells of a child that is dead: see sandbox/runners/rule_worker.py."""

    nonce: bytes
    code: int
    cpu_s: float


class _Exchange:
    """Questions and answers of one child, until its end."""

    def __init__(self, session: SandboxSession, control: int, *, wall_s: float, step_s: float) -> None:
        self._session = session
        self._control = control
        self._step_s = step_s
        self._deadline = time.monotonic() + wall_s
        self._first = b""

    def put(self, question: Json) -> Json:
        nonce = os.urandom(NONCE_BYTES)
        self._first = self._first or nonce
        self._session.send(pack(nonce, _ENCODER.encode(question).encode()))
        reply = read_frame(self._session.receive, nonce, timeout_s=self._left_s(), most_bytes=MOST_ANSWER_BYTES)
        return strict_json(reply, most_bytes=MOST_ANSWER_BYTES)

    def _left_s(self) -> float:
        left_s = self._deadline - time.monotonic()
        return max(0.001, min(left_s, self._step_s))

    def wait_for_end(self) -> _Record:
        """Raises BadReply when the child lives on after its answer."""
        record = self._read(self._left_s())
        if record is None:
            raise BadReply("timeout", "answered, and does not go")
        return record

    def record(self) -> _Record | None:
        """None where there is none: the box ended before its own process could tell."""
        try:
            return self._read(0.0)
        except BadReply:
            return None

    def _read(self, timeout_s: float) -> _Record | None:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        if not poll.poll(timeout_s * 1000):
            return None
        data = os.read(self._control, _RECORD.size)
        if len(data) < _RECORD.size:
            raise BadReply("no_reply", "the box ended")
        record = _Record(*_RECORD.unpack(data))
        if record.nonce != self._first:
            raise EvaluatorFault("the box tells of another question than the one that was asked")
        return record


def _play(exchange: _Exchange, problem: OnlineProblem, instances: Sequence[Instance]) -> list[Cost]:
    """All instances side by side, one decision of each that is not over per question."""
    exchange.put({"open": [instance.data for instance in instances]})
    costs: dict[int, Cost] = {}
    plays: dict[int, Play] = {}
    pending: dict[int, Json] = {}
    for which, instance in enumerate(instances):
        plays[which] = problem.play(instance)
        pending[which] = next(plays[which])
    while pending:
        decisions = exchange.put({"ask": [[which, observation] for which, observation in pending.items()]})
        if not isinstance(decisions, list) or len(decisions) != len(pending):
            raise BadReply("protocol", "not as many decisions as questions")
        for which, decision in zip(tuple(pending), decisions, strict=True):
            try:
                pending[which] = plays[which].send(decision)
            except StopIteration as end:
                costs[which] = end.value
                del pending[which]
            except Violated as violated:
                raise Violated(violated.constraint, violated.detail, instances[which].name) from violated
    exchange.put({"close": True})
    return [costs[which] for which in range(len(instances))]


@contextmanager
def open_player(
    sandbox: Sandbox, source: str, problem: Problem, budget: Budget, *, together: int = 1
) -> Iterator[RulePlayer]:
    player = RulePlayer(sandbox, source, problem, budget, together=together)
    try:
        yield player
    finally:
        player.close()


def _describe_end(result: ExecResult, record: _Record | None, name: str) -> RuleFailed:
    stderr = result.stderr.decode("utf-8", "replace")[-1500:].strip()
    if result.reason is ExitReason.MEMORY_LIMIT or stderr.endswith("MemoryError"):
        return RuleFailed("memory_limit", "it took more memory than a rule may have", instance=name)
    if result.reason is ExitReason.CPU_LIMIT:
        return RuleFailed("timeout", "it used up its CPU time", Outcome.TIMEOUT, instance=name)
    if result.reason is ExitReason.OUTPUT_LIMIT:
        return RuleFailed("output_limit", "it flooded its output", instance=name)
    if record is not None and record.code == _LEFT_TRACES:
        return RuleFailed("left_traces", "it changed a folder that the next instance would see", instance=name)
    code = record.code if record is not None else result.exit_code
    status = "" if code == _FAILED else f" (status {code})" if code is not None else f" (signal {result.signal})"
    return RuleFailed("crash", f"it ended{status} without an answer\n{stderr}".strip(), instance=name)


def worker_file() -> Path:
    """Our side of the box: a part of every fingerprint."""
    return _WORKER
