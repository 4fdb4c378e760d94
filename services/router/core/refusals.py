"""What the router says where it refuses, in sentences for the person who gets them."""

from __future__ import annotations

from shared.protocol.errors import ErrorCode
from shared.protocol.names import coined
from shared.protocol.server import Error, error

RETRY_AFTER_MS = 1_000

TEXT = {
    ErrorCode.NOT_JOINED: "You are not a member of this room. Join it first.",
    ErrorCode.NO_SUCH_ROOM: "There is no room of this name.",
    ErrorCode.NO_SUCH_MESSAGE: "There is no such message in this room, or it was deleted.",
    ErrorCode.ID_REUSED: "This id was already used for another message of yours in this room. Send it under a new id.",
    ErrorCode.UNAVAILABLE: "The message store cannot be reached. Nothing is lost; try again in a moment.",
    ErrorCode.OVERLOADED: "The server is overloaded. Try again in a moment.",
}


def refusal(code: ErrorCode, ref: str | None, retry_after_ms: int | None = None, text: str | None = None) -> Error:
    """`text`: a sentence that says more than the code's own."""
    return error(code, text or TEXT[code], ref, retry_after_ms)


def not_coined(room: str) -> str:
    """Why there is no room of this name, and none comes into being."""
    name = coined(room)
    if not name:
        return "There is no room of this name, and a new one needs a name that can be seen."
    return f"There is no room of this name. A new room is named in small letters: {name}"
