"""How long a token for tools is good, as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounts.core.lifetimes import seconds_of, written

MOST_S = 30 * 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 2_592_000), ("12h", 43_200), ("90m", 5_400), ("45s", 45), ("45", 45), (" 1D ", 86_400)],
)
def test_a_lifetime_has_a_unit_or_is_seconds(text: str, seconds: int) -> None:
    assert seconds_of(text, MOST_S) == seconds


@pytest.mark.parametrize("text", ["", "d", "1w", "1.5d", "-5", "1 d", "٣d", "0x10", "1d1h"])
def test_what_is_none_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="30d"):
        seconds_of(text, MOST_S)


@pytest.mark.parametrize("text", ["0", "0d"])
def test_nothing_is_no_lifetime(text: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        seconds_of(text, MOST_S)


@pytest.mark.parametrize("text", ["31d", "2592001", "9" * 10_000 + "d"])
def test_more_than_the_bound_is_told_with_the_bound(text: str) -> None:
    with pytest.raises(ValueError, match="at most 30d"):
        seconds_of(text, MOST_S)


@given(st.integers(1, MOST_S))
def test_what_is_written_is_read_as_it_was(seconds: int) -> None:
    assert seconds_of(written(seconds), MOST_S) == seconds
