"""A task folder made from a user's design: it is the golden model, the seed and the baseline."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evaluators.accelerators import toolchain
from evaluators.accelerators.mapping import CONDITIONS
from evaluators.accelerators.netlist import Gate, Netlist, Port
from evaluators.accelerators.own_design import OwnDesign
from evaluators.accelerators.rtl_settings import TOP
from evaluators.accelerators.verilog_text import to_verilog
from nightforge.errors import StoreFault, UserError

_AREA = re.compile(r"\b(small\w*|area|tiny|tinier|compact|fewer|cheap\w*|um2)\b|µm²|um\^2", re.IGNORECASE)
_DELAY = re.compile(r"\b(fast\w*|quick\w*|delay|latency|speed\w*|slack|timing)\b", re.IGNORECASE)
_NUMBER = r"(?P<value>\d+(?:[.,]\d+)?)\s*"
_TIME = re.compile(rf"{_NUMBER}(?P<unit>ns|ps)\b", re.IGNORECASE)
_SURFACE = re.compile(rf"{_NUMBER}(?:um2|um\^2|µm²|µm2|um²)", re.IGNORECASE)
OWN_FILE = "own.json"
"""In the folder of a user's design: what its top module is called outside."""
_BARE, _CONFIRM = "osu018-bare", ("osu018-loaded", "osu035-bare")
_METRICS = {
    "area_um2": ("um2", "cell area after mapping"),
    "delay_ns": ("ns", "delay of the slowest path after mapping"),
    "adp_um2_ns": ("um2*ns", "area times delay (latency) after mapping"),
}


@dataclass(frozen=True)
class Aim:
    """What a goal asks of a design: a metric to make small, and bounds on the others."""

    metric: str
    bounds: tuple[tuple[str, float], ...] = ()


def read_aim(goal: str) -> Aim:
    """`smaller at 4 ns` is the least area with delay_ns <= 4; without words for either, area x delay."""
    bounds: list[tuple[str, float]] = []
    for metric, pattern in (("delay_ns", _TIME), ("area_um2", _SURFACE)):
        found = [_bound(match) for match in pattern.finditer(goal)]
        if len(set(found)) > 1:
            raise UserError(f"{len(found)} bounds on {metric}", where=f"goal {goal!r}", hint="give one")
        bounds += [(metric, value) for value in found[:1]]
    words = _without_bounds(goal)
    wants_area, wants_delay = bool(_AREA.search(words)), bool(_DELAY.search(words))
    bound = {metric for metric, _ in bounds}
    if not wants_area and not wants_delay and len(bound) == 1:
        wants_area, wants_delay = "delay_ns" in bound, "area_um2" in bound
    if wants_area and wants_delay and len(bound) == 1:
        wants_area, wants_delay = "delay_ns" in bound, "area_um2" in bound
    if wants_area != wants_delay:
        return Aim("area_um2" if wants_area else "delay_ns", tuple(bounds))
    return Aim("adp_um2_ns", tuple(bounds))


def _without_bounds(goal: str) -> str:
    """The goal without its bounds: `4 ns` is no word for speed."""
    return _SURFACE.sub(" ", _TIME.sub(" ", goal))


def _bound(match: re.Match[str]) -> float:
    value = float(match["value"].replace(",", "."))
    if "unit" in match.groupdict() and match["unit"].lower() == "ps":
        value /= 1000.0
    if value <= 0:
        raise UserError(f"{match[0]!r} is no bound that a circuit can meet", where="goal", hint="a number above 0")
    return value


