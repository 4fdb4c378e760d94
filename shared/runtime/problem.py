"""Refused requests, answered as RFC 9457 says: `application/problem+json`, with a `code` from the table of errors."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from shared.protocol.errors import ErrorCode, Refused


class RefusedBy(Refused):
    """A refusal that HTTP has a status of its own for, such as 415; the code is still one of the table's."""

    def __init__(self, status: HTTPStatus, code: ErrorCode, text: str) -> None:
        super().__init__(code, text)
        self.status = status


class ProblemResponse(JSONResponse):
    """{type, title, status, code, detail, retryable}; as `type` is about:blank, `title` is the status' phrase."""

    media_type = "application/problem+json"


def problem(
    code: ErrorCode,
    detail: str,
    *,
    status: int | None = None,
    retry_after_s: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """An answer with `code`; `status` where HTTP knows it better than the code does (415, 416).

    `retry_after_s` becomes a `Retry-After` header, in whole seconds, rounded up. A 401 names the scheme (RFC 6750, 3).
    """
    status = status or code.http_status
    extra = {"Cache-Control": "no-store", **(headers or {})}
    if retry_after_s is not None:
        extra["Retry-After"] = str(max(1, ceil(retry_after_s)))
    if status == HTTPStatus.UNAUTHORIZED:
        extra.setdefault("WWW-Authenticate", "Bearer")
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code.value,
        "detail": detail,
        "retryable": code.retryable,
    }
    return ProblemResponse(body, status_code=status, headers=extra)


# What Starlette itself refuses, in the words of the table.
_STARLETTE: dict[int, tuple[ErrorCode, str]] = {
    401: (ErrorCode.UNAUTHORIZED, "Sign in first."),
    403: (ErrorCode.FORBIDDEN, "This is not allowed."),
    404: (ErrorCode.NOT_FOUND, "There is nothing at this address."),
    405: (ErrorCode.METHOD_NOT_ALLOWED, "This address does not take that method."),
    413: (ErrorCode.TOO_LARGE, "The request is too large."),
    429: (ErrorCode.RATE_LIMITED, "Too many requests. Wait a moment."),
    503: (ErrorCode.UNAVAILABLE, "This does not work right now. Try again in a moment."),
}


async def _refused(_request: Request, refused: Exception) -> ProblemResponse:
    assert isinstance(refused, Refused)
    wait = refused.retry_after_ms
    status = refused.status if isinstance(refused, RefusedBy) else None
    return problem(refused.code, refused.text, status=status, retry_after_s=None if wait is None else wait / 1000)


async def _http_exception(_request: Request, refused: Exception) -> ProblemResponse:
    assert isinstance(refused, HTTPException)
    code, detail = _STARLETTE.get(refused.status_code, (ErrorCode.INVALID_REQUEST, "The request cannot be read."))
    return problem(code, detail, status=refused.status_code, headers=refused.headers)


async def _broken(_request: Request, _broken: Exception) -> ProblemResponse:
    # The server logs the exception with its traceback; the client learns only that it was not its fault.
    return problem(ErrorCode.INTERNAL, "Something went wrong on the server, which has logged it.")


exception_handlers: Mapping[Any, Any] = {Refused: _refused, HTTPException: _http_exception, Exception: _broken}
"""For `Starlette(exception_handlers=…)`: a handler raises `Refused` and the client gets its problem."""
