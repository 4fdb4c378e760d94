"""What a client may receive. docs/protocol.md, "Server → client". Rendered compactly, `type` first, fields that are
unset left out.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from shared.protocol.client import Frame
from shared.protocol.errors import ErrorCode

JOIN_ONLINE = 100
JOIN_RECENT = 50


class User(Frame):
    id: str
    name: str


class Limits(Frame):
    """What one connection may do: bytes of a frame, characters of a text, bytes of an inline file, frames a second in
    the long run and at once.
    """

    frame_bytes: int
    text_chars: int
    inline_file_bytes: int
    frames_per_s: float
    frames_burst: int


class StoredFile(Frame):
    """A file as a message shows it; `size` in bytes, `mime` sniffed from the bytes, never believed from the sender.
    `width` and `height`: of a picture, in pixels as it is shown (turned as its Exif data say), both or neither."""

    id: str
    name: str
    size: int
    mime: str
    url: str
    width: int | None = None
    height: int | None = None
    preview_url: str | None = None


class ServerBase(Frame):
    """`ref` is that of the client's frame which this one answers."""

    model_config = ConfigDict(populate_by_name=True)

    ref: str | None = None


class Welcome(ServerBase):
    type: Literal["welcome"] = "welcome"
    user: User
    session: str
    epoch: str
    expires_at: str
    heartbeat_s: float
    limits: Limits


class LoggedChat(Frame):
    """A chat as `joined`, `history` and `rooms` list it: a `message` without the `type`, which they imply."""

    model_config = ConfigDict(populate_by_name=True)

    room: str
    seq: int
    id: str
    kind: Literal["chat"] = "chat"
    sender: Annotated[User, Field(alias="from")]
    at: str
    text: str


class LoggedFile(Frame):
    """A file as they list it."""

    model_config = ConfigDict(populate_by_name=True)

    room: str
    seq: int
    id: str
    kind: Literal["file"] = "file"
    sender: Annotated[User, Field(alias="from")]
    at: str
    file: StoredFile


class ChatMessage(LoggedChat, ServerBase):
    type: Literal["message"] = "message"


class FileMessage(LoggedFile, ServerBase):
    type: Literal["message"] = "message"


Logged = Annotated[LoggedChat | LoggedFile, Field(discriminator="kind")]


class Joined(ServerBase):
    type: Literal["joined"] = "joined"
    room: str
    seq: int
    members: int
    online: list[User]
    messages: list[Logged]
    more: bool


class Left(ServerBase):
    type: Literal["left"] = "left"
    room: str


class RoomSummary(Frame):
    """`seq` of the newest message, `read_seq` how far this user has read, `unread` how many messages of others follow
    that (counted to 100), `members` how many are online. `last` the newest message; where the list has no room for it,
    `last_at` says when it came."""

    room: str
    seq: int
    read_seq: int
    unread: int
    members: int
    last: Logged | None = None
    last_at: str | None = None


class RoomList(ServerBase):
    type: Literal["rooms"] = "rooms"
    rooms: list[RoomSummary]


class HistoryPage(ServerBase):
    type: Literal["history"] = "history"
    room: str
    messages: list[Logged]
    more: bool


class Presence(ServerBase):
    """How many are online, and what is new of it: `user` came or went (`online`); or `present`, all who are online in
    place of what was told before, in rooms of over `JOIN_ONLINE` so many of them. Neither: how many, and no more."""

    type: Literal["presence"] = "presence"
    room: str
    user: User | None = None
    online: bool | None = None
    members: int
    present: list[User] | None = None


class TypingNotice(ServerBase):
    type: Literal["typing"] = "typing"
    room: str
    user: User


class ReadMark(ServerBase):
    type: Literal["read"] = "read"
    room: str
    user: User
    seq: int


class Pong(ServerBase):
    type: Literal["pong"] = "pong"


class Reconnect(ServerBase):
    type: Literal["reconnect"] = "reconnect"
    after_ms: int


class Error(ServerBase):
    """`ref` is the frame's `ref`, else its `id`. `text` is a sentence for a person."""

    type: Literal["error"] = "error"
    code: ErrorCode
    text: str
    retryable: bool
    retry_after_ms: int | None = None


ServerFrame = (
    Welcome
    | Joined
    | Left
    | RoomList
    | ChatMessage
    | FileMessage
    | HistoryPage
    | Presence
    | TypingNotice
    | ReadMark
    | Pong
    | Reconnect
    | Error
)
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)


def error(code: ErrorCode, text: str, ref: str | None = None, retry_after_ms: int | None = None) -> Error:
    """The error frame for `code`; whether a retry can help follows from the table."""
    return Error(code=code, text=text, ref=ref, retryable=code.retryable, retry_after_ms=retry_after_ms)
