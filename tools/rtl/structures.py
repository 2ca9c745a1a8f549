"""Adders and multipliers as explicit structures, printed as Verilog. Standard library only, one file.

A generator program in the sandbox imports it as `structures`: `print(multiplier(GENOME))` or `print(adder(GENOME))`.
A genome is a plain literal that fixes every gate, so that a program can be changed one decision at a time:

`width`      bits of each operand.
`partial`    multipliers: `and` (one AND for each pair of bits) or radix-4 recoding of b: `booth` (a multiple is
             chosen, then inverted), `booth-early` (the operand is inverted while the digit is decoded).
`columns`    multipliers: one text per column of weight 2^c; each word is one compressor on wires of that column,
             e.g. `f0,1,2 h3,4`. Wires are numbered: partial products, then carries out of column c-1 in the order of
             its words, then sums of this column in the order of its words. Each wire is used at most once; at most
             two may be left over: the operands of the final adder. The letter says how the compressor is written:
             `f` sum a^b^c, carry ab|(a^b)c    `m` the carry is a multiplexer, a^b ? c : a    `j` carry ab|(a|b)c
             `h` half adder a^b, ab            `g` half adder, the sum as (a|b)&~(ab)         `n` two `g` and an OR
`prefix`     the carry network: row i lists, falling, the lower ends j of the spans i..j that are computed. A span's
             upper part is the one before it in its row (at first bit i alone), its lower part starts right below;
             rows end at the lowest bit that has two operands. This is the grid of PrefixRL (Roy et al., DAC 2021),
             and any parallel-prefix network has a place in it: ripple, Sklansky, Kogge-Stone, Brent-Kung.
`propagate`  one letter per bit: `x` its propagate signal is a^b in the carry network too, `o` it is a|b there.
`merge`      one letter per row: `a` its carries are g|p&h, `m` they are p ? h : g (the row's bits are then all `x`).
`select`     one letter per bit: `x` sum = p ^ carry, `m` the last step of the carry selects between two sums.

Sources: Wallace (1964), Dadda (1965), Booth/MacSorley (1961), Yeh/Jen (2000: a Booth row's lowest bit),
Sklansky (1960), Kogge-Stone (1973), Brent-Kung (1982).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

Genome = dict[str, object]
Rows = list[list[int]]
Span = tuple[int, int]
BoothRow = tuple[list[str], str, tuple[int, str]]
"""Bits from the lowest, whether the row is negative, and the place and wire of the one that its complement lacks."""

WORD = re.compile(r"([fmjnhg])(\d+(?:,\d+)+)")
INPUTS = {"f": 3, "m": 3, "j": 3, "n": 3, "h": 2, "g": 2}
ZERO, ONE = "1'b0", "1'b1"


class BadGenome(ValueError):
    """A genome that describes no circuit; the message says where."""


@dataclass
class Circuit:
    """Gates in the order in which they were made; every method answers the name of the wire that it drives."""

    lines: list[str] = field(default_factory=list)
    _known: dict[str, str] = field(default_factory=dict)

    def wire(self, expression: str) -> str:
        name = self._known.get(expression)
        if name is None:
            name = self._known[expression] = f"n{len(self.lines)}"
            self.lines.append(f"  wire {name} = {expression};")
        return name

    def inverse(self, a: str) -> str:
        if a in (ZERO, ONE):
            return ONE if a == ZERO else ZERO
        return self.wire(f"~{a}")

    def both(self, a: str, b: str) -> str:
        if ZERO in (a, b):
            return ZERO
        if ONE in (a, b):
            return b if a == ONE else a
        return self.wire(f"{a} & {b}")

    def either(self, a: str, b: str) -> str:
        if ONE in (a, b):
            return ONE
        if ZERO in (a, b):
            return b if a == ZERO else a
        return self.wire(f"{a} | {b}")

    def differ(self, a: str, b: str) -> str:
        if ZERO in (a, b):
            return b if a == ZERO else a
        if ONE in (a, b):
            return self.inverse(b if a == ONE else a)
        return self.wire(f"{a} ^ {b}")

    def choose(self, condition: str, yes: str, no: str) -> str:
        if condition in (ZERO, ONE):
            return yes if condition == ONE else no
        if yes == no:
            return yes
        if ZERO in (yes, no) or ONE in (yes, no):
            return self.either(self.both(condition, yes), self.both(self.inverse(condition), no))
        return self.wire(f"{condition} ? {yes} : {no}")

    def compress(self, kind: str, operands: Sequence[str]) -> tuple[str, str]:
        """(sum, carry) of two or three wires of one column."""
        a, b = operands[:2]
        if kind == "h":
            return self.differ(a, b), self.both(a, b)
        if kind == "g":
            carry = self.both(a, b)
            return self.both(self.either(a, b), self.inverse(carry)), carry
        if kind == "n":
            half, first = self.compress("g", (a, b))
            total, second = self.compress("g", (half, operands[2]))
            return total, self.either(first, second)
        c, half = operands[2], self.differ(a, b)
        if kind == "m":
            return self.differ(half, c), self.choose(half, c, a)
        through = half if kind == "f" else self.either(a, b)
        return self.differ(half, c), self.either(self.both(a, b), self.both(through, c))


def module(circuit: Circuit, inputs: Mapping[str, int], output: str, bits: Sequence[str]) -> str:
    """Verilog of a module `cand` with unsigned ports."""
    ports = [f"  input wire [{width - 1}:0] {name}" for name, width in inputs.items()]
    ports.append(f"  output wire [{len(bits) - 1}:0] {output}")
    ends = [f"  assign {output}[{place}] = {bit};" for place, bit in enumerate(bits)]
    return "\n".join(["module cand (", ",\n".join(ports), ");", *circuit.lines, *ends, "endmodule", ""])


# ---------------------------------------------------------------- prefix networks


def ripple(width: int) -> Rows:
    return [[0] if place else [] for place in range(width)]


def sklansky(width: int) -> Rows:
    """Least depth, most fan-out."""
    rows: Rows = []
    for place in range(width):
        row, low, step = [], place, 1
        while low > 0:
            if place & step:
                low = place & ~(2 * step - 1)
                row.append(low)
            step *= 2
        rows.append(row)
    return rows


def kogge_stone(width: int) -> Rows:
    """Least depth, fan-out of two, most wires."""
    rows: Rows = []
    for place in range(width):
        row, reach = [], 1
        while place - reach + 1 > 0:
            reach *= 2
            row.append(max(0, place - reach + 1))
        rows.append(row)
    return rows


def brent_kung(width: int) -> Rows:
    """Fewest nodes at logarithmic depth."""
    rows: Rows = []
    for place in range(width):
        row, step = [], 1
        while (place + 1) % (2 * step) == 0:
            step *= 2
            row.append(place - step + 1)
        if place and (not row or row[-1] != 0):
            row.append(0)
        rows.append(row)
    return rows


NETWORKS = {"ripple": ripple, "sklansky": sklansky, "kogge-stone": kogge_stone, "brent-kung": brent_kung}


def legal_rows(rows: Sequence[Sequence[int]], low: int, top: int) -> Rows:
    """Rows 0..top in which every span's lower part exists; rows up to `low` are empty, the others end at `low`."""
    sets: list[set[int]] = [set() for _ in range(top + 1)]
    for place in range(low + 1, top + 1):
        listed = rows[place] if place < len(rows) else ()
        sets[place] = {j for j in listed if low <= j < place} | {low}
    for place in range(top, low, -1):
        upper = place
        for j in sorted(sets[place], reverse=True):
            if upper - 1 > j:
                sets[upper - 1].add(j)
            upper = j
    return [sorted(ends, reverse=True) for ends in sets]


