"""Cookies come back to where Homin is served, under a path of another server too."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from starlette.responses import Response

from services.accounts.accounts import SignedIn
from services.accounts.cookies import forget_own_cookies, forget_shared_cookies, prefix_of, set_cookies
from services.accounts.core.claims import User

SIGNED_IN = SignedIn(user=User(id="u1", name="Olena", guest=True), token="t", expires_in=60, refresh="r")


def paths(response: Response) -> set[str]:
    """Where the cookies that the response sets are sent."""
    return {
        morsel["path"]
        for name, value in response.raw_headers
        if name == b"set-cookie"
        for morsel in SimpleCookie(value.decode()).values()
    }


@pytest.mark.parametrize("prefix", ["", "/chat", "/a/b"])
def test_every_cookie_is_set_and_taken_away_below_the_prefix(prefix: str) -> None:
    given, taken = Response(), Response()
    set_cookies(given, SIGNED_IN, refresh_s=60, secure=False, shared=True, prefix=prefix)
    forget_own_cookies(taken, "u1", secure=False, prefix=prefix)
    forget_shared_cookies(taken, secure=False, prefix=prefix)
    own = {f"{prefix}/api/files/as/u1", f"{prefix}/api/accounts/as/u1"}
    assert paths(given) == own | {f"{prefix}/api/files", f"{prefix}/api/accounts"}
    assert paths(taken) == paths(given)


@pytest.mark.parametrize(
    ("headers", "prefix"),
    [
        ([], ""),
        ([""], ""),
        (["/"], ""),
        (["/chat"], "/chat"),
        (["/chat/"], "/chat"),
        (["/team/chat-2/%D1%87"], "/team/chat-2/%D1%87"),
        (["/chat, /chat"], "/chat"),  # the page's, and a proxy's beside it
        (["/chat", "/chat"], "/chat"),
        (["chat"], ""),
        (["/chat; Domain=example.org"], ""),
        (["/a b"], ""),
        (["//chat"], ""),
        (["/" + "a" * 200], ""),
    ],
)
def test_a_prefix_is_a_path_or_none(headers: list[str], prefix: str) -> None:
    assert prefix_of(headers) == prefix
