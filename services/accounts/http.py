"""Accounts over HTTP. docs/protocol.md, "HTTP"."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.accounts.accounts import Accounts, SignedIn, Stolen
from services.accounts.cookies import (
    OWN_REFRESH_COOKIE,
    REFRESH_COOKIE,
    forget_own_cookies,
    forget_shared_cookies,
    prefix_of,
    set_cookies,
)
from services.accounts.core.devices import device_of
from services.accounts.core.forms import GuestForm, LoginForm, PasswordForm, RegisterForm
from services.accounts.core.network import network_of
from services.accounts.keys import SigningKeys
from services.accounts.revocations import Broadcast
from services.accounts.settings import Settings
from services.accounts.sign_in_notices import SignInNotices
from services.accounts.trouble import database_trouble_told
from shared.core.bucket import Buckets
from shared.protocol.errors import ErrorCode, Refused
from shared.runtime.body import read_json
from shared.runtime.metrics import counter
from shared.runtime.origin import Pages
from shared.tokens.verifier import Identity, TokenRefused, Verifier

log = structlog.stdlib.get_logger("homin.accounts")

SIGN_INS = counter("sign_ins", "Sign-ins by kind and outcome (ok, or the code of the refusal)", ("kind", "outcome"))

CODES = {"name": ErrorCode.INVALID_NAME, "password": ErrorCode.INVALID_PASSWORD}
"""What a person wrote into which field cannot be used …"""
CHANGE_CODES = {"password": ErrorCode.BAD_CREDENTIALS, "new": ErrorCode.INVALID_PASSWORD}
"""… or, of a password that is replaced, cannot be right."""

Endpoint = Callable[[Request], Awaitable[Response]]


class AccountsHttp:
    """The routes. Holds what one process knows of its callers: how often each has asked lately."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        keys: SigningKeys,
        verifier: Verifier,
        broadcast: Broadcast,
        notices: SignInNotices,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._keys = keys
        self._verifier = verifier
        self._broadcast = broadcast
        self._notices = notices
        self._monotonic = monotonic
        self._pages = Pages(settings.origins, monotonic)
        self._sign_ins = Buckets(settings.signin_per_s, settings.signin_burst, settings.signin_addresses)
        self._renewals = Buckets(settings.renewal_per_s, settings.renewal_burst, settings.signin_addresses)

    @property
    def routes(self) -> list[Route]:
        """With full paths."""
        posts: dict[str, Endpoint] = {
            "guest": self._counted("guest", self._guest),
            "register": self._counted("register", self._register),
            "login": self._counted("login", self._login),
            "password": self._counted("password", self._password),
            "refresh": self._counted("refresh", self._refresh),
            "logout": self._counted("logout", self._logout),
        }
        return [
            *(Route(f"/api/accounts/{name}", post, methods=["POST"]) for name, post in posts.items()),
            *(
                Route(f"/api/accounts/as/{{user}}/{name}", posts[name], methods=["POST"])
                for name in ("refresh", "logout")
            ),
            Route("/api/accounts/jwks.json", self._jwks, methods=["GET"]),
        ]

    def _counted(self, kind: str, endpoint: Endpoint) -> Endpoint:
        async def counted(request: Request) -> Response:
            try:
                self._from_our_page(request)
                async with database_trouble_told():
                    response = await endpoint(request)
            except Refused as refused:
                SIGN_INS.labels(kind, refused.code.value).inc()
                raise
            SIGN_INS.labels(kind, "ok").inc()
            return response

        return counted

    async def _guest(self, request: Request) -> Response:
        self._may_sign_in(request)
        form = await read_json(request, GuestForm, codes=CODES)
        return self._answer(request, await self._accounts.guest(form), status=201)

    async def _register(self, request: Request) -> Response:
        self._may_sign_in(request)
        form = await read_json(request, RegisterForm, codes=CODES)
        return self._answer(request, await self._accounts.register(form), status=201)

    async def _login(self, request: Request) -> Response:
        self._may_sign_in(request)
        form = await read_json(request, LoginForm, codes=CODES)
        device = device_of(request.headers.get("user-agent", ""), _address(request))
        signed_in = await self._accounts.login(form, device)
        self._notices.soon()
        return self._answer(request, signed_in)

    async def _password(self, request: Request) -> Response:
        self._may_sign_in(request)
        identity, refused = await self._bearer(request)
        if identity is None:
            raise refused or TokenRefused(ErrorCode.UNAUTHORIZED, "Nobody is signed in.")
        form = await read_json(request, PasswordForm, codes=CHANGE_CODES)
        shared = request.cookies.get(REFRESH_COOKIE)
        # The cookies that all tabs share are this user's own, or they would renew nothing; else they stay.
        ours = shared is None or await self._accounts.owner(shared) in (None, identity.user_id)
        signed_in, revoked = await self._accounts.change_password(identity, form)
        self._broadcast.soon(revoked)
        return self._answer(request, signed_in, shared=ours)

    async def _refresh(self, request: Request) -> Response:
        self._signs_in_here()
        self._not_too_often(self._renewals, request, "Too many renewals from this address. Wait a moment.")
        shared = request.cookies.get(REFRESH_COOKIE)
        cookie = _cookie(request)
        identity, refused = await self._bearer(request)
        # A tab's own token says who is asking; a cookie then only counts if it belongs to that sign-in.
        by_token = identity is not None and not (cookie and await self._accounts.same_session(identity, cookie))
        try:
            if identity is not None and by_token:
                renewed = await self._accounts.renew_by_token(identity)
            else:
                renewed = await self._accounts.renew_by_refresh(cookie) if cookie else None
        except Stolen as stolen:
            log.warning("a used refresh token came again; its session is over", tokens=len(stolen.revoked))
            self._broadcast.soon(stolen.revoked)
            renewed = None
        if renewed is None:
            raise refused or TokenRefused(ErrorCode.UNAUTHORIZED, "This sign-in is over. Sign in again.")
        return self._answer(request, renewed, shared=shared is None or (not by_token and shared == cookie))

    async def _logout(self, request: Request) -> Response:
        shared = request.cookies.get(REFRESH_COOKIE)
        cookie = _cookie(request)
        user_id = request.path_params.get("user")
        identity, refused = await self._bearer(request)
        if identity is not None:
            user_id = identity.user_id
            forget = shared is not None and await self._accounts.same_session(identity, shared)
            revoked = await self._accounts.logout_by_token(identity)
        elif cookie is not None:
            forget = shared == cookie
            revoked = await self._accounts.logout_by_refresh(cookie) or []
        else:
            raise refused or TokenRefused(ErrorCode.UNAUTHORIZED, "Nobody is signed in.")
        self._broadcast.soon(revoked)
        response = Response(status_code=204, headers={"Cache-Control": "no-store"})
        secure, prefix = request.url.scheme == "https", _prefix(request)
        if user_id is not None:
            forget_own_cookies(response, user_id, secure=secure, prefix=prefix)
        if forget:
            forget_shared_cookies(response, secure=secure, prefix=prefix)
        return response

    async def _jwks(self, _request: Request) -> Response:
        # Not longer than a verifier waits before it asks again about a key that it does not know.
        headers = {"Cache-Control": "public, max-age=10"}
        return Response(self._keys.key_set, media_type="application/jwk-set+json", headers=headers)

    async def _bearer(self, request: Request) -> tuple[Identity | None, TokenRefused | None]:
        """Whose token the request bears (RFC 6750, 2.1), or why it is refused; neither where there is none."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None, None
        try:
            identity = await self._verifier.verify(token.strip())
            if await self._accounts.revoked(identity.token_id):
                raise TokenRefused(ErrorCode.UNAUTHORIZED, "This token was signed out.")
        except TokenRefused as refused:
            return None, refused
        return identity, None

    def _from_our_page(self, request: Request) -> None:
        refusal = self._pages.refusal(request.headers.getlist("origin"), request.headers.getlist("host"))
        if refusal is not None:
            raise refusal

    def _may_sign_in(self, request: Request) -> None:
        self._signs_in_here()
        self._not_too_often(self._sign_ins, request, "Too many sign-ins from this address. Wait a moment.")

    def _not_too_often(self, buckets: Buckets, request: Request, sentence: str) -> None:
        wait = buckets.take(network_of(_address(request)), self._monotonic())
        if wait > 0:
            raise Refused(ErrorCode.RATE_LIMITED, sentence, int(wait * 1000))

    def _signs_in_here(self) -> None:
        if self._settings.outside_issuer:
            raise Refused(ErrorCode.SIGN_IN_ELSEWHERE, f"People sign in at {self._settings.issuer} here.")

    def _answer(self, request: Request, signed_in: SignedIn, status: int = 200, shared: bool = True) -> Response:
        user = signed_in.user
        body: dict[str, Any] = {
            "token": signed_in.token,
            "expires_in": signed_in.expires_in,
            "user": {"id": user.id, "name": user.name, "guest": user.guest},
        }
        if signed_in.entry is not None:
            body["entry"] = signed_in.entry
        response = JSONResponse(body, status_code=status, headers={"Cache-Control": "no-store"})
        set_cookies(
            response,
            signed_in,
            refresh_s=self._settings.refresh_s,
            secure=request.url.scheme == "https",
            shared=shared,
            prefix=_prefix(request),
        )
        return response


def _prefix(request: Request) -> str:
    return prefix_of(request.headers.getlist("x-forwarded-prefix"))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _cookie(request: Request) -> str | None:
    """The refresh token that counts: at an account's own address its own, elsewhere the one that all tabs share."""
    return request.cookies.get(OWN_REFRESH_COOKIE if "user" in request.path_params else REFRESH_COOKIE)
