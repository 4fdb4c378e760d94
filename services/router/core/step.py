"""What each frame does to a room. One batch of one room at a time, in the order in which it arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from services.router.core import pages, presence
from services.router.core.audience import one
from services.router.core.changes import Changes, CrowdDue, Deep, Gone, Item, JoinPage
from services.router.core.events import Answered, Informed, Listing, Noticed, Resumed, Said, Told
from services.router.core.fold import Changing
from services.router.core.needs import NOTHING, Older
from services.router.core.refusals import TEXT, not_coined
from services.router.core.room import Room
from services.router.core.room_batch import RoomBatch
from shared.protocol.bus import (
    Access,
    AccessWanted,
    Post,
    Retell,
    Rewound,
    Submit,
    Subscribed,
    Takeover,
    Unsubscribe,
    Unsubscribed,
)
from shared.protocol.client import Chat, Delete, Edit, History, Join, Leave, Pin, React, Read, Resume, Typing
from shared.protocol.codec import pack
from shared.protocol.errors import ErrorCode
from shared.protocol.names import coined
from shared.protocol.server import JOIN_ONLINE, HistoryPage, Joined, JoinedRoom, Left, RefusedRoom, RoomError

J = TypeVar("J", bound=JoinedRoom)


def step(
    room: Room, items: Sequence[Item], now_ms: int, answer_bytes: int = pages.ANSWER_BYTES, older: Older = NOTHING
) -> Changes:
    """Changes `room` in place and says what to write and to tell. When the write is refused, `room` is to be thrown
    away, loaded anew, and the batch stepped through again. `answer_bytes`: of the messages that one answer lists.
    `older`: what the batch `needs`."""
    run = _Step(room, now_ms, answer_bytes, older)
    for item in items:
        run.handle(item)
    return run.done()


class _Step(RoomBatch):
    def handle(self, item: Item) -> None:
        message = item.message
        about: object = message
        if type(message) is Submit:  # asking a model for its class costs more than the rest of this line
            about = message.frame
            _FRAMES[type(about)](self, message, about, item)
        else:
            _MESSAGES[type(message)](self, message, item)
        if item.redelivered and isinstance(about, Join | Resume | JoinPage | Leave | Unsubscribe | Takeover | Gone):
            # It may have been written before, and whoever wrote it may have died before it told anybody.
            self.tell_everyone = True

    # ── frames of clients ──

    def join(self, by: Submit, frame: Join, item: Item) -> None:
        room = self.room
        if not room.exists and coined(room.name) != room.name:
            self.refuse(by, ErrorCode.NO_SUCH_ROOM, frame.ref, text=not_coined(room.name))
            return
        shown = pages.opening(room, frame.after, self.answer_bytes)
        if shown is None:
            # The membership begins now: what this connection sends next counts on it.
            self.admit(by.user)
            self.changes.reads.append(Deep(by, frame))
            return
        room.exists = True
        self.enter(by, frame.ref, shown)

    def enter(self, by: Submit, ref: str | None, shown: pages.Shown) -> None:
        frame = self.let_in(by, shown, Joined, ref=ref)
        self.events.append(Answered(by, ref, Listing(frame, shown.entries), subscribed=self.room.seq))

    def resume(self, by: Submit, frame: Resume, item: Item) -> None:
        room, wanted = self.room, item.resumes
        assert wanted is not None
        self.changes.requires_version_check = True
        barred = self.barred(by.user)
        if barred is not None:
            refused = RefusedRoom(room=room.name, error=RoomError(code=barred, text=TEXT[barred]))
            self.changes.resumed.append(Resumed(by, refused))
            return
        share = min(self.answer_bytes, pages.RESUMED_BYTES // (by.among or len(frame.rooms)))
        shown = pages.resuming(room, wanted.after, share)
        answer = self.let_in(by, shown, JoinedRoom)
        subscribed = Subscribed(room=room.name, sessions=[by.session], seq=room.seq)
        self.changes.resumed.append(Resumed(by, answer, shown.entries, subscribed))

    def let_in(self, by: Submit, shown: pages.Shown, kind: type[J], **more: Any) -> J:
        """Subscribes the session; gives what it is told of the room."""
        self.changes.requires_version_check = True
        # Who was subscribed here all along, its join being sent twice, may have heard that it is gone: it hears this,
        # too.
        self.subscribe(by.session, by.user, by.address)
        room, online = self.room, self.room.online_users(JOIN_ONLINE)
        return kind(
            room=room.name,
            seq=room.seq,
            as_of=shown.as_of if shown.as_of < room.seq else None,
            members=room.online,
            online=online,
            messages=[],
            more=shown.more,
            **more,
        )

    def leave(self, by: Submit, frame: Leave, item: Item) -> None:
        room, user = self.room, by.user
        if not room.exists:
            self.refuse(by, ErrorCode.NO_SUCH_ROOM, frame.ref)
            return
        self.changes.requires_version_check = True
        for session, subscription in room.subscriptions_of(user.id):
            self.end_subscription(session)
            self.out_of_room(subscription.address, session, told=session != by.session)
        if room.members.pop(user.id, None) is not None:
            self.changes.members.pop(user.id, None)
            self.changes.members_gone.add(user.id)
            self.changes.read_marks.pop(user.id, None)
        elif item.redelivered:
            self.presence(user, False)
        self.events.append(Answered(by, frame.ref, Left(room=room.name, ref=frame.ref)))

    def out_of_room(self, address: str, session: str, told: bool) -> None:
        """`session` is not in the room any more: so its gateway hears, and where it is `told`, so does its client."""
        self.events.append(Informed(address, Unsubscribed(room=self.room.name, sessions=[session])))
        if told:
            self.events.append(Told(address, session, Left(room=self.room.name)))

    def chat(self, by: Submit, frame: Chat, item: Item) -> None:
        self.append(by, frame.id, "chat", frame.text, item.redelivered, None, frame.reply_to)

    def change_of(self, by: Submit, frame: Changing, item: Item) -> None:
        self.change(by, frame, item.redelivered)

    def history(self, by: Submit, frame: History, item: Item) -> None:
        if not self.is_member(by, frame.ref):
            return
        self.changes.requires_version_check = True
        page = pages.page(self.room, frame, self.answer_bytes)
        if page is None:
            self.changes.reads.append(Deep(by, frame))
            return
        listed = HistoryPage(room=self.room.name, seq=page.as_of, messages=[], more=page.more, ref=frame.ref)
        answer = Listing(listed, page.entries)
        self.events.append(Answered(by, frame.ref, answer))

    def typing(self, by: Submit, frame: Typing, item: Item) -> None:
        if self.is_member(by, frame.ref) and self.room.online <= presence.CROWD and not item.redelivered:
            presence.typing(self.room, self.events, by)

    def read(self, by: Submit, frame: Read, item: Item) -> None:
        if not self.is_member(by, frame.ref):
            return
        self.changes.requires_version_check = True
        room, seq = self.room, min(frame.seq, self.room.seq)
        member = room.members[by.user.id]
        if seq <= member.read_seq:
            return
        member.read_seq = seq
        if by.user.id not in self.changes.members:  # else the member's new row says it already
            self.changes.read_marks[by.user.id] = seq
        presence.has_read(room, self.events, by.user, seq)

    # ── messages of services ──

    def post(self, by: Post, item: Item) -> None:
        self.append(by, by.id, "file", pack(by.file).decode(), item.redelivered, by.id)

    def unsubscribe(self, by: Unsubscribe, item: Item) -> None:
        # A room that is out of date may not know it: then nothing would be written, and nobody would ever end it.
        self.changes.requires_version_check = True
        subscription = self.room.subscriptions.get(by.session)
        if subscription is not None and subscription.address == by.address:
            self.end_subscription(by.session)

    def take_over(self, by: Takeover, item: Item) -> None:
        room = self.room
        self.changes.requires_version_check = True
        if by.after > room.seq:
            # Its gateway was told of `after` only once that was stored, and `room` is compared with its row before this
            # is said: so the store has less than it had. Whoever is subscribed there comes to know the room anew.
            self.events.append(Informed(by.address, Rewound(room=room.name, seq=room.seq)))
            return
        back: list[str] = []
        for holder in by.subscriptions:
            if holder.user.id in room.members:
                self.subscribe(holder.session, holder.user, by.address)
                back.append(holder.session)
            else:
                self.out_of_room(by.address, holder.session, told=True)
        if back:
            # First, so that the gateway lets through what follows.
            self.events.append(Informed(by.address, Subscribed(room=room.name, sessions=back, seq=by.after)))
            to = one(by.address)
            self.events += [Said(to, entry) for entry in pages.missed(room, by.after, self.answer_bytes)]
            self.events.append(Noticed(to, presence.everyone(room)))  # who came and went meanwhile was not told there

    def retell(self, by: Retell, item: Item) -> None:
        self.changes.requires_version_check = True
        presence.retell(self.room, self.events, by.session, by.address)

    def access(self, by: AccessWanted, item: Item) -> None:
        self.changes.requires_version_check = True
        answer = Access(ref=by.ref, exists=self.room.exists, allowed=by.user in self.room.members)
        self.events.append(Informed(by.reply_to, answer))

    def join_page(self, read: JoinPage, item: Item) -> None:
        join = read.by.frame
        assert isinstance(join, Join)
        if self.is_member(read.by, join.ref):  # else the user has left while the page was read
            shown = pages.opening_from(self.room, join.after, read.page, read.as_of, self.answer_bytes)
            self.enter(read.by, join.ref, shown)

    def gone(self, by: Gone, item: Item) -> None:
        self.changes.requires_version_check = True
        self.changes.names_owed = True
        for session in [s for s, subscription in self.room.subscriptions.items() if subscription.address == by.address]:
            self.end_subscription(session)

    def crowd_due(self, by: CrowdDue, item: Item) -> None:
        self.changes.requires_version_check = True
        presence.tell_owed(self.room, self.events, by.names)


_FRAMES: dict[type, Callable[[_Step, Submit, Any, Item], None]] = {
    Join: _Step.join,
    Resume: _Step.resume,
    Leave: _Step.leave,
    Chat: _Step.chat,
    Edit: _Step.change_of,
    Delete: _Step.change_of,
    React: _Step.change_of,
    Pin: _Step.change_of,
    History: _Step.history,
    Typing: _Step.typing,
    Read: _Step.read,
}
_MESSAGES: dict[type, Callable[[_Step, Any, Item], None]] = {
    Post: _Step.post,
    Unsubscribe: _Step.unsubscribe,
    Retell: _Step.retell,
    Takeover: _Step.take_over,
    AccessWanted: _Step.access,
    JoinPage: _Step.join_page,
    Gone: _Step.gone,
    CrowdDue: _Step.crowd_due,
}
