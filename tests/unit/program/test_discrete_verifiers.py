"""Schemes and cap sets, held against slow checks by the definition."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some
from program_play import rows_of, verdict_of

from evaluators.program import capset, schemes
from evaluators.program.contract import Refused
from nightforge.domain.base import Json

Scheme = list[list[list[int]]]


def shipped(name: str, size: int) -> Scheme:
    return rows_of("matmul-scheme", name, {"size": size, "seconds": 1})


def rank(scheme: Scheme, size: int) -> Fraction:
    found: Json = [[list[Json](part) for part in term] for term in scheme]
    return schemes.verify(found, {"size": size}).metrics["multiplications"].value


def multiplies(scheme: Scheme, size: int, random: Random) -> bool:
    """On random matrices of large integers: the product by the scheme and by the definition."""
    a, b = ([random.randrange(-(10**9), 10**9) for _ in range(size * size)] for _ in range(2))
    wanted = [sum(a[i * size + k] * b[k * size + j] for k in range(size)) for i in range(size) for j in range(size)]
    got = [0] * (size * size)
    for u, v, w in scheme:
        once = sum(x * y for x, y in zip(u, a, strict=True)) * sum(x * y for x, y in zip(v, b, strict=True))
        got = [entry + x * once for entry, x in zip(got, w, strict=True)]
    return got == wanted


@pytest.mark.parametrize(
    ("name", "size", "wanted"),
    [
        ("seed.py", 2, 8),
        ("seed.py", 3, 27),
        ("seed.py", 4, 64),
        ("baselines/strassen.py", 2, 7),
        ("baselines/strassen.py", 4, 49),
        ("baselines/laderman.py", 3, 23),
        ("witness/written_out.py", 4, 49),
    ],
)
def test_shipped_schemes_have_the_published_rank_and_multiply(name: str, size: int, wanted: int) -> None:
    scheme = shipped(name, size)
    assert rank(scheme, size) == wanted
    assert multiplies(scheme, size, Random(1))


@given(some.integers(0, 2**32))
def test_the_verdict_on_a_changed_scheme_is_that_of_random_matrices(seed: int) -> None:
    random = Random(seed)
    scheme = shipped("baselines/laderman.py", 3)
    for _ in range(random.choice((0, 1, 2))):
        term, part, place = random.randrange(23), random.randrange(3), random.randrange(9)
        scheme[term][part][place] += random.choice((-1, 1, 2, 10**12))
    if multiplies(scheme, 3, random):
        assert rank(scheme, 3) == 23
    else:
        with pytest.raises(Refused):
            rank(scheme, 3)


@given(some.integers(0, 2**32))
def test_a_change_of_basis_keeps_a_scheme(seed: int) -> None:
    """(PAQ^-1)(QBR^-1) = P(AB)R^-1, with unit triangular integer matrices: other entries, the same product."""
    random = Random(seed)
    place, by = random.choice((1, 2)), random.randrange(-3, 4)
    scheme = shipped("baselines/strassen.py", 2)
    # A's columns and B's rows: u(A S), v(S^-1 B) for S = [[1, by], [0, 1]] or its transpose.
    i, j = (0, 1) if place == 1 else (1, 0)
    for u, v, _ in scheme:
        for row in range(2):
            u[2 * row + i] += by * u[2 * row + j]
            v[2 * j + row] -= by * v[2 * i + row]
    assert multiplies(scheme, 2, random)
    assert rank(scheme, 2) == 7


def test_what_is_counted() -> None:
    scheme: Json = [[list[Json](part) for part in term] for term in shipped("baselines/strassen.py", 2)]
    metrics = schemes.verify(scheme, {"size": 2}).metrics
    assert metrics["additions"].value == 18  # Strassen's own count
    assert metrics["largest_entry"].value == 1


@pytest.mark.parametrize(("size", "best", "bound"), [(2, 7, 7), (3, 23, 19), (4, 49, 34)])
def test_known_ranks(size: int, best: int, bound: int) -> None:
    known = schemes.known({"size": size})
    assert known is not None
    assert known.best == best
    assert known.bound == bound
    if size > 2:
        assert known.bound == 2 * size**2 + size - 2
    assert schemes.known({"size": 7}) is None


def vectors(name: str, dimension: int) -> list[list[int]]:
    return rows_of("cap-set", name, {"dimension": dimension, "seconds": 1})


def size_of(rows: list[list[int]], dimension: int) -> Fraction:
    found: Json = [list[Json](row) for row in rows]
    return capset.verify(found, {"dimension": dimension}).metrics["vectors"].value


def has_line(rows: list[list[int]]) -> bool:
    return any(all((a + b + c) % 3 == 0 for a, b, c in zip(*three, strict=True)) for three in combinations(rows, 3))


@pytest.mark.parametrize(
    ("name", "dimension", "wanted"),
    [
        ("seed.py", 3, 8),
        ("seed.py", 6, 64),
        ("baselines/products.py", 3, 9),
        ("baselines/products.py", 4, 18),
        ("baselines/products.py", 6, 81),
        ("baselines/products.py", 8, 448),
        ("witness/written_out.py", 6, 112),
    ],
)
def test_shipped_cap_sets_have_their_size(name: str, dimension: int, wanted: int) -> None:
    assert size_of(vectors(name, dimension), dimension) == wanted


def test_nothing_can_join_the_witness() -> None:
    rows = vectors("witness/written_out.py", 6)
    for other in product((0, 1, 2), repeat=6):
        if list(other) not in rows:
            with pytest.raises(Refused, match="line"):
                size_of([*rows, list(other)], 6)


@given(some.lists(some.lists(some.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=9, unique_by=tuple))
def test_the_verdict_on_vectors_is_the_definition(rows: list[list[int]]) -> None:
    if has_line(rows):
        with pytest.raises(Refused, match="line"):
            size_of(rows, 3)
    else:
        assert size_of(rows, 3) == len(rows)


@pytest.mark.parametrize("dimension", range(3, 9))
def test_known_sizes_are_between_products_and_bounds(dimension: int) -> None:
    known = capset.known({"dimension": dimension})
    assert known is not None
    assert size_of(vectors("baselines/products.py", dimension), dimension) <= known.best <= known.bound
    assert capset.known({"dimension": 9}) is None


@given(
    some.recursive(
        some.none() | some.booleans() | some.floats() | some.integers(-3, 3) | some.text(max_size=3),
        lambda inner: some.lists(inner, max_size=5) | some.dictionaries(some.text(max_size=2), inner, max_size=2),
        max_leaves=20,
    )
)
def test_whatever_comes_is_judged_or_refused(value: Json) -> None:
    for judge in (
        lambda: schemes.verify(value, {"size": 1}),
        lambda: schemes.verify(value, {"size": 2}),
        lambda: capset.verify(value, {"dimension": 1}),
        lambda: capset.verify(value, {"dimension": 3}),
    ):
        assert len(verdict_of(judge)) < 300
