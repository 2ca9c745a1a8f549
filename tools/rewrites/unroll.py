"""Unroll an innermost loop by k, with a remainder loop; or ask the compiler to."""

from __future__ import annotations

from collections.abc import Iterable

from tools.rewrites.loops import Loop, innermost, is_plain
from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, dedent, indent, indentation

FACTORS = (4, 8, 2)


class Unroll(Rewrite):
    name = "rewrite.unroll"
    prior = 0.25

    def variants(self, unit: Unit) -> Iterable[Variant]:
        sites = [loop for loop in innermost(unit) if is_plain(unit, [loop.lower, loop.bound])]
        for factor in FACTORS:
            for loop in sites:
                line = unit.line_of(loop.node)
                if loop.node.parent is not None and loop.node.parent.type == "compound_statement":
                    edit = Edit(loop.node.start_byte, loop.node.start_byte, _pragma(unit, loop, factor))
                    yield Variant(unit.apply([edit]), f"line {line}: compiler asked to unroll by {factor}")
                edit = Edit(loop.node.start_byte, loop.node.end_byte, _unrolled(unit, loop, factor))
                yield Variant(unit.apply([edit]), f"line {line}: unrolled by {factor} with a remainder")


def _pragma(unit: Unit, loop: Loop, factor: int) -> str:
    return f"\n#pragma GCC unroll {factor}\n{indentation(unit, loop.node)}"


def _unrolled(unit: Unit, loop: Loop, factor: int) -> str:
    variable, upper = loop.variable, loop.upper(unit)
    bodies = [dedent(unit.render(loop.body, {variable: f"({variable} + {k})"} if k else {})) for k in range(factor)]
    if loop.body.type != "compound_statement":
        bodies = [f"{{ {body} }}" for body in bodies]
    copies = "\n        ".join(indent(body, "        ") for body in bodies)
    text = f"""{{
    {loop.type} {variable} = {unit.of(loop.lower)};
    for (; {variable} + {factor - 1} < {upper}; {variable} += {factor}) {{
        {copies}
    }}
    for (; {variable} < {upper}; {variable}++) {indent(bodies[0], "    ")}
}}"""
    return indent(text, indentation(unit, loop.node))
