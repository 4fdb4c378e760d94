"""Which pages may call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.origin import canonical, origin_allowed

NAMED = ("https://App.example.org:443/", "https://бабаі.укр", "https://app.example.org:8443", "capacitor://localhost")


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "chat.example.org"),
        ("https://chat.example.org", "chat.example.org"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://Chat.Example.org", "chat.example.org"),
        ("https://chat.example.org", "CHAT.example.ORG"),
        # RFC 9110, 4.2.3: a default port, an empty one and none are the same.
        ("https://chat.example.org", "chat.example.org:443"),
        ("http://chat.example.org", "chat.example.org:80"),
        ("https://chat.example.org", "chat.example.org:"),
        # A proxy that ends TLS may name the port that it listens on inside.
        ("https://chat.example.org", "chat.example.org:80"),
        ("https://chat.example.org:443", "chat.example.org"),
        ("http://[::1]", "[::1]:80"),
        ("https://[2001:db8::1]", "[2001:DB8:0:0:0:0:0:1]:443"),
        # A name in DNS may end with a dot; some proxies take it away.
        ("https://chat.example.org.", "chat.example.org"),
        ("https://chat.example.org", "chat.example.org.:443"),
        ("https://app.example.org:443", "chat.example.org"),
        ("https://APP.example.org.", "chat.example.org"),
        ("https://xn--80aabb0q.xn--j1amh", "chat.example.org"),
        ("https://app.example.org:8443", "chat.example.org"),
        ("capacitor://localhost", "chat.example.org"),
        ("https://app.example.org", "chat.example.org"),
    ],
)
def test_our_own_pages_and_named_ones_may_call(origin: str | None, host: str) -> None:
    assert origin_allowed(origin, host, {canonical(named) for named in NAMED})


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://chat.example.org.evil.example",
        "https://chat.example.org:8443",
        "https://chat.example.org:4430",
        "https://chat.example.org..",
        "https://chat.example.org:x",
        "https://",
        "https://:443",
        "https://chat.example.org@evil.example",
        "http://app.example.org",
        "https://app.example.org:80",
        "ionic://localhost",
        "null",
        "",
        "file://chat.example.org",
        "https://[",
        "chat.example.org",
    ],
)
def test_other_pages_may_not(origin: str) -> None:
    assert not origin_allowed(origin, "chat.example.org", {canonical(named) for named in NAMED})


@given(st.text(), st.none() | st.text())
def test_no_header_breaks_the_check(origin: str, host: str | None) -> None:
    assert origin_allowed(origin, host, ()) in (True, False)
    assert not origin_allowed(origin, None, ())


@pytest.mark.parametrize(
    "host", ["", ":443", "[::1", "chat.example.org:443:443", "a@chat.example.org", "chat.example.org/"]
)
def test_a_host_that_is_none_lets_nobody_in(host: str) -> None:
    assert not origin_allowed("https://chat.example.org", host, ())


@pytest.mark.parametrize(
    "text",
    ["chat.example.org", "https://", "https://chat.example.org/path", "https://a:x", "https://a@b", "null", "*", "//a"],
)
def test_what_is_no_origin_cannot_be_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as https://chat\.example\.org"):
        canonical(text)
