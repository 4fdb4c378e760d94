"""Which pages may call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.origin import origin_allowed


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "chat.example.org"),
        ("https://chat.example.org", "chat.example.org"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://Chat.Example.org", "chat.example.org"),
        ("https://app.example.org", "chat.example.org"),
    ],
)
def test_our_own_pages_and_named_ones_may_call(origin: str | None, host: str) -> None:
    assert origin_allowed(origin, host, {"https://app.example.org"})


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://chat.example.org.evil.example",
        "https://chat.example.org:8443",
        "https://chat.example.org@evil.example",
        "http://app.example.org",
        "null",
        "",
        "file://chat.example.org",
        "https://[",
        "chat.example.org",
    ],
)
def test_other_pages_may_not(origin: str) -> None:
    assert not origin_allowed(origin, "chat.example.org", {"https://app.example.org"})


@given(st.text(), st.none() | st.text())
def test_no_header_breaks_the_check(origin: str, host: str | None) -> None:
    assert origin_allowed(origin, host, ()) in (True, False)
    assert not origin_allowed(origin, None, ())
