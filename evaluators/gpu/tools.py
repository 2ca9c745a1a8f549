"""What this machine has for GPU programs: nvcc of the system or of PyPI's wheels, Triton with its interpreter."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from evaluators.kernels.toolchain import Missing, PythonHome, everyone_reads, python_home
from sandbox.platform import find_tool

WHEELS = "pip install nvidia-cuda-nvcc nvidia-cuda-crt nvidia-nvvm nvidia-cuda-runtime nvidia-cuda-cccl"
TRITON = "pip install triton"
_SYSTEM = Path("/usr/local")
_FIGURES = re.compile(
    r"Compiling entry function '(?P<entry>[^']+)' for '(?P<arch>sm_\w+)'\n"
    r"ptxas info\s*: Function properties for (?P=entry)\n"
    r"\s*(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads\n"
    r"ptxas info\s*: Used (?P<registers>\d+) registers(?P<rest>[^\n]*)"
)
_SHARED = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True)
class CudaHome:
    """Where the compiler stands inside the box, and what must be brought there."""

    bin: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Figures:
    """Of one entry, by ptxas. Bytes, but for registers (of a thread)."""

    registers: int
    spill_stores: int
    spill_loads: int
    stack: int
    shared: int


def cuda_home() -> CudaHome | Missing:
    """The system's nvcc, or the one of the wheels: these stand in the environment that Nightforge runs in."""
    found = find_tool("nvcc")
    for folder in (*sorted(_SYSTEM.glob("cuda*/bin"), reverse=True), *((found.resolve().parent,) if found else ())):
        if _has_compiler(folder):
            return CudaHome(f"{folder}/", {})
    for root in _wheel_roots():
        if _has_compiler(root / "bin"):
            if not everyone_reads(root):
                return Missing(
                    f"{root} is not readable for the sandbox user; install Nightforge outside a private home"
                )
            return CudaHome("/job/cuda/bin/", {"cuda": root})
    return Missing(f"nvcc is not installed: {WHEELS}")


def _has_compiler(folder: Path) -> bool:
    return all((folder / name).is_file() for name in ("nvcc", "ptxas"))


def _wheel_roots() -> list[Path]:
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations if spec is not None else None
    return sorted((root for place in places or () for root in Path(place).glob("cu*")), reverse=True)


def triton_home() -> PythonHome | Missing:
    home = python_home("triton")
    return Missing(f"{home.reason}: {TRITON}") if isinstance(home, Missing) else home


def read_figures(text: str, entry: str, architecture: str) -> Figures | None:
    """From ptxas' own words; None where it did not compile this entry for this architecture, or did so twice."""
    found = [one for one in _FIGURES.finditer(text) if (one["entry"], one["arch"]) == (entry, architecture)]
    if len(found) != 1:
        return None
    (one,) = found
    shared = _SHARED.search(one["rest"])
    return Figures(
        registers=int(one["registers"]),
        spill_stores=int(one["stores"]),
        spill_loads=int(one["loads"]),
        stack=int(one["stack"]),
        shared=int(shared[1]) if shared else 0,
    )