def network(name: str, width: int, low: int = 0) -> Rows:
    """The named network over bits low..width-1, as legal rows."""
    inner = NETWORKS[name](width - low)
    return legal_rows([[]] * low + [[j + low for j in row] for row in inner], low, width - 1)


def _letter(genome: Mapping[str, object], key: str, place: int, default: str) -> str:
    text = genome.get(key, "")
    return text[place] if isinstance(text, str) and place < len(text) else default


def add(circuit: Circuit, x: Sequence[str], y: Sequence[str], genome: Mapping[str, object]) -> list[str]:
    """Sums of two rows of wires by the genome's prefix network; the carry out is the last bit."""
    width = len(x)
    low = next((place for place in range(width) if ZERO not in (x[place], y[place])), width)
    given = genome.get("prefix", [])
    rows = legal_rows(given if isinstance(given, list) else [], low, width - 1) if low < width else []
    half = [circuit.differ(a, b) for a, b in zip(x, y, strict=True)]
    generate: dict[Span, str] = {}
    propagate: dict[Span, str] = {}
    parts: dict[int, Span] = {}
    """Bit → upper and lower end of the upper part of its last span."""
    for place in range(low, width):
        mux = _letter(genome, "merge", place, "a") == "m"
        generate[place, place] = circuit.both(x[place], y[place])
        wide = _letter(genome, "propagate", place, "x") == "o" and not mux
        propagate[place, place] = circuit.either(x[place], y[place]) if wide else half[place]
        upper = place
        for j in rows[place]:
            g, p = generate[place, upper], propagate[place, upper]
            below = upper - 1
            exact = mux and all(_letter(genome, "propagate", bit, "x") == "x" for bit in range(upper, place + 1))
            h = generate[below, j]
            generate[place, j] = circuit.choose(p, h, g) if exact else circuit.either(g, circuit.both(p, h))
            if j > low:
                propagate[place, j] = circuit.both(p, propagate[below, j])
            parts[place] = (place, upper)
            upper = j
    sums = list(half[: low + 1])
    for place in range(low + 1, width):
        sums.append(_last_sum(circuit, half[place], place - 1, low, genome, (generate, propagate, parts)))
    return [*sums, generate[width - 1, low] if low < width else ZERO]


