"""Every kernel task measured now: seed, best honest baseline, the kept result of a campaign, against the goal.

The result is measured as a confirmation measures: a fresh process, hidden shapes, every baseline in the same rounds.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from nightforge.catalogue import describe_validation, shipped_tasks
from nightforge.domain.base import Frozen, Scalar
from nightforge.domain.evidence import Baseline, Calibration, Evidence, Metric
from nightforge.domain.ports import Evaluator
from nightforge.domain.profile import KernelProfile, OffersProfiles
from nightforge.domain.task import Task
from nightforge.domain.words import Phase
from nightforge.errors import UserError

DOMAIN = "kernels"
EXAMPLE_FILE = "found.json"


class Goal(Frozen):
    """What a result of a task should reach: the gain over one baseline, or over the best of them."""

    ratio: float
    against: str = ""
    """Name of a baseline; empty for the best honest one."""
    is_control: bool = False
    """Nothing can be gained: a gain that can be told apart from noise is a fault of the evaluator."""

    def words(self) -> str:
        if self.is_control:
            return "nothing distinguishable"
        return f"≥ {self.ratio:g} x {self.against or 'the best baseline'}"


GOALS: Mapping[str, Goal] = {
    "axpy": Goal(ratio=1.0, is_control=True),
    "gemm-batched-small": Goal(ratio=1.5, against="numpy"),
    "gemm-f32": Goal(ratio=0.8),
    "jacobi2d": Goal(ratio=1.5),
    "layernorm": Goal(ratio=1.2),
    "rmsnorm": Goal(ratio=1.05),
    "softmax-long": Goal(ratio=1.3, against="c-fast"),
}
"""Of the shipped tasks, as they were set before any result was there; of the others none was stated."""


class Found(Frozen):
    """How a kept program came about, as its campaign has it in the database. `benchmarks.kernel_examples` writes it."""

    schema_version: Literal[1] = 1
    task: str
    program: str
    """File beside this one."""
    sha256: str
    campaign: str
    ordinal: int
    goal: str
    team: str
    preset: str
    seed: int
    """Of the search."""
    evaluations: int
    active_minutes: float
    how: tuple[str, ...]
    """Operator and note of each program from the seed to this one."""
    state: str
    speedup: Metric
    """As the campaign confirmed it (or measured it, by `state`), against `reference`."""
    reference: str
    machine: dict[str, str]
    load: str = ""
    """What else the machine did meanwhile, in words."""
    version: str
    at: datetime


class Standing(Frozen):
    """One program's figures of now."""

    ok: bool
    reason: str = ""
    speedup: Metric | None = None
    """Over the reference."""
    against: dict[str, Metric] = Field(default_factory=dict)
    """Over every baseline that was there, in the same rounds."""
    cpu_ms: Metric | None = None
    roof_pct: Metric | None = None
    roof: str = ""
    distinguishable: bool = False
    limit: str = ""
    """What holds it back, by its profile."""


class KernelRow(Frozen):
    schema_version: Literal[1] = 1
    task: str
    title: str
    reference: str
    best: Baseline
    best_roof_pct: float | None
    timed: dict[str, Metric]
    """Baseline → CPU time, of all that were measured."""
    missing: dict[str, str]
    """Baseline → why it was not measured."""
    naive: Standing
    evolved: Standing | None
    found: Found | None
    goal: Goal | None
    gain: Metric | None
    """Of the evolved one over what the goal names, else over the best baseline."""
    verdict: Literal["reached", "not reached", "no goal", "no result kept", "failed"]
    noise: Metric
    machine: dict[str, str]


