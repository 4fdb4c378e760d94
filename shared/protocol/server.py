"""What a client may receive. docs/protocol.md, "Server → client". Rendered compactly, `type` first, fields that are
unset left out.
"""

# long: every frame that a client may receive stands in one place
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from shared.protocol.client import Frame, Governors, KeepDays, Level, Role
from shared.protocol.errors import ErrorCode

JOIN_ONLINE = 100
JOIN_RECENT = 50


class User(Frame):
    id: str
    name: str


class Person(User):
    """A member of a room. `role` is left out where it is `member`."""

    role: Role | None = None


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
    """`me`: the room of one's own, which is joined as any other and lists what happened to oneself. `keep_days`: for so
    many days rooms keep what is said, where they say nothing else; left out where that is for ever."""

    type: Literal["welcome"] = "welcome"
    user: User
    session: str
    epoch: str
    expires_at: str
    heartbeat_s: float
    limits: Limits
    me: str
    keep_days: KeepDays | None = None


class Reaction(Frame):
    """Everybody who has reacted to a message with `emoji`: user ids, sorted by their bytes."""

    emoji: str
    users: list[str]


class LoggedEntry(Frame):
    """Base of all entries of a room's log, as `joined`, `history` and `rooms` list them: without the `type`, which
    their `kind` implies. `at`: when the entry came to be."""

    model_config = ConfigDict(populate_by_name=True)

    room: str
    seq: int
    id: str
    sender: Annotated[User, Field(alias="from")]
    at: str


class Replies(Frame):
    """How many messages stand under one, those that were deleted among them, and which is the newest."""

    count: int
    last_seq: int
    last_at: str


class LoggedMessage(LoggedEntry):
    """Base of messages, each as it is now. `reply_to`: the message that it answers; `thread`: the one under which it
    stands. `replies`: of those that stand under this one. `reactions`: sorted by their emoji. What says nothing is left
    out."""

    reply_to: int | None = None
    thread: int | None = None
    replies: Replies | None = None
    edited_at: str | None = None
    pinned: bool | None = None
    reactions: list[Reaction] | None = None


class LoggedChat(LoggedMessage):
    """`mentions`: user ids, sorted by their bytes."""

    kind: Literal["chat"] = "chat"
    text: str
    mentions: list[str] | None = None


class LoggedFile(LoggedMessage):
    kind: Literal["file"] = "file"
    file: StoredFile


class LoggedDeleted(LoggedMessage):
    """A message that was deleted: nothing of what it said is left."""

    kind: Literal["deleted"] = "deleted"


class About(Frame):
    """A room that something happened in. `title`: what it was called then."""

    room: str
    title: str | None = None


class LoggedInvited(LoggedMessage):
    """In one's own log: `from` has made one a member of the room."""

    kind: Literal["invited"] = "invited"
    about: About


class LoggedRemoved(LoggedMessage):
    """In one's own log: `from` has ended one's membership."""

    kind: Literal["removed"] = "removed"
    about: About


class AboutMessage(About):
    """The message `of` of a room, under `thread` if it stands in one. `why` it is told: it mentions one; it answers in
    a thread that one began, or has written in; it was said in a direct room."""

    of: int
    thread: int | None = None
    why: Literal["mention", "reply", "direct"]


class LoggedMention(LoggedMessage):
    """In one's own log: `from` has said something to one, or has edited it so."""

    kind: Literal["mention"] = "mention"
    about: AboutMessage


class Device(Frame):
    """What somebody signed in on, and when (`at`): `name` as it calls itself (`User-Agent`), `address` as the server
    sees it."""

    at: str
    name: str | None = None
    address: str | None = None


class LoggedSignedIn(LoggedMessage):
    """In one's own log: one has signed in with the password, on this `device`."""

    kind: Literal["signed_in"] = "signed_in"
    device: Device


class LoggedMember(LoggedEntry):
    """`user` is a member with this `role` from now on; without one, none any more."""

    kind: Literal["member"] = "member"
    user: User
    role: Role | None = None


class Settings(Frame):
    """What holds for a room: see `client.RoomSettings`. An empty `topic`: none; `keep_days` of 0: the deployment's."""

    title: str | None = None
    topic: str | None = None
    posting: Governors | None = None
    invites: Governors | None = None
    keep_days: KeepDays | None = None
    archived: bool | None = None


class LoggedSettings(LoggedEntry, Settings):
    """What was set, alone."""

    kind: Literal["room"] = "room"


class LoggedChange(LoggedEntry):
    """Base of changes to the message with the number `of`."""

    of: int


class LoggedEdit(LoggedChange):
    """`text`, `mentions`: the message's of today, also where a later edit wrote them; left out where it has none any
    more."""

    kind: Literal["edit"] = "edit"
    text: str | None = None
    mentions: list[str] | None = None


class LoggedDelete(LoggedChange):
    kind: Literal["delete"] = "delete"


class LoggedReact(LoggedChange):
    kind: Literal["react"] = "react"
    emoji: str
    on: bool


class LoggedPin(LoggedChange):
    kind: Literal["pin"] = "pin"
    on: bool


class ChatMessage(LoggedChat, ServerBase):
    type: Literal["message"] = "message"


class FileMessage(LoggedFile, ServerBase):
    type: Literal["message"] = "message"


