"""What a client tells whoever uses it."""
# long: all that it may tell, and what that is about, stands in one place

from __future__ import annotations

from typing import Any, Final, NamedTuple

from shared.protocol.errors import ErrorCode

JsonFrame = dict[str, Any]
"""A frame of docs/protocol.md as JSON reads it."""


Reactions = tuple[tuple[str, tuple[str, ...]], ...]
"""Emoji, each with the ids of the users who set it. Both are sorted: they are sets."""


class Person(NamedTuple):
    """A user. `role`: in a room; None: no member of it, or no room is meant."""

    id: str
    name: str
    role: str | None = "member"


class About(NamedTuple):
    """A room that something happened in to oneself, and what it was called then. Of a `mention` also the message `of`
    of that room, the root of the `thread` in which it stands, if any, and `why` one is told: `mention` (it calls one),
    `reply` (in a thread that one has begun or written in), `direct` (in a direct room)."""

    room: str
    title: str = ""
    of: int | None = None
    thread: int | None = None
    why: str = ""

    @classmethod
    def read(cls, about: JsonFrame) -> About:
        return cls(
            about["room"], about.get("title", ""), about.get("of"), about.get("thread"), about.get("why", "")
        )  # fmt: skip


class Device(NamedTuple):
    """What one has signed in on: `name` as it calls itself (`User-Agent`), and the `address` of it, empty where nobody
    says so; `at`: when, RFC 3339."""

    at: str
    name: str = ""
    address: str = ""

    @classmethod
    def read(cls, device: JsonFrame) -> Device:
        return cls(device["at"], device.get("name", ""), device.get("address", ""))


class Replies(NamedTuple):
    """`total`: how many messages stand under one, those that were deleted among them; and which is the newest, said
    when."""

    total: int
    last_seq: int
    last_at: str


class Message(NamedTuple):
    """A `message` frame, or one that a list holds. `kind`: `chat`, `file` or `deleted`, in one's own log `invited`,
    `removed`, `mention` or `signed_in`; `text` of a chat, else ""; `file`: the fields of a file, else None; `at`,
    `edited_at`: RFC 3339; `reply_to`: the `seq` of the message that it answers; `about`: what it tells of, in one's own
    log; `thread`: the `seq` of its root, the message under which it stands; `replies`: of those that stand under this
    one, None: there is none; `mentions`: the ids of the users whom it calls, sorted; `device`: of a `signed_in`, what
    one has signed in on."""

    room: str
    seq: int
    id: str
    kind: str
    sender_id: str
    sender_name: str
    at: str
    text: str
    file: JsonFrame | None
    reply_to: int | None = None
    edited_at: str | None = None
    pinned: bool = False
    reactions: Reactions = ()
    about: About | None = None
    thread: int | None = None
    replies: Replies | None = None
    mentions: tuple[str, ...] = ()
    device: Device | None = None

    @classmethod
    def of(cls, frame: JsonFrame) -> Message:
        sender, reactions, about = frame["from"], frame.get("reactions") or (), frame.get("about")
        replies, device = frame.get("replies"), frame.get("device")
        return cls(
            frame["room"], frame["seq"], frame["id"], frame["kind"], sender["id"], sender["name"], frame["at"],
            frame.get("text", ""), frame.get("file"), frame.get("reply_to"), frame.get("edited_at"),
            frame.get("pinned", False), tuple((r["emoji"], tuple(r["users"])) for r in reactions),
            None if about is None else About.read(about), frame.get("thread"),
            None if replies is None else Replies(replies["count"], replies["last_seq"], replies["last_at"]),
            tuple(frame.get("mentions") or ()),
            None if device is None else Device.read(device),
        )  # fmt: skip


class Change(NamedTuple):
    """A `change` frame, or one that a list holds: what happened to the message with the number `of`. `kind`: `edit`,
    `delete`, `react` or `pin`. `text`: of an edit, None where the message has been deleted meanwhile; `mentions`: of an
    edit, whom the message calls from then on; `emoji`, `on`: of a reaction; `on`: of a pin."""

    room: str
    seq: int
    id: str
    kind: str
    sender_id: str
    sender_name: str
    at: str
    of: int
    text: str | None = None
    emoji: str = ""
    on: bool = False
    mentions: tuple[str, ...] = ()

    @classmethod
    def read(cls, frame: JsonFrame) -> Change:
        sender = frame["from"]
        return cls(
            frame["room"], frame["seq"], frame["id"], frame["kind"], sender["id"], sender["name"], frame["at"],
            frame.get("of", 0), frame.get("text"), frame.get("emoji", ""), frame.get("on", False),
            tuple(frame.get("mentions") or ()),
        )  # fmt: skip