def make_task(
    design: OwnDesign, goal: str, folder: Path, *, liberty: Path | None = None, from_gates: bool = False
) -> Path:
    """Write (or find again) the task folder below `folder`; returns it. The same design, cells and goal: the same one.

    `from_gates`: candidates start from the design's gates, which programs can change, and not from its text.

    Raises UserError for cells that cannot be read, StoreFault where the folder cannot be written.
    """
    aim = read_aim(goal)
    cells = None if liberty is None else toolchain.library(str(liberty.resolve()))
    parts = [design.text, design.top, goal.strip(), cells.sha256 if cells else "", str(from_gates)]
    slug = re.sub(r"[^a-z0-9]+", "-", design.top.lower()).strip("-")
    name = f"own-{slug[:40].strip('-') or 'design'}-{sha256(chr(0).join(parts).encode()).hexdigest()[:8]}"
    place = folder / name
    if (place / "task.toml").is_file():
        return place
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
        _write(draft, place, design, _Request(goal, aim, name, from_gates), liberty)
        draft.chmod(0o755)
        draft.rename(place)
    except OSError as error:
        if (place / "task.toml").is_file():
            return place
        raise StoreFault(
            f"the task cannot be written: {error.strerror}", where=str(place), hint="set NIGHTFORGE_HOME elsewhere"
        ) from error
    return place


@dataclass(frozen=True)
class _Request:
    goal: str
    aim: Aim
    name: str
    from_gates: bool


def _write(draft: Path, place: Path, design: OwnDesign, request: _Request, liberty: Path | None) -> None:
    text = rename_top(design.text, design.top)
    (draft / "known").mkdir()
    gates = to_verilog(design.netlist, TOP)
    (draft / "golden.v").write_text(text, encoding="utf-8")
    (draft / "seed.v").write_text(gates if request.from_gates else text, encoding="utf-8")
    (draft / "known" / "one_input_wrong.v").write_text(to_verilog(_one_input_wrong(design.netlist), TOP))
    (draft / "known" / "all_zeros.v").write_text(to_verilog(_all_zeros(design.netlist), TOP))
    (draft / "known" / "gates.v").write_text(gates)
    (draft / OWN_FILE).write_text(json.dumps({"top": design.top}) + "\n", encoding="utf-8")
    (draft / "brief.md").write_text(_brief(design, request.aim), encoding="utf-8")
    condition = _BARE
    if liberty is not None:
        shutil.copyfile(liberty, draft / "cells.lib")
        condition = str(place / "cells.lib")
    (draft / "task.toml").write_text(_document(design, request, condition), encoding="utf-8")


