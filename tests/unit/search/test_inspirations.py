from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.candidate import Parent
from workflows.search.inspirations import choose_inspirations


def parents(count: int) -> list[Parent]:
    return [
        Parent(ordinal=number, code_sha=f"{number:064x}", score=-number, score_low=-number, children=0)
        for number in range(count)
    ]


@given(st.integers(1, 30), st.integers(0, 10), st.data())
def test_distinct_others_as_many_as_asked_for(size: int, count: int, data: st.DataObject) -> None:
    pool = parents(size)
    parent = data.draw(st.sampled_from(pool)).ordinal
    cells = {one.ordinal: data.draw(st.sampled_from("abc")) for one in pool}
    chosen = choose_inspirations(parent, pool, cells, count=count, random=Random(0))
    assert len(set(chosen)) == len(chosen) == min(count, size - 1)
    assert parent not in chosen
    if chosen:
        assert chosen[0] == min(one.ordinal for one in pool if one.ordinal != parent), "the champion comes first"


def test_the_second_is_of_another_kind_where_there_is_one() -> None:
    cells = {0: "a", 1: "a", 2: "a", 3: "b", 4: "c"}
    for seed in range(10):
        chosen = choose_inspirations(0, parents(5), cells, count=2, random=Random(seed))
        assert chosen[0] == 1
        assert chosen[1] in {3, 4}
    assert choose_inspirations(0, parents(3), cells, count=2, random=Random(0)) == (1, 2)
