from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from nightforge.domain.archive import Progress
from workflows.search.intensity import hear, intensity

results = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), max_size=60)


def after(scores: list[float | None], gain: float = 1.0) -> Progress:
    progress = Progress(0)
    for score in scores:
        progress = hear(progress, score, gain if score is not None else 0.0)
    return progress


@given(results)
def test_it_counts_keeps_the_best_and_knows_how_long_it_stood_still(scores: list[float | None]) -> None:
    progress = after(scores)
    measured = [score for score in scores if score is not None]
    assert progress.told == len(scores)
    assert progress.best == (max(measured) if measured else None)
    first = scores.index(max(measured)) if measured else -1
    assert progress.stale == len(scores) - 1 - first
    assert 0.05 <= intensity(progress, low=0.05, high=0.35) <= 0.35


def test_it_looks_nearer_while_it_improves_and_wider_when_it_stands_still() -> None:
    rising = after([float(score) for score in range(20)])
    still = after([*(float(score) for score in range(20)), *[1.0] * 40])
    near, wide = intensity(rising, low=0.0, high=1.0), intensity(still, low=0.0, high=1.0)
    assert near < 0.6 < 0.85 < wide


@given(st.floats(1e-6, 1e6))
def test_the_scale_of_a_score_does_not_matter(unit: float) -> None:
    small = after([float(score) for score in range(10)], 1.0)
    large = after([unit * score for score in range(10)], unit)
    assert math.isclose(small.signal, large.signal, rel_tol=1e-6)
