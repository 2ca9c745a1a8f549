"""Subscripts as polynomials with whole coefficients, and the dependence tests that stand on them.

`a[(r + 1) * cols + c - 1]` is `cols r + c + cols - 1`: linear in the loop variables `r` and `c`, with the symbol `cols`
in a coefficient. Two uses of one array that differ by a constant distance in the loop variables depend on each other at
that distance and at no other, as long as each subscript stays in its row (delinearisation's usual assumption: `c + 1`
is no element of the next row). What has no such distance is taken to depend at any.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node

from tools.rewrites.loops import FLOAT_TYPES, Loop, Write, enclosing_loops, is_plain, writes
from tools.rewrites.syntax import Unit, enclosing_function, field, named, strip_parentheses, walk

_MOST_TERMS = 64
_WORD = re.compile(r"\w+")
_FAR = 8
"""Distances beyond this are taken to be unknown: no stencil is as wide."""


@dataclass(frozen=True)
class Polynomial:
    """Monomials (their atoms sorted, with repetition) and their coefficients, none of them 0."""

    terms: tuple[tuple[tuple[str, ...], int], ...] = ()

    @classmethod
    def of(cls, terms: Mapping[tuple[str, ...], int]) -> Polynomial:
        return cls(tuple(sorted((key, value) for key, value in terms.items() if value)))

    @classmethod
    def number(cls, value: int) -> Polynomial:
        return cls.of({(): value})

    @classmethod
    def atom(cls, name: str) -> Polynomial:
        return cls.of({(name,): 1})

    @cached_property
    def _map(self) -> dict[tuple[str, ...], int]:
        return dict(self.terms)

    def __add__(self, other: Polynomial) -> Polynomial:
        total = dict(self._map)
        for key, value in other.terms:
            total[key] = total.get(key, 0) + value
        return Polynomial.of(total)

    def __neg__(self) -> Polynomial:
        return Polynomial(tuple((key, -value) for key, value in self.terms))

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        total: dict[tuple[str, ...], int] = {}
        for one, first in self.terms:
            for two, second in other.terms:
                key = tuple(sorted(one + two))
                total[key] = total.get(key, 0) + first * second
        return Polynomial.of(total)

    @property
    def constant(self) -> int | None:
        """The number that it is; None when symbols are left."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    def atoms(self) -> frozenset[str]:
        return frozenset(atom for key, _ in self.terms for atom in key)

    def coefficient(self, name: str) -> Polynomial | None:
        """What stands before `name`; None when it stands there squared."""
        found: dict[tuple[str, ...], int] = {}
        for key, value in self.terms:
            if key.count(name) > 1:
                return None
            if name in key:
                found[tuple(atom for atom in key if atom != name)] = value
        return Polynomial.of(found)

    def without(self, names: Iterable[str]) -> Polynomial:
        """The terms that hold none of `names`."""
        dropped = frozenset(names)
        return Polynomial(tuple((key, value) for key, value in self.terms if not dropped & set(key)))

    def renamed(self, old: str, new: str) -> Polynomial:
        made: dict[tuple[str, ...], int] = {}
        for key, value in self.terms:
            made[tuple(sorted(new if atom == old else atom for atom in key))] = value
        return Polynomial.of(made)

    def text(self) -> str:
        """A C expression for it; atoms are C text already."""
        if not self.terms:
            return "0"
        parts = []
        for key, value in self.terms:
            factors = [*key] if value in {1, -1} and key else [str(abs(value)), *key]
            parts.append(("- " if value < 0 else "+ ") + " * ".join(factors))
        joined = " ".join(parts)
        return joined[2:] if joined.startswith("+ ") else "-" + joined[2:]


Resolve = Callable[[Node], "Polynomial | None"]


