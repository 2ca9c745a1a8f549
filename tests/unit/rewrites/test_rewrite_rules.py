"""What makes each rewrite legal: it declines when that is missing, and leaves what it must not touch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from nightforge.domain.team import Draft, Operator
from tools.rewrites.constants import Constants
from tools.rewrites.flags import ADDITIONS, Flags
from tools.rewrites.flatten import Flatten
from tools.rewrites.fusion import Fission, Fusion
from tools.rewrites.interchange import Interchange
from tools.rewrites.polynomial import Polynomial
from tools.rewrites.pragmas import VectorPragmas
from tools.rewrites.prefetch import Prefetch
from tools.rewrites.reciprocal import Reciprocal
from tools.rewrites.recompute import Recompute
from tools.rewrites.restrict import Restrict
from tools.rewrites.split_accumulators import SplitAccumulators
from tools.rewrites.stream_store import StreamStore
from tools.rewrites.tile_rescale import TileRescale
from tools.rewrites.unroll import Unroll

Propose = Callable[..., Sequence[Draft]]


def _c(body: str, parameters: str = "const float *x, float *y, float *z, long n") -> str:
    return f"#include <math.h>\nvoid g(float *p);\nvoid f({parameters}) {{\n{body}\n}}\n"


MAX_THEN_SUM = """
float m = x[0];
for (long i = 1; i < n; i++) if (x[i] > m) m = x[i];
{between}
float s = {zero};
for (long i = 0; i < n; i++) s += expf({argument});
y[0] = s;
"""


def _max_then_sum(between: str = "", zero: str = "0", argument: str = "x[i] - m") -> str:
    return _c(MAX_THEN_SUM.format(between=between, zero=zero, argument=argument))


STORED = """
float s = 0;
for (long i = 0; i < n; i++) {{ y[i] = x[i] * 2; s += y[i]; }}
{between}
for (long i = {lower}; i < n; i++) y[i] = y[{index}] / s;
"""


def _stored(between: str = "", lower: str = "0", index: str = "i") -> str:
    return _c(STORED.format(between=between, lower=lower, index=index))


def test_tile_rescale_fits_the_plain_pair(propose: Propose) -> None:
    (draft,) = propose(TileRescale(), _max_then_sum())
    assert "nf: tune NF_TILE in" in draft.source
    assert "nf_total *= __builtin_exp((double)m - (double)nf_peak);" in draft.source


@pytest.mark.parametrize(
    "source",
    [
        _max_then_sum(argument="x[i] - m + 1"),
        _max_then_sum(argument="m - x[i]"),
        _max_then_sum(argument="y[i] - m"),
        _max_then_sum(zero="1"),
        _max_then_sum(between="m = m + 1;"),
        _max_then_sum(between="y[1] = m;"),
        _max_then_sum(between="g(y);"),
        _max_then_sum().replace("x[0]", "z[0]"),
        _max_then_sum().replace("long i = 1", "long i = 2"),
        _max_then_sum().replace("x[i] > m", "x[i] < m"),
    ],
    ids=[
        "shifted",
        "negated",
        "other array",
        "sum not zero",
        "max changed",
        "max used",
        "opaque",
        "start",
        "gap",
        "min",
    ],
)
def test_tile_rescale_declines(source: str, propose: Propose) -> None:
    assert not propose(TileRescale(), source)


def test_recompute_fits_the_plain_pair(propose: Propose) -> None:
    (draft,) = propose(Recompute(), _stored())
    assert "const float nf_again = x[i] * 2;" in draft.source
    assert "y[i] = nf_again / s;" in draft.source


@pytest.mark.parametrize(
    "source",
    [
        _stored(between="y[0] = 3;"),
        _stored(between="z[0] = y[1];"),
        _stored(between="g(z);"),
        _stored(lower="1"),
        _stored(index="i + 1"),
        _stored().replace("x[i] * 2", "y[i] * 2"),
        _stored().replace("x[i] * 2", "x[i] * s"),
        _stored()
        .replace("const float *x", "float *x")
        .replace("float s = 0;", "float s = 0;")
        .replace("/ s;", "/ s, x[i] = 0;"),
    ],
    ids=["written", "read", "opaque", "range", "neighbour", "reads itself", "reads the sum", "input changed"],
)
def test_recompute_declines(source: str, propose: Propose) -> None:
    assert not propose(Recompute(), source)


DECLINED: list[tuple[Operator, str, str]] = [
    (StreamStore(), "two arrays", _c("for (long i = 0; i < n; i++) { y[i] = x[i]; z[i] = x[i]; }")),
    (StreamStore(), "stride", _c("for (long i = 0; i < n; i++) y[2 * i] = x[i];")),
    (StreamStore(), "conditional", _c("for (long i = 0; i < n; i++) if (x[i] > 0) y[i] = x[i];")),
    (StreamStore(), "neighbour", _c("for (long i = 1; i < n; i++) y[i] = y[i - 1] + x[i];")),
    (StreamStore(), "opaque", _c("for (long i = 0; i < n; i++) { g(z); y[i] = x[i]; }")),
    (SplitAccumulators(), "store", _c("float s = 0; for (long i = 0; i < n; i++) { s += x[i]; y[i] = 0; }")),
    (SplitAccumulators(), "prefix", _c("float s = 0; for (long i = 0; i < n; i++) { s += x[i]; y[i] = s; }")),
    (
        SplitAccumulators(),
        "early exit",
        _c("float s = 0; for (long i = 0; i < n; i++) { if (s > 9) break; s += x[i]; }"),
    ),
    (SplitAccumulators(), "integer", _c("int s = 0; for (long i = 0; i < n; i++) s += i;")),
    (VectorPragmas(), "recurrence", _c("for (long i = 1; i < n; i++) y[i] = y[i - 1] + x[i];")),
    (VectorPragmas(), "scalar", _c("float t = 0; for (long i = 0; i < n; i++) { t = t * x[i]; y[i] = t; }")),
    (
        Interchange(),
        "recurrence",
        _c("for (long i = 1; i < n; i++) for (long j = 0; j < n; j++) y[i * n + j] = y[i * n + j - n + 1];"),
    ),
    (Interchange(), "triangle", _c("for (long i = 0; i < n; i++) for (long j = i; j < n; j++) y[i * n + j] = 1;")),
    (Interchange(), "last writer", _c("for (long i = 0; i < n; i++) for (long j = 0; j < n; j++) y[i] = x[j];")),
    (
        Fusion(),
        "whole sum needed",
        _c("float s = 0; for (long i = 0; i < n; i++) s += x[i]; for (long i = 0; i < n; i++) y[i] = s;"),
    ),
    (
        Fusion(),
        "neighbour",
        _c("for (long i = 0; i < n; i++) y[i] = x[i]; for (long i = 0; i < n; i++) z[i] = y[n - 1 - i];"),
    ),
    (Fission(), "carried", _c("float s = 0; for (long i = 0; i < n; i++) { y[i] = s; s += x[i]; }")),
    (Reciprocal(), "divisor changes", _c("float d = 1; for (long i = 0; i < n; i++) { y[i] = x[i] / d; d += 1; }")),
    (Reciprocal(), "integer", _c("long d = 3; for (long i = 0; i < n; i++) y[i] = i / d;")),
    (
        Flatten(),
        "not the minimum",
        _c(
            "for (long s = 0; s < n; s += 8) { long e = s + 8 < n ? n : s + 8; for (long i = s; i < e; i++) y[i] = 1; }"
        ),
    ),
    (
        Flatten(),
        "uses the strip",
        _c(
            "for (long s = 0; s < n; s += 8) { long e = s + 8 < n ? s + 8 : n; for (long i = s; i < e; i++) y[i] = s; }"
        ),
    ),
    (Unroll(), "step 2", _c("for (long i = 0; i < n; i += 2) y[i] = 1;")),
    (Unroll(), "bound moves", _c("for (long i = 0; i < n; i++) { y[i] = 1; n--; }")),
    (Prefetch(), "no strips", _c("for (long i = 0; i < n; i++) y[i] = x[i];")),
    (Constants(), "not a size", "#define SCALE 4\n" + _c("y[0] = SCALE;")),
    (
        Constants(),
        "declared",
        "// nf: tune STEP in {4,8}\n#define STEP 4\n" + _c("for (long i = 0; i < n; i += STEP) y[i] = 1;"),
    ),
    (Polynomial(), "no call", _c("y[0] = sinf(x[0]);")),
    (Restrict(), "derived", _c("float *q = p + 1; q[0] = 1;", "float *restrict p")),
]


@pytest.mark.parametrize(
    ("operator", "source"), [(o, s) for o, _, s in DECLINED], ids=[f"{o.name}: {w}" for o, w, _ in DECLINED]
)
def test_declines_where_the_change_would_be_wrong(operator: Operator, source: str, propose: Propose) -> None:
    assert not propose(operator, source)


MARKED = """#include <math.h>
void outside(float *y, long n) {
    for (long i = 0; i < n; i++) y[i] = expf(y[i]) / 3.0f;
}
// EVOLVE-BLOCK-START
void inside(const float *x, float *y, long n) {
    for (long i = 0; i < n; i++) y[i] = expf(x[i]);
}
// EVOLVE-BLOCK-END
"""


@pytest.mark.parametrize(
    "operator", [Polynomial(), StreamStore(), Unroll(), VectorPragmas(), Restrict()], ids=lambda o: o.name
)
def test_nothing_outside_the_evolve_block_changes(operator: Operator, propose: Propose) -> None:
    drafts = propose(operator, MARKED)
    assert drafts
    before, after = MARKED.split("// EVOLVE-BLOCK-START")[0], MARKED.split("// EVOLVE-BLOCK-END")[1]
    for draft in drafts:
        assert draft.source.startswith(before)
        assert draft.source.endswith(after)


def test_flags_add_exchange_and_remove(propose: Propose) -> None:
    made = [d.source.splitlines()[0] for d in propose(Flags(), "// nf-flags: fast-math vec512\n" + _c("y[0] = 1;"))]
    assert made[:2] == ["// nf-flags: fast-math vec512 unroll", "// nf-flags: fast-math vec512 prefetch"]
    assert "// nf-flags: fast-math vec256" in made
    assert "// nf-flags: vec512" in made


def test_flags_start_a_header_where_there_is_none(propose: Propose) -> None:
    made = [d.source.splitlines()[0] for d in propose(Flags(), _c("y[0] = 1;"))]
    assert made == [f"// nf-flags: {word}" for word in ADDITIONS]


def test_flags_are_words_that_the_evaluator_knows() -> None:
    from evaluators.kernels.build import FLAG_CHOICES

    assert {*ADDITIONS, "vec256"} <= set(FLAG_CHOICES)
