"""Finalists by idea: twins that differ in numbers or names are one row, another idea is another row."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

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


STATEMENTS = (
    "y[i] = 2.0f * x[i] + y[i];",
    "y[i] += x[i] * 3.5f;",
    "if (x[i] > 0.0f) y[i] = x[i];",
    "__builtin_prefetch(x + i + 64);",
    "y[i] = x[n - 1 - i];",
    "long k = i * 7 + 1; y[k % n] = x[i];",
)
programs = st.lists(st.sampled_from(STATEMENTS), max_size=4).map(
    lambda body: (
        "void nf_kernel(const float *x, float *y, long n) {\n    for (long i = 0; i < n; i++) {\n        "
        + "\n        ".join(body)
        + "\n    }\n}\n"
    )
)
families = st.lists(st.integers(0, 30), min_size=1, max_size=12).map(
    lambda parents: (
        {0: relative(0, None)} | {at: relative(at, min(parent, at - 1)) for at, parent in enumerate(parents, start=1)}
    )
)


@given(st.lists(programs, max_size=10), families)
def test_each_finalist_is_in_one_idea_and_the_order_of_the_ranking_stays(
    found: list[str], kin: dict[int, Relative]
) -> None:
    finalists = [finalist(place + 1, source) for place, source in enumerate(found)]
    ideas = ideas_of(finalists, SEED, "c", kin)
    grouped = [[one.candidate.ordinal for one in (idea.leader, *idea.twins)] for idea in ideas]
    assert sorted(number for group in grouped for number in group) == list(range(1, len(found) + 1))
    assert all(group == sorted(group) for group in grouped), "the best leads, twins follow in their order"
    leaders = [group[0] for group in grouped]
    assert leaders == sorted(leaders)


@given(st.lists(programs, min_size=1, max_size=6), st.data())
def test_the_same_program_with_other_numbers_is_a_twin(found: list[str], data: st.DataObject) -> None:
    finalists = [finalist(place + 1, source) for place, source in enumerate(found)]
    copied = data.draw(st.sampled_from(found))
    tuned = re.sub(r"\d+(\.\d+)?", lambda number: number.group().replace("2", "9").replace("7", "5"), copied)
    ideas = ideas_of([*finalists, finalist(99, tuned)], SEED, "c", {})
    alone = [idea for idea in ideas if idea.leader.candidate.ordinal == 99]
    assert not alone, "what differs in numbers only has the idea of what it was tuned from"


@given(families, st.integers(0, 12), st.integers(0, 12))
def test_kinship_has_no_direction(kin: dict[int, Relative], one: int, other: int) -> None:
    assert are_kin(kin, one, other) == are_kin(kin, other, one)
    assert not are_kin(kin, 0, other), "everybody comes from the seed"


@given(families)
def test_a_trail_has_a_word_for_each_generation(kin: dict[int, Relative]) -> None:
    for ordinal in kin:
        steps = sum(int(word.partition("×")[2] or 1) for word in trail_of(kin, ordinal))
        depth, at = 0, ordinal
        while at:
            depth, at = depth + 1, kin[at].parents[0]
        assert steps == depth
