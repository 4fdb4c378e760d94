"""The cookies, all out of reach of scripts and sent only by our own pages.

A browser has one jar for all its tabs, and each tab may be signed in as somebody else. So there is an access token's
cookie for each account, told apart by its path: the browser itself sends with `/api/files/as/<user id>/…` that
account's and no other's. No secret stands in an address, and a request bears the same two cookies however many
accounts there are; the browser drops each when its token has expired.
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from services.accounts.accounts import SignedIn

REFRESH_COOKIE: Final = "homin_refresh"
REFRESH_PATH: Final = "/api/accounts"
TOKEN_COOKIE: Final = "homin_token"  # noqa: S105 (a name)
"""The access token, for downloads that a page starts by a mere address (`<img src>`), where it can set no header."""
TOKEN_PATH: Final = "/api/files"  # noqa: S105
OWN_TOKEN_COOKIE: Final = "homin_token_as"  # noqa: S105
"""The same for one account's own addresses. Another name, since a request there bears both."""


def set_cookies(response: Response, signed_in: SignedIn, *, refresh_s: int, secure: bool) -> None:
    """Hands out the access token's cookies and, if there is a new refresh token, its."""
    _set(response, OWN_TOKEN_COOKIE, signed_in.token, _own_path(signed_in.user.id), signed_in.expires_in, secure)
    _set(response, TOKEN_COOKIE, signed_in.token, TOKEN_PATH, signed_in.expires_in, secure)
    if signed_in.refresh is not None:
        _set(response, REFRESH_COOKIE, signed_in.refresh, REFRESH_PATH, refresh_s, secure)


def forget_own_cookie(response: Response, user_id: str, *, secure: bool) -> None:
    """Takes away the cookie of one account's own addresses."""
    _set(response, OWN_TOKEN_COOKIE, "", _own_path(user_id), 0, secure)


def forget_cookies(response: Response, *, secure: bool) -> None:
    """Takes away the two that all tabs share."""
    _set(response, TOKEN_COOKIE, "", TOKEN_PATH, 0, secure)
    _set(response, REFRESH_COOKIE, "", REFRESH_PATH, 0, secure)


def _own_path(user_id: str) -> str:
    return f"{TOKEN_PATH}/as/{user_id}"  # ids of our own accounts are hexadecimal


def _set(response: Response, name: str, value: str, path: str, max_age: int, secure: bool) -> None:
    response.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="strict")
