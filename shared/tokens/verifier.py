"""Whether a token is good, and whose it is.

    verifier = Verifier(settings)
    await verifier.start()                      # fetches the issuer's keys in the background
    identity = await verifier.verify(token)     # raises TokenRefused
    verifier.revoke(token_id, expires_at)       # when the bus says `Revoked`

A token is a JWS (RFC 7515) in compact form with JWT claims (RFC 7519), checked as RFC 8725 advises: the key decides the
algorithm, never the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from http.client import HTTPException
from typing import Any, Final, NamedTuple

import jwt
import structlog
from jwt import PyJWK
from pydantic import TypeAdapter, ValidationError

from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import UserId, UserName
from shared.tokens.jwks import OUTSIDE_ALGORITHMS, OWN_ALGORITHMS, BadKeySet, Fetch, from_issuer, parse_key_set
from shared.tokens.revocations import Revocations
from shared.tokens.settings import TokenSettings

log = structlog.stdlib.get_logger("homin.tokens")

TOKEN_CHARS: Final = 8192
LEEWAY_S: Final = 5
"""How far the clocks of the issuer and of this machine may be apart."""
REFETCH_S: Final = 10.0
"""Unknown key ids make the keys be fetched again at most this often: anybody can invent a key id."""
RETRY_S: Final = 1.0
"""While there is no key at all."""
REFRESH_S: Final = 600.0
"""So a key that the issuer has withdrawn is trusted for at most ten minutes more."""
LATEST: Final = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that RFC 3339 can write

_VISIBLE_ASCII: TypeAdapter[str] = TypeAdapter(UserId)
_USER_NAME: TypeAdapter[str] = TypeAdapter(UserName)


class Identity(NamedTuple):
    """Who a token speaks for. `token_id` is its `jti`, or its SHA-256 where an outside issuer gives none.

    `expires_at` is in Unix seconds.
    """

    user_id: str
    name: str
    token_id: str
    expires_at: int


class TokenRefused(Refused):
    """The token is no good. `code` is `unauthorized` or `expired`; `text` says why, without repeating the token."""


class KeysUnavailable(TokenRefused):
    """The token could not be checked: the issuer's keys have never been had. `code` is `unavailable`: try again."""


