"""What the core weighs: requirements/core.txt and Nightforge in a fresh environment, without bytecode.

Bar: 175 MB. `python -m benchmarks.size [--top N]`; ends with 1 above the bar. Needs a package index.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BAR_MB = 175.0
NOT_OURS = {"pip", "setuptools", "wheel"}
"""What venv itself brings; build tools."""


def weigh(folder: Path) -> int:
    """Bytes of the regular files, bytecode apart."""
    return sum(
        path.stat(follow_symlinks=False).st_size
        for path in walk(folder)
        if path.suffix != ".pyc" and path.is_file() and not path.is_symlink()
    )


def walk(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names)


def copy_source(target: Path) -> Path:
    """What a wheel is built from: building in the checkout would leave a `build` folder there."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(".*", "build", "dist", "tests", "*.egg-info", "*.pyc"))
    return target


def install(target: Path) -> Path:
    """A fresh environment below `target` with the core; returns its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", str(target)], check=True)
    python = str(target / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-compile", "--require-hashes"]
    for name in ("build.txt", "core.txt"):
        subprocess.run([*pip, "-r", str(ROOT / "requirements" / name)], check=True)
    source = copy_source(target.parent / "source")
    subprocess.run([*pip[:-1], "--no-deps", "--no-build-isolation", str(source)], check=True)
    (site,) = (target / "lib").glob("python3*/site-packages")
    return site


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", type=int, default=12, metavar="N", help="name the N heaviest folders")
    top = parser.parse_args().top
    with tempfile.TemporaryDirectory() as folder:
        site = install(Path(folder) / "venv")
        weights = {
            entry.name: weigh(entry) if entry.is_dir() else entry.stat().st_size
            for entry in site.iterdir()
            if entry.name.split("-")[0] not in NOT_OURS and entry.suffix != ".pyc"
        }
    total_mb = sum(weights.values()) / 1e6
    for name in sorted(weights, key=lambda name: -weights[name])[:top]:
        print(f"{weights[name] / 1e6:8.1f} MB  {name}")
    print(f"{total_mb:8.1f} MB  in all (bar {BAR_MB:.0f} MB)")
    return int(total_mb > BAR_MB)


if __name__ == "__main__":
    sys.exit(main())
