"""The set-up scripts: what they say and how they end where something is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nightforge.settings import Settings
from sandbox.probe import APPARMOR_PROFILE, APPARMOR_PROFILE_PATH

BASICS = ("bash", "basename", "cat", "cksum", "cut", "dirname", "env", "grep", "id", "readlink", "tr", "uname")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with a shell's basics and Python, and nothing that Nightforge needs."""
    for name in BASICS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    (tmp_path / "python3").symlink_to(sys.executable)
    return tmp_path


def shell(root: Path, script: str, path: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path) if path else "/usr/bin:/bin", **variables}
    return subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_missing_packages_are_listed_with_exit_6(root: Path, bare: Path) -> None:
    done = shell(root, "scripts/setup.sh", bare, SETUP_NO_APT="1")
    assert done.returncode == 6, done.stderr
    for package in ("gcc", "libc6-dev", "bubblewrap"):
        assert f"  {package} " in done.stderr
    assert "sudo apt-get install --no-install-recommends gcc libc6-dev" in done.stderr
    assert "python3-venv" not in done.stderr


def test_an_interpreter_that_is_named_and_unfit_is_refused(root: Path, bare: Path) -> None:
    (bare / "old-python").write_text("#!/bin/bash\nexit 1\n", encoding="utf-8")
    (bare / "old-python").chmod(0o755)
    done = shell(root, "scripts/setup.sh", bare, SETUP_NO_APT="1", SETUP_PYTHON="old-python")
    assert done.returncode == 6
    assert "Python 3.11, 3.12 or 3.13" in done.stderr


def test_apt_is_not_touched_when_forbidden(root: Path, bare: Path) -> None:
    (bare / "apt-get").write_text("#!/bin/bash\necho called >&2\n", encoding="utf-8")
    (bare / "apt-get").chmod(0o755)
    done = shell(root, ". scripts/system.sh; may_use_apt", bare, SETUP_NO_APT="1")
    assert done.returncode != 0
    assert "called" not in done.stderr


def test_the_apparmor_profile_is_the_one_that_doctor_prints(root: Path) -> None:
    done = shell(root, '. scripts/system.sh; echo "$BWRAP_PROFILE"; apparmor_profile')
    place, _, text = done.stdout.partition("\n")
    assert place == APPARMOR_PROFILE_PATH
    assert text == APPARMOR_PROFILE


@pytest.mark.parametrize("name", ["scripts/setup.sh", "scripts/requirements.sh", ".ci/run"])
def test_scripts_are_executable_and_parse(root: Path, name: str) -> None:
    assert (root / name).stat().st_mode & 0o111
    assert subprocess.run(["/bin/bash", "-n", name], cwd=root, timeout=10, check=False).returncode == 0


def test_variables_of_the_setup_are_no_settings() -> None:
    """They would be reported as unknown settings if they had our prefix."""
    assert not {"python", "no_apt"} & set(Settings.model_fields)


def test_make_lists_its_targets(root: Path) -> None:
    done = shell(root, "make help")
    assert done.returncode == 0
    for target in ("setup", "demo", "test", "test-slow", "lint", "types", "size", "docs", "requirements"):
        assert f"make {target} " in done.stdout
