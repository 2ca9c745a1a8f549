"""Confirmation of a proved design: the mapper's work proved too, OpenSTA's time, other conditions, the gain in each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluators.accelerators import toolchain
from evaluators.accelerators.liberty import Library
from evaluators.accelerators.mapping import Condition, Mapped, condition_of
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.prove import prove
from evaluators.accelerators.rtl_flow import Figures, RtlFlow, choose, figures_of
from evaluators.accelerators.rtl_settings import METRICS, RtlSettings
from evaluators.accelerators.timing import sta_delay_ns
from evaluators.cascade import StageNotes
from nightforge.domain.evidence import Calibration, Metric
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Constraint, Task
from nightforge.domain.words import Direction
from nightforge.errors import EvaluatorFault

BAND = 0.002
"""The flow has no noise; a smaller gain is a rounding of the mapper on one circuit, not worth a name."""
STA_TOLERANCE = 0.01
"""ABC and OpenSTA agreed to five digits on everything that was measured; more than this apart is our fault."""


async def confirm(
    sandbox: Sandbox,
    flow: RtlFlow,
    task: Task,
    settings: RtlSettings,
    scored: Condition,
    golden: Netlist,
    netlist: Netlist,
    calibration: Calibration | None,
    notes: StageNotes,
    *,
    wall_s: float,
) -> None:
    """Writes metrics per condition and `distinguishable` into `notes`. EvaluatorFault when the tools disagree.

    A gain that the other conditions take back, in the geometric mean over them, is not distinguishable: it was luck
    with one mapper on one library.
    """
    engine = await flow.engine()
    lines = []
    gains: dict[str, float] = {}
    for condition in [scored, *(condition_of(name) for name in settings.confirm if name != scored.name)]:
        library = toolchain.library(condition.technology)
        results = await flow.mapped(netlist, condition, wall_s=wall_s)
        suffix = "" if condition is scored else f".{condition.name}"
        bounds = constraints_under(task.constraints, calibration, suffix)
        chosen = choose([figures_of(mapped) for mapped in results], task.objective, bounds)
        mapped = next(one for one in results if one.recipe == chosen.recipe)
        proof = await prove(engine, sandbox, golden, mapped.netlist(library, netlist), limit_s=wall_s)
        if proof.mismatch is not None:
            raise EvaluatorFault(f"abc mapped it wrongly: {proof.mismatch.describe()}", where=condition.name)
        seen = await _second_opinion(sandbox, mapped, netlist, library, condition)
        for name, value, unit in (
            ("area_um2", mapped.area_um2, "um2"),
            ("delay_ns", mapped.delay_ns, "ns"),
            ("adp_um2_ns", mapped.adp_um2_ns, "um2*ns"),
            *(() if seen is None else (("sta_delay_ns", seen, "ns"),)),
        ):
            notes.metrics[f"{name}{suffix}"] = Metric(value=value, unit=unit)
        known = "" if proof.is_proven else f" (mapped cells not proved: {proof.reason})"
        lines.append(f"{condition.name}: {chosen}; {_told(seen)}; cells {proof.kind.value}{known}")
        gain = _gain(task, calibration, suffix, chosen.value(task.objective.metric))
        if gain is not None:
            gain, broken = held_gain(gain, chosen, bounds)
            if broken:
                lines.append(f"{condition.name}: {broken}")
            gains[condition.name] = gain
            notes.metrics[f"gain{suffix}"] = Metric(value=gain, unit="x")
    _judge(gains, scored, notes, lines)
    notes.feedback = "\n".join(lines)


async def _second_opinion(
    sandbox: Sandbox, mapped: Mapped, netlist: Netlist, library: Library, condition: Condition
) -> float | None:
    """OpenSTA's delay; None where it is not installed. EvaluatorFault when it contradicts ABC."""
    if toolchain.find(toolchain.OPENSTA) is None:
        return None
    seen = await sta_delay_ns(sandbox, mapped, netlist, library, condition)
    if abs(seen - mapped.delay_ns) > STA_TOLERANCE * max(seen, mapped.delay_ns):
        raise EvaluatorFault(f"OpenSTA says {seen:g} ns where ABC says {mapped.delay_ns:g} ns", where=condition.name)
    return seen


def _told(seen: float | None) -> str:
    return "OpenSTA is not installed" if seen is None else f"OpenSTA {seen:.4f} ns"


def constraints_under(
    constraints: Sequence[Constraint], calibration: Calibration | None, suffix: str
) -> tuple[Constraint, ...]:
    """The task's, as the reference can hold them under the condition of `suffix`.

    A bound is meant for the condition that is scored. Where load or other cells put it out of the reference's reach,
    the candidate is held to what the reference reaches: else the faster design would be judged by its area alone.
    """
    held = []
    for constraint in constraints:
        reached = _of_reference(calibration, f"{constraint.metric}{suffix}") if suffix else None
        if reached is not None:
            loosest = max if constraint.relation == "<=" else min
            constraint = constraint.model_copy(update={"bound": loosest(constraint.bound, reached)})
        held.append(constraint)
    return tuple(held)


def held_gain(gain: float, chosen: Figures, bounds: Sequence[Constraint]) -> tuple[float, str]:
    """(gain, which bound is broken): what a design saves by breaking a bound that the reference holds is no gain.

    It counts as the loss by which the bound is missed then, where the saving is not a loss itself.
    """
    broken = []
    for bound in bounds:
        if bound.metric not in METRICS:
            continue
        value = chosen.value(bound.metric)
        share = bound.bound / value if bound.relation == "<=" else value / bound.bound
        if share < 1.0:
            gain = min(gain, share)
            broken.append(f"{bound.metric} {value:g} where the reference holds {bound.relation} {bound.bound:g}")
    return gain, "; ".join(broken)


def _of_reference(calibration: Calibration | None, name: str) -> float | None:
    """A metric of the baseline that gains are counted against."""
    for baseline in calibration.baselines if calibration else ():
        if calibration and baseline.name == calibration.reference and name in baseline.metrics:
            return baseline.metrics[name].value
    return None


def _gain(task: Task, calibration: Calibration | None, suffix: str, value: float) -> float | None:
    """The reference's figure through the candidate's (turned where more is better)."""
    known = _of_reference(calibration, f"{task.objective.metric}{suffix}")
    if known is None or known <= 0 or value <= 0:
        return None
    return known / value if task.objective.direction is Direction.MIN else value / known


def _judge(gains: dict[str, float], scored: Condition, notes: StageNotes, lines: list[str]) -> None:
    gain = gains.get(scored.name)
    if gain is None:
        return
    if abs(gain - 1.0) <= BAND:
        notes.metrics["distinguishable"] = Metric(value=0.0)
        lines.append("the same as the reference")
    if gain <= 1.0 + BAND:
        return
    others: Sequence[float] = [gain for name, gain in gains.items() if name != scored.name]
    if not others:
        return
    mean = math.exp(sum(math.log(gain) for gain in others) / len(others))
    notes.metrics["gain.others"] = Metric(value=mean, unit="x")
    notes.metrics["distinguishable"] = Metric(value=1.0 if mean > 1.0 else 0.0)
    if mean <= 1.0:
        lines.append(f"the gain of {gain:.3f}x is taken back by the other conditions ({mean:.3f}x)")
