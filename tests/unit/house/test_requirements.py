"""Pinned, hashed, complete, and what is installed here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILES = ("build.txt", "core.txt", "dev.txt", "uv.txt")
ENTRY = re.compile(r"(?m)^(?P<requirement>[A-Za-z0-9][^\\\n]*?)\s*(?P<hashes>(?:\\\n\s+--hash=\S+\s*)*)$")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")


def pins(path: Path) -> list[tuple[Requirement, int]]:
    """Every requirement of a compiled file with the number of its hashes."""
    text = "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")
    )
    return [(Requirement(m["requirement"]), len(HASH.findall(m["hashes"]))) for m in ENTRY.finditer(text)]


def names(path: Path) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement, _ in pins(path)}


@pytest.fixture(scope="module")
def project(root: Path) -> Mapping[str, list[str]]:
    document = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"core": document["dependencies"], **document["optional-dependencies"]}


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_an_exact_version_with_hashes(root: Path, name: str) -> None:
    found = pins(root / "requirements" / name)
    assert found
    loose = [str(r) for r, _ in found if [s.operator for s in r.specifier] != ["=="]]
    assert loose == []
    assert [str(r) for r, hashes in found if hashes == 0] == []


def test_pins_satisfy_the_project(root: Path, project: Mapping[str, list[str]]) -> None:
    for group, name in (("core", "core.txt"), ("dev", "dev.txt")):
        pinned = pins(root / "requirements" / name)
        for wanted in map(Requirement, project[group]):
            versions = [next(iter(r.specifier)).version for r, _ in pinned if canonicalize_name(r.name) == wanted.name]
            assert versions, f"{wanted} is not in {name}: run make requirements"
            assert all(wanted.specifier.contains(one) for one in versions), f"{wanted} against {versions}"


def test_development_contains_the_core_at_the_same_versions(root: Path) -> None:
    core = {(r.name, str(r.specifier)) for r, _ in pins(root / "requirements" / "core.txt")}
    dev = {(r.name, str(r.specifier)) for r, _ in pins(root / "requirements" / "dev.txt")}
    assert core - dev == set()


def test_extras_that_weigh_much_stay_out(root: Path) -> None:
    assert not {"torch", "ray"} & names(root / "requirements" / "dev.txt")
    assert not {"psycopg", "psycopg-binary"} & names(root / "requirements" / "core.txt")


@pytest.mark.parametrize("name", ["build.txt", "dev.txt"])
def test_what_is_installed_is_what_is_pinned(root: Path, name: str) -> None:
    different = {}
    for requirement, _ in pins(root / "requirements" / name):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            installed = "not installed"
        if not requirement.specifier.contains(installed) if installed != "not installed" else True:
            different[requirement.name] = (str(requirement.specifier), installed)
    assert different == {}, "run make setup"
