"""What goes into the store, and what comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.accounts.core.claims import Grant, User


class Opening(NamedTuple):
    """What a sign-in begins with. `refresh` is the refresh token's hash, `expires_at` the session's end."""

    session: str
    refresh: str
    grant: Grant
    expires_at: int


class Credentials(NamedTuple):
    """A registered user, with the password's hash."""

    user: User
    password: str


class Ended(NamedTuple):
    """A session that is over: its access tokens, which were good until now, with the end of each (Unix seconds)."""

    tokens: Sequence[tuple[str, int]]


class SessionOver(Exception):
    """The session that an access token belongs to has ended."""
