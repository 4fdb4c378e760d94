"""What a client's bytes mean: a checked frame and where it goes, or a refusal in words."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from shared.protocol.client import CLIENT_FRAME, ClientFrame, answer_ref
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import REF_CHARS

PATTERNS = {
    "room": "1 to 64 letters, digits, hyphens, underscores or dots",
    "user": "the id of a user",
    "id": "1 to 64 visible ASCII characters",
    "data": "a data URL",
    "emoji": "one emoji",
}
SMALL = 16 << 10  # bytes of a bad frame that are looked through for its `ref`


class Bounds(NamedTuple):
    """`text_chars`: of a chat, and of an edit. `inline_file_bytes`: of a `file` frame's content, before base64."""

    text_chars: int
    inline_file_bytes: int


class Bad(Refused):
    """A frame that is refused; `ref` is what the answer bears."""

    def __init__(self, code: ErrorCode, text: str, ref: str | None) -> None:
        super().__init__(code, text)
        self.ref = ref


def parse(data: bytes, bounds: Bounds) -> ClientFrame:
    """The frame in `data`. Raises `Bad`."""
    try:
        frame = CLIENT_FRAME.validate_json(data)
    except ValidationError as why:
        raise Bad(
            ErrorCode.INVALID_FRAME, sentence(why.errors(include_url=False, include_input=False)[0]), ref_in(data)
        ) from None
    # By `type`, here and elsewhere on the way of every frame: asking a model for its class costs a third of a
    # microsecond each time that the answer is no.
    if frame.type == "chat" or frame.type == "edit":
        if len(frame.text) > bounds.text_chars:
            raise Bad(ErrorCode.TOO_LARGE, f"A message may have {bounds.text_chars:,} characters.", answer_ref(frame))
    # Base64 writes 3 bytes as 4 characters (RFC 4648); the type in front of them is short.
    elif frame.type == "file" and len(frame.data) > bounds.inline_file_bytes * 4 // 3 + 512:
        text = f"A file sent like this may have {bounds.inline_file_bytes:,} bytes. Send larger ones over HTTP."
        raise Bad(ErrorCode.TOO_LARGE, text, answer_ref(frame))
    return frame


def ref_in(data: bytes) -> str | None:
    """The `ref`, else the `id`, of a frame that is not valid, if it can be made out."""
    if len(data) > SMALL:
        return None
    try:
        fields = from_json(data)
    except ValueError:
        return None
    if isinstance(fields, dict):
        for key in ("ref", "id"):
            if isinstance(value := fields.get(key), str) and len(value) <= REF_CHARS:
                return value
    return None


def sentence(error: ErrorDetails) -> str:
    """What is wrong with the frame, for the person who wrote the client."""
    place = ".".join(str(part) for part in error["loc"][1:])
    match error["type"]:
        case "json_invalid" | "model_attributes_type" | "model_type":
            return "A frame must be a JSON object."
        case "union_tag_invalid" | "union_tag_not_found":
            return "The frame's `type` is missing or unknown."
        case "extra_forbidden":
            return f"The field `{place[:64]}` is unknown for this type."
        case "missing":
            return f"The field `{place}` is missing."
    if error["type"] == "string_pattern_mismatch":
        return f"The field `{place}` must be {PATTERNS.get(place, 'written otherwise')}."
    what = error["msg"].removeprefix("Value error, ")
    return f"The field `{place[:64]}` is not valid: {what}." if place else f"The frame is not valid: {what}."
