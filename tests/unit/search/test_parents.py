from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.candidate import Parent
from workflows.search.parents import PICKERS, PowerLawPicker, UniformPicker, WeightedPicker, draw
from workflows.search.randomness import decide


def parent(ordinal: int, score: float, children: int = 0) -> Parent:
    return Parent(ordinal=ordinal, code_sha=f"{ordinal:064x}", score=score, score_low=score, children=children)


scores = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
pools = st.lists(st.tuples(scores, st.integers(0, 1000)), min_size=1, max_size=32).map(
    lambda rows: [parent(index, score, children) for index, (score, children) in enumerate(rows)]
)


@pytest.mark.parametrize("name", PICKERS)
@given(pool=pools, seed=st.integers())
def test_draws_one_of_the_pool_with_positive_weights(name: str, pool: list[Parent], seed: int) -> None:
    weights = PICKERS[name].weights(pool, {})
    assert len(weights) == len(pool)
    assert all(0 < weight <= 1 for weight in weights)
    assert draw(pool, PICKERS[name], {}, Random(seed)) in pool


def test_the_better_score_is_picked_more_often() -> None:
    pool = [parent(2, 1.5), parent(1, 1.1), parent(0, 1.0)]
    for picker in (WeightedPicker(), PowerLawPicker()):
        counts = Counter(draw(pool, picker, {}, Random(seed)).ordinal for seed in range(2000))
        assert counts[2] > counts[1] > counts[0] > 0


def test_a_champion_with_many_children_makes_room() -> None:
    fresh = WeightedPicker().weights([parent(0, 1.0), parent(1, 2.0, children=0)], {})
    mined = WeightedPicker().weights([parent(0, 1.0), parent(1, 2.0, children=50)], {})
    assert fresh[1] > fresh[0]
    assert mined[1] < mined[0]


def test_a_parent_alone_in_its_cell_weighs_more_than_one_of_a_crowd() -> None:
    pool = [parent(0, 1.0), parent(1, 1.0)]
    rarity = {0: 0.2, 1: 1.0}
    for picker in (WeightedPicker(), UniformPicker()):
        crowded, alone = picker.weights(pool, rarity)
        assert alone == pytest.approx(5 * crowded)


def test_decisions_are_a_function_of_seed_candidate_and_name() -> None:
    assert decide(1, 2, "parents").random() == decide(1, 2, "parents").random()
    others = {decide(2, 2, "parents").random(), decide(1, 3, "parents").random(), decide(1, 2, "code.0").random()}
    assert decide(1, 2, "parents").random() not in others
    assert len(others) == 3
