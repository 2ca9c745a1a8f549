"""The wheel holds every file of the packages, and works where the repository is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

PACKAGES = ("agents", "evaluators", "nightforge", "sandbox", "tasks", "tools", "workflows")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
NIGHTFORGE = "from nightforge.cli.main import run; run()"


def checked(command: Sequence[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(root: Path, files: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the listed files: a stale build folder of the checkout cannot lend a file."""
    work = tmp_path_factory.mktemp("wheel")
    for name in files:
        if name.startswith(tuple(f"{package}/" for package in PACKAGES)) or "/" not in name:
            (work / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, work / "source" / name)
    built = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(work)]
    checked([*PIP, "wheel", *built, str(work / "source")], work)
    (found,) = work.glob("nightforge-*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    checked([*PIP, "install", "--no-deps", "--no-index", "--target", str(folder), str(wheel)], folder)
    return folder


def run(site: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "NIGHTFORGE_HOME": str(site / "home")}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_every_file_of_the_packages_is_in_it(wheel: Path, files: Sequence[str]) -> None:
    ours = {name for name in files if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert ours - packed == set()
    for suffix in (".c", ".md", ".toml", ".py", ".typed"):
        assert any(name.endswith(suffix) for name in packed), suffix


def test_nothing_else_is_in_it(wheel: Path, files: Sequence[str]) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed - set(files) == set()


def test_it_carries_its_licence(wheel: Path) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_a_shipped_task_loads_from_it(site: Path) -> None:
    code = "from nightforge.catalogue import find_task as f; t = f('softmax-long'); print(t.root, len(t.read(t.seed)))"
    done = run(site, code)
    assert done.returncode == 0, done.stderr
    place, length = done.stdout.split()
    assert Path(place).is_relative_to(site)
    assert int(length) > 100


def test_the_program_runs_from_it(site: Path) -> None:
    done = run(site, NIGHTFORGE, "tasks")
    assert done.returncode == 0, done.stderr
    assert "softmax-long" in done.stdout


def test_an_overwritten_package_is_refused(site: Path) -> None:
    """What pip does when another distribution brings a package `agents` into the same environment."""
    ours = site / "agents" / "__init__.py"
    original = ours.read_bytes()
    ours.write_text("Agent = object\n", encoding="utf-8")
    try:
        done = run(site, NIGHTFORGE, "tasks")
    finally:
        ours.write_bytes(original)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "agents" in done.stderr
    assert "hint:" in done.stderr


def test_a_foreign_package_that_shadows_ours_is_refused(root: Path, tmp_path: Path) -> None:
    """A package `agents` that comes first on the path; none of it is imported."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("raise SystemExit('imported')\n", encoding="utf-8")
    for command in (["tasks"], ["doctor"], ["run", "fast softmax", "--yes"]):
        done = run(tmp_path, NIGHTFORGE, *command)
        assert done.returncode == 6, (command, done.stdout, done.stderr)
        assert "agents" in done.stdout + done.stderr
        assert "imported" not in done.stdout + done.stderr
