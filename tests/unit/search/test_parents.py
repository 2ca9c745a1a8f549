from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.candidate import Parent
from workflows.search.parents import BroadPicker, ParentPicker, RankPicker, UniformPicker, draw
from workflows.search.randomness import decide


def parent(ordinal: int, score: float, children: int = 0) -> Parent:
    return Parent(ordinal=ordinal, code_sha=f"{ordinal:064x}", score=score, score_low=score, children=children)


scores = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
pools = st.lists(st.tuples(scores, st.integers(0, 1000)), min_size=1, max_size=32).map(
    lambda rows: [parent(index, score, children) for index, (score, children) in enumerate(rows)]
)


@pytest.mark.parametrize("picker", [RankPicker(), UniformPicker()], ids=["rank", "uniform"])
@given(pool=pools, seed=st.integers())
def test_draws_one_of_the_pool_with_positive_weights(picker: ParentPicker, pool: list[Parent], seed: int) -> None:
    weights = picker.weights(pool, {})
    assert len(weights) == len(pool)
    assert all(0 < weight <= 1 for weight in weights)
    assert draw(pool, picker, {}, Random(seed)) in pool


@given(pool=pools, breadth=st.integers(1, 40), seed=st.integers())
def test_several_best_are_parents_alike_and_nobody_behind_them(pool: list[Parent], breadth: int, seed: int) -> None:
    weights = BroadPicker(breadth).weights(pool, {})
    assert weights == [1.0] * min(breadth, len(pool)) + [0.0] * max(0, len(pool) - breadth)
    assert draw(pool, BroadPicker(breadth), {}, Random(seed)) in pool[:breadth]


@given(pool=pools, breadth=st.integers(1, 40), keep=st.floats(0.1, 0.99))
def test_each_of_several_best_has_its_part_of_the_better_ones_weight(
    pool: list[Parent], breadth: int, keep: float
) -> None:
    weights = BroadPicker(breadth, keep).weights(pool, {})[:breadth]
    assert weights[0] == 1.0
    assert [after / before for before, after in pairwise(weights)] == pytest.approx([keep] * (len(weights) - 1))


def test_the_better_score_is_picked_more_often() -> None:
    pool = [parent(2, 1.5), parent(1, 1.1), parent(0, 1.0)]
    counts = Counter(draw(pool, RankPicker(), {}, Random(seed)).ordinal for seed in range(2000))
    assert counts[2] > counts[1] > counts[0] > 0


def test_a_new_champion_is_followed_and_an_old_one_makes_room() -> None:
    def share(children: int) -> float:
        weights = RankPicker().weights([parent(9, 2.0, children), *(parent(n, 1.0, 4) for n in range(8))], {})
        return weights[0] / sum(weights)

    assert share(0) > 0.9
    assert share(0) > share(8) > share(100) > share(1000)
    assert share(100) < 0.7
    assert share(1000) < 0.3


def test_the_best_has_its_share_whatever_the_scale_and_the_size_of_the_pool() -> None:
    """Scores that span decades must not make the best one of many alike, nor the only one."""
    for ratio in (1.0001, 2.0, 100.0):
        pool = [parent(number, -(ratio**number)) for number in range(48)]
        weights = RankPicker().weights(pool, {})
        assert 0.85 < weights[0] / sum(weights) < 0.95


def test_a_parent_alone_in_its_cell_weighs_more_than_one_of_a_crowd() -> None:
    crowded, alone = UniformPicker().weights([parent(0, 1.0), parent(1, 1.0)], {0: 0.2, 1: 1.0})
    assert alone == pytest.approx(5 * crowded)


def test_decisions_are_a_function_of_seed_candidate_and_name() -> None:
    assert decide(1, 2, "parents").random() == decide(1, 2, "parents").random()
    others = {decide(2, 2, "parents").random(), decide(1, 3, "parents").random(), decide(1, 2, "code.0").random()}
    assert decide(1, 2, "parents").random() not in others
    assert len(others) == 3
