"""A user's combinational RTL as golden model: read, if need be converted, turned into gates by the candidates' own way.

What cannot be taken is a UserError with the file, the line and the mend. A clocked design is refused: the proof that
stands behind every result here has no notion of time yet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from evaluators.accelerators import toolchain
from evaluators.accelerators.elaborate import elaborate
from evaluators.accelerators.netlist import Netlist
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.static_rules import MAX_BYTES, check_text
from evaluators.accelerators.toolchain import Tool
from evaluators.accelerators.yosys_json import PortSpec, YosysModule
from nightforge.domain.limits import Limits
from nightforge.domain.ports import Sandbox
from nightforge.errors import UserError

_PREPROCESS = ("-g2012", "-E", "-o", "design.v", "/job/design.v")
SV2V = Tool("sv2v", ("sv2v",), "sv2v (github.com/zachjs/sv2v: a single program)", ("--version",), "reads SystemVerilog")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_WALL_S = 60.0
_CLOCKED = frozenset({"clocked", "register", "memory"})
_CONVERTIBLE = frozenset({"unsynthesisable", "syntax_error", "lint_error", "directive", "not_synthesisable", "string"})
"""Reasons for which a converter may help: the text is SystemVerilog, or has directives."""
_PORTS = "read_verilog -sv -noautowire /job/design.v; hierarchy -check -top {top}; proc; write_json ports.json"


@dataclass(frozen=True)
class OwnDesign:
    """`text` is what candidates start from: the file as it was, or its conversion. `converter` is empty, or who did."""

    text: str
    top: str
    ports: tuple[PortSpec, ...]
    netlist: Netlist
    converter: str = ""


async def read_design(sandbox: Sandbox, path: Path, top: str) -> OwnDesign:
    """Raises UserError for a file that cannot be taken, PrerequisiteMissing without yosys."""
    if not IDENTIFIER.fullmatch(top):
        raise UserError(f"{top!r} is no name of a module", where="--top", hint="letters, digits, underscores")
    toolchain.require(toolchain.YOSYS)
    text = _read_text(path)
    try:
        return await _take(sandbox, text, top)
    except Refused as refused:
        first = refused
    if first.reason == "directive" and toolchain.find(toolchain.IVERILOG) is not None:
        text = await _preprocess(sandbox, text, path)
        try:
            return await _take(sandbox, text, top, toolchain.version(toolchain.IVERILOG))
        except Refused as refused:
            first = refused
    if first.reason in _CONVERTIBLE and toolchain.find(SV2V) is not None:
        converted = await _convert(sandbox, text, path)
        try:
            return await _take(sandbox, converted, top, toolchain.version(SV2V) or SV2V.name)
        except Refused as refused:
            raise explain(refused, path, top, converted=True) from refused
    raise explain(first, path, top)


def explain(refused: Refused, path: Path, top: str, *, converted: bool = False) -> UserError:
    """Why the design cannot be taken, for the person who wrote it."""
    what = refused.feedback + (" (in the text that sv2v made of it)" if converted else "")
    if refused.reason in _CLOCKED:
        return UserError(
            f"{what}: the design keeps a state, and designs are proven without time here",
            where=str(path),
            hint="give the combinational part as a module of its own, with the registers' outputs as inputs",
        )
    if refused.reason == "latch":
        return UserError(what, where=str(path), hint="a latch keeps a state; combinational logic has none")
    if refused.reason in ("no_top", "wrong_ports"):
        return UserError(what, where=str(path), hint=f"--top names the module to improve, not {top!r}")
    hint = "mend the line, or write the construct in Verilog-2005"
    if refused.reason in _CONVERTIBLE and not converted:
        hint += f"; with {SV2V.package} on the system's path, more of SystemVerilog is read"
    return UserError(what, where=str(path), hint=hint)


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path), hint="--design names a file") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{len(content)} bytes; the limit is {MAX_BYTES}", where=str(path), hint="one module at a time")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"not UTF-8: {error}", where=str(path), hint="save it as UTF-8") from error


async def _take(sandbox: Sandbox, text: str, top: str, converter: str = "") -> OwnDesign:
    plain = check_text(text, top)
    ports = await _find_ports(sandbox, plain, top)
    elaborated = await elaborate(sandbox, plain, ports, top=top, wall_s=_WALL_S)
    return OwnDesign(text, top, ports, elaborated.netlist, converter)


async def _find_ports(sandbox: Sandbox, text: str, top: str) -> tuple[PortSpec, ...]:
    """In the order of declaration. A text that yosys cannot read has none: elaboration says why, with the line."""
    result = await sandbox.run(
        [str(toolchain.require(toolchain.YOSYS)), "-q", "-p", _PORTS.format(top=top)],
        files={"design.v": text.encode()},
        limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S)),
        outputs=("ports.json",),
    )
    content = result.outputs.get("ports.json")
    if not result.ok or not content:
        return ()
    modules = cast(Mapping[str, Mapping[str, YosysModule]], json.loads(content))["modules"]
    if top not in modules:
        return ()
    found = tuple(
        PortSpec(name, len(port["bits"]), port["direction"] == "input") for name, port in modules[top]["ports"].items()
    )
    if not any(spec.is_input for spec in found) or all(spec.is_input for spec in found):
        raise Refused("wrong_ports", f"module {top} needs an input and an output to compute something")
    return found


async def _preprocess(sandbox: Sandbox, text: str, path: Path) -> str:
    """Macros and conditions of the text itself; lines stay where they were. Other files are not read."""
    result = await sandbox.run(
        [str(toolchain.require(toolchain.IVERILOG)), *_PREPROCESS],
        files={"design.v": text.encode()},
        limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S)),
        outputs=("design.v",),
    )
    said = (result.stderr + result.stdout).decode("utf-8", "replace").replace("/job/design.v", path.name).strip()
    content = result.outputs.get("design.v")
    if not result.ok or content is None or "not found" in said:
        raise UserError(
            f"its directives cannot be followed: {said[-1500:] or result.reason.value}",
            where=str(path),
            hint="one file is read: put what it includes into it",
        )
    return content.decode("utf-8", "replace")


async def _convert(sandbox: Sandbox, text: str, path: Path) -> str:
    program = toolchain.require(SV2V)
    result = await sandbox.run(
        [str(program), "/job/design.sv"],
        files={"design.sv": text.encode()},
        limits=Limits(wall_s=_WALL_S, cpu_s=int(_WALL_S), output_bytes=4 * MAX_BYTES),
    )
    said = result.stderr.decode("utf-8", "replace").replace("/job/design.sv", path.name).strip()
    if not result.ok:
        raise UserError(
            f"sv2v cannot read it: {said[-1500:] or result.reason.value}",
            where=str(path),
            hint="mend the line that it names",
        )
    return result.stdout.decode("utf-8", "replace")
