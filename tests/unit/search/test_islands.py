from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.archive import Progress, Resident
from workflows.search.islands import YOUTH, Island, choose_island, emigrant, open_islands

arrivals = st.lists(
    st.tuples(st.floats(-100, 100), st.sampled_from(["a", "b", "c", "d"])), min_size=1, max_size=60
).map(lambda rows: [Resident(0, number, cell, score) for number, (score, cell) in enumerate(rows)])


@given(arrivals, st.integers(0, 4), st.integers(1, 8))
def test_what_it_tells_is_what_it_keeps(rows: list[Resident], cells: int, top: int) -> None:
    island = Island(3, cells, top)
    told: dict[int, Resident] = {}
    for one in rows:
        come, gone = island.admit(one)
        for number, ordinal in gone:
            assert number == 3
            del told[ordinal]
        for each in come:
            assert each.island == 3
            told[each.ordinal] = each
        assert told == island.residents
        assert len(told) <= cells + top


@given(arrivals, st.integers(1, 8))
def test_best_of_all_and_best_of_each_cell_stay(rows: list[Resident], top: int) -> None:
    island = Island(0, 4, top)
    for one in rows:
        island.admit(one)
    by_score = sorted(rows, key=lambda one: (-one.score_low, -one.ordinal))
    by_score = list({(one.cell, one.score_low): one for one in reversed(by_score)}.values())
    by_score.sort(key=lambda one: (-one.score_low, -one.ordinal))
    expected = {one.ordinal for one in by_score[:top]}
    for cell in {one.cell for one in rows}:
        expected.add(next(one.ordinal for one in by_score if one.cell == cell))
    assert set(island.residents) == expected
    leaving = emigrant(island)
    assert leaving is not None
    assert leaving.ordinal == by_score[0].ordinal


@given(arrivals)
def test_the_same_again_changes_nothing(rows: list[Resident]) -> None:
    island = Island(0, 2, 3)
    for one in rows:
        island.admit(one)
    kept = dict(island.residents)
    for one in kept.values():
        assert island.admit(one) == ([], [])
    assert island.residents == kept


def test_islands_are_asked_in_turn_while_nothing_tells_them_apart() -> None:
    progress = [Progress(number) for number in range(3)]
    asked: dict[int, int] = {}
    order = []
    for _ in range(9):
        chosen = choose_island(progress, asked)
        asked[chosen] = asked.get(chosen, 0) + 1
        order.append(chosen)
    assert [sorted(order[at : at + 3]) for at in (0, 3, 6)] == [[0, 1, 2]] * 3


def test_the_island_that_improves_is_asked_more_and_the_other_not_never() -> None:
    progress = [Progress(0, told=50, signal=0.05), Progress(1, told=50, signal=0.0)]
    asked = {0: 0, 1: 0}
    for _ in range(200):
        asked[choose_island(progress, asked)] += 1
    assert asked[0] > 1.5 * asked[1] > 0


def test_no_island_at_all_has_nobody_to_send() -> None:
    assert emigrant(Island(0, 1, 1)) is None


def test_a_plateau_does_not_fill_the_archive_and_its_newest_stands_for_it() -> None:
    island = Island(0, 2, 3)
    for number, score in enumerate([5.0, 7.0, 9.0, *[9.0] * 20]):
        island.admit(Resident(0, number, "", score))
    assert [(one.score_low, one.ordinal) for one in island.ranked()] == [(9.0, 22), (7.0, 1), (5.0, 0)]


def test_another_island_begins_each_time_that_results_have_doubled() -> None:
    def numbers(*told: int) -> list[int]:
        return [one.island for one in open_islands([Progress(island, told=each) for island, each in enumerate(told)])]

    assert numbers(2 * YOUTH - 1, 1, 1, 1) == [0]
    assert numbers(2 * YOUTH, 1, 1, 1) == [0, 1]
    assert numbers(2 * YOUTH, 2 * YOUTH - 1, 1, 1) == [0, 1], "what has begun goes on"
    assert numbers(2 * YOUTH, 2 * YOUTH, 1, 1) == [0, 1, 2]
    assert numbers(*[10_000] * 4) == [0, 1, 2, 3], "there is none left to begin"
