"""The closed vocabularies of Nightforge: states, outcomes, operators."""

from __future__ import annotations

from enum import StrEnum

SCHEMA_VERSION = 1
"""Version of the task, plan, event and export formats that this release writes."""


class CampaignState(StrEnum):
    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    FINISHED = "finished"
    FAILED = "failed"


class CandidateState(StrEnum):
    DRAFTED = "drafted"
    BUILDING = "building"
    EVALUATING = "evaluating"
    REJECTED = "rejected"
    MEASURED = "measured"
    CONFIRMED = "confirmed"
    SUSPICIOUS = "suspicious"

    @property
    def is_terminal(self) -> bool:
        """True once the candidate's own DAG run is over (confirmation may still follow)."""
        return self not in {CandidateState.DRAFTED, CandidateState.BUILDING, CandidateState.EVALUATING}

    @property
    def may_be_parent(self) -> bool:
        return self in {CandidateState.MEASURED, CandidateState.CONFIRMED}


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"
    TIMEOUT = "timeout"


DROPPED_EARLY = frozenset({"slower", "raced_out"})
"""Reasons of a cascade that ends early for a program that is clearly worse than what it is held against."""


class Direction(StrEnum):
    MIN = "min"
    MAX = "max"


class Alarm(StrEnum):
    """Reasons of a stage that say `too good to be true`: the candidate is suspicious, not merely rejected."""

    BELOW_ROOF = "below_roof"
    """Faster than the machine can move the data."""
    BEYOND_BOUND = "beyond_bound"
    """Better than a proven bound."""
    BREAKS_RELATION = "breaks_relation"
    """A finalist whose answers to related questions do not relate as the task says."""


class OperatorKind(StrEnum):
    """How a candidate is made. The task's own seed has no operator (`None`)."""

    DIFF = "diff"
    FULL = "full"
    CROSSOVER = "crossover"
    TUNE = "tune"
    REWRITE = "rewrite"
    REPAIR = "repair"
    AGENT = "agent"


class EvidenceClass(StrEnum):
    """Who made the numbers; only `isolated` evidence can ever be confirmed, and no ranking mixes classes."""

    ISOLATED = "isolated"
    """Measured by us: the candidate's process returned bytes, another one timed, checked and scored them."""
    SELF_REPORTED = "self-reported"
    """By a measure of the user's that loads the candidate into its own process."""
    FOREIGN = "foreign"
    """By the evaluator of a folder made for another engine, as a whole in the box, the candidate in its process."""
    COMPILED_ONLY = "compiled-only"
    """What a compiler says of a program for a device that is not here: nothing of it was run."""
    INTERPRETED_CORRECT = "interpreted-correct"
    """Answers checked by us, from an interpreter in the place of the device: no figure of speed is in it."""

    @property
    def can_be_confirmed(self) -> bool:
        return self is EvidenceClass.ISOLATED

    @property
    def meaning(self) -> str:
        """What a number of this class is worth, in one sentence."""
        return {
            EvidenceClass.ISOLATED: "measured and checked outside the candidate's process",
            EvidenceClass.SELF_REPORTED: "the candidate ran in the process that measured it, and could have written "
            "the number: never confirmed",
            EvidenceClass.FOREIGN: "another engine's evaluator, run whole in the sandbox with the candidate in its "
            "process, says so: never confirmed",
            EvidenceClass.COMPILED_ONLY: "what a compiler says of it; it ran on no device and its answers were not "
            "checked: never confirmed",
            EvidenceClass.INTERPRETED_CORRECT: "its answers were checked in an interpreter; it ran on no device and "
            "nothing was timed: never confirmed",
        }[self]


class Phase(StrEnum):
    """Why an evaluation runs; evaluators choose shapes, seeds and rounds by it."""

    REHEARSAL = "rehearsal"
    SEARCH = "search"
    CONFIRMATION = "confirmation"


class SandboxTier(StrEnum):
    DOCKER = "docker"
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    UNSAFE_LOCAL = "unsafe-local"


class SandboxChoice(StrEnum):
    """What a person may ask for; `auto` leaves it to the canaries."""

    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    DOCKER = "docker"


class TeamKind(StrEnum):
    OFFLINE = "offline"
    LLM = "llm"


class ClockKind(StrEnum):
    CPU_MS = "cpu_ms"
    WALL_MS = "wall_ms"
    DEVICE_MS = "device_ms"


class Role(StrEnum):
    PLANNER = "planner"
    CODER = "coder"
    JUDGE = "judge"
    ANALYST = "analyst"
