"""What makes rewrites of nests legal: they decline when that is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from loop_programs import HEAD, PROGRAMS

from nightforge.domain.team import Draft
from tools.rewrites.affine import Memory, Polynomial, distance, polynomial
from tools.rewrites.fusion import Fusion
from tools.rewrites.inline import Inline
from tools.rewrites.interchange import Interchange
from tools.rewrites.recompute import Recompute
from tools.rewrites.register_block import RegisterBlock
from tools.rewrites.rewrite import Rewrite, without_stray_pragmas
from tools.rewrites.row_group import RowGroup
from tools.rewrites.syntax import Unit, field, walk
from tools.rewrites.tile import Tile
from tools.rewrites.time_tile import TimeTile
from tools.rewrites.unroll_jam import UnrollJam
from tools.rewrites.vectors import VectorStream, VectorSum

Propose = Callable[..., Sequence[Draft]]


def _f(body: str) -> str:
    return f"void g(float *p);\n{HEAD}{body}\n}}\n"


def _nest(statement: str) -> str:
    return _f(f"for (long i = 1; i < n; i++) for (long j = 1; j < m; j++) {statement}")


def _index(text: str) -> Polynomial:
    unit = Unit.parse(f"void f(void) {{ v = {text}; }}")
    assert unit is not None
    return polynomial(unit, field(next(n for n in walk(unit.root) if n.type == "assignment_expression"), "right"))


def test_subscripts_are_polynomials() -> None:
    assert _index("(r + 1) * cols + c - 1") == _index("cols * r + cols + (c - 1)")
    assert _index("2 * (i + i)") == _index("4 * i")
    assert _index("i - i").constant == 0
    assert _index("r * cols + c").coefficient("r") == Polynomial.atom("cols")
    assert _index("i * i").coefficient("i") is None
    assert _index("(long)r * cols + 3").text() == "3 + cols * r"


@pytest.mark.parametrize(
    ("one", "two", "steps"),
    [
        ("r * cols + c", "(r - 1) * cols + c + 1", (1, -1)),
        ("r * cols + c", "r * cols + c", (0, 0)),
        ("r * cols + c", "r * cols + 2 * c", None),
        ("r * cols + c", "r * rows + c", None),
        ("r * cols + c", "r * cols + c + cols * cols", None),
        ("2 * r * cols + c", "2 * r * cols + c + cols", None),
    ],
)
def test_distance_of_two_uses(one: str, two: str, steps: tuple[int, int] | None) -> None:
    assert distance(("r", "c"), _index(one), _index(two)) == steps


def test_pointers_are_followed_to_their_arrays() -> None:
    unit = Unit.parse(PROGRAMS["sweeps_carry"])
    assert unit is not None
    loop = next(node for node in walk(unit.root) if node.type == "for_statement")
    found = Memory(unit, loop).accesses([loop])
    assert found is not None
    assert {root for access in found for root in access.roots} == {"a", "b", "c"}
    assert all(access.roots == {"b", "c"} for access in found if access.write is not None)


@pytest.mark.parametrize(
    ("operator", "source"),
    [
        (Interchange, _nest("a[i * m + j] = a[(i - 1) * m + j + 1];")),
        (Interchange, _nest("a[i * m + j] = a[j * m + i];")),
        (Interchange, _nest("a[i] = b[j];")),
        (Interchange, _nest("{ a[i] += b[j]; c[i * m + j] = a[i]; }")),
        (Interchange, _nest("a[index[j]] = b[i];")),
        (Tile, _nest("a[i * m + j] = a[(i - 1) * m + j + 1];")),
        (Tile, _nest("{ g(a); a[i * m + j] = 0; }")),
        (Tile, _f("for (long i = 0; i < n; i++) for (long j = 0; j < i; j++) a[i * m + j] = 0;")),
        (Tile, _f("float s = 0; for (long i = 0; i < n; i++) for (long j = 0; j < m; j++) { s = a[j]; c[i] = s; }")),
        (UnrollJam, _nest("a[i * m + j] = a[(i - 1) * m + j + 1];")),
        (UnrollJam, _f("for (long i = 0; i < n; i++) for (long j = start[i]; j < start[i + 1]; j++) a[j] = 0;")),
        (UnrollJam, PROGRAMS["vector"].replace("c[i] = sum;", "c[0] = sum;")),
    ],
)
def test_order_is_kept_where_it_matters(operator: type[Rewrite], source: str, propose: Propose) -> None:
    assert not propose(operator(), source)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from[(r + 1) * m + s]", "from[(r + 20) * m + s]"),
        ("from[(r + 1) * m + s]", "from[(n - r) * m + s]"),
        ("from[(r + 1) * m + s]", "from[index[r] * m + s]"),
        ("r < n - 1", "r < n - t"),
        ("to[r * m + s] =", "g(to); to[r * m + s] ="),
        ("to[r * m + s] =", "c[t] ="),
        ("float *to = t % 2 == 0 ? b : a;", "float *to = t % 2 == 0 ? b : a; n = n - 1;"),
        ("float *to = t % 2 == 0 ? b : a;", "float *to = b + t;"),
    ],
)
def test_time_tiling_declines(old: str, new: str, propose: Propose) -> None:
    source = PROGRAMS["sweeps_parity"]
    assert propose(TimeTile(), source)
    assert old in source
    assert not propose(TimeTile(), source.replace(old, new))


def test_a_stage_between_sweeps_that_reads_everything_is_no_row_loop(propose: Propose) -> None:
    source = PROGRAMS["sweeps_swap"]
    assert not propose(TimeTile(), source.replace("float *spare", "g(from);\nfloat *spare"))
    assert not propose(TimeTile(), source.replace("float *spare", "to[0] = 1;\nfloat *spare"))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("product_ijp", "* b[p", "+ b[p"),
        ("product_ijp", "a[i * k + p]", "c[i * k + p]"),
        ("product_ijp", "b[p * m + j]", "b[p * m + j * i]"),
        ("product_ijp", "b[p * m + j]", "b[index[p] * m + j]"),
        ("product_ijp", "c[i * m + j]", "c[i * m + 2 * j]"),
        ("product_ijp", "j < m", "j < i"),
        ("product_sum", "float sum = 0.0f", "float sum = 1.0f"),
        ("product_sum", "float sum", "double sum_; float sum"),
        ("product_sum", "c[i * m + j] = sum", "c[i * m + j] = sum * 2"),
    ],
)
def test_register_blocking_declines(name: str, old: str, new: str, propose: Propose) -> None:
    assert old in PROGRAMS[name]
    assert not propose(RegisterBlock(), PROGRAMS[name].replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("float sum = 0.0f;", "float sum = c[i];"),
        ("c[i] = sum;", "c[i] = sum + c[i - 1];"),
        ("c[i] = sum;", "c[0] = sum;"),
        ("c[i] = sum;", "c[i] = sum; g(c);"),
        ("b[index[p]]", "c[index[p]]"),
    ],
)
def test_rows_go_side_by_side_only_when_they_are_apart(old: str, new: str, propose: Propose) -> None:
    assert old in PROGRAMS["sparse"]
    assert not propose(RowGroup(), PROGRAMS["sparse"].replace(old, new))


def test_inlining_keeps_names_apart_and_leaves_what_returns_early(propose: Propose) -> None:
    (draft,) = propose(Inline(), PROGRAMS["rows"].replace("float mean =", "float sum = 3.0f; float mean ="))
    assert "float nf_sum = 0.0f;" in draft.source
    assert "static float average" not in draft.source
    head = "long count) {\n"
    early = PROGRAMS["rows"].replace(head, f"{head}    if (count == 1) return x[0];\n")
    assert "return x[0]" in early
    assert not propose(Inline(), early)
    own = "static float f(float x) { return x > 1 ? f(x / 2) : x; }\n" + _f("float y = f(a[0]); c[0] = y;")
    assert not propose(Inline(), own)


def test_rows_are_fused_when_no_row_reads_another(propose: Propose) -> None:
    inlined = propose(Inline(), PROGRAMS["rows"])[0].source
    assert propose(Fusion(), inlined)
    assert not propose(Fusion(), inlined.replace("sum += y[j] * y[j]", "sum += y[j + m] * y[j]"))
    assert not propose(Fusion(), inlined.replace("+ b[j]", "+ c[j]"))


def test_values_are_forwarded_past_a_store_that_is_overwritten(propose: Propose) -> None:
    body = (
        "for (long i = 0; i < n; i++) c[i] = a[i] * 2.0f;\n"
        "float s = 0; for (long i = 0; i < n; i++) s += c[i] * c[i];\n"
        "for (long i = 0; i < n; i++) c[i] = c[i] * s;"
    )
    (draft,) = propose(Recompute(), _f(body))
    assert "s += (a[i] * 2.0f) * (a[i] * 2.0f);" in draft.source
    for old, new in (
        ("s += c[i]", "a[0] = 1; s += c[i]"),
        ("c[i] = c[i] * s", "c[i] = c[0] * s"),
        ("s += ", "g(c); s += "),
    ):
        assert not propose(Recompute(), _f(body.replace(old, new)))


@pytest.mark.parametrize(
    "change", [("+ b[i]", "+ g2(b[i])"), ("a[i] * two", "a[2 * i] * two"), ("c[i] =", "c[index[i]] =")]
)
def test_vectors_are_made_of_plain_arithmetic_only(change: tuple[str, str], propose: Propose) -> None:
    assert propose(VectorStream(), PROGRAMS["scaled"])
    assert not propose(VectorStream(), PROGRAMS["scaled"].replace(*change))
    assert not propose(VectorSum(), PROGRAMS["vector"].replace("* b[j]", "* (double)b[j]"))


def test_a_value_that_the_iteration_overwrites_stays_in_a_local(propose: Propose) -> None:
    body = "for (long i = 0; i < n; i++) { c[i] = a[i] + b[i]; float v = c[i]; c[i] = v * c[i]; }"
    (draft,) = propose(Recompute(), _f(body))
    assert "const float nf_value = a[i] + b[i]; float v = nf_value; c[i] = v * nf_value;" in draft.source
    for old, new in (
        ("v = c[i]", "v = c[i + 1]"),
        ("c[i] = v", "c[i] += v"),
        ("float v", "g(c); float v"),
        ("a[i] +", "c[i] +"),
    ):
        assert not propose(Recompute(), _f(body.replace(old, new)))


def test_no_pragma_of_a_loop_is_left_without_its_loop() -> None:
    loop, block, unroll = "for (;;) {}", "{ for (;;) {} }", "#pragma GCC unroll 4\n"
    assert without_stray_pragmas(f"{unroll}{block}") == block
    assert without_stray_pragmas(f"{unroll}{unroll}{loop}") == f"{unroll}{loop}"
    assert without_stray_pragmas(f"#pragma GCC ivdep\n{unroll}\n{loop}") == f"#pragma GCC ivdep\n{unroll}\n{loop}"
    assert without_stray_pragmas(f"#pragma omp simd\n{unroll}{loop}") == f"{unroll}{loop}"
    assert without_stray_pragmas(f"#pragma once\n{block}") == f"#pragma once\n{block}"
