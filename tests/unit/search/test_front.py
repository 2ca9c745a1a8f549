from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.archive import CAMPAIGN, Resident
from workflows.search.front import LARGEST, Front, dominates

points = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=1, max_size=40)
epsilons = st.tuples(st.sampled_from([0.0, 1.0, 3.0]), st.sampled_from([0.0, 2.0]))


def residents(rows: list[tuple[int, int]]) -> list[Resident]:
    return [Resident(0, number, "x", 0.0, (float(a), float(b))) for number, (a, b) in enumerate(rows)]


@given(points, epsilons)
def test_nobody_on_the_front_dominates_another_and_everyone_outside_is_covered(
    rows: list[tuple[int, int]], widths: tuple[float, float]
) -> None:
    front = Front(widths)
    told: dict[int, Resident] = {}
    for one in residents(rows):
        come, gone = front.admit(one)
        for island, ordinal in gone:
            assert island == CAMPAIGN
            del told[ordinal]
        told.update({each.ordinal: each for each in come})
        assert told == front.residents
    stay = [one.objectives for one in front.residents.values()]
    assert stay
    for here in stay:
        assert not any(dominates(other, here) for other in stay)
    for one in residents(rows):
        # epsilon-dominance: someone is at most an epsilon worse in any objective
        assert any(
            all(a + width >= b for a, b, width in zip(here, one.objectives, widths, strict=True)) for here in stay
        )


@given(points)
def test_without_epsilon_it_is_the_set_of_undominated_points(rows: list[tuple[int, int]]) -> None:
    front = Front((0.0, 0.0))
    for one in residents(rows):
        front.admit(one)
    best = {row for row in rows if not any(dominates(other, row) for other in rows)}
    assert {one.objectives for one in front.residents.values()} == best


def test_without_epsilon_the_order_of_arrival_does_not_matter() -> None:
    rows = [(1, 4), (2, 3), (3, 1), (2, 2)]
    fronts = set()
    for order in permutations(rows):
        front = Front((0.0, 0.0))
        for one in residents(list(order)):
            front.admit(one)
        fronts.add(frozenset(one.objectives for one in front.residents.values()))
    assert fronts == {frozenset({(1.0, 4.0), (2.0, 3.0), (3.0, 1.0)})}


def test_missing_objectives_and_a_full_front() -> None:
    front = Front((0.0, 0.0))
    assert front.admit(Resident(0, 1, "", 1.0)) == ([], [])
    for number in range(LARGEST + 5):
        front.admit(Resident(0, number, "", 0.0, (float(number), -float(number))))
    assert len(front.residents) == LARGEST
    come, gone = front.admit(Resident(0, 999, "", 0.0, (1000.0, 1000.0)))
    assert [one.ordinal for one in come] == [999]
    assert len(gone) == LARGEST
