"""From yosys' JSON to a `Netlist`, refusing everything that is not a plain gate with all its bits driven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, cast

from evaluators.accelerators.netlist import KINDS, Gate, Kind, Netlist, Port
from evaluators.accelerators.refusal import Refused

_PINS: Mapping[str, tuple[str, ...]] = {kind: ("A", "B") for kind in KINDS} | {
    "NOT": ("A",),
    "BUF": ("A",),
    "MUX": ("A", "B", "S"),
}
_MEND = {
    "latch": "a value is kept: assign every output of a combinational block on every path (a default at its top)",
    "register": "this task is combinational: no flip-flops; write `assign` or `always @*`",
    "memory": "no memories: write the function as logic",
    "not_synthesisable": "this operator takes constants only: write the function with +, -, *, shifts, comparisons",
    "black_box": "every module that is used must be defined in the file, down to operators",
}


class YosysPort(TypedDict):
    direction: str
    bits: list[int | str]


class YosysCell(TypedDict):
    type: str
    connections: dict[str, list[int | str]]


class YosysName(TypedDict):
    hide_name: int
    bits: list[int | str]


class YosysModule(TypedDict):
    ports: dict[str, YosysPort]
    cells: dict[str, YosysCell]
    netnames: dict[str, YosysName]


@dataclass(frozen=True, slots=True)
class PortSpec:
    """A port as the task fixes it."""

    name: str
    width: int
    is_input: bool


def check_ports(module: YosysModule, ports: Sequence[PortSpec]) -> None:
    """Refuses any difference of name, direction or width, naming all of them."""
    problems: list[str] = []
    for spec in ports:
        found = module["ports"].get(spec.name)
        direction = "input" if spec.is_input else "output"
        wanted = f"{direction} {spec.name} of {spec.width} bits"
        if found is None:
            problems.append(f"{wanted} is missing")
        elif found["direction"] != direction:
            problems.append(f"{wanted} is an {found['direction']}")
        elif len(found["bits"]) != spec.width:
            problems.append(f"{wanted} has {len(found['bits'])}")
    known = {spec.name for spec in ports}
    problems += [f"port {name} is not part of the contract" for name in module["ports"] if name not in known]
    if problems:
        raise Refused("wrong_ports", "; ".join(problems) + ". Declare exactly the ports of the brief.")


def netlist_of(module: YosysModule, ports: Sequence[PortSpec]) -> Netlist:
    """The netlist of a flattened, mapped-to-gates module; raises Refused with the reason and the mend."""
    check_ports(module, ports)
    _check_cells(module)
    return _Builder(module).build(ports)


def _check_cells(module: YosysModule) -> None:
    strange: dict[str, list[str]] = {}
    for name, cell in module["cells"].items():
        kind = cell["type"]
        if not (kind.startswith("$_") and kind.endswith("_") and kind[2:-1] in KINDS):
            kept = cell["connections"].get("Q", [])
            shown = ", ".join(bit_name(module, bit) for bit in kept) or name
            strange.setdefault(_class_of(kind), []).append(f"{shown} ({kind})")
    for reason in _MEND:
        if reason in strange:
            raise Refused(reason, f"{', '.join(strange[reason][:4])}: {_MEND[reason]}")


def _class_of(kind: str) -> str:
    if "DLATCH" in kind or kind in ("$dlatch", "$_SR_NN_", "$_SR_PP_", "$sr"):
        return "latch"
    if "DFF" in kind or kind in ("$ff", "$_FF_"):
        return "register"
    if kind in ("$pow", "$div", "$mod", "$divfloor", "$modfloor"):
        return "not_synthesisable"
    return "memory" if kind.startswith("$mem") else "black_box"


class _Builder:
    def __init__(self, module: YosysModule) -> None:
        self._module = module
        self._net: dict[int | str, int] = {"0": 0, "1": 1}
        self._gates: list[Gate] = []
        self._driver: dict[int | str, tuple[Kind, tuple[int | str, ...]]] = {}

    def build(self, ports: Sequence[PortSpec]) -> Netlist:
        self._drivers(ports)
        inputs = []
        for spec in ports:
            if spec.is_input:
                inputs.append(Port(spec.name, tuple(self._number(bit) for bit in self._bits(spec))))
        outputs = []
        for spec in ports:
            if not spec.is_input:
                bits = self._bits(spec)
                for index, bit in enumerate(bits):
                    self._reach(bit, f"{spec.name}[{index}]" if len(bits) > 1 else spec.name)
                outputs.append(Port(spec.name, tuple(self._net[bit] for bit in bits)))
        return Netlist(tuple(inputs), tuple(outputs), tuple(self._gates))

    def _bits(self, spec: PortSpec) -> Sequence[int | str]:
        return self._module["ports"][spec.name]["bits"]

    def _number(self, bit: int | str) -> int:
        self._net[bit] = len(self._net)
        return self._net[bit]

    def _drivers(self, ports: Sequence[PortSpec]) -> None:
        taken = {bit for spec in ports if spec.is_input for bit in self._bits(spec)}
        for cell in self._module["cells"].values():
            kind = cast(Kind, cell["type"][2:-1])
            pins = cell["connections"]
            (output,) = pins["Y"]
            if output in taken or isinstance(output, str):
                what = bit_name(self._module, output)
                raise Refused("several_drivers", f"{what} is driven twice: give every wire one driver")
            taken.add(output)
            self._driver[output] = (kind, tuple(pins[pin][0] for pin in _PINS[kind]))

    def _reach(self, root: int | str, output: str) -> None:
        """Number everything that `root` needs, depth first without recursion."""
        if root in self._net:
            return
        open_bits: set[int | str] = set()
        stack: list[int | str] = [root]
        while stack:
            bit = stack[-1]
            if bit in self._net:
                stack.pop()
                continue
            kind, pins = self._need(bit, output)
            waiting = [pin for pin in pins if pin not in self._net]
            if not waiting:
                stack.pop()
                open_bits.discard(bit)
                inputs = tuple(self._net[pin] for pin in pins)
                self._gates.append(Gate(kind, inputs, self._number(bit)))
                continue
            open_bits.add(bit)
            for pin in waiting:
                if pin in open_bits:
                    raise Refused("loop", self._loop(stack, open_bits, pin))
            stack.extend(reversed(waiting))

    def _need(self, bit: int | str, output: str) -> tuple[Kind, tuple[int | str, ...]]:
        if isinstance(bit, str):
            raise Refused("undefined_value", f"output {output} depends on the constant {bit}: use 0 and 1 only")
        if bit not in self._driver:
            what = bit_name(self._module, bit)
            where = f"output {output}" if what == output else f"{what}, on which output {output} depends,"
            raise Refused("undriven", f"{where} is never assigned: drive every bit, a constant if need be")
        return self._driver[bit]

    def _loop(self, stack: Sequence[int | str], open_bits: set[int | str], start: int | str) -> str:
        path = [bit for bit in stack if bit in open_bits]
        names = [bit_name(self._module, bit) for bit in path[path.index(start) :]]
        shown = " -> ".join(dict.fromkeys([name for name in names if not name.startswith("$")][:8]))
        return f"combinational loop through {shown}: a value may not depend on itself"


def bit_name(module: YosysModule, bit: int | str) -> str:
    """As the source calls it, where it does; else a name of the tool's."""
    best = ""
    for name, entry in module["netnames"].items():
        if bit in entry["bits"] and (not best or not entry["hide_name"]):
            index = entry["bits"].index(bit)
            best = f"{name}[{index}]" if len(entry["bits"]) > 1 else name
            if not entry["hide_name"]:
                break
    return best or f"net {bit}"
