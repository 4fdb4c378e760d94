"""What a client may send. docs/protocol.md, "Client → server". Unknown types and fields are refused; numbers are not
guessed from strings.

Each frame declares what becomes of it (`ClientBase`); gateways and routers go by that. So a new frame is added here,
and where something new is to be done for it: `make lint` and tests/unit/test_every_frame.py say where.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from shared.protocol.names import Emoji, FileName, MessageId, Ref, Room, Seq, Text

HISTORY_LIMIT = 200
RESUME_LIMIT = 500


class Frame(BaseModel):
    """Base of every frame: immutable, unknown fields refused, wrong types refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ClientBase(Frame):
    """`ref` may stand on every client frame and comes back on what answers it.

    Each class declares, and there is no default:

    `scope`, who sees to it: the gateway alone ("connection"), the router that owns its `room` ("room"), those that own
    its `rooms`, each a part of it ("rooms"), any router, since it is about its sender ("person"), the files service
    ("files").

    `kind`, what its sender is owed. An "entry" of the room's log is stored once under its sender's `id`, and comes back
    with its number; it counts against its room's rate. A "question" gets one answer. A "notice" gets none and may be
    dropped without a word.

    `read_only`: it is a question that changes nothing, so while the store is away it is refused and not kept.

    `since`: the version of the bus's wire (`bus.WIRE`) from which on it is read; of a frame that has got a field since
    then, see `read_since`."""

    ref: Ref | None = None


class Auth(ClientBase):
    type: Literal["auth"]
    scope: ClassVar[Literal["connection"]] = "connection"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    token: Annotated[str, Field(min_length=1)]


class Join(ClientBase):
    type: Literal["join"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room
    after: Seq | None = None


class RoomAfter(Frame):
    """A room of which everything up to `after` is known."""

    room: Room
    after: Seq


class Resume(ClientBase):
    """As `join` with `after` for each of `rooms`; but it makes no room and no member."""

    type: Literal["resume"]
    scope: ClassVar[Literal["rooms"]] = "rooms"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    rooms: Annotated[list[RoomAfter], Field(min_length=1, max_length=RESUME_LIMIT)]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.room for each in self.rooms}) < len(self.rooms):
            raise ValueError("it names a room twice")
        return self


class Leave(ClientBase):
    type: Literal["leave"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room


class Rooms(ClientBase):
    type: Literal["rooms"]
    scope: ClassVar[Literal["person"]] = "person"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = True
    since: ClassVar[int] = 1


class Chat(ClientBase):
    type: Literal["chat"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room
    id: MessageId
    text: Text
    reply_to: Seq | None = None


class Edit(ClientBase):
    """`of`: the number of the message. Its author alone may; a file has no text to edit."""

    type: Literal["edit"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 2
    room: Room
    id: MessageId
    of: Seq
    text: Text


class Delete(ClientBase):
    """Its author alone may."""

    type: Literal["delete"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 2
    room: Room
    id: MessageId
    of: Seq


class React(ClientBase):
    """`emoji`: one, as people see it. `on`: set, or taken back."""

    type: Literal["react"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 2
    room: Room
    id: MessageId
    of: Seq
    emoji: Emoji
    on: bool


class Pin(ClientBase):
    """Any member may. `on`: pinned, or not any more."""

    type: Literal["pin"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 2
    room: Room
    id: MessageId
    of: Seq
    on: bool


class File(ClientBase):
    """`data` is a data URL (RFC 2397) in base64."""

    type: Literal["file"]
    scope: ClassVar[Literal["files"]] = "files"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room
    id: MessageId
    name: FileName
    data: Annotated[str, Field(pattern=r"^data:")]


class History(ClientBase):
    type: Literal["history"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = True
    since: ClassVar[int] = 1
    room: Room
    before: Seq | None = None
    after: Seq | None = None
    limit: Annotated[int, Field(ge=1, le=HISTORY_LIMIT)] = 50

    @model_validator(mode="after")
    def _one_direction(self) -> Self:
        if self.before is not None and self.after is not None:
            raise ValueError("give before or after, not both")
        return self


class Typing(ClientBase):
    type: Literal["typing"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["notice"]] = "notice"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room


class Read(ClientBase):
    type: Literal["read"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["notice"]] = "notice"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room
    seq: Seq


class Ping(ClientBase):
    type: Literal["ping"]
    scope: ClassVar[Literal["connection"]] = "connection"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = True
    since: ClassVar[int] = 1


ForwardedFrame = Join | Resume | Leave | Rooms | Chat | File | Edit | Delete | React | Pin | History | Typing | Read
"""What a gateway does not answer itself: every scope but "connection"."""
ClientFrame = Annotated[Auth | Ping | ForwardedFrame, Field(discriminator="type")]
CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


def answer_ref(frame: ClientFrame) -> str | None:
    """What an answer to `frame` bears: its `ref`, else an entry's `id`."""
    if frame.ref is not None:
        return frame.ref
    return frame.id if frame.kind == "entry" else None


def read_since(frame: ClientFrame) -> int:
    """The version of the bus's wire from which on `frame` is read, with all that stands in it."""
    # Also a field that says null: a frame goes on as it came.
    if frame.type == "chat" and "reply_to" in frame.model_fields_set:
        return 2
    return frame.since
