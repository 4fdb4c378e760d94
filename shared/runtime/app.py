"""All HTTP of a process as one ASGI application: health and metrics first, then the services' routes."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.runtime.headers import SecurityHeaders
from shared.runtime.health import Readiness
from shared.runtime.metrics import counter, histogram, metrics_route
from shared.runtime.problem import exception_handlers

REQUESTS = counter("http_requests", "HTTP requests answered", ("method", "route", "status"))
SECONDS = histogram("http_request_seconds", "From a request's head to the end of its answer", ("route",))

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class CountRequests:
    """Counts and times requests by route template, never by path: labels must not grow with what clients ask for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            route = getattr(scope.get("route"), "path", "") or "other"
            method = scope["method"] if scope["method"] in METHODS else "other"
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(route).observe(perf_counter() - began)


def application(routes: Iterable[BaseRoute], readiness: Readiness) -> ASGIApp:
    """The application that `serve` runs; tests call it without a socket."""
    return SecurityHeaders(
        Starlette(
            routes=[*readiness.routes, metrics_route, *routes],
            middleware=[Middleware(CountRequests)],
            exception_handlers=exception_handlers,
        )
    )
