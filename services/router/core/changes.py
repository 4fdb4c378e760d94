"""What a batch does to one room: the rows to write, on which condition, and what is then to be said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from pydantic import SkipValidation

from services.router.core.entries import Entry, Stored, StoredChange
from services.router.core.events import Event, Resumed
from services.router.core.room import Member, Rules, Subscription
from shared.protocol.bus import AccessWanted, BusMessage, Post, Removed, SignedIn, Submit
from shared.protocol.client import Create, DirectRoom, Frame, History, Join, RoomAfter, room_of
from shared.protocol.room_names import own_room
from shared.protocol.server import User


class Gone(Frame):
    """Said by the router to itself: nobody listens at `address` any more; end its subscriptions in `room`."""

    room: str
    address: str


class CrowdDue(Frame):
    """Said by the router to itself: it is time to tell how many there are in this room, or who (`names`)."""

    room: str
    names: bool = False


class Expire(Frame):
    """Said by the router to itself: what stands before `first` in this room has been kept for long enough, by the
    room's `keep_days` as it was then. `files`: those among it."""

    room: str
    first: int
    keep_days: int
    files: list[str]


class DeepPage(Frame):
    """Said by the router to itself: what `by`, a `history` or who enters a room, lists from further back than memory
    has been read. The page holds all changes up to `as_of`; what has happened since is for the step to see. `more`:
    there are others in the direction that was asked for."""

    by: Submit
    page: SkipValidation[list[Entry]]
    as_of: int
    more: bool = False

    @property
    def room(self) -> str:
        return room_of(self.by.frame, self.by.user.id)


class Notify(Frame):
    """Said by the router to itself: something happened to the user `to`, which is an entry of their own log. Perhaps
    said again, under the same `id`. `content`: as it is stored, JSON."""

    to: User
    sender: User
    id: str
    kind: Literal["invited", "removed", "mention"]
    content: str

    @property
    def room(self) -> str:
        return own_room(self.to.id)


class Deep(NamedTuple):
    """`frame`, which `by` brought, lists messages from further back than memory."""

    by: Submit
    frame: History | Join | Create | DirectRoom


class Item(NamedTuple):
    """One bus message to be handled. `redelivered`: another router may have handled it already. `resumes`: of a
    `resume` the room that it is about; each of its rooms is an item."""

    message: BusMessage | Gone | CrowdDue | Expire | DeepPage | Notify
    redelivered: bool = False
    resumes: RoomAfter | None = None

    @property
    def room(self) -> str:
        """The room that it is about."""
        if self.resumes is not None:
            return self.resumes.room
        message = self.message
        if type(message) is Submit:
            return room_of(message.frame, message.user.id)
        return message.room  # type: ignore[union-attr]

    @property
    def idempotency_key(self) -> tuple[str, str] | None:
        """The (sender, id) of an entry to be stored."""
        match self.message:
            case Submit(user=user, frame=frame) if frame.kind == "entry":
                return user.id, frame.id
            case Post(user=user, id=id):
                return user.id, id
            case Notify(sender=sender, id=id):
                return sender.id, id
            case SignedIn(user=user, id=id):
                return user.id, id
        return None

    @property
    def asked_by(self) -> Submit | None:
        """The client's frame that this is, or comes of."""
        match self.message:
            case Submit() as submit:
                return submit
            case DeepPage(by=submit):
                return submit
        return None

    @property
    def is_read_only(self) -> bool:
        """Whether nothing is lost when it goes unanswered but for a refusal."""
        match self.message:
            case Submit(frame=frame) | DeepPage(by=Submit(frame=frame)):
                return frame.read_only
            case AccessWanted():
                return True
        return False


@dataclass(slots=True)
class Changes:
    """What a batch wants of `room`, and what came of it. The rows are written only if the room's row still has
    `seq_before` and `version_before`; only after that are `resumed`, and then `events`, told, and read, beside the
    batch, what `reads` list from the store. `messages` and `changes` are new entries; `changed` are messages that were
    stored before, by their `seq`, as they are now; `mentions` says of a message (`seq`) and a member, not its sender,
    whether it mentions them from now on; `files_gone` the files whose messages were deleted, `notices` what
    people are to find in their own logs, `gone_everywhere` what every gateway is to hear; `rules` what holds from now
    on, `first` where the log begins from now on. No row is named twice: a user is in one of `members`, `members_gone`,
    `read_marks` at most, a session in one of `subscriptions`, `subscriptions_gone`.
    `names_owed`: two routers may have spoken of the room side by side, the one of who came and the other of who went;
    nothing orders their words, so who is there is to be told once more, later."""

    room: str
    existed: bool
    seq_before: int
    version_before: int
    seq: int = 0
    version: int = 0
    messages: list[Stored] = field(default_factory=list)
    changes: list[StoredChange] = field(default_factory=list)
    changed: dict[int, Stored] = field(default_factory=dict)
    mentions: dict[tuple[int, str], bool] = field(default_factory=dict)
    files_gone: list[str] = field(default_factory=list)
    notices: list[Notify] = field(default_factory=list)
    gone_everywhere: list[Removed] = field(default_factory=list)
    rules: Rules | None = None
    first: int | None = None
    members: dict[str, Member] = field(default_factory=dict)
    members_gone: set[str] = field(default_factory=set)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    subscriptions_gone: set[str] = field(default_factory=set)
    read_marks: dict[str, int] = field(default_factory=dict)
    resumed: list[Resumed] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    reads: list[Deep] = field(default_factory=list)
    crowd_changed: bool = False
    names_owed: bool = False
    requires_version_check: bool = False

    @property
    def membership_changed(self) -> bool:
        return bool(self.members or self.members_gone or self.subscriptions or self.subscriptions_gone)

    @property
    def writes(self) -> bool:
        written = self.messages or self.changes or self.read_marks or self.first is not None
        return bool(written) or self.membership_changed
