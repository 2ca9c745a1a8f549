"""Stores to hold to the contract: SQLite always, PostgreSQL where its server's programs are installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from benchmarks.private_postgres import NotHere, new_database, private_server
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.plan import Budget, Plan
from nightforge.domain.task import Objective
from nightforge.domain.words import Direction, Outcome, SandboxTier
from nightforge.store import SqlStore, open_store


class HandClock:
    """Time that moves only when a test says so."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 4 << 30
"""Bytes: each test has a database of its own, of some 300 files, which a disk takes long to make and to delete."""


def _memory() -> Path | None:
    """A file system in memory that holds all of them; None where there is none."""
    fits = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    return MEMORY if fits else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A private server on a socket of its own, run by an ordinary user; skips with the reason where it cannot run."""
    with ExitStack() as stack:
        try:
            pattern = stack.enter_context(private_server(folder=_memory()))
        except NotHere as reason:
            pytest.skip(str(reason))
        yield pattern


_NUMBERS = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'nightforge.db'}"
    pattern: str = request.getfixturevalue("postgres_server")
    return new_database(pattern, f"nf{os.getpid()}_{next(_NUMBERS)}")


@pytest.fixture
async def store(store_url: str, clock: HandClock) -> AsyncIterator[SqlStore]:
    opened = open_store(store_url, clock=clock)
    yield opened
    await opened.close()


@pytest.fixture
def plan() -> Plan:
    return Plan(
        goal="a faster softmax",
        task="softmax-long",
        parameters={"rows": 1},
        objectives=(Objective(metric="speedup", unit="x", direction=Direction.MAX),),
        budget=Budget(evaluations=10),
    )


EvidenceMaker = Callable[..., Evidence]


@pytest.fixture
def make_evidence() -> EvidenceMaker:
    def make(value: float | None = 1.0, *, reason: str = "wrong_output", feedback: str = "row 3 differs") -> Evidence:
        """Two stages; a `value` of None fails the second."""
        passed = value is not None
        last = StageEvidence(
            stage="measure",
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            reason="" if passed else reason,
            metrics={"speedup": Metric(value=value, unit="x", low=value - 0.1, high=value + 0.1, samples=9)}
            if value is not None
            else {},
            feedback="" if passed else feedback,
            duration_s=0.25,
            seed=2**64 - 1,
            tools={"gcc": "12.2.0"},
        )
        build = StageEvidence(stage="build", outcome=Outcome.PASS, feedback="one warning", duration_s=0.5)
        return Evidence(tier=SandboxTier.BUBBLEWRAP, stages=(build, last))

    return make
