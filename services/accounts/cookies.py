"""The cookies, all out of reach of scripts and sent only by our own pages.

A browser has one jar for all its tabs, and each tab may be signed in as somebody else. So each account has cookies of
its own beside those that all tabs share, told apart by their path: with `/api/files/as/<user id>/…` and
`/api/accounts/as/<user id>/…` the browser itself sends that account's and no other's. No secret stands in an address,
and a request bears the same two cookies however many accounts there are; the browser drops each when it has expired.
The shared ones belong to whoever signed in last. They let in a tab that is new, or a page that is older than this.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.accounts.accounts import SignedIn

REFRESH_COOKIE: Final = "homin_refresh"
OWN_REFRESH_COOKIE: Final = "homin_refresh_as"  # another name, since a request to an account's address bears both
REFRESH_PATH: Final = "/api/accounts"
TOKEN_COOKIE: Final = "homin_token"  # noqa: S105 (a name)
"""The access token, for downloads that a page starts by a mere address (`<img src>`), where it can set no header."""
OWN_TOKEN_COOKIE: Final = "homin_token_as"  # noqa: S105
TOKEN_PATH: Final = "/api/files"  # noqa: S105


def set_cookies(response: Response, signed_in: SignedIn, *, refresh_s: int, secure: bool, shared: bool) -> None:
    """Hands out the access token's cookies and, if there is a new refresh token, its. `shared`: those of all tabs as
    well as the account's own."""
    user_id, token, token_s = signed_in.user.id, signed_in.token, signed_in.expires_in
    _set(response, OWN_TOKEN_COOKIE, token, _own(TOKEN_PATH, user_id), token_s, secure)
    if shared:
        _set(response, TOKEN_COOKIE, token, TOKEN_PATH, token_s, secure)
    if signed_in.refresh is not None:
        _set(response, OWN_REFRESH_COOKIE, signed_in.refresh, _own(REFRESH_PATH, user_id), refresh_s, secure)
        if shared:
            _set(response, REFRESH_COOKIE, signed_in.refresh, REFRESH_PATH, refresh_s, secure)


def forget_own_cookies(response: Response, user_id: str, *, secure: bool) -> None:
    """Takes away the two of one account's own addresses."""
    _set(response, OWN_TOKEN_COOKIE, "", _own(TOKEN_PATH, user_id), 0, secure)
    _set(response, OWN_REFRESH_COOKIE, "", _own(REFRESH_PATH, user_id), 0, secure)


def forget_shared_cookies(response: Response, *, secure: bool) -> None:
    """Takes away the two that all tabs share."""
    _set(response, TOKEN_COOKIE, "", TOKEN_PATH, 0, secure)
    _set(response, REFRESH_COOKIE, "", REFRESH_PATH, 0, secure)


def _own(path: str, user_id: str) -> str:
    return f"{path}/as/{quote(user_id, safe='')}"


def _set(response: Response, name: str, value: str, path: str, max_age: int, secure: bool) -> None:
    response.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="strict")
