"""Operators and the coder that chooses among them know no task: neither the shipped ones nor the field's usual."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import agents.offline.coder
import tools.crossover
import tools.rewrites
import tools.tuning
from nightforge import catalogue

USUAL = {"softmax", "axpy", "gelu", "layernorm", "rmsnorm", "gemm", "gemv", "matmul", "attention", "spmv", "jacobi"}
REWRITES = Path(str(tools.rewrites.__file__)).parent
FILES = [
    *sorted(path for path in REWRITES.rglob("*") if path.suffix in {".py", ".h"}),
    *(Path(str(module.__file__)) for module in (agents.offline.coder, tools.crossover, tools.tuning)),
]


def _names() -> set[str]:
    shipped = {path.parent.name for path in Path(str(catalogue.__file__)).parents[1].glob("tasks/*/task.toml")}
    assert shipped
    return {*USUAL, *shipped, *(name.replace("-", "_") for name in shipped)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_operator_code_names_no_task(path: Path) -> None:
    text = path.read_text(encoding="utf-8").lower()
    assert not [name for name in sorted(_names()) if re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", text)]
