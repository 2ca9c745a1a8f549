"""Kernel tasks on small timed shapes, with their reference as the only opponent: what hostile programs are tried on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tasks
from nightforge.catalogue import load_task
from nightforge.domain.task import Task

SMALL: Mapping[str, Mapping[str, int]] = {
    "jacobi2d": {"rows": 300, "cols": 260, "sweeps": 8},
    "layernorm": {"rows": 1100, "cols": 512},
    "softmax-rows": {"rows": 1100, "cols": 512},
    "bias-gelu": {"rows": 1100, "cols": 512},
    "gemm-f32": {"m": 256, "n": 256, "k": 256},
    "gemm-batched-small": {"batch": 1000, "m": 12, "n": 12, "k": 12},
    "spmv-csr": {"rows": 2000, "cols": 2000, "nnz": 30000},
}


def shrunk(name: str) -> Task:
    task = load_task(Path(next(iter(tasks.__path__))) / name)
    baselines = task.settings["baselines"]
    assert isinstance(baselines, list)
    reference = task.settings["reference"]
    kept = [entry for entry in baselines if isinstance(entry, dict) and entry["name"] == reference]
    primary = dict(SMALL[name])
    settings = {**task.settings, "primary": primary, "baselines": kept, "opponents": []}
    parameters = tuple(parameter for parameter in task.parameters if parameter.name not in primary)
    return task.model_copy(update={"settings": settings, "parameters": parameters})
