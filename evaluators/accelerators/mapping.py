"""A netlist on standard cells: three fixed recipes, each twice, in one ABC process, under a named condition.

Area is counted here, from the mapped cells and the Liberty; a cell that the Liberty does not have is an error. Delay
is ABC's `stime` (OpenSTA's figures for what is confirmed: `timing`). The order of inputs that ABC is given is fixed by
the ports, so that equal netlists get equal figures, whatever their texts call things.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.accelerators import fallback
from evaluators.accelerators.elaborate import LATENESS
from evaluators.accelerators.liberty import Library
from evaluators.accelerators.netlist import Gate, Netlist, Port
from evaluators.accelerators.refusal import Refused
from evaluators.accelerators.standing_clock import Preload, standing_clock
from nightforge.domain.limits import MIB, ExecResult, ExitReason, Limits
from nightforge.domain.ports import Sandbox
from nightforge.domain.words import Outcome
from nightforge.errors import EvaluatorFault

BEGINNING = "strash;ifraig;scorr;dc2"
"""Of every recipe; it is run once for all of them, unless results are told apart by the design's name."""
RECIPES: Mapping[str, str] = {
    "area": "dc2;strash;&get -n;&dch -f;&nf -R 1000;&put;topo",
    "default": "dretime;strash;&get -n;&dch -f;&nf;&put;topo",
    "delay": "strash;dch -f;map -B 0.9;topo;buffer -c;upsize;dnsize",
}
"""What follows: the flow of the published figures."""
ORDERS: Mapping[str, bool] = {"": False, "-reversed": True}
"""Ending of a run's name → last output first."""
RUNS: Sequence[str] = [f"{name}{ending}" for ending in ORDERS for name in RECIPES]
"""Each recipe, with the outputs given in port order and the other way round: the mapper goes through a design from its
outputs, and the order alone moves a figure by up to a tenth. A candidate's score is its best run's."""
_MEMORY_BYTES = 2048 * MIB
_DELAY = re.compile(r"Delay =\s*([0-9.]+) ps")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MARK = "nightforge-recipe"


@dataclass(frozen=True, slots=True)
class Condition:
    """Under which a design is mapped and timed; figures of different conditions are never compared.

    `driver`: the cell that drives every input (none: an ideal edge). `load_ff`: capacitance at every output.
    `wire_ff`: capacitance of the wire to each input pin that a net reaches.
    """

    name: str
    title: str
    technology: str
    driver: str = ""
    load_ff: float = 0.0
    wire_ff: float = 0.0


CONDITIONS: Mapping[str, Condition] = {
    condition.name: condition
    for condition in (
        Condition("osu018-bare", "OSU 0.18 um, ideal edges at the inputs, no load at the outputs, no wires", "osu018"),
        Condition(
            "osu018-loaded",
            "OSU 0.18 um, inputs driven by BUFX2, 30 fF at each output, 8 fF of wire to each pin",
            "osu018",
            driver="BUFX2",
            load_ff=30.0,
            wire_ff=8.0,
        ),
        Condition("osu035-bare", "OSU 0.35 um, ideal edges at the inputs, no load, no wires", "osu035"),
        Condition("sky130-bare", "SkyWater 130 nm high density, ideal edges, no load, no wires", "sky130"),
    )
}


def condition_of(name: str) -> Condition:
    """A named condition, or a bare one of a Liberty file given by its path."""
    return CONDITIONS.get(name) or Condition(name, f"{Path(name).name}, no driver, no load, no wires", name)


@dataclass(frozen=True, slots=True)
class Instance:
    """One cell with its nets by pin name; `output` is the pin that drives."""

    cell: str
    pins: tuple[tuple[str, str], ...]
    output: str


@dataclass(frozen=True)
class Mapped:
    """A design on cells. `aliases` are outputs that are another net: a wire, no cell."""

    recipe: str
    area_um2: float
    delay_ns: float
    instances: tuple[Instance, ...]
    aliases: tuple[tuple[str, str], ...]

    @property
    def adp_um2_ns(self) -> float:
        return self.area_um2 * self.delay_ns

    @property
    def cells(self) -> Mapping[str, int]:
        return Counter(instance.cell for instance in self.instances)

    def netlist(self, library: Library, like: Netlist) -> Netlist:
        """What the cells compute, by the functions of the Liberty: for proving the mapper's work."""
        return _Expansion(library, like).expand(self)


