"""The token bucket: how much passes, who waits how long, and that a table of them does not grow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.bucket import Bucket, Buckets


@given(st.integers(1, 100), st.floats(0.1, 1000), st.lists(st.floats(0, 2), max_size=200))
def test_no_more_pass_than_the_burst_and_the_rate_allow(burst: int, rate: float, pauses: list[float]) -> None:
    now, passed = 0.0, 0
    bucket = Bucket(rate, burst, now)
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        passed += wait == 0.0
        assert 0.0 <= wait <= 1 / rate + 1e-9
        assert passed <= burst + rate * now + 1e-6


@given(st.integers(1, 50), st.floats(0.1, 100))
def test_who_waits_as_long_as_told_gets_through(burst: int, rate: float) -> None:
    bucket, now = Bucket(rate, burst, 0.0), 0.0
    for _ in range(3 * burst):
        wait = bucket.take(now)
        if wait:
            now += wait + 1e-6
            assert bucket.take(now) == 0.0


@given(st.integers(1, 50))
def test_the_burst_is_there_at_once_and_no_more(burst: int) -> None:
    bucket = Bucket(1.0, burst, 5.0)
    assert [bucket.take(5.0) for _ in range(burst)] == [0.0] * burst
    assert bucket.take(5.0) == pytest.approx(1.0)


def test_what_is_refused_costs_nothing() -> None:
    bucket = Bucket(1.0, 1, 0.0)
    bucket.take(0.0)
    for _ in range(100):
        bucket.take(0.5)
    assert bucket.take(1.0) == 0.0


def test_a_rate_of_zero_means_no_limit() -> None:
    bucket, table = Bucket(0.0, 1, 0.0), Buckets(0.0, 1, 10)
    assert {bucket.take(0.0) for _ in range(10_000)} == {0.0}
    assert {table.take("hot", 0.0) for _ in range(10_000)} == {0.0}


# ── one for each key ──


def test_one_key_does_not_use_up_what_another_has() -> None:
    buckets = Buckets(1.0, 2, 10)
    assert [buckets.take("hot", 0.0) for _ in range(3)] == [0.0, 0.0, pytest.approx(1.0)]
    assert buckets.take("quiet", 0.0) == 0.0


@given(st.lists(st.text(max_size=3), max_size=100))
def test_the_table_does_not_grow_for_ever(keys: list[str]) -> None:
    buckets = Buckets(1.0, 1, 5)
    for key in keys:
        buckets.take(key, 0.0)
    assert min(5, len(set(keys))) <= len(buckets) <= 10


@given(st.lists(st.integers(0, 12), max_size=200))
def test_the_last_that_asked_are_remembered(keys: list[int]) -> None:
    """A bucket that was never emptied shows a key that was forgotten."""
    buckets, asked = Buckets(0.001, 1, 5), list[int]()
    for key in keys:
        wait = buckets.take(str(key), 0.0)
        last = list(dict.fromkeys(reversed(asked)))[:5]
        assert wait > 0 or key not in last
        asked.append(key)


def test_who_asked_longest_ago_is_forgotten_and_who_goes_on_asking_is_not() -> None:
    buckets = Buckets(0.001, 1, 10)
    assert buckets.take("hot", 0.0) == 0.0
    for n in range(100):
        assert buckets.take(str(n), 0.0) == 0.0
        assert buckets.take("hot", 0.0) > 0
    assert buckets.take("0", 0.0) == 0.0
