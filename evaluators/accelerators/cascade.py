"""Collects stage evidence; the first stage that refuses the candidate ends the run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from evaluators.accelerators.refusal import Refused
from nightforge.domain.evidence import Evidence, Metric, StageEvidence
from nightforge.domain.words import Outcome, Phase, SandboxTier


class CascadeEnded(Exception):
    """A stage did not pass; its evidence is recorded."""


@dataclass
class Notes:
    """What a running stage has to say."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    feedback: str = ""
    tools: dict[str, str] = field(default_factory=dict)

    def measure(self, name: str, value: float, unit: str = "") -> None:
        self.metrics[name] = Metric(value=value, unit=unit)


class Cascade:
    def __init__(self, phase: Phase, seed: int, tools: Mapping[str, str]) -> None:
        self._phase = phase
        self._seed = seed
        self._tools = dict(tools)
        self._stages: list[StageEvidence] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Notes]:
        """Times the block and records it; Refused inside becomes the last stage and CascadeEnded."""
        notes = Notes()
        started = time.perf_counter()
        try:
            yield notes
        except Refused as refused:
            notes.feedback = refused.feedback
            self._add(name, notes, started, refused.outcome, refused.reason)
            raise CascadeEnded from refused
        self._add(name, notes, started, Outcome.PASS, "")

    def _add(self, name: str, notes: Notes, started: float, outcome: Outcome, reason: str) -> None:
        stage = StageEvidence(
            stage=name,
            outcome=outcome,
            reason=reason,
            metrics=notes.metrics,
            # Tools quote the source as it is: what steers a terminal is taken out before it can reach one.
            feedback="".join(letter for letter in notes.feedback if letter in "\n\t" or letter.isprintable()),
            duration_s=time.perf_counter() - started,
            seed=self._seed,
            tools={**self._tools, **notes.tools},
        )
        self._stages.append(stage)

    def evidence(self, tier: SandboxTier) -> Evidence:
        return Evidence(tier=tier, phase=self._phase, stages=tuple(self._stages))
