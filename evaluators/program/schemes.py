"""Bilinear schemes for the product of two n x n matrices over the integers, and their multiplications.

A scheme of rank R is R triples of integer vectors (u, v, w) of n*n entries, row by row: with
m_r = (sum u_r[a] A[a]) * (sum v_r[b] B[b]), the product is C[c] = sum w_r[c] m_r. That holds for all matrices over all
rings, commutative or not, exactly when the sum of u_r[a] v_r[b] w_r[c] over r is 1 where a = (i, k), b = (k, j),
c = (i, j), and 0 elsewhere (Brent's equations, 1970): n^6 equations between integers, each of which is looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

from evaluators.program.contract import Judged, Known, Quantity, Refused
from evaluators.program.exact import read_integer, read_list, whole
from nightforge.domain.base import Json, Scalar

Term = tuple[dict[int, int], dict[int, int], dict[int, int]]
"""u, v, w by the places that are not zero."""
_BEST: Mapping[int, tuple[int, str, int, str]] = {
    2: (7, "Strassen 1969", 7, "Winograd 1971"),
    3: (23, "Laderman 1976", 19, "Bläser 2003"),
    4: (
        49,
        "Strassen 1969, applied twice; 48 is known with complex numbers (AlphaEvolve 2025, arXiv 2506.13131) and with "
        "halves (Dumas, Pernet and Sedoglavic 2025, arXiv 2506.13242), 47 modulo 2 (AlphaTensor 2022)",
        34,
        "Bläser 2003",
    ),
}
"""Size → best known rank over the integers, by whom; proven least rank over any field, by whom (2n^2 + n - 2)."""


def verify(answer: Json, parameters: Mapping[str, Scalar]) -> Judged:
    """`[[u, v, w], ...]`, each a list of n*n integers, for the parameter `size` = n."""
    size = whole(parameters, "size")
    terms = read_terms(answer, size)
    _check_brent(terms, size)
    entries = [number for term in terms for part in term for number in part.values()]
    metrics = {
        "multiplications": Quantity(Fraction(len(terms)), "multiplications"),
        "additions": Quantity(Fraction(_additions(terms, size)), "additions"),
        "largest_entry": Quantity(Fraction(max(map(abs, entries)))),
    }
    return Judged(metrics, notes=f"{len(terms)} multiplications, {len(entries)} entries that are not zero")


def read_terms(answer: Json, size: int) -> list[Term]:
    """Raises Refused. More than n^3 terms are never needed."""
    terms = []
    for place, row in enumerate(read_list(answer, "the answer", least=1, most=size**3)):
        parts = read_list(row, f"term {place}", least=3, most=3)
        u, v, w = (_vector(part, size, f"term {place}: {name}") for name, part in zip("uvw", parts, strict=True))
        terms.append((u, v, w))
    return terms


def _vector(value: Json, size: int, where: str) -> dict[int, int]:
    numbers = read_list(value, where, least=size**2, most=size**2)
    entries = {place: read_integer(number, f"{where}[{place}]") for place, number in enumerate(numbers)}
    found = {place: number for place, number in entries.items() if number}
    if not found:
        raise Refused("empty", f"{where} is all zeros: leave the term out")
    return found


def _check_brent(terms: Sequence[Term], size: int) -> None:
    sums: defaultdict[tuple[int, int, int], int] = defaultdict(int)
    for u, v, w in terms:
        for a, in_a in u.items():
            for b, in_b in v.items():
                both = in_a * in_b
                for c, in_c in w.items():
                    sums[a, b, c] += both * in_c
    for i in range(size):
        for j in range(size):
            for k in range(size):
                sums[i * size + k, k * size + j, i * size + j] -= 1
    wrong = sorted(place for place, rest in sums.items() if rest)
    if wrong:
        a, b, c = wrong[0]
        what = f"A{_place(a, size)} * B{_place(b, size)} comes to C{_place(c, size)}"
        raise Refused(
            "product", f"{len(wrong)} of {size**6} equations do not hold: {what} {sums[wrong[0]]:+d} too often"
        )


def _place(index: int, size: int) -> str:
    return f"[{index // size}][{index % size}]"


def _additions(terms: Sequence[Term], size: int) -> int:
    """Of the scheme as it stands, nothing shared."""
    before = sum(len(u) - 1 + len(v) - 1 for u, v, _ in terms)
    after = sum(len(w) for _, _, w in terms) - size**2
    return before + after


def known(parameters: Mapping[str, Scalar]) -> Known | None:
    size = whole(parameters, "size")
    if size not in _BEST:
        return None
    best, source, least, proof = _BEST[size]
    return Known(Fraction(best), source, Fraction(least), proof)