async def map_netlist(
    sandbox: Sandbox,
    netlist: Netlist,
    library: Library,
    condition: Condition,
    *,
    recipes: Collection[str] = RECIPES,
    wall_s: float = 20.0,
) -> tuple[Mapped, ...]:
    """One result per run that ended. Raises Refused when none did, EvaluatorFault when ABC makes no sense."""
    if not netlist.gates:
        return (_wires(netlist),)
    files: dict[str, bytes | Path] = {"cells.lib": library.for_box(condition.wire_ff)}
    launch = fallback.abc("/job/script", "/job/cells.lib")
    clock = Preload() if launch.tells_by_name else await standing_clock(sandbox)
    lines = ["read_lib -w /job/cells.lib"]
    if condition.driver or condition.load_ff:
        driver = f"set_driving_cell {condition.driver}\n" if condition.driver else ""
        files["constraints"] = f"{driver}set_load {condition.load_ff:g} [all_outputs]\n".encode()
        lines.append("read_constr /job/constraints")
    lines += _runs(netlist, recipes, launch, files)
    files["script"] = ("\n".join(lines) + "\n").encode()
    result = await sandbox.run(
        (*clock.words, *launch.argv),
        files={**launch.files, **clock.files, **files},
        limits=Limits(
            wall_s=LATENESS * wall_s, cpu_s=max(1, int(wall_s)), memory_bytes=_MEMORY_BYTES, output_bytes=4 * MIB
        ),
        outputs=(*(f"{run}.blif" for run in RUNS), fallback.STATISTICS),
    )
    return _read_results(result, library, wall_s)


def _runs(
    netlist: Netlist, recipes: Collection[str], launch: fallback.Launch, files: dict[str, bytes | Path]
) -> Iterator[str]:
    """The commands of all runs; the designs that they read are put into `files`."""

    def read(design: str, last_output_first: bool) -> list[str]:
        blif = netlist.to_blif(design, interleaved=True, last_output_first=last_output_first)
        files[f"{design}.blif"] = blif.encode()
        return [f"read_blif /job/{design}.blif", *BEGINNING.split(";")]

    for ending, last_first in ORDERS.items():
        if not launch.tells_by_name:
            yield from (*read(f"design{ending}", last_first), "backup")
        for name in recipes:
            yield f"echo {_MARK} {name}{ending}"
            yield from read(f"{name}{ending}", last_first) if launch.tells_by_name else ("restore",)
            yield from (*RECIPES[name].split(";"), launch.timing, f"write_blif /box/{name}{ending}.blif")


def _wires(netlist: Netlist) -> Mapped:
    """No gate at all: outputs that are inputs or constants."""
    names = {0: "const0", 1: "const1"}
    names.update({net: f"{port.name}[{index}]" for port in netlist.inputs for index, net in enumerate(port.bits)})
    aliases = tuple(
        (f"{port.name}[{index}]", names[net]) for port in netlist.outputs for index, net in enumerate(port.bits)
    )
    return Mapped("wires", 0.0, 0.0, (), aliases)


def _read_results(result: ExecResult, library: Library, wall_s: float) -> tuple[Mapped, ...]:
    """ABC's crash in one recipe costs that recipe and those after it, not the design."""
    said = _COLOUR.sub("", result.stdout.decode("utf-8", "replace"))
    delays = fallback.delays_ns(result.outputs.get(fallback.STATISTICS, b""))
    for part in said.split(_MARK)[1:]:
        found = _DELAY.findall(part)
        if found:
            delays[part.split()[0]] = float(found[-1]) / 1000.0
    mapped = []
    for name in RUNS:
        content = result.outputs.get(f"{name}.blif", b"")
        if name in delays and content.rstrip().endswith(b".end"):
            mapped.append(_read_mapped(name, delays[name], content.decode("ascii", "replace"), library))
    if mapped:
        return tuple(mapped)
    if result.reason in {ExitReason.WALL_LIMIT, ExitReason.CPU_LIMIT}:
        raise Refused(
            "mapping_timeout", f"mapping to cells took longer than {wall_s:.0f} s: a smaller design", Outcome.TIMEOUT
        )
    if result.reason is ExitReason.EXITED and result.exit_code == 0:
        raise EvaluatorFault(f"abc mapped nothing: {said.strip()[-800:]}", where="mapping")
    how = f"signal {result.signal}" if result.signal else result.reason.value
    raise Refused("mapping_stopped", f"abc was stopped by {how} in its first recipe: write it in another way")


