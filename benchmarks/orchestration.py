"""CPU and disk of orchestration per candidate: instant replies over loopback HTTP, an evaluator that returns at once.

Everything else is real: SDK, graph, gate, database commits, events. Usage:

    python benchmarks/orchestration.py [--candidates 100 1000 4000] [--preset solo team]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "toy_domain")]

from nightforge_toy.evaluator import ToyEvaluator
from pydantic import SecretStr

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.plan import Budget, ModelSpec
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import Phase, TeamKind
from nightforge.settings import Settings
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import open_night

WINDOW = 100


class InstantEvaluator(ToyEvaluator):
    """The toy domain's evaluator, noting the CPU time at each call."""

    def __init__(self, sandbox: Sandbox, marks: list[float]) -> None:
        super().__init__(sandbox)
        self.marks = marks

    async def evaluate(
        self,
        source: str,
        task: Task,
        parameters: Mapping[str, Scalar],
        *,
        seed: int,
        phase: Phase,
        calibration: Calibration | None = None,
        best_score: float | None = None,
    ) -> Evidence:
        if phase is Phase.SEARCH:
            self.marks.append(time.process_time())
        return await super().evaluate(source, task, parameters, seed=seed, phase=phase)


@contextmanager
def replying() -> Iterator[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "reply_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield json.loads(server.stdout.readline())["base_url"]
        finally:
            server.stdin.close()


async def run(home: Path, base_url: str, preset: str, candidates: int) -> list[float]:
    """CPU time of this process at the start of each evaluation."""
    marks: list[float] = []
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home / 'nightforge.db'}",
        base_url=base_url,
        api_key=SecretStr("none"),
        max_concurrent_calls=8,
    )
    model = ModelSpec(model="instant", base_url=base_url, input_usd_per_mtok=1.0, output_usd_per_mtok=1.0)
    request = NightRequest(
        task="toy-peak",
        goal="climb the hill to its peak",
        budget=Budget(evaluations=candidates, cost_usd=1e6),
        preset=preset,
        drafts=1,
        repairs=0,
        in_flight=4,
        team=TeamKind.LLM,
        models=(model,),
    )
    async with open_night(settings, stop=StopSwitch()) as night:
        night.house.evaluators = {"toy": lambda sandbox: InstantEvaluator(sandbox, marks)}
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval), card
        done = await night.approve()
        assert isinstance(done, Done), done
        tally = night.store.tally(done.campaign_id)
        assert tally.evaluations == candidates, tally
    return marks


def disk(home: Path) -> dict[str, int]:
    """Bytes of the database, and of the message blobs within it (prompts are reported apart)."""
    files = [path for path in home.iterdir() if path.name.startswith("nightforge.db")]
    with sqlite3.connect(home / "nightforge.db") as connection:
        prompts = connection.execute(
            "SELECT coalesce(sum(length(data)), 0) FROM blob WHERE sha256 IN (SELECT content_sha FROM call_message)"
        ).fetchone()[0]
    return {"total": sum(path.stat().st_size for path in files), "prompts": prompts, "files": len(files)}


def measure(preset: str, candidates: int) -> None:
    with tempfile.TemporaryDirectory() as folder, replying() as base_url:
        home = Path(folder) / "home"
        home.mkdir()
        started = time.monotonic()
        marks = asyncio.run(run(home, base_url, preset, candidates))
        wall_s = time.monotonic() - started
        used = disk(home)
    gaps = [later - earlier for earlier, later in pairwise(marks)]
    window = min(WINDOW, len(gaps) // 2)
    first, last = sum(gaps[:window]) / window, sum(gaps[-window:]) / window
    kept_kb = (used["total"] - used["prompts"]) / candidates / 1e3
    prompts_kb = used["prompts"] / candidates / 1e3
    print(
        f"{preset:5s} {candidates:6d}  CPU {1e3 * sum(gaps) / len(gaps):6.2f} ms/candidate"
        f"  first {window}: {1e3 * first:6.2f}  last {window}: {1e3 * last:6.2f}  ratio {last / first:5.2f}"
        f"  {candidates / wall_s:6.1f}/s  disk {kept_kb:5.2f} kB + prompts {prompts_kb:5.2f} kB"
        f"  files {used['files']}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, nargs="+", default=[100, 1000, 4000])
    parser.add_argument("--preset", nargs="+", default=["solo", "team"])
    arguments = parser.parse_args()
    names = ("langgraph", "openai", "sqlalchemy", "pydantic")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in names)
        + f", load {os.getloadavg()[0]:.1f}"
    )
    for preset in arguments.preset:
        for candidates in arguments.candidates:
            measure(preset, candidates)


if __name__ == "__main__":
    main()
