"""Whole campaigns over the real store, graph and HTTP, on the toy domain."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from nightforge.registry import registered
from nightforge.settings import Settings
from workflows.contract import StopSwitch
from workflows.night import Night, open_night

TESTS = Path(__file__).parents[2]
TOY = TESTS / "toy_domain"
NightOpener = Callable[..., AbstractAsyncContextManager[Night]]


@pytest.fixture(autouse=True)
def _toy_is_registered() -> Iterator[None]:
    registered.cache_clear()
    yield
    registered.cache_clear()


@pytest.fixture
def open_toy_night(tmp_path: Path) -> NightOpener:
    """Opens a night on a database in `tmp_path`; `base_url` gives it a model."""

    @asynccontextmanager
    async def opened(
        *, base_url: str | None = None, stop: StopSwitch | None = None, total_timeout_s: float = 900.0
    ) -> AsyncIterator[Night]:
        settings = Settings(
            home=tmp_path / "home",
            database_url=f"sqlite:///{tmp_path / 'home' / 'nightforge.db'}",
            base_url=base_url,
            api_key=SecretStr("test-key") if base_url else None,
            max_concurrent_calls=8,
            total_timeout_s=total_timeout_s,
            broker_dir=tmp_path / "broker",
        )
        async with open_night(settings, stop=stop or StopSwitch()) as night:
            yield night

    return opened


@pytest.fixture
def toy_environment(tmp_path: Path) -> dict[str, str]:
    """For campaigns in processes of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTFORGE_", "OPENAI_"))}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(TOY), str(TESTS)]),
        "NIGHTFORGE_HOME": str(tmp_path / "home"),
        "TOY_LOG": str(tmp_path / "evaluations.log"),
        "NO_COLOR": "1",
    }
