"""Finalists by idea: twins that differ in numbers or names are one row, another idea is another row."""

from __future__ import annotations

from datetime import UTC, datetime

from nightforge.domain.candidate import Candidate
from nightforge.domain.listing import Relative
from nightforge.domain.words import CandidateState
from nightforge.report.grouping import Finalist, are_kin, ideas_of, trail_of

SEED = """\
void nf_kernel(const float *x, float *y, long n) {
    for (long i = 0; i < n; i++) {
        y[i] = 2.0f * x[i] + y[i];
    }
}
"""
UNROLLED = SEED.replace("    for (", "#pragma GCC unroll 8\n    for (")
UNROLLED_MORE = UNROLLED.replace("unroll 8", "unroll 16")
RENAMED = UNROLLED.replace("i", "k").replace("vokd", "void").replace("unroll 8", "unroll 4")
BLOCKED = """\
void nf_kernel(const float *x, float *y, long n) {
    for (long b = 0; b < n; b += 512) {
        long end = b + 512 < n ? b + 512 : n;
        __builtin_prefetch(x + end);
        for (long i = b; i < end; i++) y[i] += 2.0f * x[i];
    }
}
"""


def finalist(ordinal: int, source: str) -> Finalist:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    one = Candidate(campaign_id="abc", ordinal=ordinal, state=CandidateState.MEASURED, created_at=at)
    return Finalist(one, source, 3)


def relative(ordinal: int, parent: int | None, operator: str = "tune") -> Relative:
    parents = () if parent is None else (parent,)
    return Relative(ordinal, CandidateState.MEASURED, parents, operator, "", 1.0, 1.0, 0, False, False)


def family(*rows: tuple[int, int | None, str]) -> dict[int, Relative]:
    return {ordinal: relative(ordinal, parent, operator) for ordinal, parent, operator in rows}


def groups(*finalists: Finalist, kin: dict[int, Relative] | None = None) -> list[list[int]]:
    found = ideas_of(finalists, SEED, "c", kin or {})
    return [[idea.leader.candidate.ordinal, *(twin.candidate.ordinal for twin in idea.twins)] for idea in found]


def test_what_differs_in_numbers_is_one_idea_and_the_best_leads() -> None:
    assert groups(finalist(7, UNROLLED), finalist(3, BLOCKED), finalist(5, UNROLLED_MORE)) == [[7, 5], [3]]


def test_other_ideas_stay_apart_although_most_of_the_program_is_the_same() -> None:
    with_const = SEED.replace("2.0f * x[i] + y[i]", "__builtin_fmaf(2.0f, x[i], y[i])")
    assert groups(finalist(1, UNROLLED), finalist(2, with_const)) == [[1], [2]]


def test_less_likeness_is_asked_of_relatives() -> None:
    both = UNROLLED.replace("#pragma", "#pragma GCC ivdep\n#pragma")
    strangers = groups(finalist(1, UNROLLED), finalist(2, both))
    kin = family((0, None, ""), (1, 0, "unroll"), (2, 1, "fma"))
    related = groups(finalist(1, UNROLLED), finalist(2, both), kin=kin)
    assert strangers == [[1], [2]]
    assert related == [[1, 2]]


def test_kinship_does_not_count_the_seed_and_ends_after_a_few_generations() -> None:
    kin = family(
        (0, None, ""), (1, 0, "a"), (2, 0, "b"), (3, 1, "c"), (4, 3, "d"), (5, 4, "e"), (6, 5, "f"), (7, 6, "g")
    )
    assert not are_kin(kin, 1, 2)
    assert are_kin(kin, 1, 3)
    assert not are_kin(kin, 1, 6)


def test_the_trail_names_operators_and_how_often() -> None:
    kin = family((0, None, ""), (1, 0, "unroll"), (2, 1, "tune"), (3, 2, "tune"), (4, 3, "crossover"))
    assert trail_of(kin, 4) == ("unroll", "tune ×2", "crossover")
    assert trail_of(kin, 0) == ()
    assert trail_of({}, 9) == ()


def test_a_loop_in_stored_parents_ends() -> None:
    kin = family((1, 2, "a"), (2, 1, "b"))
    assert trail_of(kin, 1)


def test_the_same_program_as_the_seed_is_an_idea_of_its_own() -> None:
    assert groups(finalist(1, SEED), finalist(2, UNROLLED)) == [[1], [2]]


def test_languages_without_a_grammar_go_by_lines() -> None:
    one = Finalist(finalist(1, "").candidate, "map -a 3\nrefactor\n", 1)
    other = Finalist(finalist(2, "").candidate, "map -a 5\nrefactor\n", 1)
    (idea,) = ideas_of([one, other], "map\n", "abc-recipe", {})
    assert [twin.candidate.ordinal for twin in idea.twins] == [2]
