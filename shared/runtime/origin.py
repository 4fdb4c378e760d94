"""Which web pages may call: those of our own host, and those that the operator names (HOMIN_ORIGINS).

A browser says in `Origin` (RFC 6454, 7) which page a request or a WebSocket comes from; other programs send none, and
they carry no cookies of anybody's either. Our own host is what `Host` says, and nothing else: `X-Forwarded-Host` and
`Forwarded` can be written by whoever asks. Where a proxy does not pass `Host` on, the page's origin is to be named.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

import structlog

from shared.protocol.errors import ErrorCode, Refused

log = structlog.stdlib.get_logger("homin.origin")

TOLD_EVERY_S: Final = 60.0
"""Whoever likes can make a page be refused: the operator is told of one in so many seconds."""
SHOWN_CHARS: Final = 200
DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_PLACE: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/?#@\\]+)(?::(?P<port>[0-9]*))?")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*")


class Place(NamedTuple):
    """Host and port as they are compared. The `port` is "" where it is left out, or nothing stands behind the colon."""

    host: str
    port: str


def place_of(text: str) -> Place | None:
    """What an authority (`host`, `host:port`; RFC 3986, 3.2) names. None where it is no host."""
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    host, port = match["host"].lower(), (match["port"] or "").lstrip("0")
    if host.startswith("["):
        try:
            host = f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            return None
    else:
        # RFC 3986, 3.2.2: a name of DNS may end with a dot. A page may be opened so; some proxies take it away.
        host = host.removesuffix(".")
    return Place(host, port) if host and not host.endswith(".") else None


def canonical(text: str) -> str:
    """An origin in the one form in which two of them are compared. ValueError where it is none.

    Any scheme may be named, since apps have their own (`capacitor://localhost`)."""
    text = text.strip()
    scheme, separator, authority = text.lower().removesuffix("/").partition("://")
    try:
        ascii_authority = authority if authority.isascii() else authority.encode("idna").decode()
    except UnicodeError:
        ascii_authority = ""
    place = place_of(ascii_authority)
    if not separator or not _SCHEME.fullmatch(scheme) or place is None:
        raise ValueError(f"{text!r} is no origin; one is such as https://chat.example.org")
    port = "" if place.port == DEFAULT_PORTS.get(scheme) else place.port
    return f"{scheme}://{place.host}{port and ':'}{port}"


def origin_allowed(origin: str | None, host: str | None, named: Collection[str]) -> bool:
    """`origin` and `host`: the request's headers, None where it has none; `named`: those that may call besides, in
    their `canonical` form.

    Ports 80 and 443 count as none (RFC 9110, 4.2.3), whatever the scheme: a proxy that ends TLS may pass on either of
    them, or neither, and what a proxy makes of the scheme is not known here."""
    if origin is None:
        return True
    try:
        page = canonical(origin)
    except ValueError:
        return False
    if page in named:
        return True
    scheme, _, authority = page.partition("://")
    ours, theirs = place_of(host or ""), place_of(authority)
    if scheme not in DEFAULT_PORTS or ours is None or theirs is None:
        return False
    return ours.host == theirs.host and _usual(ours.port) == _usual(theirs.port)


class Pages:
    """Says of each request whether its page may call, and to the operator why one may not. `named`: HOMIN_ORIGINS in
    `canonical` form; `monotonic` gives seconds."""

    def __init__(self, named: Collection[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._named, self._monotonic = frozenset(named), monotonic
        self._told_at = float("-inf")

    def refusal(self, origins: Sequence[str], hosts: Sequence[str]) -> Refused | None:
        """None, or why a request with these `Origin` and `Host` headers is refused: `invalid_request`,
        `forbidden_origin`."""
        if len(origins) > 1 or len(hosts) != 1:
            return Refused(ErrorCode.INVALID_REQUEST, "One Host and at most one Origin, please.")
        if origin_allowed(origins[0] if origins else None, hosts[0], self._named):
            return None
        self._tell(origins[0], hosts[0])
        return Refused(
            ErrorCode.FORBIDDEN_ORIGIN,
            "The server does not take this page for its own. Whoever runs it finds in its log what to set.",
        )

    def _tell(self, origin: str, host: str) -> None:
        now = self._monotonic()
        if now - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = now
        log.warning(
            "a page was refused",
            origin=origin[:SHOWN_CHARS],
            host=host[:SHOWN_CHARS],
            advice="If the page is yours, let the proxy pass the Host header on, or name the origin in HOMIN_ORIGINS.",
        )


def _usual(port: str) -> str:
    return "" if port in DEFAULT_PORTS.values() else port
