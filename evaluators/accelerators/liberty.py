"""Cell libraries in the Liberty format: what area counting, proving and timing need of them.

Our own reader of a subset, because the kept ones want a computer algebra system for it: groups and attributes by the
Liberty grammar; the tables of timing and power are skipped over (the timers read them for themselves).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from evaluators.accelerators.cell_function import Expression, parse_function
from evaluators.kernels.toolchain import everyone_reads
from nightforge.errors import UserError

_SKIPPED = frozenset({"timing", "internal_power", "leakage_power", "lu_table_template", "power_lut_template"})
_KEEPING = frozenset({"ff", "latch", "ff_bank", "latch_bank", "statetable", "memory"})
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[A-Za-z0-9_.+\-*/!\[\]^|&\'<>=%$]+|[(){};:,]', re.DOTALL)
_GAP = re.compile(r"(?:\s|\\\r?\n|/\*.*?\*/|//[^\n]*)*", re.DOTALL)
_VALUE = re.compile(r'[ \t]*("(?:\\.|[^"\\])*"|[^;\n}]*)[ \t]*;?', re.DOTALL)
_BRACE = re.compile(r'"(?:\\.|[^"\\])*"|/\*.*?\*/|[{}]', re.DOTALL)
_CAPACITANCE = re.compile(r"(\b(?:rise_|fall_)?capacitance\s*:\s*\"?)([0-9.eE+\-]+)")
_FARADS = {"ff": 1.0, "pf": 1000.0}
_SECONDS = {"ps": 0.001, "ns": 1.0}


@dataclass(frozen=True, slots=True)
class Pin:
    """Capacitance in fF; `function` of an output, None where the library gives none."""

    name: str
    is_input: bool
    capacitance_ff: float
    function: Expression | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    name: str
    area_um2: float
    pins: Mapping[str, Pin]
    is_sequential: bool
    dont_use: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(pin.name for pin in self.pins.values() if pin.is_input)


@dataclass(frozen=True)
class Library:
    """A Liberty file, read. `path` is where the tools find it."""

    name: str
    path: Path
    cells: Mapping[str, Cell]
    capacitance_unit_ff: float
    time_unit_ns: float
    content: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    def for_box(self, wire_ff: float = 0.0) -> bytes | Path:
        """As a sandboxed tool gets it: the file itself, or its content where another user could not read the file."""
        if wire_ff:
            return self.with_wires(wire_ff)
        return self.path if everyone_reads(self.path) else self.content

    def with_wires(self, per_fanout_ff: float) -> bytes:
        """The same library, each input pin heavier by what a wire to it weighs.

        That is a wire-load model linear in the fan-out, in a form in which every timer agrees on it.
        """
        extra = per_fanout_ff / self.capacitance_unit_ff

        def heavier(found: re.Match[str]) -> str:
            value = float(found[2])
            return f"{found[1]}{value + extra:.6g}" if value > 0 else found[0]

        return _CAPACITANCE.sub(heavier, self.content.decode("utf-8", "replace")).encode()


@dataclass
class _Group:
    kind: str
    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=list)


def read_liberty(path: Path) -> Library:
    """Raises UserError with file, line and what was expected there."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", where=str(path), hint="give the path of a Liberty file"
        ) from error
    text = content.decode("utf-8", "replace")
    top = _Reader(text, path).read()
    cells = {group.name: _cell(group, path, top) for group in top.groups if group.kind == "cell"}
    if not any(cell.inputs and not cell.is_sequential for cell in cells.values()):
        raise UserError("holds no combinational cell", where=str(path), hint="a library of standard cells is needed")
    return Library(top.name, path, cells, _capacitance_unit(top), _time_unit(top), content)


def _capacitance_unit(top: _Group) -> float:
    value, _, unit = top.attributes.get("capacitive_load_unit", "1,pf").partition(",")
    return float(value) * _FARADS.get(unit.strip().lower(), 1000.0)


def _time_unit(top: _Group) -> float:
    found = re.fullmatch(r"([\d.]+)\s*(ps|ns)", top.attributes.get("time_unit", "1ns"))
    return float(found[1]) * _SECONDS[found[2]] if found else 1.0