def polynomial(unit: Unit, node: Node, resolve: Resolve | None = None) -> Polynomial:
    """`node` as a polynomial; what is no sum or product of whole numbers becomes an atom of its own.

    `resolve` may answer what an identifier stands for.
    """
    node = strip_parentheses(node)
    if node.type == "identifier":
        known = resolve(node) if resolve is not None else None
        return known if known is not None else Polynomial.atom(unit.of(node))
    if node.type == "number_literal":
        digits = unit.of(node).rstrip("uUlL")
        return Polynomial.number(int(digits)) if digits.isdecimal() else Polynomial.atom(unit.of(node))
    if node.type == "cast_expression":
        return polynomial(unit, field(node, "value"), resolve)
    if node.type == "unary_expression" and unit.of(field(node, "operator")) == "-":
        return -polynomial(unit, field(node, "argument"), resolve)
    if node.type == "binary_expression":
        sign = unit.of(field(node, "operator"))
        if sign in {"+", "-", "*"}:
            left = polynomial(unit, field(node, "left"), resolve)
            right = polynomial(unit, field(node, "right"), resolve)
            made = left + right if sign == "+" else left - right if sign == "-" else left * right
            if len(made.terms) <= _MOST_TERMS:
                return made
    return Polynomial.atom(f"({unit.of(node)})")


@dataclass(frozen=True)
class Access:
    """One use of an array: the pointers it may come from, the subscript counted from there, and whether it writes."""

    roots: frozenset[str]
    index: Polynomial
    node: Node
    write: Write | None

    def may_meet(self, other: Access) -> bool:
        return bool(self.roots & other.roots) and (self.write is not None or other.write is not None)


@dataclass(frozen=True)
class _Local:
    """A variable declared with a value, and where in the text it can be seen."""

    start: int
    end: int
    kind: str
    is_pointer: bool
    value: Node


class Memory:
    """What the statements of a function do to arrays, with pointers into arrays and whole locals followed."""

    def __init__(self, unit: Unit, scope: Node) -> None:
        self._unit = unit
        function = enclosing_function(scope) or unit.root
        self._locals = _locals(unit, function)
        self._assigned: dict[str, list[Node | None]] = {}
        for write in writes(unit, function):
            if write.operator != "declare" and write.index is None:
                self._assigned.setdefault(write.target, []).append(write.value if write.operator == "=" else None)

    def polynomial(self, node: Node) -> Polynomial:
        return polynomial(self._unit, node, self._whole)

    def accesses(self, nodes: Iterable[Node]) -> tuple[Access, ...] | None:
        """Every use of an array below `nodes`; None when a pointer is used in a way that is not followed."""
        found: list[Access] = []
        for node in nodes:
            changed = {
                _target_of(write.node).id: write for write in writes(self._unit, node) if write.index is not None
            }
            for part in walk(node):
                if part.type != "subscript_expression":
                    continue
                place = self.place(field(part, "argument"))
                if place is None:
                    return None
                index = place[1] + self.polynomial(field(part, "index"))
                found.append(Access(place[0], index, part, changed.get(part.id)))
        return tuple(found)

    def place(self, node: Node, depth: int = 0) -> tuple[frozenset[str], Polynomial] | None:
        """Where a pointer points: the arrays it may come from and how far into them; None when that is not known."""
        node = strip_parentheses(node)
        if depth > 8:
            return None
        if node.type == "identifier":
            return self._named(node, depth)
        if node.type == "field_expression":
            return frozenset({self._holder(node)}), Polynomial()
        if node.type == "binary_expression" and self._unit.of(field(node, "operator")) in {"+", "-"}:
            offset = self.polynomial(field(node, "right"))
            minus = self._unit.of(field(node, "operator")) == "-"
            return _moved(self.place(field(node, "left"), depth + 1), -offset if minus else offset)
        if node.type == "pointer_expression" and self._unit.of(field(node, "operator")) == "&":
            target = strip_parentheses(field(node, "argument"))
            if target.type == "subscript_expression":
                offset = self.polynomial(field(target, "index"))
                return _moved(self.place(field(target, "argument"), depth + 1), offset)
        if node.type == "conditional_expression":
            one = self.place(field(node, "consequence"), depth + 1)
            two = self.place(field(node, "alternative"), depth + 1)
            if one is not None and two is not None and one[1] == two[1]:
                return one[0] | two[0], one[1]
        return None

    def _named(self, node: Node, depth: int) -> tuple[frozenset[str], Polynomial] | None:
        name = self._unit.of(node)
        if name in self._assigned:
            return self._swapped(node, name)
        local = self._seen(node)
        if local is None or not local.is_pointer or local.value.type == "call_expression":
            return frozenset({name}), Polynomial()
        if local.value.type == "field_expression":
            return frozenset({name}), Polynomial()
        return self.place(local.value, depth + 1)

    def _swapped(self, node: Node, name: str) -> tuple[frozenset[str], Polynomial] | None:
        """A pointer that is assigned: all that it may come from, when nothing is added on the way."""
        roots, waiting, seen = set[str](), [name], set[str]()
        while waiting:
            current = waiting.pop()
            if current in seen:
                continue
            seen.add(current)
            sources: list[Node | None] = [*self._assigned.get(current, ())]
            sources += [local.value for local in self._locals.get(current, ()) if local.is_pointer]
            if not sources:
                roots.add(current)
            for source in sources:
                for part in _arms(source) if source is not None else (None,):
                    if part is None or part.type not in {"identifier", "field_expression"}:
                        return None
                    if part.type == "identifier":
                        waiting.append(self._unit.of(part))
                    else:
                        roots.add(self._holder(part))
        return frozenset(roots), Polynomial()

    def _holder(self, place: Node) -> str:
        """The local that a field is kept in, else the field's own text: one name for one array."""
        text = self._unit.of(place)
        for name, found in self._locals.items():
            if name not in self._assigned and any(self._unit.of(one.value) == text for one in found):
                return name
        return text

    def _whole(self, node: Node) -> Polynomial | None:
        """What an integer local stands for: declared with a sum of products of others, never changed."""
        name, local = self._unit.of(node), self._seen(node)
        if local is None or local.is_pointer or local.kind in FLOAT_TYPES or name in self._assigned:
            return None
        made = polynomial(self._unit, local.value, self._whole)
        return None if any(atom.startswith("(") for atom in made.atoms()) else made

    def _seen(self, node: Node) -> _Local | None:
        """The declaration that a use at `node` sees: the innermost around it."""
        found = [one for one in self._locals.get(self._unit.of(node), ()) if one.start <= node.start_byte < one.end]
        return max(found, key=lambda one: one.start, default=None)


