"""What each frame does to a room. One batch of one room at a time, in the order in which it arrived."""

# long: what each frame does is found in one place

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from services.router.core import governing, messages, own_log, pages, presence
from services.router.core.audience import one
from services.router.core.changes import Changes, CrowdDue, Deep, DeepPage, Expire, Gone, Item, Notify
from services.router.core.entrance import after_of, come_back, come_in, enter, known_by
from services.router.core.events import Answered, Informed, Listing, Noticed, Said, Told
from services.router.core.fold import Changing, named
from services.router.core.needs import NOTHING, Older
from services.router.core.refusals import not_coined
from services.router.core.room import Room
from services.router.core.room_batch import RoomBatch
from services.router.core.rules import require_removing
from shared.protocol.bus import (
    Access,
    AccessWanted,
    Post,
    Retell,
    Rewound,
    SignedIn,
    Submit,
    Subscribed,
    Takeover,
    Unsubscribe,
    Unsubscribed,
)
from shared.protocol.client import (
    Chat,
    Create,
    Delete,
    DirectRoom,
    Edit,
    GiveRole,
    Governing,
    History,
    Invite,
    Join,
    Leave,
    Made,
    Pin,
    React,
    Read,
    Remove,
    Resume,
    RoomSettings,
    SetNotify,
    Typing,
)
from shared.protocol.codec import pack
from shared.protocol.errors import ErrorCode
from shared.protocol.names import coined
from shared.protocol.room_names import is_private, own_room
from shared.protocol.server import HistoryPage, Left, NotifyLevel


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
        if item.redelivered and isinstance(about, _MOVES):
            # It may have been written before, and whoever wrote it may have died before it told anybody.
            self.tell_everyone = True

    # ── frames of clients ──

    def join(self, by: Submit, frame: Join, item: Item) -> None:
        room = self.room
        if is_private(room.name):
            if room.name != own_room(by.user.id) and not self.is_member(by, frame.ref):
                return
        elif not room.exists and coined(room.name) != room.name:
            self.refuse(by, ErrorCode.NO_SUCH_ROOM, frame.ref, text=not_coined(room.name))
            return
        # Who brings a public room into being sees to it.
        self.admit(by.user, None if room.exists or is_private(room.name) else "owner")
        room.exists = True
        come_in(self, by, frame)

    def resume(self, by: Submit, frame: Resume, item: Item) -> None:
        assert item.resumes is not None
        come_back(self, by, frame, item.resumes.after)

    def leave(self, by: Submit, frame: Leave, item: Item) -> None:
        room, user = self.room, by.user
        private, member = is_private(room.name), room.members.get(user.id)
        if room.exists and member is None and item.redelivered:
            # Whoever has ended the membership may have died before a gateway heard of it.
            governing.tell_everywhere(self, user, user)
        if not room.exists or (private and member is None):
            self.refuse(by, ErrorCode.NO_SUCH_ROOM, frame.ref)
            return
        if member is not None and not self.allows(require_removing, by, frame.ref, None, member):
            return
        self.changes.requires_version_check = True
        for session, subscription in room.subscriptions_of(user.id):
            self.end_subscription(session)
            self.out_of_room(subscription.address, session, told=session != by.session)
        if self.drop_member(user.id) and private:
            self.events.append(Said(room.audience, governing.left(self, user)))
        elif item.redelivered:
            self.presence(user, False)
        self.events.append(Answered(by, frame.ref, Left(room=room.name, ref=frame.ref)))

    def out_of_room(self, address: str, session: str, told: bool) -> None:
        """`session` is not in the room any more: so its gateway hears, and where it is `told`, so does its client."""
        self.events.append(Informed(address, Unsubscribed(room=self.room.name, sessions=[session])))
        if told:
            self.events.append(Told(address, session, Left(room=self.room.name)))

    def chat(self, by: Submit, frame: Chat, item: Item) -> None:
        mentions = named(frame.mentions) if frame.mentions else ()
        messages.append(
            self, by, frame.id, "chat", frame.text, item.redelivered, None, frame.reply_to, frame.thread, mentions
        )  # fmt: skip

    def make(self, by: Submit, frame: Made, item: Item) -> None:
        governing.make(self, by, frame, item)

    def govern(self, by: Submit, frame: Governing, item: Item) -> None:
        governing.govern(self, by, frame, item)

    def change_of(self, by: Submit, frame: Changing, item: Item) -> None:
        messages.change(self, by, frame, item.redelivered)

    def history(self, by: Submit, frame: History, item: Item) -> None:
        if not self.is_member(by, frame.ref):
            return
        self.changes.requires_version_check = True
        page = pages.page(self.room, frame, self.answer_bytes)
        if page is None:
            self.changes.reads.append(Deep(by, frame))
            return
        self.show(by, frame.ref, page)

    def show(self, by: Submit, ref: str | None, page: pages.Shown) -> None:
        room = self.room
        first = room.first if room.first > 1 else None
        listed = HistoryPage(room=room.name, seq=page.as_of, first=first, messages=[], more=page.more, ref=ref)
        self.events.append(Answered(by, ref, Listing(listed, page.entries)))

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

    def set_notify(self, by: Submit, frame: SetNotify, item: Item) -> None:
        if not self.is_member(by, frame.ref):
            return
        self.changes.requires_version_check = True
        room, member = self.room, self.room.members[by.user.id]
        level = None if frame.level == "all" else frame.level
        if member.notify != level:
            self.put_member(by.user.id, replace(member, notify=level))
        said = NotifyLevel(room=room.name, level=frame.level)
        for session, held in room.subscriptions_of(by.user.id):
            if session != by.session:
                self.events.append(Told(held.address, session, said))
        self.events.append(Answered(by, frame.ref, said.model_copy(update={"ref": frame.ref})))

    # ── messages of services ──

    def post(self, by: Post, item: Item) -> None:
        messages.append(self, by, by.id, "file", pack(by.file).decode(), item.redelivered, by.id)

    def notify(self, by: Notify, item: Item) -> None:
        own_log.write(self, by.to, by.sender, by.id, by.kind, by.content)

    def signed_in(self, by: SignedIn, item: Item) -> None:
        own_log.write(self, by.user, by.user, by.id, "signed_in", pack(by.device).decode())

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
        allowed = by.user in self.room.members
        known = self.room.exists and (allowed or not is_private(self.room.name))
        answer = Access(ref=by.ref, exists=known, allowed=allowed)
        self.events.append(Informed(by.reply_to, answer))

    def deep_page(self, read: DeepPage, item: Item) -> None:
        by, frame = read.by, read.by.frame
        assert isinstance(frame, Join | Made | History)
        if not self.is_member(by, known_by(frame)):  # the user has gone while the page was read
            return
        self.changes.requires_version_check = True
        if read.page and read.page[0].seq < self.room.first:  # some of it has gone while it was read
            self.changes.reads.append(Deep(by, frame))
            return
        page = [self.as_now(entry) for entry in read.page]
        if frame.type == "history":
            shown = pages.page_from(page, read.more, read.as_of, frame.after, self.answer_bytes)
            if frame.after is None and shown.entries and shown.entries[0].seq == self.room.first:
                shown = shown._replace(more=False)  # the log has begun there since it was read
            self.show(by, frame.ref, shown)
        else:
            shown = pages.opening_from(self.room, after_of(frame), page, read.as_of, self.answer_bytes)
            enter(self, by, known_by(frame), shown)

    def gone(self, by: Gone, item: Item) -> None:
        self.changes.requires_version_check = True
        self.changes.names_owed = True
        for session in [s for s, subscription in self.room.subscriptions.items() if subscription.address == by.address]:
            self.end_subscription(session)

    def expire(self, by: Expire, item: Item) -> None:
        room = self.room
        self.changes.requires_version_check = True
        # Where it is to be kept for another time by now, it is looked at anew.
        if room.exists and room.rules.keep_days == by.keep_days and room.first < by.first <= room.seq + 1:
            room.begin_at(by.first)
            self.changes.first = by.first
            self.changes.files_gone += by.files

    def crowd_due(self, by: CrowdDue, item: Item) -> None:
        self.changes.requires_version_check = True
        presence.tell_owed(self.room, self.events, by.names)