class Verifier:
    """Checks tokens against the issuer's keys, which it keeps while the issuer cannot be reached."""

    def __init__(
        self, settings: TokenSettings, *, fetch: Fetch | None = None, now: Callable[[], float] = time.time
    ) -> None:
        """`fetch` gives the JWK Set, by default `from_issuer(settings)`; `now` Unix seconds, for revocations."""
        self._settings = settings
        self._algorithms = OUTSIDE_ALGORITHMS if settings.outside_issuer else OWN_ALGORITHMS
        self._fetch = fetch or from_issuer(settings)
        self._place = f" from {settings.jwks_url}" if settings.jwks_url else ""
        self._keys: Mapping[str, PyJWK] = {}
        self._asked_at = float("-inf")
        self._failed = False
        self._fetching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self.revocations = Revocations(now)

    async def start(self) -> None:
        """Begins to fetch the keys, and to refresh them. Returns at once: the issuer may start after us."""
        self._refreshing = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        """Ends what `start` began."""
        for task in (self._refreshing, self._fetching):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def check(self) -> str | None:
        """For `/readyz`: a sentence while no token can be verified."""
        return None if self._keys else f"The issuer's keys cannot be had{self._place}."

    def revoke(self, token_id: str, expires_at: int) -> None:
        """Refuses a token from now on, until `expires_at` (Unix seconds), when it has expired anyway."""
        self.revocations.add(token_id, expires_at + LEEWAY_S)

    async def verify(self, token: str) -> Identity:
        """Whose `token` is. Raises TokenRefused; does no I/O unless the key is unknown."""
        if not token or len(token) > TOKEN_CHARS:
            raise TokenRefused(ErrorCode.UNAUTHORIZED, "This is not a token.")
        key = await self._key_for(token)
        identity = self._identity(token, self._claims(token, key))
        if identity.token_id in self.revocations:
            raise TokenRefused(ErrorCode.UNAUTHORIZED, "This token was signed out.")
        return identity

    def _claims(self, token: str, key: PyJWK) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub", "aud", "iss"], "enforce_minimum_key_length": True},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused(ErrorCode.EXPIRED, "This token has expired.") from None
        except jwt.PyJWTError as why:
            raise TokenRefused(ErrorCode.UNAUTHORIZED, _sentence(why)) from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise TokenRefused(ErrorCode.UNAUTHORIZED, "This is not a token.") from None

    def _identity(self, token: str, claims: Mapping[str, Any]) -> Identity:
        name = claims.get("name")
        token_id = claims.get("jti")
        if self._settings.outside_issuer:
            # OpenID Connect Core, 5.1: both are claims of the standard, and either may be missing.
            name = name or claims.get("preferred_username")
            token_id = token_id or sha256(token.encode()).hexdigest()
        return Identity(
            user_id=_claim("sub", _VISIBLE_ASCII, claims["sub"]),
            name=_claim("name", _USER_NAME, name),
            token_id=_claim("jti", _VISIBLE_ASCII, token_id),
            expires_at=min(int(claims["exp"]), LATEST),
        )

    async def _key_for(self, token: str) -> PyJWK:
        try:
            kid = _key_id(token.partition(".")[0])
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenRefused(ErrorCode.UNAUTHORIZED, "This is not a token.") from None
        key = self._known(kid)
        if key is None:
            await self._refetch()
            key = self._known(kid)
        if key is not None:
            return key
        if not self._keys:
            raise KeysUnavailable(
                ErrorCode.UNAVAILABLE, "Tokens cannot be checked right now. Try again in a moment.", int(RETRY_S * 1000)
            )
        raise TokenRefused(ErrorCode.UNAUTHORIZED, "The token was signed with a key that is not known here.")

    def _known(self, kid: str) -> PyJWK | None:
        if kid in self._keys:
            return self._keys[kid]
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return None

    async def _refetch(self) -> None:
        """Fetches the keys unless that was done a moment ago; all who wait share one request. Never raises."""
        if self._fetching is None:
            loop = asyncio.get_running_loop()
            if loop.time() - self._asked_at < (REFETCH_S if self._keys else RETRY_S):
                return
            self._asked_at = loop.time()
            self._fetching = asyncio.create_task(self._load())
        await asyncio.shield(self._fetching)

    async def _load(self) -> None:
        try:
            self._keys = parse_key_set(await self._fetch(), self._algorithms)
        except (OSError, HTTPException, ValueError, BadKeySet) as why:
            # ValueError: an address that is none. The keys that we have stay good.
            # The first time may only mean that all start at once.
            tell = log.warning if self._failed else log.debug
            tell("the issuer's keys cannot be had", url=self._settings.jwks_url, why=str(why))
            self._failed = True
        finally:
            self._fetching = None

    async def _refresh(self) -> None:
        while True:
            self._asked_at = float("-inf")
            await self._refetch()
            await asyncio.sleep(REFRESH_S if self._keys else RETRY_S)


@lru_cache(maxsize=64)
def _key_id(header: str) -> str:
    """The `kid` in a token's first part, which is the same for all tokens of a key: it is read once, not for each."""
    return str(jwt.get_unverified_header(f"{header}..").get("kid", ""))


def _claim(claim: str, rule: TypeAdapter[str], value: Any) -> str:
    try:
        return rule.validate_python(value, strict=True)
    except ValidationError:
        raise TokenRefused(ErrorCode.UNAUTHORIZED, f"The token's claim {claim!r} cannot be used here.") from None


def _sentence(why: jwt.PyJWTError) -> str:
    match why:
        case jwt.InvalidAudienceError():
            return "The token is for somebody else."
        case jwt.InvalidIssuerError():
            return "The token is from an issuer that is not trusted here."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.MissingRequiredClaimError():
            return "The token lacks a claim that it needs."
        case jwt.InvalidSignatureError() | jwt.InvalidAlgorithmError():
            return "The token's signature is wrong."
        case _:
            return "This is not a token."
