from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.candidate import Parent
from workflows.search.parents import WeightedPicker
from workflows.search.randomness import decide


def parent(ordinal: int, score: float, children: int = 0) -> Parent:
    return Parent(ordinal=ordinal, code_sha=f"{ordinal:064x}", score=score, score_low=score, children=children)


scores = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
pools = st.lists(st.tuples(scores, st.integers(0, 1000)), min_size=1, max_size=32).map(
    lambda rows: [parent(index, score, children) for index, (score, children) in enumerate(rows)]
)


@given(pools, st.integers(0, 5), st.integers())
def test_picks_distinct_ordinals_of_the_pool(pool: list[Parent], inspirations: int, seed: int) -> None:
    chosen = WeightedPicker().pick(pool, inspirations=inspirations, random=Random(seed))
    assert len(set(chosen)) == len(chosen) == min(len(pool), 1 + inspirations)
    assert set(chosen) <= {one.ordinal for one in pool}


@given(pools)
def test_weights_are_positive_and_finite(pool: list[Parent]) -> None:
    weights = WeightedPicker().weights(pool)
    assert all(0 < weight <= 1 for weight in weights)


def test_the_better_score_is_picked_more_often() -> None:
    pool = [parent(0, 1.0), parent(1, 1.1), parent(2, 1.5)]
    counts = Counter(WeightedPicker().pick(pool, inspirations=0, random=Random(seed))[0] for seed in range(2000))
    assert counts[2] > counts[1] > counts[0] > 0


def test_a_champion_with_many_children_makes_room() -> None:
    fresh = WeightedPicker().weights([parent(0, 1.0), parent(1, 2.0, children=0)])
    mined = WeightedPicker().weights([parent(0, 1.0), parent(1, 2.0, children=50)])
    assert fresh[1] > fresh[0]
    assert mined[1] < mined[0]


def test_decisions_are_a_function_of_seed_candidate_and_name() -> None:
    assert decide(1, 2, "parents").random() == decide(1, 2, "parents").random()
    others = {decide(2, 2, "parents").random(), decide(1, 3, "parents").random(), decide(1, 2, "code.0").random()}
    assert decide(1, 2, "parents").random() not in others
    assert len(others) == 3
