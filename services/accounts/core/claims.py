"""What a token says. docs/protocol.md, "HTTP"; the claims are those of RFC 7519, section 4.1."""

from __future__ import annotations

from typing import NamedTuple


class User(NamedTuple):
    """A person, or a guest: somebody who has no password and is known only by the tokens that were given out."""

    id: str
    name: str
    guest: bool


class Grant(NamedTuple):
    """One access token: its `jti`, its lifetime from `issued_at` to `expires_at` (Unix seconds)."""

    token_id: str
    issued_at: int
    expires_at: int


def claims(user: User, grant: Grant, issuer: str, audience: str) -> dict[str, str | int]:
    """The payload of an access token."""
    return {
        "sub": user.id,
        "name": user.name,
        "iss": issuer,
        "aud": audience,
        "iat": grant.issued_at,
        "exp": grant.expires_at,
        "jti": grant.token_id,
    }
