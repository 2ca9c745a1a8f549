from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.likeness import likeness, shape_of, shingles_of

KERNEL = """\
#define TILE 8
static float scale(float x) { return x * 2.0f; }
void run(const float *input, float *out, long n) {
  // the sum
  float total = 0.0f;
  for (long i = 0; i < n; i++) total += scale(input[i]);
  out[0] = total;
}
"""
SAME = [
    KERNEL.replace("total", "acc"),
    KERNEL.replace("  // the sum\n", ""),
    KERNEL.replace("// the sum", "/* another\n word */"),
    KERNEL.replace("; ", ";\n\n   "),
    KERNEL.replace("input", "source").replace("long n", "long count").replace("i < n", "i < count"),
]
OTHER = [
    KERNEL.replace("2.0f", "2.5f"),
    KERNEL.replace("i++", "i += 2"),
    KERNEL.replace("TILE 8", "TILE 16"),
    KERNEL.replace("// the sum", "// nf: tune TILE 4 8 16"),
    KERNEL.replace("// the sum", "#pragma omp simd"),
    KERNEL.replace("void run", "void walk"),
    KERNEL.replace("scale(input", "expf(input"),
    KERNEL.replace("total += scale(input[i])", "total += scale(input[n])"),
]


@pytest.mark.parametrize("variant", SAME)
def test_names_of_locals_layout_and_comments_do_not_matter(variant: str) -> None:
    assert variant != KERNEL
    assert shape_of(variant, "c") == shape_of(KERNEL, "c")


@pytest.mark.parametrize("variant", OTHER)
def test_what_may_matter_does(variant: str) -> None:
    assert shape_of(variant, "c") != shape_of(KERNEL, "c")


def test_a_local_that_a_macro_knows_by_name_keeps_it() -> None:
    macro = "#define ADD total += 1\nvoid f(void) { int total = 0; ADD; }\n"
    assert shape_of(macro, "c") != shape_of(macro.replace("int total", "int other"), "c")


def test_swapped_names_are_another_program() -> None:
    one = "float f(float a, float b) { return a - b; }"
    assert shape_of(one, "c") != shape_of("float f(float a, float b) { return b - a; }", "c")
    assert shape_of(one, "c") == shape_of("float f(float b, float a) { return b - a; }", "c")


def test_python_by_tokens() -> None:
    code = "def f(x):\n    # why\n    return x + 1\n"
    assert shape_of(code, "python") == shape_of("def f(x):\n  return (  x+1)\n".replace("(  x+1)", "x+1"), "python")
    assert shape_of(code, "python") != shape_of(code.replace("# why", "# nf: tune X 1 2"), "python")
    nested = "if a:\n    b()\n    c()\n"
    assert shape_of(nested, "python") != shape_of("if a:\n    b()\nc()\n", "python")


def test_what_does_not_parse_still_has_a_shape() -> None:
    for language in ("c", "python", "text"):
        assert shape_of("} not ( code", language) == shape_of("}  not ( code\n\n", language)
        assert shape_of("} not ( code", language) != shape_of("} not code (", language)
    assert shape_of("X = 3", "text") != shape_of("X = 3", "c")


@given(st.text(max_size=80), st.sampled_from(["c", "python", "text"]))
def test_every_text_is_most_like_itself(source: str, language: str) -> None:
    mine = shingles_of(source, language)
    assert likeness(mine, mine) == 1.0
    assert len(shape_of(source, language)) == 16


@given(st.sets(st.integers()), st.sets(st.integers()))
def test_likeness_is_a_share_and_symmetric(one: set[int], other: set[int]) -> None:
    mine, theirs = (frozenset((str(each),) for each in numbers) for numbers in (one, other))
    assert likeness(mine, theirs) == likeness(theirs, mine)
    assert 0.0 <= likeness(mine, theirs) <= 1.0
