"""Backoff, Retry-After and the circuit breaker, by their own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.retrying import LOOK_AGAIN_S, MAX_RETRY_AFTER_S, Backoff, EndpointHealth, retry_after_s

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@given(failures=st.integers(1, 10_000), seed=st.integers())
def test_a_wait_lies_between_zero_and_the_bound(failures: int, seed: int) -> None:
    backoff = Backoff(first_s=0.5, longest_s=20.0)
    bound = 20.0 if failures > 6 else 0.5 * 2 ** (failures - 1)
    assert 0.0 <= backoff.delay_s(failures, Random(seed)) <= bound


def test_waits_spread_over_the_whole_range() -> None:
    waits = [Backoff().delay_s(4, Random(seed)) for seed in range(500)]
    assert min(waits) < 0.4
    assert max(waits) > 3.6


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e300"}, MAX_RETRY_AFTER_S),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, NOW) == seconds


@given(st.text(max_size=40))
def test_retry_after_never_raises(value: str) -> None:
    wish = retry_after_s({"retry-after": value}, NOW)
    assert wish is None or 0.0 <= wish <= MAX_RETRY_AFTER_S


def test_a_healthy_endpoint_is_asked_at_once() -> None:
    assert EndpointHealth().wait_s(0.0) == 0.0


def test_a_pause_holds_for_all_and_is_never_shortened() -> None:
    health = EndpointHealth()
    health.pause(10.0, now_s=0.0)
    health.pause(1.0, now_s=1.0)
    assert health.wait_s(4.0) == 6.0
    assert health.wait_s(10.0) == 0.0


def test_the_circuit_opens_after_failures_in_a_row() -> None:
    health = EndpointHealth(threshold=3, cooldown_s=10.0)
    assert not health.failed(0.0)
    assert not health.failed(0.0)
    health.succeeded()
    assert not health.failed(0.0)
    assert not health.failed(0.0)
    assert health.wait_s(0.0) == 0.0
    assert health.failed(0.0)
    assert health.wait_s(0.0) == 10.0


def test_one_tries_when_the_time_is_over() -> None:
    health = EndpointHealth(threshold=1, cooldown_s=10.0)
    health.failed(0.0)
    assert health.wait_s(10.0) == 0.0
    health.begin()
    assert health.wait_s(10.0) == LOOK_AGAIN_S
    health.succeeded()
    assert health.wait_s(10.0) == 0.0
    assert not health.is_open


def test_each_failed_try_doubles_the_time_up_to_a_limit() -> None:
    health = EndpointHealth(threshold=1, cooldown_s=10.0, longest_s=35.0)
    now_s, waits = 0.0, []
    for _ in range(4):
        health.begin()
        health.failed(now_s)
        waits.append(health.wait_s(now_s))
        now_s += waits[-1]
    assert waits == [10.0, 20.0, 35.0, 35.0]


def test_stragglers_do_not_prolong_an_open_circuit() -> None:
    health = EndpointHealth(threshold=2, cooldown_s=10.0)
    for _ in range(6):
        health.failed(0.0)
    assert health.wait_s(0.0) == 10.0


def test_an_abandoned_try_lets_the_next_one_try() -> None:
    health = EndpointHealth(threshold=1, cooldown_s=10.0)
    health.failed(0.0)
    health.begin()
    health.abandoned()
    assert health.wait_s(10.0) == 0.0