def _arms(value: Node) -> Iterator[Node]:
    """The values that an expression may have: both of `c ? a : b`."""
    value = strip_parentheses(value)
    if value.type == "conditional_expression":
        yield from _arms(field(value, "consequence"))
        yield from _arms(field(value, "alternative"))
    else:
        yield value


def _moved(
    place: tuple[frozenset[str], Polynomial] | None, offset: Polynomial
) -> tuple[frozenset[str], Polynomial] | None:
    return (place[0], place[1] + offset) if place is not None else None


def _target_of(assignment: Node) -> Node:
    kind = "left" if assignment.type == "assignment_expression" else "argument"
    return strip_parentheses(field(assignment, kind))


def _locals(unit: Unit, function: Node) -> dict[str, list[_Local]]:
    """Variables declared with a value, but for those of loops, which change."""
    found: dict[str, list[_Local]] = {}
    for node in walk(function):
        parent = node.parent
        if node.type != "declaration" or parent is None or parent.type == "for_statement":
            continue
        for declarator in node.children_by_field_name("declarator"):
            if declarator.type != "init_declarator":
                continue
            inner, is_pointer = field(declarator, "declarator"), False
            if inner.type == "pointer_declarator":
                inner, is_pointer = field(inner, "declarator"), True
            if inner.type == "identifier":
                local = _Local(
                    node.end_byte, parent.end_byte, unit.of(field(node, "type")), is_pointer, field(declarator, "value")
                )
                found.setdefault(unit.of(inner), []).append(local)
    return found


def words_of(atom: str) -> set[str]:
    """Names and numbers in it."""
    return set(_WORD.findall(atom))


