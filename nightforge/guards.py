"""Start-up guard: each of our top-level packages is ours.

Another distribution (openai-agents) installs a package called `agents` as well. In a shared environment pip
overwrites one with the other and says nothing, so we look before anything is imported from them: each package must
stand beside `nightforge`, and its `__init__.py` must have the digest that was recorded when we were installed.
"""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import nightforge
from nightforge.errors import PrerequisiteMissing

PACKAGES = ("agents", "tools", "evaluators", "workflows", "sandbox", "tasks")
HINT = (
    "another package overwrote or shadows it; give Nightforge an environment of its own "
    "(`pipx install nightforge`, `uv tool install nightforge`, or `make setup` in a checkout)"
)


@dataclass(frozen=True)
class ForeignPackage:
    name: str
    location: str
    reason: str


def our_root() -> Path:
    """The folder in which all our packages stand."""
    return Path(nightforge.__file__).resolve().parent.parent


def recorded_digests() -> Mapping[str, str]:
    """Path → sha256 (urlsafe base64) as pip recorded it; empty for a checkout or an editable install."""
    try:
        record = distribution("nightforge").read_text("RECORD") or ""
    except PackageNotFoundError:
        return {}
    digests = {}
    for row in csv.reader(record.splitlines()):
        if len(row) >= 2 and row[1].startswith("sha256="):
            digests[row[0]] = row[1].removeprefix("sha256=")
    return digests


def foreign_packages(
    *, root: Path | None = None, digests: Mapping[str, str] | None = None, names: Sequence[str] = PACKAGES
) -> tuple[ForeignPackage, ...]:
    """Those of `names` that are missing, stand elsewhere, or were overwritten; none of them is imported."""
    root = our_root() if root is None else root
    digests = recorded_digests() if digests is None else digests
    found = []
    for name in names:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            found.append(ForeignPackage(name, "(not found)", "the package is missing"))
            continue
        init = Path(spec.origin).resolve()
        if init.parent.parent != root:
            found.append(ForeignPackage(name, str(init.parent), f"it does not stand in {root}"))
            continue
        recorded = digests.get(f"{name}/__init__.py")
        if recorded is not None and recorded != _digest(init):
            found.append(ForeignPackage(name, str(init.parent), "its __init__.py was replaced after installation"))
    return tuple(found)


def other_owners(names: Sequence[str] = PACKAGES) -> Mapping[str, tuple[str, ...]]:
    """Package → other installed distributions that bring one of the same name. Reads all metadata: for `doctor`."""
    owners = packages_distributions()
    found = {name: tuple(sorted(set(owners.get(name, ())) - {"nightforge"})) for name in names}
    return {name: others for name, others in found.items() if others}


def check_packages() -> None:
    """Raise PrerequisiteMissing naming the first foreign package and what to do."""
    for foreign in foreign_packages():
        raise PrerequisiteMissing(
            f"the package {foreign.name!r} is not Nightforge's: {foreign.reason}", where=foreign.location, hint=HINT
        )


def _digest(path: Path) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).rstrip(b"=").decode("ascii")
