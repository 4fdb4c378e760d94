"""Which web pages may call: those of our own host, and those that the operator names (HOMIN_ORIGINS).

A browser says in `Origin` (RFC 6454, 7) which page a request or a WebSocket comes from; other programs send none, and
they carry no cookies of anybody's either.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit


def origin_allowed(origin: str | None, host: str | None, origins: Collection[str]) -> bool:
    """`origin` and `host`: the request's headers, None where it has none; `origins`: those that may call besides."""
    if origin is None or origin in origins:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == (host or "").lower()
