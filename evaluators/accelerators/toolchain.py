"""The synthesis tools and cell libraries of this machine: where they are, which versions, what is missing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evaluators.accelerators.liberty import Library, read_liberty
from nightforge.errors import PrerequisiteMissing, SandboxFault, UserError
from sandbox.platform import find_tool, run_tool

SETUP = "make setup-eda, or as root: apt-get install"
SKY130_VARIABLE = "NIGHTFORGE_SKY130_LIBERTY"
"""Path of sky130_fd_sc_hd__tt_025C_1v80.lib of the user's own PDK: no package of the distribution has it."""
_QFLOW = (Path("/usr/share/qflow/tech"), Path(sys.prefix) / "share" / "nightforge" / "qflow" / "tech")
"""Where the distribution puts them, and where `make setup-eda` does without root."""
_VERSION_S = 20.0
_OLDEST_YOSYS = (0, 23)


@dataclass(frozen=True, slots=True)
class Tool:
    """`names` are programs, the first that is found is taken; `version_words` make it tell its version."""

    name: str
    names: tuple[str, ...]
    package: str
    version_words: tuple[str, ...]
    purpose: str


YOSYS = Tool("yosys", ("yosys",), "yosys", ("-V",), "turns Verilog into gates")
ABC = Tool("abc", ("berkeley-abc", "yosys-abc", "abc"), "berkeley-abc", ("-q", "version"), "maps gates to cells")
OPENSTA = Tool("opensta", ("sta",), "opensta", ("-version",), "times confirmed designs a second time")
VERILATOR = Tool("verilator", ("verilator_bin",), "verilator", ("--version",), "says which line is wrong")
IVERILOG = Tool("iverilog", ("iverilog",), "iverilog", ("-V",), "simulates exported designs")
TOOLS = (YOSYS, ABC, OPENSTA, VERILATOR, IVERILOG)


@dataclass(frozen=True, slots=True)
class Technology:
    """A cell library that can be had, and how."""

    name: str
    title: str
    path: Path
    package: str


def technologies() -> Mapping[str, Technology]:
    """Those known by name; the files need not be there."""
    known = {
        name: Technology(name, title, _first(name), f"qflow-tech-{name}")
        for name, title in (("osu018", "OSU 0.18 um"), ("osu035", "OSU 0.35 um"))
    }
    sky130 = os.environ.get(SKY130_VARIABLE, "")
    if sky130:
        known["sky130"] = Technology("sky130", "SkyWater 130 nm, high density, typical", Path(sky130), "")
    return known


def _first(name: str) -> Path:
    places = [folder / name / f"{name}_stdcells.lib" for folder in _QFLOW]
    return next((place for place in places if place.is_file()), places[0])


def find(tool: Tool) -> Path | None:
    for name in tool.names:
        found = find_tool(name)
        if found is not None:
            return found
    return None


def require(tool: Tool) -> Path:
    found = find(tool)
    if found is None:
        raise PrerequisiteMissing(f"{tool.name} is not installed ({tool.purpose})", hint=f"{SETUP} {tool.package}")
    return found


def version(tool: Tool) -> str:
    """The line in which the tool tells its version; empty when it is not there or says nothing."""
    found = find(tool)
    return _version_of(tool, str(found), found.stat().st_mtime_ns) if found else ""


@lru_cache(maxsize=64)
def _version_of(tool: Tool, path: str, changed_ns: int) -> str:
    """`changed_ns`: an upgrade while we run is another tool."""
    try:
        result = run_tool([path, *tool.version_words], timeout_s=_VERSION_S)
    except (PrerequisiteMissing, SandboxFault):
        return ""
    lines = [line.strip() for line in (result.stdout + b"\n" + result.stderr).decode(errors="replace").splitlines()]
    told = [line for line in lines if line and not line.startswith("ABC command line")]
    return told[0] if told else ""


def yosys_is_old(line: str) -> bool:
    """Whether a `yosys -V` line names a release before the one that the figures were taken with."""
    found = re.search(r"Yosys (\d+)\.(\d+)", line)
    return found is not None and (int(found[1]), int(found[2])) < _OLDEST_YOSYS


def versions(*libraries: Library) -> dict[str, str]:
    """Of every tool that an evaluation uses, and the libraries by digest: stored with scores, part of fingerprints."""
    found = {tool.name: version(tool) for tool in (YOSYS, ABC, OPENSTA, VERILATOR)}
    return {**found, **{f"liberty {library.name}": library.sha256[:16] for library in libraries}}


def lacking(tools: Sequence[Tool], names: Sequence[str]) -> tuple[str, ...]:
    """Sentences on tools and technologies that are not there, each with the package."""
    sentences = [
        f"{tool.name} is not installed ({tool.purpose}): {SETUP} {tool.package}" for tool in tools if find(tool) is None
    ]
    known = technologies()
    for name in names:
        if name == "sky130" and name not in known:
            sentences.append(f"sky130 is not set up: set {SKY130_VARIABLE} to the Liberty file of your PDK")
        elif name in known and not known[name].path.is_file():
            where = known[name].path
            sentences.append(f"the cells of {known[name].title} are missing ({where}): {SETUP} {known[name].package}")
    return tuple(sentences)


def library(name: str) -> Library:
    """A technology by name, or any Liberty file by path. Raises UserError or PrerequisiteMissing with the mend."""
    known = technologies().get(name)
    if known is not None:
        if not known.path.is_file():
            hint = f"{SETUP} {known.package}" if known.package else f"set {SKY130_VARIABLE}"
            raise PrerequisiteMissing(f"the cells of {known.title} are missing", where=str(known.path), hint=hint)
        path = known.path
    else:
        path = Path(name)
        if "/" not in name or not path.is_file():
            raise UserError(
                f"no technology {name!r}",
                hint=f"known: {', '.join(technologies())}, or the path of a Liberty file",
            )
    status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, changed_ns: int, size: int) -> Library:
    return read_liberty(path)
