"""A call of the C library's function becomes a call of a polynomial with a proved error bound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tools.rewrites.rewrite import Rewrite, Variant
from tools.rewrites.syntax import Edit, Unit, asset, calls, field, helper_edit


@dataclass(frozen=True)
class Replacement:
    name: str
    paths: tuple[str, ...]
    bound: str


REPLACEMENTS = {
    "expf": Replacement("nf_expf", ("expf",), "relative error at most 2.4e-7, saturating"),
    "tanhf": Replacement("nf_tanhf", ("expf", "tanhf"), "relative error at most 6e-7"),
    "erff": Replacement("nf_erff", ("expf", "erff"), "absolute error at most 5e-7"),
}


class Polynomial(Rewrite):
    name = "rewrite.polynomial"
    prior = 0.8
    structural = True

    def variants(self, unit: Unit) -> Iterable[Variant]:
        for function, replacement in REPLACEMENTS.items():
            edits = [
                Edit(callee.start_byte, callee.end_byte, replacement.name)
                for call in calls(unit.root)
                if unit.editable(call)
                and (callee := field(call, "function")).type == "identifier"
                and unit.of(callee) in {function, f"__builtin_{function}"}
            ]
            missing = [asset(f"polynomials/{path}.h") for path in replacement.paths if f"nf_{path}(" not in unit.source]
            helper = helper_edit(unit, "\n".join(missing))
            if edits and helper is not None:
                note = f"{function} -> branch-free polynomial ({replacement.bound}) at {len(edits)} call(s)"
                yield Variant(unit.apply([helper, *edits]), note)
