"""Where a connection gets its token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple


class Token(NamedTuple):
    """`expires_in_s`: None where its lifetime is not known here, and it is not renewed."""

    token: str
    expires_in_s: float | None = None


class SignInNeeded(Exception):
    """No token can be had any more: the connection is not made again."""


TokenSource = Callable[[], Awaitable[Token]]
"""Gives a token that is good for a while. Raises `SignInNeeded`, or anything else where it may work later."""


def fixed(token: str) -> TokenSource:
    """A source that has one token."""

    async def give() -> Token:
        return Token(token)

    return give
