"""A PostgreSQL server of one's own: on a socket in a new folder, run by an ordinary user, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine


class NotHere(Exception):
    """What is missing, and how to get it."""


@contextmanager
def private_server(options: str = "", *, folder: Path | None = None) -> Iterator[str]:
    """The URL of its databases, with a place `{database}`. `options` go to the server; NotHere where it cannot run."""
    programs, user = _programs(), _ordinary_user()
    home = Path(tempfile.mkdtemp(prefix="nf-pg-", dir=folder or "/tmp"))
    if user is not None:
        shutil.chown(home, user)
    data = home / "data"
    try:
        _run([programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        said = f"-c listen_addresses='' -c fsync=off -c unix_socket_directories={home} -c max_connections=60 {options}"
        _run([programs / "pg_ctl", "-D", data, "-o", said, "-l", home / "log", "-w", "-t", "60", "start"], user)
        try:
            yield f"postgresql://tester@/{{database}}?host={home}"
        finally:
            _run([programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def new_database(pattern: str, name: str) -> str:
    """The URL of a new, empty database on that server."""
    maintenance = pattern.format(database="postgres").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(maintenance, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return pattern.format(database=name)


def _programs() -> Path:
    try:
        import psycopg as psycopg
    except ImportError:
        raise NotHere("psycopg is not installed: pip install 'nightforge[postgres]'") from None
    found = shutil.which("initdb")
    candidates = [Path(found).resolve().parent, Path(found).parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise NotHere("no PostgreSQL server is installed: apt-get install postgresql")


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
    raise NotHere("no ordinary user to run the PostgreSQL server as")


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
