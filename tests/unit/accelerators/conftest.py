from __future__ import annotations

import asyncio

import pytest

from evaluators.accelerators.engine import NetlistEngine, open_engine
from nightforge.domain.ports import Sandbox
from sandbox import open_sandbox


@pytest.fixture(scope="session")
def box() -> Sandbox:
    return open_sandbox()


@pytest.fixture(scope="session")
def compiled(box: Sandbox) -> NetlistEngine:
    """The C library, compiled in the box as in every campaign."""
    engine = asyncio.run(open_engine(box))
    assert engine.is_compiled
    return engine


@pytest.fixture(scope="session", params=["compiled", "numpy"])
def engine(request: pytest.FixtureRequest, compiled: NetlistEngine) -> NetlistEngine:
    return compiled if request.param == "compiled" else NetlistEngine(None)