def distance(variables: Sequence[str], one: Polynomial, two: Polynomial) -> tuple[int, ...] | None:
    """How far `two` lies from `one` in the loop variables when both use the same element; None when unknown.

    Both must have the same coefficients; the difference of the rest must be a sum of them, widest strides first. Two
    variables with strides of one kind (`i + j`, or a skewed loop) meet at many distances: unknown. So does a term that
    hides a variable (`i + place[i]`, `i - i / 2`).
    """
    hidden = {atom for index in (one, two) for atom in index.atoms() if atom.startswith("(")} - set(variables)
    if any(set(variables) & words_of(atom) for atom in hidden):
        return None
    strides: dict[str, Polynomial] = {}
    for name in variables:
        first, second = one.coefficient(name), two.coefficient(name)
        if first is None or second is None or first != second:
            return None
        if first.atoms() & set(variables):
            return None
        strides[name] = first
    leading = [max(one.terms, key=lambda term: (len(term[0]), term[0]))[0] for one in strides.values() if one.terms]
    if len(set(leading)) < len(leading):
        return None
    rest = one - two
    found = dict.fromkeys(variables, 0)
    for name in sorted(variables, key=lambda one: (-_degree(strides[one]), one)):
        stride = strides[name]
        if not stride.terms:
            continue
        key, weight = max(stride.terms, key=lambda term: (len(term[0]), term[0]))
        step, left = divmod(dict(rest.terms).get(key, 0), weight)
        if left:
            return None
        found[name] = step
        rest = rest - Polynomial.number(step) * stride
    if rest.terms or any(abs(step) > _FAR for step in found.values()):
        return None
    return tuple(found[name] for name in variables)


def apart(unit: Unit, first: tuple[Loop, Access], second: tuple[Loop, Access]) -> int | None:
    """At which distance in the variables of two loops the uses in them meet; inner loops may differ as they like."""
    row = "(row)"
    indices, most = [], 0
    for loop, access in (first, second):
        inner = enclosing_loops(unit, loop.body, below=True)
        index = access.index.renamed(loop.variable, row)
        for position, one in enumerate(inner):
            index = index.renamed(one.variable, f"(column {position})")
        most = max(most, len(inner))
        indices.append(index)
    stride = indices[0].coefficient(row)
    if stride is None or not stride.terms:
        return None
    strides = [[index.coefficient(f"(column {k})") for k in range(most)] for index in indices]
    if strides[0] != strides[1]:
        return _rows_only(row, *indices)
    steps = distance((row, *(f"(column {position})" for position in range(most))), *indices)
    return steps[0] if steps is not None else None


def _rows_only(row: str, one: Polynomial, two: Polynomial) -> int | None:
    """The same for loops that run differently within a row, by different loops: all but the rows is left aside.

    What remains must be of lower degree than a row, as it is when subscripts stay in their row.
    """
    first, second = one.coefficient(row), two.coefficient(row)
    if first is None or first != second:
        return None
    columns = {atom for index in (one, two) for atom in index.atoms() if atom.startswith("(column")}
    pair = (one.without(columns), two.without(columns))
    held = [index.coefficient(name) for index in (one, two) for name in columns]
    if any(stride is None or _degree(stride) >= _degree(first) for stride in held):
        return None
    steps = distance((row,), *pair)
    if steps is None:
        rest = pair[0] - pair[1]
        return 0 if _degree(first) > 0 and rest.constant is not None and abs(rest.constant) <= _FAR else None
    return steps[0]


def _degree(stride: Polynomial) -> int:
    return max((len(key) for key, _ in stride.terms), default=-1)


@dataclass(frozen=True)
class Nest:
    """Loops around one another, outermost first, each the only statement of the one around it."""

    loops: tuple[Loop, ...]

    @property
    def body(self) -> Node:
        return self.loops[-1].body

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(loop.variable for loop in self.loops)


def nests(unit: Unit, found: Iterable[Loop]) -> Iterator[Nest]:
    """Every perfect nest of two or more loops, the deepest from each outermost loop on."""
    known = {loop.node.id: loop for loop in found}
    inside = set()
    for loop in list(known.values()):
        chain = [loop]
        while len(chain[-1].statements) == 1 and chain[-1].statements[0].id in known:
            chain.append(known[chain[-1].statements[0].id])
        if len(chain) > 1 and loop.node.id not in inside:
            inside |= {one.node.id for one in chain}
            yield Nest(tuple(chain))


