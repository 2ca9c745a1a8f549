"""Stores to hold to the contract: SQLite always, PostgreSQL where its server's programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A private server on a socket of its own, run by an ordinary user; skips with the reason where it cannot run."""
    programs = _postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="nf-pg-", dir="/tmp"))
    user = _ordinary_user()
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    try:
        _run([programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        options = f"-c listen_addresses='' -c fsync=off -c unix_socket_directories={folder} -c max_connections=60"
        _run([programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "-t", "60", "start"], user)
        try:
            yield f"postgresql://tester@/{{database}}?host={folder}"
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path:
    found = shutil.which("initdb")
    candidates = [Path(found).parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'nightforge[postgres]'")
            return folder
    pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")


def _ordinary_user() -> str | None:
    """The server refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    pytest.skip("no ordinary user to run the PostgreSQL server as")


def _run(arguments: list[str | Path], user: str | None) -> None:
    # Output goes to a file: the server inherits it, and a pipe would never see its end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(each) for each in arguments],
            user=user,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=120,
            check=False,
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode(errors="replace")


_NUMBERS = count()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'nightforge.db'}"
    pattern: str = request.getfixturevalue("postgres_server")
    name = f"nf{os.getpid()}_{next(_NUMBERS)}"
    engine = create_engine(
        pattern.format(database="postgres").replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return pattern.format(database=name)


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
