"""What an evaluation needs beside the candidate: the worker, the baselines, the tools' versions. Built once."""

from __future__ import annotations

import importlib.util
import platform
import stat
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

import sandbox as sandbox_package
from evaluators.kernels.buffers import Arena
from evaluators.kernels.build import Built, build_kernel, build_worker, compiler_flags
from evaluators.kernels.session import Program, kernel_program
from evaluators.kernels.spec import BaselineSpec, KernelSettings
from nightforge.domain.limits import Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.task import Task
from nightforge.errors import EvaluatorFault
from tools.rewrites.parallel import is_parallel, parallelised

_BUILD_WALL_S = 60.0
_SYSTEM_FOLDERS = (Path("/usr/bin"), Path("/usr/local/bin"))


@dataclass(frozen=True)
class PythonHome:
    """An interpreter that can run inside the box, and the packages it can see there."""

    argv0: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Missing:
    reason: str


class Toolchain:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._libraries: dict[tuple[str, int], bytes] = {}
        self._worker: bytes | None = None
        self._versions: dict[str, str] | None = None

    async def worker(self) -> bytes:
        if self._worker is None:
            self._worker = await build_worker(self._sandbox, _runner("kernel_worker.c").read_bytes())
        return self._worker

    async def library(self, task: Task, name: str, threads: int = 1) -> bytes:
        """A trusted C file of the task, through the candidates' own build; on several threads its parallel form."""
        source = task.read(name)
        if (source, threads) not in self._libraries:
            text = source if threads == 1 else parallelised(source)
            built = await build_kernel(self._sandbox, text, wall_s=_BUILD_WALL_S, threads=threads)
            if not isinstance(built, Built):
                raise EvaluatorFault(
                    f"does not compile: {built.feedback}", where=str(task.root / name), hint="install gcc"
                )
            self._libraries[source, threads] = built.library
        return self._libraries[source, threads]

    async def versions(self) -> dict[str, str]:
        if self._versions is None:
            result = await self._sandbox.run(["gcc", "--version"], limits=Limits(wall_s=10))
            lines = result.stdout.decode("utf-8", "replace").splitlines()
            if not result.ok or not lines:
                raise EvaluatorFault("gcc does not run inside the box", hint="install the package gcc")
            self._versions = {"gcc": lines[0].strip(), "numpy": np.__version__, "machine": platform.machine()}
        return self._versions

    async def build_tools(self) -> dict[str, str]:
        """What compiles and inspects a candidate, as the box sees it now: an upgrade may come while a campaign runs."""
        script = "for tool in gcc as ld objdump ldd; do $tool --version 2>/dev/null | head -n 1; done"
        result = await self._sandbox.run(["/bin/sh", "-c", script], limits=Limits(wall_s=10))
        if not result.ok:
            raise EvaluatorFault("the build tools do not run inside the box", hint="install gcc and binutils")
        return {"build": result.stdout.decode("utf-8", "replace")}

    async def program(self, task: Task, baseline: BaselineSpec, threads: int = 1) -> Recipe | Missing:
        """How to start a baseline, or why it cannot be had on this machine."""
        lacking = [flag for flag in baseline.needs if flag not in processor_flags()]
        if lacking:
            return Missing(f"this processor has no {', '.join(lacking)}")
        if baseline.language == "c":
            return Recipe(baseline, await self.library(task, baseline.source, threads), await self.worker(), None, task)
        home = python_home(baseline.package)
        if isinstance(home, Missing):
            return home
        return Recipe(baseline, b"", b"", home, task)

    async def environment(self, task: Task, baseline: BaselineSpec, threads: int = 1) -> dict[str, str]:
        """What made the baseline fair: for the plan card and the report."""
        if baseline.language == "c":
            flags = " ".join(compiler_flags(task.read(baseline.source), threads))
            return {"compiler": (await self.versions())["gcc"], "flags": flags, **_team(task, baseline, threads)}
        try:
            version = metadata.version(baseline.package)
        except metadata.PackageNotFoundError:
            version = "not installed"
        return {"package": f"{baseline.package} {version}", **_team(task, baseline, threads), **baseline.environment}


def _team(task: Task, baseline: BaselineSpec, threads: int) -> dict[str, str]:
    """How many threads it has; nothing to say on one."""
    if threads == 1:
        return {}
    if baseline.language == "c" and not is_parallel(parallelised(task.read(baseline.source))):
        return {"threads": "1: no loop of it is known to be independent"}
    return {"threads": str(threads)}


@dataclass(frozen=True)
class Recipe:
    """A baseline that can be started as often as needed."""

    baseline: BaselineSpec
    library: bytes
    worker: bytes
    home: PythonHome | None
    task: Task

    def start(self, name: str, settings: KernelSettings, arena: Arena) -> Program:
        if self.home is None:
            return kernel_program(name, self.worker, self.library, settings, arena, trusted=True)
        threads = str(settings.threads)
        environment = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, **self.baseline.environment}
        argv = (
            "/usr/bin/env",
            *(f"{key}={value}" for key, value in environment.items()),
            self.home.argv0,
            *("-I", "-S", "/job/runner.py", "/job/site", "/job/baseline.py", settings.symbol),
            *arena.worker_arguments(),
        )
        files: dict[str, bytes | Path] = {
            **self.home.files,
            "runner.py": _runner("kernel_python_worker.py").read_bytes(),
            "baseline.py": (self.task.root / self.baseline.source).read_bytes(),
        }
        return Program(name, argv, files, trusted=True)


@cache
def processor_flags() -> frozenset[str]:
    """What /proc/cpuinfo says that the processor can do; empty where it says nothing."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    found = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return frozenset(found.partition(":")[2].split())


def python_home(package: str) -> PythonHome | Missing:
    """The interpreter and packages for a Python baseline, as far as another user may read them.

    The running interpreter may sit in a private home; then a system interpreter of the same minor version serves,
    because compiled packages fit it.
    """
    for needed in ("numpy", package):
        if importlib.util.find_spec(needed) is None:
            return Missing(f"the package {needed} is not installed")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return Missing(f"the package {package} has no place on disk")
    site = Path(spec.origin).resolve().parent.parent
    if not everyone_reads(site):
        return Missing(f"{site} is not readable for the sandbox user; install Nightforge outside a private home")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in _SYSTEM_FOLDERS:
        if (folder / name).exists() and everyone_reads((folder / name).resolve()):
            return PythonHome(str(folder / name), {"site": site})
    base = Path(sys.base_prefix).resolve()
    if (base / "bin" / name).exists() and everyone_reads(base):
        return PythonHome(f"/job/python/bin/{name}", {"site": site, "python": base})
    return Missing(f"no {name} that the sandbox user may read; install it below /usr")


def everyone_reads(path: Path) -> bool:
    """Readable by users other than the owner, all the way down."""
    try:
        wanted = stat.S_IROTH | (stat.S_IXOTH if path.is_dir() else 0)
        return path.stat().st_mode & wanted == wanted and all(p.stat().st_mode & stat.S_IXOTH for p in path.parents)
    except OSError:
        return False


def runners_folder() -> Path:
    return Path(next(iter(sandbox_package.__path__))) / "runners"


def _runner(name: str) -> Path:
    return runners_folder() / name