def is_rectangular(loops: Sequence[Loop]) -> bool:
    """No bound uses another loop's variable."""
    variables = {loop.variable for loop in loops}
    return len(variables) == len(loops) and not any(variables & loop.range_names() for loop in loops)


def permutable(unit: Unit, loops: Sequence[Loop], body: Node) -> str | None:
    """Why the loops may run in any order, tiled or jammed: a note on what is assumed; None when they may not.

    Every dependence must have a distance without negative parts, or belong to a sum `a[f] += e` of which `a[f]` is the
    array's only use.
    """
    verdicts = _verdicts(unit, loops, body, _order_free)
    if verdicts is None:
        return None
    return f"adds in another order; {NO_OVERLAP}" if "sum" in verdicts else NO_OVERLAP


def independent(unit: Unit, loop: Loop, sums: frozenset[str] = frozenset(), *, fields: bool = False) -> str | None:
    """The same for the iterations of one loop: none may use what another one writes.

    `sums` are scalars that the caller sees to; with `fields` arrays may be taken from a struct in the loop.
    """
    found = _verdicts(unit, (loop,), loop.body, _same_iteration, sums, fields=fields)
    return NO_OVERLAP if found is not None else None


NO_OVERLAP = "assumes no overlap of arrays"
_Test = Callable[[tuple[str, ...], tuple[str, ...], "Access", "Access"], "str | None"]


def _verdicts(
    unit: Unit,
    loops: Sequence[Loop],
    body: Node,
    test: _Test,
    sums: frozenset[str] = frozenset(),
    *,
    fields: bool = False,
) -> frozenset[str] | None:
    """What `test` says of each pair of uses of one array; None as soon as it says no, or not all uses are seen."""
    ends = [part for loop in loops for part in (loop.lower, loop.bound)]
    if not is_rectangular(loops) or not is_plain(unit, [body, *ends], fields=fields):
        return None
    declared = {unit.of(leaf) for leaf in _declared_names(body)}
    changed = {write.target for write in writes(unit, body) if write.index is None and write.operator != "declare"}
    found = Memory(unit, body).accesses([body])
    if changed - declared - sums or found is None or not (sums or any(one.write is not None for one in found)):
        return None
    variables = tuple(loop.variable for loop in loops)
    counters = [one.variable for one in enclosing_loops(unit, body, below=True)]
    # What the body declares is another in each iteration, as a counter is: `i + first` may be anywhere.
    inner = tuple(dict.fromkeys([*counters, *sorted(declared)]))
    said: set[str] = set()
    for position, one in enumerate(found):
        for two in found[position:]:
            if one.may_meet(two):
                verdict = test(variables, inner, one, two)
                if verdict is None:
                    return None
                said.add(verdict)
    return frozenset(said)


def _same_iteration(variables: tuple[str, ...], inner: tuple[str, ...], one: Access, two: Access) -> str | None:
    steps = distance((*variables, *inner), one.index, two.index)
    is_used = set(variables) <= one.index.atoms()
    return "order" if is_used and steps is not None and not any(steps[: len(variables)]) else None


def _order_free(variables: tuple[str, ...], inner: tuple[str, ...], one: Access, two: Access) -> str | None:
    """`order` when no dependence between two uses runs backwards in any loop, `sum` when they are one sum's."""
    missing = [name for name in variables if name not in one.index.atoms()]
    if one.index == two.index and missing:
        signs = {use.write.operator for use in (one, two) if use.write is not None}
        adds = signs <= {"+=", "-="} and all(use.write is not None for use in (one, two))
        return "sum" if adds else None
    steps = distance((*variables, *inner), one.index, two.index)
    if missing or steps is None:
        return None
    leading = [step for step in steps[: len(variables)] if step]
    return "order" if all(step > 0 for step in leading) or all(step < 0 for step in leading) else None


def _declared_names(body: Node) -> Iterator[Node]:
    for node in walk(body):
        if node.type != "declaration":
            continue
        for child in named(node)[1:]:
            leaf = next((part for part in walk(child) if part.type == "identifier"), None)
            if leaf is not None:
                yield leaf