def _cell(group: _Group, path: Path, top: _Group) -> Cell:
    where = f"{path}:{group.line}"
    unit = _capacitance_unit(top)
    try:
        area = float(group.attributes["area"])
    except (KeyError, ValueError) as error:
        raise UserError(f"cell {group.name} has no area", where=where, hint="a cell without area is free") from error
    pins: dict[str, Pin] = {}
    for pin in _pins(group):
        direction = pin.attributes.get("direction", "input")
        if direction not in ("input", "output"):
            continue
        function = pin.attributes.get("function")
        expression = None
        if function is not None and direction == "output":
            try:
                expression = parse_function(function)
            except ValueError as error:
                raise UserError(f"cell {group.name}, pin {pin.name}: {error}", where=f"{path}:{pin.line}") from error
        try:
            capacitance = float(pin.attributes.get("capacitance", "0")) * unit
        except ValueError as error:
            raise UserError(
                f"cell {group.name}, pin {pin.name}: the capacitance is no number", where=f"{path}:{pin.line}"
            ) from error
        pins[pin.name] = Pin(pin.name, direction == "input", capacitance, expression)
    keeps = any(inner.kind in _KEEPING for inner in group.groups)
    return Cell(group.name, area, pins, keeps, group.attributes.get("dont_use", "false") == "true")


def _pins(group: _Group) -> Iterator[_Group]:
    for inner in group.groups:
        if inner.kind == "pin":
            for name in inner.name.split(","):
                yield _Group(inner.kind, name.strip(), inner.line, inner.attributes, inner.groups)
        elif inner.kind in ("bus", "bundle"):
            yield from _pins(inner)


class _Reader:
    """Recursive descent over one text; positions become lines only for a message."""

    def __init__(self, text: str, path: Path) -> None:
        self._text = text
        self._path = path
        self._at = 0

    def read(self) -> _Group:
        if self._next() != "library":
            raise self._fault("expected `library (NAME) {`")
        group = self._group_or_attribute("library")
        if not isinstance(group, _Group):
            raise self._fault("expected `library (NAME) {`")
        return group

    def _fault(self, what: str) -> UserError:
        line = self._text.count("\n", 0, self._at) + 1
        return UserError(
            f"is no Liberty that can be read: {what}",
            where=f"{self._path}:{line}",
            hint="standard cells in Liberty (.lib), unpacked",
        )

    def _next(self) -> str:
        gap = _GAP.match(self._text, self._at)
        self._at = gap.end() if gap else self._at
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            what = "the file ends inside a group" if self._at >= len(self._text) else "a character out of place"
            raise self._fault(what)
        self._at = found.end()
        return found[0]

    def _peek(self) -> str:
        at = self._at
        token = self._next()
        self._at = at
        return token

    def _body(self, group: _Group) -> None:
        while (token := self._next()) != "}":
            if token == ";":
                continue
            if not (token[0].isalpha() or token[0] == "_"):
                raise self._fault(f"expected a name, found {token[:20]!r}")
            if self._peek() == ":":
                self._next()
                group.attributes[token] = self._value()
                continue
            inner = self._group_or_attribute(token)
            if isinstance(inner, _Group):
                group.groups.append(inner)
            else:
                group.attributes[token] = inner

    def _value(self) -> str:
        """Up to the semicolon, or to the end of the line where a library forgot it."""
        found = _VALUE.match(self._text, self._at)
        if found is None:
            raise self._fault("expected a value")
        self._at = found.end()
        return found[1].strip().strip('"')

    def _group_or_attribute(self, kind: str) -> _Group | str:
        line = self._text.count("\n", 0, self._at) + 1 if kind in ("cell", "pin", "library") else 0
        if self._next() != "(":
            raise self._fault(f"expected `(` or `:` after {kind}")
        arguments = []
        while (token := self._next()) != ")":
            if token in "{};":
                raise self._fault(f"expected `)` after {kind}")
            if token != ",":
                arguments.append(token.strip('"'))
        name = ",".join(arguments)
        at = self._at
        try:
            opens = self._next() == "{"
        except UserError:
            opens = False
        if not opens:
            self._at = at
            return name
        group = _Group(kind, name, line)
        if kind in _SKIPPED:
            self._skip()
        else:
            self._body(group)
        return group

    def _skip(self) -> None:
        depth = 1
        while depth:
            found = _BRACE.search(self._text, self._at)
            if found is None:
                raise self._fault("a group is not closed")
            self._at = found.end()
            depth += {"{": 1, "}": -1}.get(found[0], 0)
