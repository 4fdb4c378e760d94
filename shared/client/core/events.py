"""What a client tells whoever uses it."""

from __future__ import annotations

from typing import Any, NamedTuple

from shared.protocol.errors import ErrorCode

JsonFrame = dict[str, Any]
"""A frame of docs/protocol.md as JSON reads it."""


class Message(NamedTuple):
    """A `message` frame. `text` of a chat, else ""; `file`: the fields of a file, else None; `at`: RFC 3339."""

    room: str
    seq: int
    id: str
    kind: str
    sender_id: str
    sender_name: str
    at: str
    text: str
    file: JsonFrame | None

    @classmethod
    def of(cls, frame: JsonFrame) -> Message:
        sender = frame["from"]
        return cls(
            frame["room"], frame["seq"], frame["id"], frame["kind"], sender["id"], sender["name"], frame["at"],
            frame.get("text", ""), frame.get("file"),
        )  # fmt: skip


class Page(NamedTuple):
    """A page of history, oldest first; `more`: there are others in the direction that was asked for."""

    messages: list[Message]
    more: bool


class ClientError(Exception):
    """What a request can end with instead of its answer."""


class Refused(ClientError):
    """The server refused, and trying the same again cannot help. `code`: from the protocol's table."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = ErrorCode(code) if code in ErrorCode.__members__.values() else code
        self.text = text


class Disconnected(ClientError):
    """There is no connection, or it went away before the answer came."""


class Unanswered(ClientError):
    """No answer came in time, as often as it was asked."""


class Connected(NamedTuple):
    """A welcome: number `connection` of this client, over `url`."""

    connection: int
    url: str
    session: str
    epoch: str


class Lost(NamedTuple):
    """The connection ended; the next attempt is `retry_in_s` away, or never (None)."""

    code: int
    reason: str
    retry_in_s: float | None


class Arrived(NamedTuple):
    """A message of a joined room: each one once, in the order of `seq`, and without a gap but what `Skipped` names."""

    message: Message


class Skipped(NamedTuple):
    """After an absence in which more was said than `catch_up`, the room starts anew at its newest messages, which
    arrive next. Those from `first` to `last` do not arrive by themselves: `history` has them."""

    room: str
    first: int
    last: int


class Acknowledged(NamedTuple):
    """The server has stored what was written here under `message.id`."""

    message: Message


class NotSent(NamedTuple):
    """The server will not take what was written under `id`."""

    room: str
    id: str
    error: Refused


class CaughtUp(NamedTuple):
    """After a join, a resume or a gap: everything up to `seq` is here, from where the room's log starts."""

    room: str
    seq: int


class PresenceChanged(NamedTuple):
    """`user_id` and `online` are None where not one has come or gone: large rooms tell only how many are there, and
    sometimes it is told anew who all are (`Room.online`)."""

    room: str
    user_id: str | None
    online: bool | None
    members: int


class Typing(NamedTuple):
    room: str
    user_id: str


class ReadUpTo(NamedTuple):
    room: str
    user_id: str
    seq: int


class Left(NamedTuple):
    """The membership has ended, by us or on another connection of this user."""

    room: str


class EpochChanged(NamedTuple):
    """The message store was restored: what was known of rooms is dropped, and they start anew."""

    epoch: str


class WentBack(NamedTuple):
    """The message store has less of the room than it had, or another message under some number: what was known of it is
    dropped, and it starts anew. What is not acknowledged is sent to the store that is there now."""

    room: str


class Notice(NamedTuple):
    """An error that answers nothing in particular."""

    code: str
    text: str


Event = (
    Connected | Lost | Arrived | Skipped | Acknowledged | NotSent | CaughtUp | PresenceChanged | Typing | ReadUpTo
    | Left | EpochChanged | WentBack | Notice
)  # fmt: skip
