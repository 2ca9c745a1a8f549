"""Are two kernels the same function? Proven by the compiler, or not at all.

Trivial compiler equivalence: when strict C (no fast-math) compiles both sources to the same object code at some level,
they are one function in C, and any build of one is a build of the other. Before that, steps whose soundness is plain
are taken on the source: what the task promises of its arguments is told to the compiler, a first iteration is peeled,
and `<=` becomes `<` where both arms of an integer choice are then equal.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from evaluators.kernels.spec import KernelSettings
from nightforge.domain.limits import MIB, Limits
from nightforge.domain.ports import Sandbox
from tools.rewrites.syntax import Edit, Unit, canonical, field, function_name, functions, identifiers, walk

_LEVELS = ("-O1", "-O2", "-O3 -fno-tree-vectorize")
_STRICTER = {"<=": "<", ">=": ">"}
_MOST_VARIANTS = 6


async def prove_same(sandbox: Sandbox, settings: KernelSettings, one: str, other: str) -> str:
    """The proof in words; empty when there is none."""
    first, second = Unit.parse(one), Unit.parse(other)
    if first is None or second is None:
        return ""
    plain = [_simplified(unit) for unit in (first, second)]
    flags = await _same_object(sandbox, *((_promised(settings, form),) for form in plain))
    if not flags:
        peeled = [[form, *_peeled(form)][:_MOST_VARIANTS] for form in plain]
        flags = await _same_object(sandbox, *(tuple(_promised(settings, one) for one in forms) for forms in peeled))
    return f"the same object code at gcc {flags}, for arguments as the task promises them" if flags else ""


def _promised(settings: KernelSettings, source: str) -> str:
    """Every dimension that the kernel is told is at least 1: tasks have no empty shapes."""
    unit = Unit.parse(source)
    known = [one.name for one in settings.arguments if one.kind == "int64" and one.name in settings.dimensions]
    if unit is None or not known:
        return source
    for function in functions(unit):
        if function_name(unit, function) == settings.symbol:
            names = [unit.of(leaf) for leaf in walk(field(function, "declarator")) if leaf.type == "identifier"]
            told = " || ".join(f"{names[-1]}->{name} < 1" for name in known)
            place = field(function, "body").start_byte + 1
            return unit.apply([Edit(place, place, f" if ({told}) __builtin_unreachable(); ")])
    return source


def _simplified(unit: Unit) -> str:
    """`a <= b ? a : b` is `a < b ? a : b`: where a equals b, both arms are that value. Not for floats (signed zero)."""
    edits = []
    floats = _float_words(unit)
    for node in walk(unit.root):
        if node.type != "conditional_expression":
            continue
        condition = field(node, "condition")
        if condition.type != "binary_expression" or identifiers(node) & floats:
            continue
        sign = field(condition, "operator")
        sides = (canonical(field(condition, "left")), canonical(field(condition, "right")))
        arms = (canonical(field(node, "consequence")), canonical(field(node, "alternative")))
        if unit.of(sign) in _STRICTER and arms in {sides, sides[::-1]}:
            edits.append(Edit(sign.start_byte, sign.end_byte, _STRICTER[unit.of(sign)]))
    return unit.apply(edits)


def _float_words(unit: Unit) -> frozenset[str]:
    """Every name in a declaration that speaks of anything but a plain integer: rather too many than too few."""
    found: set[str] = set()
    for node in walk(unit.root):
        if node.type in {"declaration", "parameter_declaration", "field_declaration"}:
            kind = node.child_by_field_name("type")
            if kind is None or not unit.of(kind).startswith(("int", "long", "size_t", "uint")):
                found |= identifiers(node)
    return frozenset(found)


def _peeled(source: str) -> Iterator[str]:
    """The source with the first iteration of one counted loop before the loop: `i = a` once, then from a + 1 on."""
    unit = Unit.parse(source)
    if unit is None:
        return
    for node in walk(unit.root):
        parts = _counted(unit, node)
        if parts is not None:
            kind, name, start, condition, body = parts
            text = (
                f"{{ {kind} {name} = {start}; if ({condition}) {{ {body} }} }} "
                f"for ({kind} {name} = {start} + 1; {condition}; {name}++) {body}"
            )
            yield unit.apply([Edit(node.start_byte, node.end_byte, f"{{ {text} }}")])


def _counted(unit: Unit, node: Node) -> tuple[str, str, str, str, str] | None:
    """Type, counter, start, condition and body of `for (T i = a; i < b; i++)` that is left only at its end."""
    if node.type != "for_statement":
        return None
    start, condition, update = (node.child_by_field_name(part) for part in ("initializer", "condition", "update"))
    body = field(node, "body")
    if start is None or condition is None or update is None or start.type != "declaration":
        return None
    declarator = field(start, "declarator")
    if declarator.type != "init_declarator" or update.type != "update_expression":
        return None
    name = unit.of(field(declarator, "declarator"))
    upward = condition.type == "binary_expression" and unit.of(field(condition, "operator")) in {"<", "<="}
    leaves = {"break_statement", "continue_statement", "goto_statement", "return_statement", "labeled_statement"}
    if not upward or unit.of(update) not in {f"{name}++", f"++{name}"} or unit.of(field(condition, "left")) != name:
        return None
    if any(inner.type in leaves or _changes(unit, inner, name) for inner in walk(body)):
        return None
    if field(declarator, "value").type != "number_literal":
        return None
    return (
        unit.of(field(start, "type")),
        name,
        unit.of(field(declarator, "value")),
        unit.of(condition),
        unit.of(body),
    )


def _changes(unit: Unit, node: Node, name: str) -> bool:
    """May write the counter: assigns, steps or takes the address of it, or hides it behind another of its name."""
    if node.type == "assignment_expression":
        return unit.of(field(node, "left")) == name
    if node.type in {"update_expression", "pointer_expression"}:
        return name in identifiers(node)
    return node.type == "init_declarator" and unit.of(field(node, "declarator")) == name


async def _same_object(sandbox: Sandbox, one: tuple[str, ...], other: tuple[str, ...]) -> str:
    """The first level at which a form of one side and a form of the other are the same code; empty when none is."""
    files = {f"one{i}": text.encode() for i, text in enumerate(one)}
    files |= {f"other{i}": text.encode() for i, text in enumerate(other)}
    script = f"""while read -r flags; do
  for name in {" ".join(files)}; do
    gcc -std=gnu11 $flags -fPIC -fopenmp-simd -w -c -o $name.o -x c /job/$name || exit 1
    objcopy --strip-all --remove-section=.comment $name.o $name.bare
  done
  for a in one*.bare; do for b in other*.bare; do
    if cmp -s $a $b; then echo "$flags"; exit 0; fi
  done; done
done <<'END'
{chr(10).join(_LEVELS)}
END
"""
    result = await sandbox.run(
        ["/bin/sh", "-c", script],
        files=files,
        limits=Limits(wall_s=120, cpu_s=120, memory_bytes=1024 * MIB),
    )
    return result.stdout.decode("utf-8", "replace").strip() if result.ok else ""
