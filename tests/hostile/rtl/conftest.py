from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.accelerators.rtl_comb import RtlCombEvaluator
from nightforge.catalogue import load_task
from nightforge.domain.task import Task
from sandbox import open_sandbox

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def mul8() -> Task:
    return load_task(HERE / "mul8")


@pytest.fixture(scope="session")
def rtl_comb() -> RtlCombEvaluator:
    return RtlCombEvaluator(open_sandbox())
