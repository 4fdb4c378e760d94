"""Small JSON bodies, read within bounds and checked against a pydantic model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from shared.protocol.errors import ErrorCode, Refused
from shared.runtime.problem import RefusedBy

BODY_BYTES: Final = 16 * 1024
BODY_S: Final = 10.0

Model = TypeVar("Model", bound=BaseModel)


async def read_json(
    request: Request,
    model: type[Model],
    limit: int = BODY_BYTES,
    *,
    codes: Mapping[str, ErrorCode] = MappingProxyType({}),
) -> Model:
    """The body as a `model`. Refused: `invalid_request`, naming the first field that is wrong, `too_large`,
    `timed_out`. `codes`: of fields whose text a person writes, for one that breaks the field's rule."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        sentence = "The body must be JSON, with Content-Type: application/json."
        raise RefusedBy(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, ErrorCode.INVALID_REQUEST, sentence)
    body = await read_body(request, limit)
    try:
        return model.model_validate_json(body)
    except ValidationError as wrong:
        raise Refused(_code(wrong, codes), _sentence(wrong)) from None


async def read_body(request: Request, limit: int = BODY_BYTES) -> bytes:
    """The whole body, of at most `limit` bytes, if it comes within BODY_S seconds."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > limit:
        raise Refused(ErrorCode.TOO_LARGE, f"The body may have at most {limit} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise Refused(ErrorCode.TOO_LARGE, f"The body may have at most {limit} bytes.")
    except TimeoutError:
        raise Refused(ErrorCode.TIMED_OUT, "The body did not come in time.") from None
    except ClientDisconnect:
        raise Refused(ErrorCode.INVALID_REQUEST, "The body did not come to its end.") from None
    return bytes(body)


def _code(wrong: ValidationError, codes: Mapping[str, ErrorCode]) -> ErrorCode:
    first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    # A field that is missing, too much or no text is the doing of the program, not of the person.
    if first["type"] in ("missing", "extra_forbidden", "string_type") or not first["loc"]:
        return ErrorCode.INVALID_REQUEST
    return codes.get(str(first["loc"][0]), ErrorCode.INVALID_REQUEST)


def _sentence(wrong: ValidationError) -> str:
    first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
    what = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return "The body is not valid JSON."
    # A field's own name comes from the client where it is one that is not known: repeat only a short piece of it.
    field = ".".join(str(part)[:40] for part in first["loc"])
    return f"{field}: {what}." if field else f"{what}."
