"""A file as a data URL (RFC 2397), as the `file` frame carries it: `data:<mime>;base64,…`, nothing looser."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from typing import Final, NamedTuple

from shared.protocol.errors import ErrorCode, Refused

_WORD = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_HEAD: Final = re.compile(
    rf'data:(?P<mime>(?:{_WORD}/{_WORD})?)(?:;{_WORD}=(?:{_WORD}|"[^"\\\x00-\x1f\x7f]{{0,127}}")){{0,8}};base64\Z',
    re.IGNORECASE | re.ASCII,
)
HEAD_CHARS: Final = 1024


class Inline(NamedTuple):
    """`declared`: the sender's word for the type, in lower case, without parameters; "" where there is none."""

    declared: str
    content: bytes


def parse(url: str, limit: int) -> Inline:
    """The content of `url`, at most `limit` bytes. Base64 is read as RFC 4648, section 4, writes it: padded, in one
    piece, without stray bits. Raises Refused: `invalid_frame`, `too_large`."""
    head, comma, encoded = url.partition(",")
    found = _HEAD.match(head) if comma and len(head) <= HEAD_CHARS else None
    if found is None:
        raise Refused(ErrorCode.INVALID_FRAME, "The file must be a data URL: data:<type>;base64,…")
    if len(encoded) // 4 * 3 - encoded[-2:].count("=") > limit:
        raise Refused(ErrorCode.TOO_LARGE, f"Over this connection a file may have {limit} bytes. Upload it instead.")
    try:
        written = encoded.encode("ascii")
        content = b64decode(written, validate=True)
    except ValueError:
        content, written = b"", b"?"
    if b64encode(content) != written:
        raise Refused(ErrorCode.INVALID_FRAME, "The data URL is not good base64.")
    return Inline(found["mime"].lower(), content)
