"""Collects stage evidence, cheapest stage first; the first that fails ends the run. For any evaluator."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.words import EvidenceClass, Outcome, Phase, SandboxTier


class CandidateFailed(Exception):
    """The candidate's own failure, on its way to becoming evidence; never an error of our side.

    `reason` is a short slug for counting; `feedback` may quote the candidate.
    """

    def __init__(self, reason: str, feedback: str, outcome: Outcome = Outcome.FAIL) -> None:
        super().__init__(f"{reason}: {feedback}")
        self.reason = reason
        self.feedback = feedback
        self.outcome = outcome


class CascadeEnded(Exception):
    """A stage did not pass; its evidence is recorded."""


@dataclass
class StageNotes:
    """What a running stage has to say."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    feedback: str = ""
    tools: dict[str, str] = field(default_factory=dict)


class Cascade:
    def __init__(self, phase: Phase, seed: int, tools: Mapping[str, str]) -> None:
        self.phase = phase
        self._seed = seed
        self._tools = dict(tools)
        self._stages: list[StageEvidence] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[StageNotes]:
        """Times the block and records it; a CandidateFailed inside becomes the last stage and CascadeEnded."""
        notes = StageNotes()
        started = time.perf_counter()
        try:
            yield notes
        except CandidateFailed as failure:
            self._add(name, notes, started, failure.outcome, failure.reason, failure.feedback)
            raise CascadeEnded from failure
        self._add(name, notes, started, Outcome.PASS, "", notes.feedback)

    def _add(self, name: str, notes: StageNotes, started: float, outcome: Outcome, reason: str, feedback: str) -> None:
        self._stages.append(
            StageEvidence(
                stage=name,
                outcome=outcome,
                reason=reason,
                metrics=notes.metrics,
                feedback=_plain(feedback),
                duration_s=time.perf_counter() - started,
                seed=self._seed,
                tools={**self._tools, **notes.tools},
            )
        )

    def evidence(self, tier: SandboxTier, evidence_class: EvidenceClass = EvidenceClass.ISOLATED) -> Evidence:
        return Evidence(evidence_class=evidence_class, tier=tier, phase=self.phase, stages=tuple(self._stages))


def _plain(text: str) -> str:
    """Tools quote the source as it is: what steers a terminal is taken out before it can reach one."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