def kernel_tasks(names: Sequence[str] = ()) -> tuple[Task, ...]:
    """All kernel tasks, or the named ones in their order. UserError for a name that is none."""
    known = {task.name: task for task in shipped_tasks() if task.domain == DOMAIN}
    for name in names:
        if name not in known:
            raise UserError(f"{name!r} is no kernel task", where="--task", hint=f"there are: {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names)) if names else tuple(known.values())


def read_example(folder: Path) -> tuple[Found, str] | None:
    """What is kept there and its program; None for no such folder. UserError for one that is not what it says."""
    path = folder / EXAMPLE_FILE
    if not path.is_file():
        return None
    try:
        found = Found.model_validate_json(path.read_bytes())
        source = (folder / found.program).read_text(encoding="utf-8")
    except ValidationError as error:
        raise UserError(describe_validation(error), where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the program cannot be read: {error}", where=str(folder)) from error
    if sha256(source.encode()).hexdigest() != found.sha256:
        raise UserError(
            "the program is not the one that was found", where=str(folder), hint="take both from the same commit"
        )
    return found, source


async def measure_task(evaluator: Evaluator, task: Task, folder: Path) -> KernelRow:
    """A minute on a quiet machine. `folder` holds the kept result, if there is one."""
    parameters: dict[str, Scalar] = {parameter.name: parameter.default for parameter in task.parameters}
    kept = read_example(folder)
    calibration = await evaluator.calibrate(task, parameters, seed=secrets.randbits(63))
    naive = await evaluator.evaluate(
        task.read(task.seed),
        task,
        parameters,
        seed=secrets.randbits(63),
        phase=Phase.SEARCH,
        calibration=calibration,
    )
    evolved: Evidence | None = None
    profile: KernelProfile | None = None
    if kept is not None:
        evolved = await evaluator.evaluate(
            kept[1],
            task,
            parameters,
            seed=secrets.randbits(63),
            phase=Phase.CONFIRMATION,
            calibration=calibration,
        )
        if evolved.passed and isinstance(evaluator, OffersProfiles):
            profile = await evaluator.profile(kept[1], task, parameters, evolved, calibration=calibration)
    return _row(task, calibration, naive, evolved, profile, kept[0] if kept is not None else None)


def _row(
    task: Task,
    calibration: Calibration,
    naive: Evidence,
    evolved: Evidence | None,
    profile: KernelProfile | None,
    found: Found | None,
) -> KernelRow:
    best = best_baseline(calibration)
    goal = GOALS.get(task.name)
    reference = calibration.reference
    standing = _standing(evolved, reference, profile) if evolved is not None else None
    gain = _gain(standing, goal, best.name)
    return KernelRow(
        task=task.name,
        title=task.title,
        reference=reference,
        best=best,
        best_roof_pct=_share(best, calibration),
        timed={one.name: one.metrics["cpu_ms"] for one in calibration.baselines if "cpu_ms" in one.metrics},
        missing={one.name: one.missing_reason for one in calibration.baselines if not one.available},
        naive=_standing(naive, reference, None),
        evolved=standing,
        found=found,
        goal=goal,
        gain=gain,
        verdict=judged(standing, goal, gain),
        noise=calibration.noise,
        machine=calibration.machine,
    )


def best_baseline(calibration: Calibration) -> Baseline:
    """The fastest that was measured; the reference where speeds are the same."""
    there = [one for one in calibration.baselines if one.available and "speedup" in one.metrics]
    return max(there, key=lambda one: (one.metrics["speedup"].value, one.name == calibration.reference))


def _share(baseline: Baseline, calibration: Calibration) -> float | None:
    fastest, took = calibration.roof.get("cpu_ms"), baseline.metrics.get("cpu_ms")
    return None if fastest is None or took is None else 100.0 * fastest.value / took.value


def _standing(evidence: Evidence, reference: str, profile: KernelProfile | None) -> Standing:
    metrics, failure = evidence.metrics, evidence.failure
    speedup = metrics.get("speedup")
    against = {
        name.partition(".")[2]: metric
        for name, metric in metrics.items()
        if name.startswith("speedup.") and not name.startswith("speedup.hidden")
    }
    if speedup is not None:
        against[reference] = speedup
    sign = next(iter(profile.signs), None) if profile is not None else None
    return Standing(
        ok=evidence.passed,
        reason="" if failure is None else f"{failure.reason or failure.stage}: {failure.feedback[:200]}",
        speedup=speedup,
        against=against,
        cpu_ms=metrics.get("cpu_ms"),
        roof_pct=metrics.get("roof_pct"),
        roof=profile.roofline.bound if profile is not None and profile.roofline is not None else "",
        distinguishable=evidence.passed and evidence.distinguishable,
        limit="" if sign is None else f"{sign.bottleneck.value}: {sign.words}",
    )


def _gain(standing: Standing | None, goal: Goal | None, best: str) -> Metric | None:
    """None also where the baseline that the goal names is not installed."""
    if standing is None:
        return None
    return standing.against.get((goal.against if goal is not None else "") or best)


def judged(
    standing: Standing | None, goal: Goal | None, gain: Metric | None
) -> Literal["reached", "not reached", "no goal", "no result kept", "failed"]:
    """By the ratio's value; the interval stands beside it."""
    if goal is None:
        return "no goal"
    if standing is None:
        return "no result kept"
    if goal.is_control:
        return "not reached" if standing.distinguishable else "reached"
    if not standing.ok or gain is None:
        return "failed"
    return "reached" if gain.value >= goal.ratio else "not reached"
