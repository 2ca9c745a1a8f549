"""A candidate's rule in a box, asked instance by instance; clock, limits and verdict are on this side."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evaluators.cascade import CandidateFailed
from evaluators.schedulers.problem import Cost, Instance, OfflineProblem, OnlineProblem, Problem, Violated
from nightforge.domain.base import Json
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox, SandboxSession
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault
from sandbox import runners
from sandbox.channel import BadReply, ask, strict_json

PYTHON = "/usr/bin/python3"
MOST_ANSWER_BYTES = 1024 * 1024
_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
_MACHINE_PATIENCE = 10.0
_LEAST_WALL_S = 2.0
_WORKER = Path(next(iter(runners.__path__))) / "rule_worker.py"


class RuleFailed(CandidateFailed):
    """The rule gave no valid answer. `reason`: infeasible, crash, timeout, malformed, too_large, over_budget."""


@dataclass(frozen=True)
class Budget:
    """CPU seconds of one instance, and whether many small or one long decision is expected."""

    cpu_s: float

    @property
    def stop_s(self) -> float:
        """CPU time at which it is hopeless to go on."""
        return 1.5 * self.cpu_s + 4 * _TICK_S

    @property
    def wall_s(self) -> float:
        """Long enough for a busy machine: the CPU time is what decides."""
        return max(_LEAST_WALL_S, self.cpu_s * _MACHINE_PATIENCE)


@dataclass(frozen=True)
class Answered:
    cost: Cost
    cpu_s: float


class RulePlayer:
    """One box with one candidate. After a failure the box is gone; the next instance opens another."""

    def __init__(self, sandbox: Sandbox, source: str, problem: Problem, budget: Budget) -> None:
        self._sandbox = sandbox
        self._source = source
        self._problem = problem
        self._budget = budget
        self._session: SandboxSession | None = None
        self._closing: Callable[[], object] | None = None

    def answer(self, instance: Instance) -> Answered:
        """The verified cost. Raises RuleFailed; EvaluatorFault where the problem is neither offline nor online."""
        session = self._open()
        began = _tree_cpu_s(session.pid)
        try:
            cost = self._cost(session, instance)
        except BadReply as bad:
            raise self._ended(bad, session, began) from bad
        except Violated as violated:
            self.close()
            raise RuleFailed("infeasible", f"{instance.name}: {violated.constraint}: {violated.detail}") from violated
        cpu_s = max(0.0, _tree_cpu_s(session.pid) - began)
        if cpu_s > self._budget.cpu_s + 2 * _TICK_S:
            self.close()
            raise RuleFailed(
                "timeout",
                f"{instance.name}: {cpu_s:.2f} s of CPU time; {self._budget.cpu_s:g} s are allowed",
                Outcome.TIMEOUT,
            )
        return Answered(cost, cpu_s)

    def _cost(self, session: SandboxSession, instance: Instance) -> Cost:
        deadline = time.monotonic() + self._budget.wall_s

        def put(question: Json) -> Json:
            left_s = max(0.001, deadline - time.monotonic())
            reply = ask(session, question, timeout_s=left_s, most_bytes=MOST_ANSWER_BYTES)
            return strict_json(reply, most_bytes=MOST_ANSWER_BYTES)

        problem = self._problem
        if isinstance(problem, OfflineProblem):
            return problem.verify(instance, put({"solve": instance.data}))
        if isinstance(problem, OnlineProblem):
            put({"open": instance.data})
            cost = problem.play(instance, lambda arguments: put({"ask": list(arguments)}))
            put({"close": True})
            return cost
        raise EvaluatorFault(f"problem {problem.name!r} is neither offline nor online")

    def _open(self) -> SandboxSession:
        if self._session is None:
            problem = self._problem
            files: dict[str, bytes | Path] = {"rule_worker.py": _WORKER, "candidate.py": self._source.encode()}
            argv = [PYTHON, "-I", "-S", "/job/rule_worker.py", "/job/candidate.py", ",".join(problem.functions)]
            argv.append(repr(self._budget.stop_s))
            if isinstance(problem, OfflineProblem) and problem.driver:
                files["driver.py"] = problem.driver.encode()
                argv.append("/job/driver.py")
            opened = self._sandbox.start(argv, files=files, limits=_limits(self._budget))
            self._session = opened.__enter__()
            self._closing = lambda: opened.__exit__(None, None, None)
        return self._session

    def _ended(self, bad: BadReply, session: SandboxSession, began: float) -> RuleFailed:
        late = bad.reason == "timeout"
        result = session.close()
        self.close()
        if late:
            return RuleFailed("timeout", f"no answer within {self._budget.wall_s:g} s", Outcome.TIMEOUT)
        if bad.reason == "no_reply":
            return _describe_end(result)
        return RuleFailed("too_large" if bad.reason in {"too_large", "too_deep"} else "malformed", bad.detail)

    def close(self) -> None:
        closing, self._session, self._closing = self._closing, None, None
        if closing is not None:
            closing()


@contextmanager
def open_player(sandbox: Sandbox, source: str, problem: Problem, budget: Budget) -> Iterator[RulePlayer]:
    player = RulePlayer(sandbox, source, problem, budget)
    try:
        yield player
    finally:
        player.close()


def _limits(budget: Budget) -> Limits:
    return Limits(
        wall_s=3600.0,
        cpu_s=3600,
        memory_bytes=256 * MIB,
        address_space_bytes=1024 * MIB,
        processes=2,
        writable_bytes=1 * MIB,
        writable_inodes=64,
        file_bytes=0,
        output_bytes=64 * 1024,
    )


def _describe_end(result: ExecResult) -> RuleFailed:
    stderr = result.stderr.decode("utf-8", "replace")[-1500:].strip()
    if result.reason is ExitReason.MEMORY_LIMIT:
        return RuleFailed("memory_limit", "it took more memory than a rule may have")
    if result.reason is ExitReason.CPU_LIMIT:
        return RuleFailed("timeout", "it used up its CPU time", Outcome.TIMEOUT)
    if result.reason is ExitReason.OUTPUT_LIMIT:
        return RuleFailed("output_limit", "it flooded its output")
    if result.signal == signal.SIGPROF:
        return RuleFailed("timeout", "it used up its CPU time", Outcome.TIMEOUT)
    status = result.exit_code if result.exit_code is not None else f"signal {result.signal}"
    return RuleFailed("crash", f"it ended (status {status}) without an answer\n{stderr}".strip())


def _tree_cpu_s(pid: int) -> float:
    """CPU time of the process and of all its children that have ended, in steps of the kernel's tick."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    fields: Sequence[str] = text.rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12, 13, 14)) * _TICK_S


def worker_file() -> Path:
    """Our side of the box: a part of every fingerprint."""
    return _WORKER
