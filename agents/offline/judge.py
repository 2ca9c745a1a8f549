"""The judge without a model: words read off the evidence by fixed rules. No number enters or leaves the score."""

from __future__ import annotations

from collections.abc import Mapping

from agents.fencing import clean_line
from nightforge.domain.candidate import Verdict
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.profile import Bottleneck, KernelProfile
from nightforge.domain.profile_words import PHRASES
from nightforge.domain.team import StepContext
from nightforge.domain.words import Direction, Outcome

NEAR_ROOF_PCT = 85.0
FAR_FROM_ROOF_PCT = 50.0
WORSE_ERROR = 3.0
"""Factor over the parent's error from which a gain may have been bought with accuracy."""
MANY_PAGE_FAULTS = 100.0

_NEXT_STEPS = {
    "compile": "Mend the first compiler message; change nothing else.",
    "link": "Define or include what the linker misses; no library beyond the task's own may be linked.",
    "bounds": "Check every index at the ends of the data: remainders, alignment, empty ranges.",
    "load": "Define every symbol that the program uses, and nothing that runs when it is loaded.",
    "flag": "Use only the flags that the brief lists.",
    "deterministic": "Keep nothing between calls and read nothing that was not written.",
    "below_roof": "Count the bytes that the task must move: work is left out, or the measurement was evaded.",
    "wrong": "Restore the parent's numerics first, then repeat the change in a smaller step.",
    "nan": "Look for a division by zero, an overflow before the maximum is taken off, or an element never written.",
    "tolerance": "Keep more precision where sums are accumulated.",
    "timeout": "Check loop bounds and termination before anything else.",
    "crash": "Check every index at the ends of the data: remainders, alignment, empty ranges.",
    "signal": "Check every index at the ends of the data: remainders, alignment, empty ranges.",
    "memory": "Use no more memory than the data itself needs.",
    "slower": "Undo the change and try one of another kind.",
    "infeasible": "Mend the constraint that the feedback names, on the instance that it names, before anything else.",
    "raced_out": "Go back to the parent and change less, or take another parent: this one loses on most instances.",
    "duplicate": "Change something that the compiler cannot undo.",
    "gate": "Use only what the task's brief allows.",
    "forbidden": "Use only what the task's brief allows.",
    "syscall": "Use only what the task's brief allows: a kernel computes and asks the system for nothing.",
}
"""Parts of reason slugs → what to try."""

STEPS = {
    Bottleneck.PAGE_FAULTS: "Allocate nothing large in the call: work in the output or in small tiles.",
    Bottleneck.NOT_VECTORISED: "Let the compiler vectorise the hot loop: restrict, a counted loop, no branch in it.",
    Bottleneck.SLOW_CALL: "Put a polynomial in the call's place, a product with the reciprocal in the division's.",
    Bottleneck.GATHER: "Change the order of the data or of the loops so that neighbours are loaded together.",
    Bottleneck.LATENCY_BOUND: "Split the chain: several accumulators that are added up after the loop.",
    Bottleneck.CACHE_MISSES: "Block the loops, so that what is loaded once is used until it may go.",
    Bottleneck.STORE_TRAFFIC: "Store past the cache where the result is not read again, with aligned whole vectors.",
    Bottleneck.MEMORY_BOUND: "Move fewer bytes: fuse passes, keep rows or tiles in the cache between them.",
    Bottleneck.COMPUTE_BOUND: "Shorten the arithmetic: wider vectors, fewer operations, values in registers.",
    Bottleneck.NEAR_ROOF: "Look for an algorithm that needs less: this one has no room left.",
}
"""One next step for each bottleneck."""


Named = tuple[Bottleneck | None, str, str]
"""What limits it, that in a phrase, the next step."""


class OfflineJudge:
    """Implements `nightforge.domain.team.Judge`; pure."""

    async def judge(self, context: StepContext, source: str, evidence: Evidence) -> Verdict:
        failure = evidence.failure
        if failure is not None:
            return _on_failure(failure)
        return _on_pass(context, evidence)


