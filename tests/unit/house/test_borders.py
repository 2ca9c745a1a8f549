"""Imports point one way: the contracts of pyproject.toml hold, and they are the design's."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from nightforge.guards import PACKAGES


def test_import_contracts_hold(root: Path) -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run([*command, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_contracts_cover_every_package(root: Path) -> None:
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    linted = set(document["tool"]["importlinter"]["root_packages"])
    typed = set(document["tool"]["mypy"]["packages"])
    assert linted == typed == {"nightforge", *PACKAGES} - {"tasks"}
    layers = next(c for c in document["tool"]["importlinter"]["contracts"] if c["type"] == "layers")["layers"]
    assert layers[-1] == "nightforge.domain"
    assert layers[0].startswith("nightforge.cli")