def own_top(folder: Path) -> str:
    """The user's name of the top module; empty for a task that is not made from a user's design."""
    try:
        return str(json.loads((folder / OWN_FILE).read_text(encoding="utf-8"))["top"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"cannot be read: {error}", where=str(folder / OWN_FILE), hint="make the task again") from error


def rename_top(text: str, top: str, to: str = TOP) -> str:
    """The top module's declaration (and its end's label) under another name; nothing else is touched."""
    if top == to:
        return text
    if re.search(rf"\b(?:macro)?module\s+{to}\b", text):
        raise UserError(f"has a module {to} beside the top module", where=top, hint=f"rename the module {to}")
    text = re.sub(rf"\b((?:macro)?module\s+){re.escape(top)}\b", rf"\g<1>{to}", text, count=1)
    return re.sub(rf"(\bendmodule\s*:\s*){re.escape(top)}\b", rf"\g<1>{to}", text)


def _one_input_wrong(netlist: Netlist) -> Netlist:
    """Right but for the all-ones input's neighbour, where the last output bit is inverted."""
    gates, hit = list(netlist.gates), 1
    first = 2 + netlist.input_bits
    for index, net in enumerate(net for port in netlist.inputs for net in port.bits):
        gates.append(Gate("AND" if index % 3 else "ANDNOT", (hit, net), first + len(gates)))
        hit = gates[-1].output
    *others, last = netlist.outputs
    gates.append(Gate("XOR", (last.bits[-1], hit), first + len(gates)))
    changed = Port(last.name, (*last.bits[:-1], gates[-1].output))
    return Netlist(netlist.inputs, (*others, changed), tuple(gates))


def _all_zeros(netlist: Netlist) -> Netlist:
    outputs = tuple(Port(port.name, (0,) * port.width) for port in netlist.outputs)
    return Netlist(netlist.inputs, outputs, ())


def _is_zero(netlist: Netlist) -> bool:
    return all(net == 0 for port in netlist.outputs for net in port.bits)


def _toml(value: str) -> str:
    """JSON's strings are TOML's basic strings, but for one character."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _document(design: OwnDesign, request: _Request, condition: str) -> str:
    aim = request.aim
    unit, title = _METRICS[aim.metric]
    lines = [
        "schema_version = 1",
        f"name = {_toml(request.name)}",
        f"title = {_toml(f'your module {design.top}, {len(design.netlist.gates)} gates')}",
        f"goal = {_toml(request.goal)}",
        'domain = "rtl_comb"',
        'language = "verilog"',
        'seed = "seed.v"',
        'behaviour = ["area_um2", "delay_ns"]',
        *("", "[[objectives]]", f"metric = {_toml(aim.metric)}", f"unit = {_toml(unit)}", 'direction = "min"'),
        f"title = {_toml(title)}",
    ]
    for metric, bound in aim.bounds:
        lines += ["", "[[constraints]]", f"metric = {_toml(metric)}", 'relation = "<="', f"bound = {bound!r}"]
        lines += [f"unit = {_toml(_METRICS[metric][0])}"]
    for stage, words, wall_s in _STAGES:
        lines += ["", "[[stages]]", f"name = {_toml(stage)}", f"title = {_toml(words)}", f"wall_s = {wall_s}"]
    for path, expect, words in _rehearsal(design.netlist):
        lines += ["", "[[rehearsal]]", f"path = {_toml(path)}", f"expect = {_toml(expect)}", f"title = {_toml(words)}"]
    confirm = [one for one in _CONFIRM if toolchain.technologies()[CONDITIONS[one].technology].path.is_file()]
    lines += ["", "[settings]", f"condition = {_toml(condition)}", f"confirm = {json.dumps(confirm)}"]
    lines += ['baselines = [{ name = "yours", title = "your design", source = "golden.v" }]']
    for port in design.ports:
        direction = "input" if port.is_input else "output"
        lines += ["", "[[settings.ports]]", f"name = {_toml(port.name)}", f'direction = "{direction}"']
        lines += [f"width = {port.width}"]
    return "\n".join([*lines, ""])


_STAGES: Sequence[tuple[str, str, int]] = (
    ("static", "rules on the text", 5),
    ("elaborate", "Verilog to gates: ports, latches, loops, undriven bits", 30),
    ("simulate", "corner and secret vectors against your design", 30),
    ("map", "fixed recipes onto the cells", 60),
    ("prove", "that it computes what your design computes", 120),
    ("confirm", "proof, mapping under the other conditions, timing by a second tool", 240),
)


def _rehearsal(netlist: Netlist) -> list[tuple[str, str, str]]:
    known = [
        ("known/gates.v", "pass", "your design as plain gates"),
        ("known/one_input_wrong.v", "reject", "your design, but wrong on one input"),
    ]
    if not _is_zero(netlist):
        known.append(("known/all_zeros.v", "reject", "nothing but zeros"))
    return known


def _brief(design: OwnDesign, aim: Aim) -> str:
    ports = "\n".join(
        f"- {'input' if port.is_input else 'output'} `{port.name}`, {port.width} bit{'s' if port.width > 1 else ''}"
        for port in design.ports
    )
    bounds = "".join(f"\n`{metric}` must be at most {bound:g}." for metric, bound in aim.bounds)
    return f"""# A better `{design.top}`

Write one Verilog file whose module `{TOP}` computes exactly what the module of the seed computes, for every input.
It is turned into gates, compared with the seed on corner and secret vectors, mapped to standard cells by three fixed
recipes (the best counts) and **proven** equal.

Make `{aim.metric}` ({_METRICS[aim.metric][1]}) as small as possible.{bounds}

Ports, exactly these:

{ports}

Rules: combinational Verilog-2005 with `logic`; several modules, functions and generate loops are welcome. No clocks,
latches, loops, memories, delays, system tasks, compiler directives, attributes, undefined or high-impedance values;
every output bit is driven on every path.

A Python program that prints the Verilog is welcome too: its first line is `# nightforge: generator`.
"""