def _last_sum(
    circuit: Circuit,
    half: str,
    below: int,
    low: int,
    genome: Mapping[str, object],
    spans: tuple[dict[Span, str], dict[Span, str], dict[int, Span]],
) -> str:
    generate, propagate, parts = spans
    if _letter(genome, "select", below + 1, "x") != "m" or below not in parts:
        return circuit.differ(half, generate[below, low])
    upper = parts[below]
    either = circuit.either(generate[upper], propagate[upper])
    return circuit.choose(
        generate[upper[1] - 1, low], circuit.differ(half, either), circuit.differ(half, generate[upper])
    )


def adder(genome: Mapping[str, object]) -> str:
    """Verilog of a + b with `width` bits each and one more in the sum `s`."""
    width = read_width(genome)
    circuit = Circuit()
    a, b = ([f"{name}[{place}]" for place in range(width)] for name in "ab")
    return module(circuit, {"a": width, "b": width}, "s", add(circuit, a, b, genome))


# ---------------------------------------------------------------- partial products


def partial_products(circuit: Circuit, width: int, kind: str) -> list[list[str]]:
    """Columns of partial products of the unsigned product a * b; column c has weight 2^c."""
    if kind == "and":
        return [
            [circuit.both(f"a[{i}]", f"b[{c - i}]") for i in range(width) if 0 <= c - i < width]
            for c in range(2 * width)
        ]
    if kind in BOOTH_ROWS:
        return _booth(circuit, width, kind)
    raise BadGenome(f"partial {kind!r} is none of {', '.join(PARTIALS)}")