def _read_mapped(recipe: str, delay_ns: float, text: str, library: Library) -> Mapped:
    instances: list[Instance] = []
    aliases: list[tuple[str, str]] = []
    area = 0.0
    lines = text.replace("\\\n", " ").splitlines()
    for at, line in enumerate(lines):
        words = line.split()
        if not words:
            continue
        if words[0] == ".gate":
            instance = _instance(words[1], words[2:], library)
            if instance is None:
                aliases.append((words[-1].split("=", 1)[1], words[1].strip("_")))
            else:
                instances.append(instance)
                area += library.cells[instance.cell].area_um2
        elif words[0] == ".names":
            aliases.append(_alias(words[1:], lines[at + 1] if at + 1 < len(lines) else ""))
        elif words[0] in (".latch", ".subckt"):
            raise EvaluatorFault(f"abc wrote {words[0]} for a combinational design", where="mapping")
    return Mapped(recipe, area, delay_ns, tuple(instances), tuple(aliases))


def _instance(name: str, connections: Sequence[str], library: Library) -> Instance | None:
    """None for ABC's own constants, which are wires."""
    if name in ("_const0_", "_const1_"):
        return None
    cell = library.cells.get(name)
    if cell is None or cell.is_sequential:
        raise EvaluatorFault(f"abc used a cell {name} that the library lacks", where=str(library.path))
    pins = tuple((pin, net) for pin, _, net in (word.partition("=") for word in connections))
    outputs = [pin for pin, _ in pins if pin in cell.pins and not cell.pins[pin].is_input]
    if len(outputs) != 1 or {pin for pin, _ in pins} - set(cell.pins):
        raise EvaluatorFault(f"abc connected {name} by {' '.join(connections)}", where="mapping")
    return Instance(name, pins, outputs[0])


def _alias(names: Sequence[str], cover: str) -> tuple[str, str]:
    if len(names) == 1:
        return names[0], "const1" if cover.strip() == "1" else "const0"
    if len(names) == 2 and cover.strip() == "1 1":
        return names[1], names[0]
    raise EvaluatorFault(f"abc left logic unmapped: .names {' '.join(names)}", where="mapping")


class _Expansion:
    def __init__(self, library: Library, like: Netlist) -> None:
        self._library = library
        self._like = like
        self._gates: list[Gate] = []
        self._nets: dict[str, int] = {"const0": 0, "const1": 1}
        for port in like.inputs:
            self._nets.update({f"{port.name}[{index}]": net for index, net in enumerate(port.bits)})
        self._next = 2 + like.input_bits

    def _fresh(self) -> int:
        self._next += 1
        return self._next - 1

    def expand(self, mapped: Mapped) -> Netlist:
        waiting = list(mapped.instances)
        alias = dict(mapped.aliases)
        while waiting:
            left = [instance for instance in waiting if not self._place(instance, alias)]
            if len(left) == len(waiting):
                raise EvaluatorFault(f"{len(left)} mapped cells have undriven inputs or a loop", where="mapping")
            waiting = left
        outputs = tuple(
            Port(port.name, tuple(self._net(f"{port.name}[{index}]", alias) for index in range(port.width)))
            for port in self._like.outputs
        )
        return Netlist(self._like.inputs, outputs, tuple(self._gates))

    def _net(self, name: str, alias: Mapping[str, str]) -> int:
        found = self._find(name, alias)
        if found is None:
            raise EvaluatorFault(f"{name} is not driven after mapping", where="mapping")
        return found

    def _find(self, name: str, alias: Mapping[str, str]) -> int | None:
        for _ in range(len(alias) + 1):
            if name in self._nets or name not in alias:
                break
            name = alias[name]
        return self._nets.get(name)

    def _place(self, instance: Instance, alias: Mapping[str, str]) -> bool:
        nets: dict[str, int] = {}
        for pin, name in instance.pins:
            if pin != instance.output:
                found = self._find(name, alias)
                if found is None:
                    return False
                nets[pin] = found
        function = self._library.cells[instance.cell].pins[instance.output].function
        if function is None or function.pins - set(nets):
            raise EvaluatorFault(f"cell {instance.cell} has no function", where=str(self._library.path))
        self._nets[dict(instance.pins)[instance.output]] = function.gates(nets, self._fresh, self._gates.append)
        return True
