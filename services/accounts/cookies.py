"""The cookies, all out of reach of scripts and sent only by our own pages.

A browser has one jar for all its tabs, and each tab may be signed in as somebody else. So each account has cookies of
its own beside those that all tabs share, told apart by their path: with `/api/files/as/<user id>/…` and
`/api/accounts/as/<user id>/…` the browser itself sends that account's and no other's. No secret stands in an address,
and a request bears the same two cookies however many accounts there are; the browser drops each when it has expired.
The shared ones belong to whoever signed in last. They let in a tab that is new, or a page that is older than this.

A browser compares those paths with the address that it asks for. Where a proxy serves Homin under a path, and takes
that path off before it asks here, each of them begins with it: the `prefix` of these functions, "" or `/chat`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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


_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~%-]+){1,8}")
PREFIX_CHARS: Final = 200


def prefix_of(headers: Sequence[str]) -> str:
    """The prefix that `X-Forwarded-Prefix` names: a proxy's that says what it took off, else our own page's, which
    knows its address. Whoever else writes one has no more of it than cookies that do not come back."""
    first = ",".join(headers).partition(",")[0].strip().rstrip("/")
    return first if len(first) <= PREFIX_CHARS and _PREFIX.fullmatch(first) else ""


def set_cookies(
    response: Response, signed_in: SignedIn, *, refresh_s: int, secure: bool, shared: bool, prefix: str
) -> None:
    """Hands out the access token's cookies and, if there is a new refresh token, its. `shared`: those of all tabs as
    well as the account's own."""
    user_id, token, token_s = signed_in.user.id, signed_in.token, signed_in.expires_in
    _set(response, OWN_TOKEN_COOKIE, token, _own(prefix + TOKEN_PATH, user_id), token_s, secure)
    if shared:
        _set(response, TOKEN_COOKIE, token, prefix + TOKEN_PATH, token_s, secure)
    if signed_in.refresh is not None:
        _set(response, OWN_REFRESH_COOKIE, signed_in.refresh, _own(prefix + REFRESH_PATH, user_id), refresh_s, secure)
        if shared:
            _set(response, REFRESH_COOKIE, signed_in.refresh, prefix + REFRESH_PATH, refresh_s, secure)


def forget_own_cookies(response: Response, user_id: str, *, secure: bool, prefix: str) -> None:
    """Takes away the two of one account's own addresses."""
    _set(response, OWN_TOKEN_COOKIE, "", _own(prefix + TOKEN_PATH, user_id), 0, secure)
    _set(response, OWN_REFRESH_COOKIE, "", _own(prefix + REFRESH_PATH, user_id), 0, secure)


def forget_shared_cookies(response: Response, *, secure: bool, prefix: str) -> None:
    """Takes away the two that all tabs share."""
    _set(response, TOKEN_COOKIE, "", prefix + TOKEN_PATH, 0, secure)
    _set(response, REFRESH_COOKIE, "", prefix + REFRESH_PATH, 0, secure)


def _own(path: str, user_id: str) -> str:
    return f"{path}/as/{quote(user_id, safe='')}"


def _set(response: Response, name: str, value: str, path: str, max_age: int, secure: bool) -> None:
    response.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="strict")