class DeletedMessage(LoggedDeleted, ServerBase):
    type: Literal["message"] = "message"


class InvitedMessage(LoggedInvited, ServerBase):
    type: Literal["message"] = "message"


class RemovedMessage(LoggedRemoved, ServerBase):
    type: Literal["message"] = "message"


class MentionMessage(LoggedMention, ServerBase):
    type: Literal["message"] = "message"


class SignedInMessage(LoggedSignedIn, ServerBase):
    type: Literal["message"] = "message"


class MemberChange(LoggedMember, ServerBase):
    type: Literal["change"] = "change"


class SettingsChange(LoggedSettings, ServerBase):
    type: Literal["change"] = "change"


class EditChange(LoggedEdit, ServerBase):
    type: Literal["change"] = "change"


class DeleteChange(LoggedDelete, ServerBase):
    type: Literal["change"] = "change"


class ReactChange(LoggedReact, ServerBase):
    type: Literal["change"] = "change"


class PinChange(LoggedPin, ServerBase):
    type: Literal["change"] = "change"


AnyMessage = LoggedChat | LoggedFile | LoggedDeleted | LoggedInvited | LoggedRemoved | LoggedMention | LoggedSignedIn
AnyChange = LoggedEdit | LoggedDelete | LoggedReact | LoggedPin | LoggedMember | LoggedSettings
Logged = Annotated[AnyMessage, Field(discriminator="kind")]
LoggedAny = Annotated[AnyMessage | AnyChange, Field(discriminator="kind")]


class JoinedRoom(Settings):
    """What is told of a room to who is subscribed from now on. `seq`: of the newest entry; `first`: of the oldest that
    is kept, left out where it is 1. `messages`: the entries after the `after` that was asked for, or without it the
    last messages. They hold all changes up to `as_of`, which is left out where it is `seq`.

    `role`: one's own, left out where it is `member`. `private`: only its members know of the room, and `people` are all
    of them, whether online or not. What holds for the room (`Settings`), its people and one's role are as of `seq`."""

    room: str
    seq: int
    first: int | None = None
    as_of: int | None = None
    members: int
    online: list[User]
    role: Role | None = None
    private: bool | None = None
    people: list[Person] | None = None
    messages: list[LoggedAny]
    more: bool


class Joined(JoinedRoom, ServerBase):
    type: Literal["joined"] = "joined"


class RoomError(Frame):
    code: ErrorCode
    text: str


class RefusedRoom(Frame):
    room: str
    error: RoomError


class Resumed(ServerBase):
    """Of some of the rooms that were asked for, or of all."""

    type: Literal["resumed"] = "resumed"
    rooms: list[JoinedRoom | RefusedRoom]


class Left(ServerBase):
    """`by`: who has ended one's membership, if that was not oneself."""

    type: Literal["left"] = "left"
    room: str
    by: User | None = None


class RoomSummary(Frame):
    """`seq` of the newest entry, `read_seq` how far this user has read, `unread` how many messages of others follow
    that and are not deleted, `mentions` how many of those mention one (both counted to 100), `notify` of what one is
    alerted, left out where it is `all`, `members` how many are online. `last` the newest message; where the list
    has no room for it, `last_at` says when it came. `role`: one's own, left out where it is `member`. `with`: the other
    people of a direct room."""

    model_config = ConfigDict(populate_by_name=True)

    room: str
    title: str | None = None
    private: bool | None = None
    with_: Annotated[list[User] | None, Field(alias="with")] = None
    role: Role | None = None
    archived: bool | None = None
    seq: int
    read_seq: int
    unread: int
    mentions: int | None = None
    notify: Level | None = None
    members: int
    last: Logged | None = None
    last_at: str | None = None


class RoomList(ServerBase):
    type: Literal["rooms"] = "rooms"
    rooms: list[RoomSummary]


class PeopleList(ServerBase):
    type: Literal["people"] = "people"
    people: list[User]


class HistoryPage(ServerBase):
    """`messages`: with `before` messages alone, with `after` all entries. They hold all changes up to `seq`, the newest
    entry when they were read. `first`: of the oldest that is kept, left out where it is 1."""

    type: Literal["history"] = "history"
    room: str
    seq: int
    first: int | None = None
    messages: list[LoggedAny]
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


class NotifyLevel(ServerBase):
    """Of what in the room one is alerted from now on, on all devices."""

    type: Literal["notify"] = "notify"
    room: str
    level: Level


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
    | Resumed
    | Left
    | RoomList
    | PeopleList
    | ChatMessage
    | FileMessage
    | DeletedMessage
    | InvitedMessage
    | RemovedMessage
    | MentionMessage
    | SignedInMessage
    | MemberChange
    | SettingsChange
    | EditChange
    | DeleteChange
    | ReactChange
    | PinChange
    | HistoryPage
    | Presence
    | TypingNotice
    | ReadMark
    | NotifyLevel
    | Pong
    | Reconnect
    | Error
)
SERVER_FRAME: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)


def error(code: ErrorCode, text: str, ref: str | None = None, retry_after_ms: int | None = None) -> Error:
    """The error frame for `code`; whether a retry can help follows from the table."""
    return Error(code=code, text=text, ref=ref, retryable=code.retryable, retry_after_ms=retry_after_ms)
