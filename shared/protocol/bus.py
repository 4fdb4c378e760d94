# long: what the services say to one another stands in one place
"""What the services say to one another. The envelope, the head of an AMQP message's body, holds a batch of these.

    gateway ──Submit, Unsubscribe, Retell, Takeover, Beat──► frames.<shard> ──► router ──Tick──► frames.<shard>
    router  ──Subscribed, Unsubscribed, Removed, Rewound, Lapsed, Fanout, Direct, Acknowledged──► the gateway's mailbox
    gateway ──Submit(File)──► work.files ──Post──► frames.<shard>
    files   ──AccessWanted──► frames.<shard> ──Access──► the asker's mailbox
    router  ──FileGone──► work.files
    accounts ──SignedIn──► work.own_logs ──► router
    accounts ──Revoked──► every mailbox;  RevocationsWanted ──► work.accounts ──Revocations──► the asker's mailbox

An *address* names one life of one mailbox. A gateway whose queue is declared anew (the broker restarted, the connection
was cut) has a new address, so that what is said of the old one cannot hit the new.
A *subscription* is one session that gets what one room says; the router alone gives them out.

Processes of two versions may meet on the bus while a cluster is upgraded, so the wire keeps its first words (`seated`,
`seats`, `handled`, `n` …), as aliases, where the code has better ones by now. A router gives up a whole body for one
frame in it that it cannot read; so routers say with all that they send which version of the wire they speak (`named`),
and gateways keep from them what is newer. What services want written in own logs goes to a queue of its own, which
routers from before it do not read: there it waits for one that does.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from shared.protocol.client import ClientFrame, Frame
from shared.protocol.names import MessageId, Room, Seq, UserId
from shared.protocol.room_names import own_room
from shared.protocol.server import Device, StoredFile, User

BODY_BYTES: Final = 8 << 20
"""The largest body. No setting: who sends one must know that it finds room with everybody. RabbitMQ 4 itself refuses
what is over 16 MiB (`max_message_size`; before, 128 MiB), and ends the channel."""
ITEM_BYTES: Final = BODY_BYTES // 2
"""The largest message in a body, with its payload; and what a batch gathers, at most. So a body, which is a batch or
one item, and its head stay under `BODY_BYTES`."""

WIRE: Final = 4
"""The version of the wire that is spoken here: it counts up whenever a frame of clients, or a field of one, is new
(`ClientBase.since`). 2: `edit`, `delete`, `react`, `pin`, and a chat's `reply_to`. 3: rooms of some (`create`,
`direct`, `invite`, `remove`, `role`, `settings`, and all that names one), `people`, `resume`. 4: `notify`, and
`thread` and `mentions`."""


def named(source: str) -> str:
    """`source`, the name of a router, as it stands in the head of its bodies: with the version that it speaks."""
    return f"{source}+{WIRE}"


def spoken(source: str) -> int:
    """Which version the router speaks whose bodies bear this `source`. Those of the first did not say it."""
    _, plus, version = source.rpartition("+")
    return int(version) if plus and version.isascii() and version.isdecimal() else 1


class Submit(Frame):
    """A client's frame, forwarded: who sent it (verified), on which session, held by which gateway. `question`: under
    which number the gateway waits for an answer, for frames that have one. `among`: of a part of a `resume`, how many
    rooms all of it has."""

    type: Literal["submit"] = "submit"
    address: str
    session: str
    user: User
    frame: ClientFrame
    question: int | None = None
    among: int | None = None


class Unsubscribe(Frame):
    """A session of `address` is gone from `room` (its connection closed). The membership stays."""

    type: Literal["unseat"] = "unseat"
    address: str
    room: Room
    session: str


class Holder(Frame):
    """A session and whose it is."""

    session: str
    user: User


class Retell(Frame):
    """Notices for `session`, which reads slowly, were dropped; now it has room to hear how things stand in `room`."""

    type: Literal["retell"] = "retell"
    address: str
    room: Room
    session: str


class Takeover(Frame):
    """A gateway's new mailbox takes over these subscriptions and wants what `room` got after `after`. `resume` on the
    bus, from before clients had a frame of that name."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["resume"] = "resume"
    address: str
    room: Room
    after: Seq
    subscriptions: list[Holder] = Field(alias="seats")


class Beat(Frame):
    """The mailbox `address` is alive. Sent to every shard, at least every 5 s."""

    type: Literal["beat"] = "beat"
    address: str


class Tick(Frame):
    """A router's own beat on a shard: whoever owns the shard looks for silent gateways when it passes."""

    type: Literal["tick"] = "tick"


class Post(Frame):
    """The bytes of a file are stored: append its message. `session`, `address`, `ref` are there when it came over a
    WebSocket.
    """

    type: Literal["post"] = "post"
    room: Room
    user: User
    id: MessageId
    file: StoredFile
    session: str | None = None
    address: str | None = None
    ref: str | None = None