_MOVES = (Join, Resume, DeepPage, Create, DirectRoom, Leave, Remove, Unsubscribe, Takeover, Gone)
"""What changes who is online."""
_FRAMES: dict[type, Callable[[_Step, Submit, Any, Item], None]] = {
    Join: _Step.join,
    Resume: _Step.resume,
    Leave: _Step.leave,
    Create: _Step.make,
    DirectRoom: _Step.make,
    Invite: _Step.govern,
    Remove: _Step.govern,
    GiveRole: _Step.govern,
    RoomSettings: _Step.govern,
    Chat: _Step.chat,
    Edit: _Step.change_of,
    Delete: _Step.change_of,
    React: _Step.change_of,
    Pin: _Step.change_of,
    History: _Step.history,
    Typing: _Step.typing,
    Read: _Step.read,
    SetNotify: _Step.set_notify,
}
_MESSAGES: dict[type, Callable[[_Step, Any, Item], None]] = {
    Post: _Step.post,
    Notify: _Step.notify,
    SignedIn: _Step.signed_in,
    Unsubscribe: _Step.unsubscribe,
    Retell: _Step.retell,
    Takeover: _Step.take_over,
    AccessWanted: _Step.access,
    DeepPage: _Step.deep_page,
    Gone: _Step.gone,
    CrowdDue: _Step.crowd_due,
    Expire: _Step.expire,
}
