"""Which bytes of a file a request asks for (RFC 9110, section 14), and whether it asks for any (section 13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum
from typing import Final, NamedTuple

_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.IGNORECASE | re.ASCII)
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_DIGITS: Final = 18  # what is longer lies beyond the end of every file


class Span(NamedTuple):
    """Bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int


class Verdict(Enum):
    """What the request's conditions come to."""

    SEND = 200
    NOT_MODIFIED = 304
    FAILED = 412


class Unsatisfiable(Exception):
    """The range begins beyond the end of the file: 416."""


def parse_range(header: str | None, size: int) -> Span | None:
    """The bytes that a `Range` header asks for of a file of `size` bytes. None: all of it, also where the header cannot
    be read, names another unit or several ranges (14.2 lets a server ignore it). Raises Unsatisfiable."""
    found = _ONE_RANGE.fullmatch(header) if header is not None else None
    if found is None:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        suffix = _number(last)
        if suffix == 0 or size == 0:
            raise Unsatisfiable
        return Span(max(0, size - suffix), size)
    start = _number(first)
    if last and _number(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, min(_number(last) + 1, size) if last else size)


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return 10**_DIGITS if len(digits) > _DIGITS else int(digits or "0")


def http_date(at_s: int) -> str:
    """Unix seconds as an HTTP-date (5.6.7)."""
    return format_datetime(datetime.fromtimestamp(at_s, UTC), usegmt=True)


def verdict(headers: Mapping[str, str], etag: str, modified_s: int) -> Verdict:
    """Weighs the conditions in the order of 13.2.2; `headers` by names in lower case. `etag` is strong."""
    if (wanted := headers.get("if-match")) is not None:
        if wanted.strip() != "*" and etag not in _ETAG.findall(wanted):
            return Verdict.FAILED
    elif (since := _seconds(headers.get("if-unmodified-since"))) is not None and modified_s > since:
        return Verdict.FAILED
    if (known := headers.get("if-none-match")) is not None:
        same = known.strip() == "*" or etag in [tag.removeprefix("W/") for tag in _ETAG.findall(known)]
        return Verdict.NOT_MODIFIED if same else Verdict.SEND
    since = _seconds(headers.get("if-modified-since"))
    return Verdict.NOT_MODIFIED if since is not None and modified_s <= since else Verdict.SEND


def range_applies(if_range: str | None, etag: str, modified_s: int) -> bool:
    """Whether the part that the client has is of this file (13.1.5): compared strongly, a date exactly."""
    if if_range is None:
        return True
    given = if_range.strip()
    return given == etag if given.startswith(('"', "W/")) else given == http_date(modified_s)


def _seconds(date: str | None) -> int | None:
    """An HTTP-date in Unix seconds; None where it is none, and the condition is then to be ignored."""
    if date is None:
        return None
    try:
        when = parsedate_to_datetime(date)
        return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