def _on_failure(failure: StageEvidence) -> Verdict:
    what = failure.reason.replace("_", " ") or str(failure.outcome)
    verb = {Outcome.TIMEOUT: "ran out of time", Outcome.ERROR: "broke"}.get(failure.outcome, "failed")
    key = f"{failure.reason} {failure.outcome} {failure.stage}"
    next_step = next((step for part, step in _NEXT_STEPS.items() if part in key), "Mend what the feedback names.")
    first_line = next((line for line in failure.feedback.splitlines() if line.strip()), "")
    return Verdict(
        bottleneck=f"{failure.stage} {verb}: {what}",
        next_step=next_step,
        summary=clean_line(first_line),
    )


def _on_pass(context: StepContext, evidence: Evidence) -> Verdict:
    metrics = evidence.metrics
    limit, bottleneck, next_step = _by_profile(context.profile) or _bottleneck(metrics)
    gain = _against_parent(context, metrics)
    if not evidence.distinguishable:
        gain = "The gain is inside this machine's noise band."
        next_step = next_step or "Try a change of another kind: this one moved nothing that can be told apart."
    return Verdict(
        limit=limit,
        bottleneck=bottleneck,
        next_step=next_step,
        suspicion=_suspicion(context, metrics),
        summary=gain,
    )


def _by_profile(profile: KernelProfile | None) -> Named | None:
    """The strongest sign, and the step that goes with it."""
    sign = next(iter(profile.signs), None) if profile is not None else None
    if sign is None:
        return None
    return sign.bottleneck, f"{PHRASES[sign.bottleneck]}: {clean_line(sign.words)}", STEPS[sign.bottleneck]


def _bottleneck(metrics: Mapping[str, Metric]) -> Named:
    faults, roof = metrics.get("page_faults"), metrics.get("roof_pct")
    if faults is not None and faults.value > MANY_PAGE_FAULTS:
        return Bottleneck.PAGE_FAULTS, PHRASES[Bottleneck.PAGE_FAULTS], STEPS[Bottleneck.PAGE_FAULTS]
    if roof is None:
        return None, "", ""
    at = f"{roof.value:.0f} % of the roof"
    if roof.value >= NEAR_ROOF_PCT:
        step = "Move fewer bytes: fewer passes over the data, no store that reads first."
        return Bottleneck.NEAR_ROOF, f"memory bandwidth, at {at}", step
    if roof.value < FAR_FROM_ROOF_PCT:
        return (
            None,
            f"computation or latency, at {at}",
            "Shorten the arithmetic: vectorise, split dependent sums, replace slow calls.",
        )
    return (
        None,
        f"between computation and memory, at {at}",
        "Overlap arithmetic with memory: unroll, block for the cache, fuse passes.",
    )


def _against_parent(context: StepContext, metrics: Mapping[str, Metric]) -> str:
    objective = context.objective
    mine, theirs = metrics.get(objective.metric), context.parent.metrics.get(objective.metric)
    if mine is None or theirs is None:
        return ""
    step = mine.value - theirs.value if objective.direction is Direction.MAX else theirs.value - mine.value
    overlap = (mine.low or mine.value) <= (theirs.high or theirs.value) and (theirs.low or theirs.value) <= (
        mine.high or mine.value
    )
    if overlap:
        return f"Not told apart from its parent in {objective.metric}."
    return f"{'Better' if step > 0 else 'Worse'} than its parent in {objective.metric}."


def _suspicion(context: StepContext, metrics: Mapping[str, Metric]) -> str:
    found = []
    roof = metrics.get("roof_pct")
    if roof is not None and (roof.low if roof.low is not None else roof.value) > 100:
        found.append("It is faster than the roof allows: look for work that is not done or not counted.")
    error, before = metrics.get("err_rel"), context.parent.metrics.get("err_rel")
    if error is not None and before is not None and error.value > WORSE_ERROR * before.value > 0:
        found.append("Its error is several times its parent's: the gain may be bought with accuracy.")
    cpu, wall = metrics.get("cpu_ms"), metrics.get("wall_ms")
    if cpu is not None and wall is not None and wall.value > 2 * cpu.value > 0:
        found.append("Its wall time is more than twice its CPU time: it waits, or the machine was busy.")
    return " ".join(found)
