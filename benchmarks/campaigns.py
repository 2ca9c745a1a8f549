"""Whole campaigns with language models on the toy task: every part is real but the models and the evaluation."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "toy_domain")]

from nightforge_toy.evaluator import ToyEvaluator
from pydantic import SecretStr

from nightforge.domain.base import Scalar
from nightforge.domain.evidence import Calibration, Evidence
from nightforge.domain.plan import Budget, ModelSpec, Plan
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.domain.words import Phase, TeamKind
from nightforge.settings import Settings
from workflows.contract import AwaitApproval, Done, NightRequest, StopSwitch
from workflows.night import open_night


@dataclass
class Marks:
    """What the search's evaluations noted."""

    cpu_s: list[float] = field(default_factory=list)
    """CPU time of this process at the start of each evaluation."""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """Begin and end of each evaluation on the monotonic clock."""
    rows: int = 0
    """Candidates in the end; more than evaluations where a proposal came to nothing."""


class MarkingEvaluator(ToyEvaluator):
    """The toy domain's evaluator; a search evaluation takes between `least_s` and `most_s`, drawn from its seed."""

    def __init__(self, sandbox: Sandbox, marks: Marks, least_s: float, most_s: float) -> None:
        super().__init__(sandbox)
        self.marks = marks
        self.least_s, self.most_s = least_s, most_s

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
        begin_s = time.monotonic()
        if phase is Phase.SEARCH:
            self.marks.cpu_s.append(time.process_time())
            if self.most_s > 0:
                await asyncio.sleep(Random(seed).uniform(self.least_s, self.most_s))
        evidence = await super().evaluate(source, task, parameters, seed=seed, phase=phase)
        if phase is Phase.SEARCH:
            self.marks.spans.append((begin_s, time.monotonic()))
        return evidence


def task_for_models(folder: Path) -> Path:
    """The toy task without declared tunables, so that every candidate is what a model replied: a tuned one costs no
    call, and the share of these would be measured instead."""
    copy = folder / "toy-peak"
    if not copy.exists():
        shutil.copytree(ROOT / "tests" / "toy_domain" / "nightforge_toy" / "tasks" / "toy-peak", copy)
        seed = copy / "seed.txt"
        lines = seed.read_text(encoding="utf-8").splitlines(keepends=True)
        seed.write_text("".join(line for line in lines if "nf: tune" not in line), encoding="utf-8")
    return copy


@contextmanager
def replying(*, least_s: float = 0.0, most_s: float = 0.0) -> Iterator[str]:
    """The base URL of a model in a process of its own, which thinks between `least_s` and `most_s` for each reply."""
    command = [sys.executable, str(ROOT / "benchmarks" / "reply_server.py"), str(least_s), str(most_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield json.loads(server.stdout.readline())["base_url"]
        finally:
            server.stdin.close()


async def campaign(
    home: Path,
    base_url: str,
    preset: str,
    candidates: int,
    *,
    in_flight: int | None,
    evaluation_slots: int = 1,
    concurrent_calls: int | None = None,
    evaluation_s: tuple[float, float] = (0.0, 0.0),
) -> tuple[Plan, Marks]:
    """Run one to its end, in the database under `home`; one draft and no repair per candidate."""
    marks = Marks()
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home / 'nightforge.db'}",
        base_url=base_url,
        api_key=SecretStr("none"),
    )
    if concurrent_calls is not None:
        settings = settings.model_copy(update={"max_concurrent_calls": concurrent_calls})
    model = ModelSpec(model="instant", base_url=base_url, input_usd_per_mtok=1.0, output_usd_per_mtok=1.0)
    request = NightRequest(
        task=str(task_for_models(home)),
        goal="climb the hill to its peak",
        budget=Budget(evaluations=candidates, cost_usd=1e6),
        preset=preset,
        drafts=1,
        repairs=0,
        in_flight=in_flight,
        proposal_slots=settings.max_concurrent_calls,
        evaluation_slots=evaluation_slots,
        team=TeamKind.LLM,
        models=(model,),
    )
    async with open_night(settings, stop=StopSwitch()) as night:
        night.house.evaluators = {"toy": lambda sandbox: MarkingEvaluator(sandbox, marks, *evaluation_s)}
        card = await night.begin(request)
        assert isinstance(card, AwaitApproval), card
        done = await night.approve()
        assert isinstance(done, Done), done
        ended = night.store.campaign(done.campaign_id)
        assert ended.tally.evaluations == candidates, ended.tally
    marks.rows = ended.tally.candidates
    return ended.plan, marks