class RoomChange(NamedTuple):
    """A `change` of the room itself. `kind`: `member` (`user` is one in this role from now on, or is none any more) or
    `room` (`settings`: what was set)."""

    room: str
    seq: int
    id: str
    kind: str
    sender_id: str
    sender_name: str
    at: str
    settings: JsonFrame
    user: Person | None = None

    @classmethod
    def read(cls, frame: JsonFrame) -> RoomChange:
        sender, user = frame["from"], frame.get("user")
        return cls(
            frame["room"], frame["seq"], frame["id"], frame["kind"], sender["id"], sender["name"], frame["at"],
            {name: frame[name] for name in SETTINGS if name in frame},
            None if user is None else Person(user["id"], user["name"], frame.get("role")),
        )  # fmt: skip


Entry = Message | Change | RoomChange
"""What a room's log consists of: each has the room's next `seq`."""
MESSAGES: Final = ("chat", "file", "deleted", "invited", "removed", "mention", "signed_in")
SETTINGS: Final = ("title", "topic", "posting", "invites", "keep_days", "archived")


def entry_of(frame: JsonFrame) -> Entry:
    """A frame, or what a list holds: what is no message is a change, also one that only a newer server knows."""
    match frame["kind"]:
        case kind if kind in MESSAGES:
            return Message.of(frame)
        case "member" | "room":
            return RoomChange.read(frame)
    return Change.read(frame)


class Standing(NamedTuple):
    """How a room stands as of the entry `as_of`. `posting`, `invites`: who may, `members` or `moderators`. `keep_days`:
    for how long it keeps what is said; 0: as the deployment says. `me`: one's
    own user id; `role`: one's own. `people`: all members of a private room by id, None of a public one. To change it is
    `core.standing`'s."""

    as_of: int
    me: str
    title: str = ""
    topic: str = ""
    posting: str = "members"
    invites: str = "members"
    keep_days: int = 0
    archived: bool = False
    role: str | None = "member"
    people: dict[str, Person] | None = None


class Page(NamedTuple):
    """A page of history, oldest first: asked for with `before` messages alone, with `after` all entries, changes among
    them. Its messages hold all changes up to `seq`. `more`: there are others in the direction that was asked for.
    `first`: the number of the oldest entry that is kept."""

    entries: list[Entry]
    seq: int
    more: bool
    first: int = 1

    @property
    def messages(self) -> list[Message]:
        return [entry for entry in self.entries if isinstance(entry, Message)]

    @property
    def changes(self) -> list[Change | RoomChange]:
        return [entry for entry in self.entries if not isinstance(entry, Message)]


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
    """A message of a joined room. All entries of a room, these and `Changed` and `RoomChanged`, come each once, in the
    order of `seq`, and without a gap but what `Skipped` and `Expired` name, and but for changes that the first messages
    of all hold already. In one's own log: one was invited somewhere, removed or called (`mention`), or has
    signed in somewhere (`signed_in`).
    `root`: the message under which it stands, as it is with this one counted; None where it stands under none, or that
    one is not held here."""

    message: Message
    root: Message | None = None


class Changed(NamedTuple):
    """A message of a joined room was changed. `message`: as it is now, None where it is not held here."""

    room: str
    change: Change
    message: Message | None


class RoomChanged(NamedTuple):
    """A joined room was changed itself: who is in it, in which role, or what holds there. `standing`: how it stands
    then, or later."""

    room: str
    change: RoomChange
    standing: Standing | None


class Skipped(NamedTuple):
    """After an absence in which more happened than `catch_up`, the room starts anew at its newest messages: what was
    held is let go, and those of them that had not come yet arrive next. The numbers from `first` to `last` do not
    arrive by themselves (`history` has them; none, where `last` is below `first`); nor do the changes after them up to
    `through`, which the room's messages hold now."""

    room: str
    first: int
    last: int
    through: int


class Expired(NamedTuple):
    """The server keeps nothing of the room before the number `first` any more. What was held of that is let go, and
    what had not come does not arrive."""

    room: str
    first: int


class Acknowledged(NamedTuple):
    """The server has stored what was written here under `entry.id`."""

    entry: Entry


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


class AlertedOf(NamedTuple):
    """Of what in the room one is alerted from now on, on all devices: `all`, `mentions` or `none`."""

    room: str
    level: str


class Left(NamedTuple):
    """The membership has ended: by us, on another connection of this user, or while we were away; or `by` somebody who
    has removed us. The room is not known any more, and not joined anew."""

    room: str
    by: Person | None = None


class EpochChanged(NamedTuple):
    """The message store was restored: what was known of rooms is dropped, and they start anew, as after `WentBack`."""

    epoch: str


class WentBack(NamedTuple):
    """The message store has less of the room than it had, or another entry under some number: what was known of it is
    dropped, and it starts anew. Messages that are not acknowledged are sent to the store that is there now; changes
    end, since what they were of may be another message there."""

    room: str


class Notice(NamedTuple):
    """An error that answers nothing in particular."""

    code: str
    text: str


Event = (
    Connected | Lost | Arrived | Changed | RoomChanged | Skipped | Expired | Acknowledged | NotSent | CaughtUp
    | PresenceChanged | Typing | ReadUpTo | AlertedOf | Left | EpochChanged | WentBack | Notice
)  # fmt: skip
