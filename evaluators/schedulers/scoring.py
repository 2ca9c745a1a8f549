"""From costs to one number: how much of the gap between the best human rule and the reference a candidate closes.

g = (B - c) / (B - R) per instance: 0 is the strongest human rule B, 1 the reference R (proven optimum or best known);
a failure is -1, and g is clipped to [-1, 1.05]. Instances on which B equals R carry no information and are left out
when a set is built, never at scoring time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from evaluators.schedulers.problem import Cost
from evaluators.statistics import bootstrap_mean
from nightforge.domain.evidence import Metric

WORST_GAIN, BEST_GAIN = -1.0, 1.05
OK = "ok"
_MANY = 200
_RESAMPLES, _RESAMPLES_OF_MANY = 9999, 999
"""Of many gains a few resamples will do: their mean is all but normal."""


@dataclass(frozen=True)
class Yardstick:
    """What an instance's cost is held against."""

    baseline: Cost
    reference: Cost
    bound: Cost
    is_proven: bool
    """The reference is a proven optimum."""


@dataclass(frozen=True)
class Row:
    """One instance: how it ended, and what it cost."""

    instance: str
    group: str
    status: str
    yardstick: Yardstick
    cost: Cost | None = None
    cpu_ms: float = 0.0
    reason: str = ""

    @property
    def gain(self) -> float:
        if self.cost is None:
            return WORST_GAIN
        yard = self.yardstick
        # A quotient of integers or fractions is rounded once.
        closed = float((yard.baseline - self.cost) / (yard.baseline - yard.reference))
        return min(BEST_GAIN, max(WORST_GAIN, closed))

    @property
    def beyond_bound(self) -> bool:
        return self.cost is not None and self.cost < self.yardstick.bound


def summarise(rows: Sequence[Row], prefix: str = "") -> dict[str, Metric]:
    """The metrics of a set of rows; at least one row."""
    gains = [row.gain for row in rows]
    mean = bootstrap_mean(gains, resamples=_RESAMPLES if len(gains) <= _MANY else _RESAMPLES_OF_MANY)
    wins = sum(row.cost is not None and row.cost < row.yardstick.baseline for row in rows)
    losses = sum(row.cost is None or row.cost > row.yardstick.baseline for row in rows)
    excess = [
        (float(row.cost / row.yardstick.reference) - 1) * 100
        for row in rows
        if row.cost is not None and row.yardstick.reference
    ]
    metrics = {
        "gap_closed": mean.metric("of the gap"),
        "worst_decile": Metric(value=worst_decile(gains), unit="of the gap", samples=len(gains)),
        "wins": Metric(value=wins, unit="instances"),
        "losses": Metric(value=losses, unit="instances"),
        "sign_p": Metric(value=sign_test(wins, losses)),
        "cpu_ms": Metric(value=sum(row.cpu_ms for row in rows) / len(rows), unit="ms per instance"),
    }
    if excess:
        metrics["excess_pct"] = Metric(value=sum(excess) / len(excess), unit="% over the reference")
    return {prefix + name: metric for name, metric in metrics.items()}


def worst_decile(gains: Sequence[float]) -> float:
    """Mean of the worst tenth, of one value at least."""
    count = max(1, len(gains) // 10)
    return sum(sorted(gains)[:count]) / count


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p of the paired sign test (Arbuthnot; ties are left out): chance of a split at least this uneven."""
    total = wins + losses
    if total == 0:
        return 1.0
    tail = sum(comb(total, k) for k in range(min(wins, losses) + 1)) * 0.5**total
    return min(1.0, 2 * tail)


def table(rows: Sequence[Row], *, limit: int = 40) -> str:
    """Rows as text, worst first: what the coder and the judge see of the training set."""
    lines = ["instance status cost baseline reference gain cpu_ms"]
    for row in sorted(rows, key=lambda row: row.gain)[:limit]:
        cost = "-" if row.cost is None else f"{float(row.cost):g}"
        yard = row.yardstick
        line = f"{row.instance} {row.status} {cost} {float(yard.baseline):g} {float(yard.reference):g}"
        lines.append(f"{line} {row.gain:+.3f} {row.cpu_ms:.0f}{' ' + row.reason if row.reason else ''}")
    return "\n".join(lines)