class AccessWanted(Frame):
    """May `user` read `room`? The answer goes to `reply_to` and bears `ref`."""

    type: Literal["access_wanted"] = "access_wanted"
    room: Room
    user: UserId
    reply_to: str
    ref: str


class Access(Frame):
    """`exists`: somebody has named the room. `allowed`: the user is a member."""

    type: Literal["access"] = "access"
    ref: str
    exists: bool
    allowed: bool


class FileGone(Frame):
    """The message of this file was deleted, so its bytes go, too. Said once the deletion is stored, and perhaps again:
    also when the file is gone, or is not yet known to be posted."""

    type: Literal["file_gone"] = "file_gone"
    file: str


class SignedIn(Frame):
    """`user` has signed in with the password: an entry of their own log. Perhaps said again, under the same `id`."""

    type: Literal["signed_in"] = "signed_in"
    user: User
    id: str
    device: Device

    @property
    def room(self) -> str:
        return own_room(self.user.id)


class Subscribed(Frame):
    """These sessions are subscribed to `room` from now on, and have everything up to `seq`, or are being sent it."""

    type: Literal["seated"] = "seated"
    room: str
    sessions: list[str]
    seq: int


class Unsubscribed(Frame):
    """These sessions are no longer subscribed to `room`."""

    type: Literal["unseated"] = "unseated"
    room: str
    sessions: list[str]


class Removed(Frame):
    """`user` is no member of `room` any more, since `by` has said so: none of their sessions is subscribed."""

    type: Literal["removed"] = "removed"
    room: str
    user: UserId
    by: User


class Rewound(Frame):
    """The receiver had more of `room` (`Takeover.after`) than the log holds, which ends at `seq`: the message store
    went back, and what follows `seq` is given out anew."""

    type: Literal["rewound"] = "rewound"
    room: str
    seq: int


class Lapsed(Frame):
    """The receiver was silent for so long that its subscriptions have ended: it has to resume them."""

    type: Literal["lapsed"] = "lapsed"


class Fanout(Frame):
    """Frames for everyone who is subscribed to `room`. `sizes`: bytes of each, in the body's payload. `first`: the
    `seq` of the first of these messages, which count on from there; None for what may be dropped (presence, typing,
    read marks). `skip`: a session that gets a copy of its own."""

    type: Literal["fanout"] = "fanout"
    room: str
    first: int | None = None
    sizes: list[int]
    skip: str | None = None


class Direct(Frame):
    """Frames for one session. `answers`: the `id` of the client's `file` frame that is hereby settled, `question`: the
    number of the question (`Submit`) that is; where it is a `resume`, for these `rooms`, or for all. `notice`: they
    are notices of this room, and may be dropped."""

    type: Literal["direct"] = "direct"
    session: str
    sizes: list[int]
    answers: str | None = None
    question: int | None = None
    rooms: list[str] | None = None
    notice: str | None = None


class Acknowledged(Frame):
    """A cumulative acknowledgement: all envelopes of the receiver up to its `sequence` that went to the work queue
    `queue` have been handled."""

    model_config = ConfigDict(populate_by_name=True)

    type: Literal["handled"] = "handled"
    queue: str
    sequence: int = Field(alias="n")


class Revoked(Frame):
    """This token is refused from now on; `expires_at` (Unix seconds) is when it need no longer be remembered."""

    type: Literal["revoked"] = "revoked"
    token_id: str
    expires_at: int


class RevocationsWanted(Frame):
    """Which tokens are revoked and not yet expired?"""

    type: Literal["revocations_wanted"] = "revocations_wanted"
    reply_to: str


class Revocations(Frame):
    type: Literal["revocations"] = "revocations"
    tokens: list[Revoked]


BusMessage = Annotated[
    Submit
    | Unsubscribe
    | Retell
    | Takeover
    | Beat
    | Tick
    | Post
    | AccessWanted
    | Access
    | FileGone
    | SignedIn
    | Subscribed
    | Unsubscribed
    | Removed
    | Rewound
    | Lapsed
    | Fanout
    | Direct
    | Acknowledged
    | Revoked
    | RevocationsWanted
    | Revocations,
    Field(discriminator="type"),
]


class Envelope(Frame):
    """The head of one body. `source` and `sequence` number what one sender sends to one mailbox (1, 2, 3 …): a jump
    tells the receiver that something was lost. What a gateway sends to one shard it numbers, too, with its address as
    `source`: that is where `Acknowledged` goes. `epoch` names the life of the message store; only routers know it."""

    source: str
    sequence: int = Field(default=0, alias="n")
    epoch: str | None = None
    messages: list[BusMessage]
