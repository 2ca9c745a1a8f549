"""When to ask an endpoint again: jittered backoff, its own Retry-After, and a circuit breaker.

Full jitter (a wait drawn uniformly between zero and a doubling bound) spreads clients that failed together better
than equal steps do; see M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

MAX_RETRY_AFTER_S = 86_400.0
LOOK_AGAIN_S = 0.2
"""While one worker tries an endpoint whose circuit is open, the others look again after this."""


@dataclass(frozen=True)
class Backoff:
    first_s: float = 0.5
    longest_s: float = 20.0

    def delay_s(self, failures: int, random: Random) -> float:
        """The wait after the `failures`-th failure in a row (1 for the first)."""
        bound = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 32))
        return random.uniform(0.0, bound)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """The server's wish in seconds, from `retry-after-ms` or `retry-after` (seconds or HTTP date); None without one."""
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if not value:
            continue
        seconds = _seconds(value, divisor, now)
        if seconds is not None and math.isfinite(seconds):
            return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
    return None


def _seconds(value: str, divisor: float, now: datetime) -> float | None:
    try:
        return float(value) / divisor
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds()


class EndpointHealth:
    """What all workers know of one endpoint: its pause, and whether it is worth a try.

    Times are the injected clock's monotonic seconds. After `threshold` failures in a row the circuit opens for
    `cooldown_s`; then one worker tries, and its failure doubles the time up to `longest_s`.
    """

    def __init__(self, *, threshold: int = 5, cooldown_s: float = 10.0, longest_s: float = 300.0) -> None:
        self._threshold = threshold
        self._cooldown_s = cooldown_s
        self._longest_s = longest_s
        self._failures = 0
        self._openings = 0
        self._open_until_s = -math.inf
        self._paused_until_s = -math.inf
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        return self._openings > 0

    def wait_s(self, now_s: float) -> float:
        """How long nobody may ask; 0 when a request may leave now."""
        wait = max(self._paused_until_s, self._open_until_s) - now_s
        if wait <= 0 and self.is_open and self._is_trying:
            return LOOK_AGAIN_S
        return max(wait, 0.0)

    def begin(self) -> None:
        """A request leaves now (after `wait_s` said 0)."""
        if self.is_open:
            self._is_trying = True

    def pause(self, seconds: float, now_s: float) -> None:
        """The server asked everyone to wait."""
        self._is_trying = False
        self._paused_until_s = max(self._paused_until_s, now_s + seconds)

    def succeeded(self) -> None:
        """It answered something sensible, be it a refusal."""
        self._failures = self._openings = 0
        self._open_until_s = -math.inf
        self._is_trying = False

    def failed(self, now_s: float) -> bool:
        """It did not answer, or nonsense; True when the circuit opens by this."""
        self._failures += 1
        self._is_trying = False
        if self._failures < self._threshold:
            return False
        if self._open_until_s > now_s:
            return False
        self._openings += 1
        self._open_until_s = now_s + min(self._longest_s, self._cooldown_s * 2.0 ** min(self._openings - 1, 16))
        return True

    def abandoned(self) -> None:
        """The request was cancelled on our side; it says nothing of the endpoint."""
        self._is_trying = False
