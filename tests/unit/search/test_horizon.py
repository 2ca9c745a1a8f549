from __future__ import annotations

import pytest

from nightforge.domain.archive import Arm
from nightforge.domain.plan import Budget
from workflows.search.horizon import expected_evaluations

ARMS = (Arm("", "rewrite.a", pulls=3, cost=1.0), Arm("", "rewrite.b", pulls=1, cost=5.0))
"""Two seconds a candidate on average."""


@pytest.mark.parametrize(
    ("budget", "slots", "expected"),
    [
        (Budget(), 1, 0.0),
        (Budget(evaluations=40), 1, 40.0),
        (Budget(cpu_s=60), 4, 30.0),
        (Budget(wall_s=60), 1, 30.0),
        (Budget(wall_s=60), 4, 120.0),
        (Budget(wall_s=60, evaluations=7), 1, 7.0),
        (Budget(wall_s=600, cpu_s=100), 1, 50.0),
        (Budget(cost_usd=3), 1, 0.0),
    ],
)
def test_the_tightest_cap_counts(budget: Budget, slots: int, expected: float) -> None:
    assert expected_evaluations(budget, slots, ARMS) == expected


def test_before_any_result_a_cap_on_time_says_nothing() -> None:
    assert expected_evaluations(Budget(wall_s=3600), 2, ()) == 0.0
    assert expected_evaluations(Budget(wall_s=3600, evaluations=500), 2, ()) == 500.0
    assert expected_evaluations(Budget(wall_s=3600), 2, [Arm("", "a", pulls=2, cost=0.0)]) == 0.0
