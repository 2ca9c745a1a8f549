"""The example extension, built as a wheel and installed beside Nightforge, not into it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")


def checked(command: Sequence[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the extension's wheel installed in it."""
    work = tmp_path_factory.mktemp("extension")
    shutil.copytree(ROOT / "examples" / "extension", work / "source")
    built = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(work / "wheels")]
    checked([*PIP, "wheel", *built, str(work / "source")], work)
    (wheel,) = (work / "wheels").glob("nightforge_sine-*.whl")
    checked([*PIP, "install", "--no-deps", "--no-index", "--target", str(work / "site"), str(wheel)], work)
    return work / "site"


@pytest.fixture
def nightforge(extension: Path, tmp_path: Path) -> Callable[..., list[dict[str, object]]]:
    """Run the real program with `--json` in a home of its own; returns its records."""

    def run(*arguments: str) -> list[dict[str, object]]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("NIGHTFORGE", "OPENAI"))
        }
        environment |= {"PYTHONPATH": str(extension), "NIGHTFORGE_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("nightforge")), *arguments, "--json"],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run
