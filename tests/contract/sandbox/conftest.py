"""A docker sandbox where a daemon answers; elsewhere its tests are skipped with the reason."""

from __future__ import annotations

import pytest

from nightforge.errors import NightforgeError
from sandbox.docker import DockerSandbox
from sandbox.docker_engine import Engine
from sandbox.images import ensure_image


@pytest.fixture(scope="session")
def docker() -> DockerSandbox:
    engine = Engine()
    try:
        engine.check()
        return DockerSandbox(ensure_image(engine), engine=engine)
    except NightforgeError as error:
        pytest.skip(str(error))
