"""A foreign package under one of our names is seen before anything is imported from it."""

from __future__ import annotations

import base64
import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightforge.errors import PrerequisiteMissing
from nightforge.guards import PACKAGES, check_packages, foreign_packages, our_root


@pytest.fixture
def imposter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package `agents` in a folder that comes first, as in an environment shared with openai-agents."""
    package = tmp_path / "agents"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('a foreign package was imported')\n")
    loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "agents"}
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield package
    sys.modules.update(loaded)


def digest(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode()


def test_all_six_are_ours_here() -> None:
    assert PACKAGES == ("agents", "tools", "evaluators", "workflows", "sandbox", "tasks")
    assert foreign_packages() == ()
    check_packages()


def test_a_package_that_shadows_ours_is_named_with_its_place(imposter: Path) -> None:
    (foreign,) = foreign_packages()
    assert (foreign.name, foreign.location) == ("agents", str(imposter))
    with pytest.raises(PrerequisiteMissing, match="'agents' is not Nightforge's") as caught:
        check_packages()
    assert caught.value.exit_code == 6
    assert "environment of its own" in caught.value.hint


def test_a_package_overwritten_in_place_is_seen_by_its_digest() -> None:
    root = our_root()
    digests = {f"{name}/__init__.py": digest(root / name / "__init__.py") for name in PACKAGES}
    assert foreign_packages(digests=digests) == ()
    digests["agents/__init__.py"] = digest(root / "tools" / "__init__.py")
    (foreign,) = foreign_packages(digests=digests)
    assert foreign.name == "agents"
    assert "replaced after installation" in foreign.reason


def test_a_missing_package_is_named() -> None:
    (foreign,) = foreign_packages(names=("no_such_package_of_ours",))
    assert foreign.reason == "the package is missing"
