"""Correct kernels of a task: what mutants are made from."""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.integrity.seams import Honest
from evaluators.kernels.spec import read_settings
from nightforge.domain.task import Task


def honest_kernels(task: Task) -> Sequence[Honest]:
    """The seed, the honest controls of the rehearsal and the C baselines, each text once."""
    names = [task.seed, *(known.path for known in task.rehearsal if known.expect != "reject")]
    names += [baseline.source for baseline in read_settings(task).baselines if baseline.language == "c"]
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(task.read(name), name)
    return [Honest(name, source) for source, name in found.items()]
