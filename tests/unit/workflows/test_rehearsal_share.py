"""What the rehearsal of models may cost before it ends without another try: a part of the caps that there are."""

from __future__ import annotations

import pytest

from nightforge.domain.plan import Budget
from tools.budget import Amount
from workflows.model_rehearsal import share_pays


@pytest.mark.parametrize(
    ("budget", "cost_usd", "tokens", "pays"),
    [
        (Budget(), 1e6, 10**9, True),
        (Budget(evaluations=1), 1e6, 10**9, True),
        (Budget(cost_usd=10.0), 0.1, 10**9, True),
        (Budget(cost_usd=10.0), 0.101, 0, False),
        (Budget(tokens=1_000_000), 1e6, 10_000, True),
        (Budget(tokens=1_000_000), 0.0, 10_001, False),
        (Budget(cost_usd=10.0, tokens=1_000_000), 0.05, 10_001, False),
        (Budget(cost_usd=10.0, tokens=1_000_000), 0.101, 5_000, False),
    ],
)
def test_one_percent_of_each_cap(budget: Budget, cost_usd: float, tokens: int, pays: bool) -> None:
    assert share_pays(budget, Amount.of(cost_usd=cost_usd, tokens=tokens, evaluations=0)) is pays