def _booth(circuit: Circuit, width: int, kind: str) -> list[list[str]]:
    """Radix-4 digits of b; sign extension by the constants of Roorda (1986): ~s above each row and ones above it."""
    columns: list[list[str]] = [[] for _ in range(2 * width)]

    def put(place: int, wire: str) -> None:
        if place < 2 * width and wire != ZERO:
            columns[place].append(wire)

    ones = 0
    for row in range(width // 2 + 1):
        digit = [f"b[{place}]" if 0 <= place < width else ZERO for place in range(2 * row + 1, 2 * row - 2, -1)]
        bits, negative, (at, correction) = BOOTH_ROWS[kind](circuit, width, digit)
        for place, wire in enumerate(bits):
            put(2 * row + place, wire)
        put(2 * row + at, correction)
        if negative != ZERO:
            # -s * 2^k is (~s) * 2^k - 2^k; the ones of all rows are added up at the end.
            put(2 * row + width + 1, circuit.inverse(negative))
            ones -= 1 << (2 * row + width + 1)
    ones %= 1 << (2 * width)
    for place in range(2 * width):
        if ones >> place & 1:
            columns[place].append(ONE)
    return columns


def _magnitude(circuit: Circuit, digit: Sequence[str]) -> tuple[str, str]:
    """Whether the digit of three bits, highest first, is one or two, whatever its sign."""
    high, middle, lower = digit
    one = circuit.differ(middle, lower)
    if high == ZERO:
        return one, circuit.both(middle, lower)
    return one, circuit.both(circuit.inverse(one), circuit.differ(high, middle))


def _bit(place: int, width: int) -> str:
    return f"a[{place}]" if 0 <= place < width else ZERO


def _booth_late(circuit: Circuit, width: int, digit: Sequence[str]) -> BoothRow:
    """The multiple is chosen, then inverted; the digit 111 is a negative zero."""
    (one, two), negative = _magnitude(circuit, digit), digit[0]
    chosen = (
        circuit.either(circuit.both(one, _bit(place, width)), circuit.both(two, _bit(place - 1, width)))
        for place in range(width + 1)
    )
    return [circuit.differ(negative, magnitude) for magnitude in chosen], negative, (0, negative)


def _booth_early(circuit: Circuit, width: int, digit: Sequence[str]) -> BoothRow:
    """The operand is inverted while the digit is still decoded; the lowest bit needs no inversion (Yeh, Jen 2000)."""
    (one, two), high = _magnitude(circuit, digit), digit[0]
    negative = circuit.both(high, circuit.inverse(circuit.both(digit[1], digit[2])))
    lowest = circuit.both(one, _bit(0, width))
    bits = [lowest]
    for place in range(1, width + 1):
        mine, below = (circuit.differ(high, _bit(at, width)) for at in (place, place - 1))
        bits.append(circuit.either(circuit.both(one, mine), circuit.both(two, below)))
    return bits, negative, (1, circuit.both(negative, circuit.inverse(lowest)))


BOOTH_ROWS = {"booth": _booth_late, "booth-early": _booth_early}
PARTIALS = ("and", *BOOTH_ROWS)


# ---------------------------------------------------------------- compressor trees


def words(text: str) -> list[tuple[str, list[int]]]:
    """The compressors of one column: letter and numbers of its wires."""
    found = []
    for word in text.split():
        match = WORD.fullmatch(word)
        operands = [int(part) for part in match[2].split(",")] if match else []
        if match is None or len(operands) != INPUTS[match[1]]:
            raise BadGenome(f"{word!r} is no compressor: a letter of f m j n h g and its wires, e.g. f0,1,2")
        found.append((match[1], operands))
    return found


def reduce_columns(circuit: Circuit, columns: Sequence[Sequence[str]], tree: Sequence[str]) -> list[list[str]]:
    """What the tree leaves of the columns: at most two wires in each."""
    left: list[list[str]] = []
    carries: list[str] = []
    for place, products in enumerate(columns):
        pool = [*products, *carries]
        used: set[int] = set()
        carries = []
        for kind, operands in words(tree[place] if place < len(tree) else ""):
            for number in operands:
                if number >= len(pool) or number in used:
                    why = "was used before" if number in used else f"is not among the {len(pool)} there are"
                    raise BadGenome(f"column {place}: wire {number} {why}")
                used.add(number)
            total, carry = circuit.compress(kind, [pool[number] for number in operands])
            pool.append(total)
            carries.append(carry)
        rest = [wire for number, wire in enumerate(pool) if number not in used]
        if len(rest) > 2:
            raise BadGenome(f"column {place}: {len(rest)} wires are left over, at most 2 can be added")
        left.append(rest)
    return left


def multiplier(genome: Mapping[str, object]) -> str:
    """Verilog of the unsigned product p = a * b with `width` bits each."""
    width, tree = read_width(genome), genome.get("columns", [])
    if not isinstance(tree, list) or not all(isinstance(text, str) for text in tree):
        raise BadGenome("columns is a list of texts, one for each column")
    circuit = Circuit()
    products = partial_products(circuit, width, str(genome.get("partial", "and")))
    left = reduce_columns(circuit, products, tree)
    x, y = ([rest[number] if len(rest) > number else ZERO for rest in left] for number in (0, 1))
    sums = add(circuit, x, y, genome)
    return module(circuit, {"a": width, "b": width}, "p", sums[: 2 * width])


def read_width(genome: Mapping[str, object]) -> int:
    width = genome.get("width")
    if not isinstance(width, int) or not 1 <= width <= 256:
        raise BadGenome(f"width is a number of bits from 1 to 256, not {width!r}")
    return width


# ---------------------------------------------------------------- classical trees


@lru_cache(maxsize=16)
def heights(width: int, partial: str = "and") -> tuple[int, ...]:
    """Partial products of each column."""
    return tuple(len(column) for column in partial_products(Circuit(), width, partial))


def _stages(tallest: int) -> Iterator[int]:
    """Dadda's heights below `tallest`, falling: …, 13, 9, 6, 4, 3, 2."""
    series = [2]
    while series[-1] * 3 // 2 < tallest:
        series.append(series[-1] * 3 // 2)
    return reversed(series)


def dadda(width: int, partial: str = "and") -> list[str]:
    """As few compressors as possible, each as late as possible."""
    stages = [[list(range(count)) for count in heights(width, partial)]]
    tree = _Staged(stages[0])
    for target in _stages(max(map(len, stages[0]))):
        tree.open()
        for place in range(2 * width):
            while (over := tree.height(place) - target) > 0:
                tree.take(place, "h" if over == 1 else "f")
        tree.close()
    return tree.texts()


def wallace(width: int, partial: str = "and") -> list[str]:
    """Every three wires of a column at once, and a pair that is left over as well."""
    tree = _Staged([list(range(count)) for count in heights(width, partial)])
    while any(tree.height(place) > 2 for place in range(2 * width)):
        tree.open()
        for place in range(2 * width):
            full, rest = divmod(len(tree.now[place]), 3)
            for kind in ["f"] * full + ["h"] * (rest == 2 and len(tree.now[place]) > 2):
                tree.take(place, kind)
        tree.close()
    return tree.texts()


class _Staged:
    """A tree made stage by stage: what a stage makes is used in the next one."""

    def __init__(self, columns: Sequence[Sequence[int]]) -> None:
        self.now: list[list[tuple[str, int, int]]] = [
            [("p", place, n) for n in column] for place, column in enumerate(columns)
        ]
        self._next: list[list[tuple[str, int, int]]] = []
        self._made: list[list[tuple[str, list[tuple[str, int, int]]]]] = [[] for _ in columns]
        self._counts = [len(column) for column in columns]

    def open(self) -> None:
        self._next = [[] for _ in self.now]

    def height(self, place: int) -> int:
        return len(self.now[place]) + (len(self._next[place]) if self._next else 0)

    def take(self, place: int, kind: str) -> None:
        operands = [self.now[place].pop(0) for _ in range(INPUTS[kind])]
        number = len(self._made[place])
        self._made[place].append((kind, operands))
        self._next[place].append(("s", place, number))
        if place + 1 < len(self.now):
            self._next[place + 1].append(("c", place, number))

    def close(self) -> None:
        self.now = [[*old, *new] for old, new in zip(self.now, self._next, strict=True)]
        self._next = []

    def texts(self) -> list[str]:
        """Compressors are numbered as made; the wire numbers follow from how many there are of each sort."""
        texts = []
        for place, made in enumerate(self._made):
            carries = self._counts[place]
            sums = carries + (len(self._made[place - 1]) if place else 0)
            offset = {"p": 0, "c": carries, "s": sums}
            texts.append(
                " ".join(
                    kind + ",".join(str(offset[sort] + number) for sort, _, number in wires) for kind, wires in made
                )
            )
        return texts


TREES = {"dadda": dadda, "wallace": wallace}


def named_multiplier(width: int, tree: str, final: str, partial: str = "and") -> Genome:
    """A hand design, e.g. named_multiplier(8, "dadda", "kogge-stone")."""
    columns = TREES[tree](width, partial)
    genome: Genome = {"width": width, "partial": partial, "columns": columns}
    left = _left_over(width, partial, columns)
    low = next((place for place, count in enumerate(left) if count == 2), 2 * width - 1)
    return {**genome, "prefix": network(final, 2 * width, low)}


def _left_over(width: int, partial: str, columns: Sequence[str]) -> list[int]:
    circuit = Circuit()
    return [len(rest) for rest in reduce_columns(circuit, partial_products(circuit, width, partial), columns)]


def named_adder(width: int, final: str) -> Genome:
    return {"width": width, "prefix": network(final, width)}


def render(genome: Mapping[str, object]) -> str:
    """The genome as a literal of few lines, the same text for the same genome."""
    lines = ["GENOME = {"]
    for key, value in genome.items():
        if isinstance(value, list):
            lines.append(f'    "{key}": [')
            lines += [f"        {_item(item)},  # {place}" for place, item in enumerate(value)]
            lines.append("    ],")
        else:
            lines.append(f'    "{key}": {_item(value)},')
    return "\n".join([*lines, "}"])


def _item(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def spans(rows: Iterable[Sequence[int]]) -> int:
    """Nodes of a prefix network."""
    return sum(len(row) for row in rows)
