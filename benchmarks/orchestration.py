"""CPU and disk of orchestration per candidate: instant replies over loopback HTTP, an evaluator that returns at once.

Everything else is real: SDK, graph, gate, database commits, events. Usage:

    python -m benchmarks.orchestration [--candidates 100 1000 4000] [--preset solo team] [--preload 0] [--folder DIR]

With `--preload N` all campaigns run in one database, which holds N candidates of another campaign before.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise, product
from pathlib import Path

from benchmarks.campaigns import campaign, replying
from benchmarks.store import fill

WINDOW = 100


@dataclass(frozen=True)
class Disk:
    """Bytes of the database, and of the message blobs within it (prompts are reported apart)."""

    total: int
    prompts: int
    files: int


def disk(home: Path) -> Disk:
    files = [path for path in home.iterdir() if path.name.startswith("nightforge.db")]
    if not files:
        return Disk(0, 0, 0)
    with closing(sqlite3.connect(home / "nightforge.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        prompts = connection.execute(
            "SELECT coalesce(sum(length(data)), 0) FROM blob WHERE sha256 IN (SELECT content_sha FROM call_message)"
        ).fetchone()[0]
    return Disk(sum(path.stat().st_size for path in files), prompts, len(files))


def measure(home: Path, preset: str, candidates: int) -> None:
    home.mkdir(exist_ok=True)
    before = disk(home)
    with replying() as base_url:
        started = time.monotonic()
        _, marks = asyncio.run(campaign(home, base_url, preset, candidates, in_flight=4, concurrent_calls=8))
        wall_s = time.monotonic() - started
    used = disk(home)
    gaps = [later - earlier for earlier, later in pairwise(marks.cpu_s)]
    window = min(WINDOW, len(gaps) // 2)
    first, last = sum(gaps[:window]) / window, sum(gaps[-window:]) / window
    prompts = used.prompts - before.prompts
    kept_kb = (used.total - before.total - prompts) / marks.rows / 1e3
    print(
        f"{preset:5s} {candidates:6d} evaluations, {marks.rows} candidates"
        f"  CPU {1e3 * sum(gaps) / marks.rows:6.2f} ms/candidate"
        f" ({1e3 * sum(gaps) / len(gaps):.2f} ms/evaluation)"
        f"  first {window}: {1e3 * first:6.2f}  last {window}: {1e3 * last:6.2f}  ratio {last / first:5.2f}"
        f"  {candidates / wall_s:6.1f}/s  disk {kept_kb:5.2f} kB + prompts {prompts / marks.rows / 1e3:5.2f} kB"
        f"  files {used.files}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 1000, 4000])
    parser.add_argument("--preset", nargs="+", default=["solo", "team"])
    parser.add_argument("--preload", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    names = ("langgraph", "openai", "sqlalchemy", "pydantic")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in names)
        + f", load {os.getloadavg()[0]:.1f}, preloaded {options.preload}"
    )
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        shared = Path(folder) / "shared"
        if options.preload:
            shared.mkdir()
            asyncio.run(fill(shared / "nightforge.db", options.preload))
        for number, (preset, candidates) in enumerate(product(options.preset, options.candidates)):
            measure(shared if options.preload else Path(folder) / str(number), preset, candidates)


if __name__ == "__main__":
    main()
