"""The two cookies, both out of reach of scripts and sent only by our own pages."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from services.accounts.accounts import SignedIn

REFRESH_COOKIE: Final = "homin_refresh"
REFRESH_PATH: Final = "/api/accounts"
TOKEN_COOKIE: Final = "homin_token"  # noqa: S105 (a name)
"""The access token, for downloads that a page starts by a mere address (`<img src>`), where it can set no header."""
TOKEN_PATH: Final = "/api/files"  # noqa: S105


def set_cookies(response: Response, signed_in: SignedIn, *, refresh_s: int, secure: bool) -> None:
    """Hands out the access token's cookie and, if there is a new refresh token, its."""
    _set(response, TOKEN_COOKIE, signed_in.token, TOKEN_PATH, signed_in.expires_in, secure)
    if signed_in.refresh is not None:
        _set(response, REFRESH_COOKIE, signed_in.refresh, REFRESH_PATH, refresh_s, secure)


def forget_cookies(response: Response, *, secure: bool) -> None:
    """Takes both away."""
    _set(response, TOKEN_COOKIE, "", TOKEN_PATH, 0, secure)
    _set(response, REFRESH_COOKIE, "", REFRESH_PATH, 0, secure)


def _set(response: Response, name: str, value: str, path: str, max_age: int, secure: bool) -> None:
    response.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="strict")
