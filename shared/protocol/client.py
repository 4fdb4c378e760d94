"""What a client may send. docs/protocol.md, "Client → server". Unknown types and fields are refused; numbers are not
guessed from strings.

Each frame declares what becomes of it (`ClientBase`); gateways and routers go by that. So a new frame is added here,
and where something new is to be done for it: `make lint` and tests/unit/test_every_frame.py say where.
"""

# long: every frame that a client may send stands in one place
from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from shared.protocol.names import NAME_CHARS, Emoji, FileName, MessageId, Ref, Room, Seq, Text, Title, Topic, UserId
from shared.protocol.room_names import direct_room, is_private, private_room

HISTORY_LIMIT = 200
RESUME_LIMIT = 500
INVITED_AT_ONCE = 50
DIRECT_OTHERS = 8
PEOPLE_LIMIT = 20
MENTIONS_OF_A_MESSAGE = 50
KEEP_DAYS = 36_500
MADE_SINCE = 3
"""From that version of the bus's wire on there are rooms whose names the server makes."""
Role = Literal["owner", "moderator", "member"]
Governors = Literal["members", "moderators"]
"""Who may do something in a room: every member, or only who moderates it, its owners among them."""
Level = Literal["all", "mentions", "none"]
"""Of what happens in a room one is alerted: of all messages, of those that mention one, or of none."""
KeepDays = Annotated[int, Field(ge=0, le=KEEP_DAYS)]
"""For how many days messages are kept; 0: nothing is said of it here."""


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


class Create(ClientBase):
    """A private room under a name that the server makes (`room_names.private_room`), with its sender as the owner and
    these users as members. It is answered with `joined`."""

    type: Literal["create"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    id: MessageId
    title: Title
    topic: Topic | None = None
    users: Annotated[list[UserId], Field(max_length=INVITED_AT_ONCE)] = []


class DirectRoom(ClientBase):
    """The room of exactly these users and the sender, made where it is not there yet; of the sender alone: a room for
    notes. It is answered with `joined`."""

    type: Literal["direct"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    id: MessageId
    users: Annotated[list[UserId], Field(min_length=1, max_length=DIRECT_OTHERS)]


class Invite(ClientBase):
    """Makes `user` a member of the room."""

    type: Literal["invite"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    room: Room
    id: MessageId
    user: UserId


class Remove(ClientBase):
    """Ends the membership of `user`, who hears nothing more of the room."""

    type: Literal["remove"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    room: Room
    id: MessageId
    user: UserId


class GiveRole(ClientBase):
    """An owner alone may."""

    type: Literal["role"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    room: Room
    id: MessageId
    user: UserId
    role: Role


class RoomSettings(ClientBase):
    """What is left out stays as it is. `posting`: who may write. `invites`: who may invite. `keep_days`: what is older
    is removed; 0: as the deployment says. `archived`: nobody may write or invite."""

    type: Literal["settings"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 3
    room: Room
    id: MessageId
    title: Title | None = None
    topic: Topic | None = None
    posting: Governors | None = None
    invites: Governors | None = None
    keep_days: KeepDays | None = None
    archived: bool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        said = (self.title, self.topic, self.posting, self.invites, self.keep_days, self.archived)
        if all(value is None for value in said):
            raise ValueError("it sets nothing")
        return self


class FindPeople(ClientBase):
    """Whose names begin so, in small or large letters."""

    type: Literal["people"]
    scope: ClassVar[Literal["person"]] = "person"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = True
    since: ClassVar[int] = 3
    q: Annotated[str, Field(min_length=1, max_length=NAME_CHARS)]


Mentions = Annotated[list[UserId], Field(max_length=MENTIONS_OF_A_MESSAGE)]
"""Whom a text calls. It counts for members of the room."""


class Chat(ClientBase):
    """`reply_to`: the number of the message that it quotes. `thread`: of the one under which it stands; that one stands
    under none."""

    type: Literal["chat"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 1
    room: Room
    id: MessageId
    text: Text
    reply_to: Seq | None = None
    thread: Seq | None = None
    mentions: Mentions | None = None


class Edit(ClientBase):
    """`of`: the number of the message. Its author alone may; a file has no text to edit. The message mentions
    `mentions` from now on, and nobody else."""

    type: Literal["edit"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["entry"]] = "entry"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 2
    room: Room
    id: MessageId
    of: Seq
    text: Text
    mentions: Mentions | None = None


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
    """`thread`: the messages under this one alone."""

    type: Literal["history"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = True
    since: ClassVar[int] = 1
    room: Room
    before: Seq | None = None
    after: Seq | None = None
    thread: Seq | None = None
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


class SetNotify(ClientBase):
    """Of what in the room its sender is alerted, on whatever device."""

    type: Literal["notify"]
    scope: ClassVar[Literal["room"]] = "room"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = False
    since: ClassVar[int] = 4
    room: Room
    level: Level


class Ping(ClientBase):
    type: Literal["ping"]
    scope: ClassVar[Literal["connection"]] = "connection"
    kind: ClassVar[Literal["question"]] = "question"
    read_only: ClassVar[bool] = True
    since: ClassVar[int] = 1


Made = Create | DirectRoom
"""What names no room: its room follows from who sent it, and what."""
Governing = Invite | Remove | GiveRole | RoomSettings
ForwardedFrame = (
    Join
    | Resume
    | Leave
    | Rooms
    | FindPeople
    | Made
    | Governing
    | Chat
    | File
    | Edit
    | Delete
    | React
    | Pin
    | History
    | Typing
    | Read
    | SetNotify
)
"""What a gateway does not answer itself: every scope but "connection"."""
ClientFrame = Annotated[Auth | Ping | ForwardedFrame, Field(discriminator="type")]
CLIENT_FRAME: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)


def answer_ref(frame: ClientFrame) -> str | None:
    """What an answer to `frame` bears: its `ref`, else an entry's `id`."""
    if frame.ref is not None:
        return frame.ref
    return frame.id if frame.kind == "entry" else None


def room_of(frame: ClientFrame, user_id: str) -> str:
    """The room that a frame about a room is about, when this user sends it."""
    if frame.type == "create":
        return private_room(user_id, frame.id)
    if frame.type == "direct":
        return direct_room([user_id, *frame.users])
    return frame.room  # type: ignore[union-attr]


def read_since(frame: ClientFrame) -> int:
    """The version of the bus's wire from which on `frame` is read, with all that stands in it."""
    # Also a field that says null: a frame goes on as it came.
    since = max((_FIELDS_SINCE.get(field, 1) for field in frame.model_fields_set), default=1)
    made = MADE_SINCE if is_private(getattr(frame, "room", "")) else 1
    return max(frame.since, since, made)


_FIELDS_SINCE: Final = {"reply_to": 2, "thread": 4, "mentions": 4, "keep_days": 4}
"""Fields that are younger than their frames."""
