"""One batch of one room: what it changes and says so far, and what the frames that step.py handles have in common."""

from __future__ import annotations

from services.router.core import presence
from services.router.core.changes import Changes
from services.router.core.events import Answered, Event, Noticed, Said
from services.router.core.needs import Older
from services.router.core.refusals import refusal
from services.router.core.room import Member, Room, Stored, Subscription, stored
from shared.protocol.bus import Post, Submit
from shared.protocol.errors import ErrorCode
from shared.protocol.names import is_older
from shared.protocol.server import User


class RoomBatch:
    """See `step`. `tell_everyone`: who is online is told as a whole at the end."""

    def __init__(self, room: Room, now_ms: int, answer_bytes: int, older: Older) -> None:
        self.room, self.now_ms, self.answer_bytes, self.older = room, now_ms, answer_bytes, older
        self.changes = Changes(room.name, room.exists, room.seq, room.version)
        self.events: list[Event] = self.changes.events
        self.tell_everyone = False

    def done(self) -> Changes:
        if self.tell_everyone and self.room.exists:
            self.changes.requires_version_check = self.changes.names_owed = True
            self.events.append(Noticed(self.room.audience, presence.everyone(self.room)))
        if self.changes.membership_changed:
            self.room.version += 1
        self.changes.seq, self.changes.version = self.room.seq, self.room.version
        return self.changes

    def refuse(
        self, to: Submit | Post, code: ErrorCode, ref: str | None, answers: str | None = None, text: str | None = None
    ) -> None:
        # A refusal rests on rows that may have changed since they were read, so it is checked like a write.
        self.changes.requires_version_check = True
        if to.address and to.session:
            self.events.append(Answered(to, ref, refusal(code, ref, text=text), settle=answers))

    def is_member(self, to: Submit | Post, ref: str | None, answers: str | None = None) -> bool:
        if not self.room.exists:
            self.refuse(to, ErrorCode.NO_SUCH_ROOM, ref, answers)
        elif to.user.id not in self.room.members:
            self.refuse(to, ErrorCode.NOT_JOINED, ref, answers)
        else:
            return True
        return False

    def append(
        self, by: Submit | Post, id: str, kind: str, content: str, redelivered: bool, settle: str | None
    ) -> None:
        """Numbers a message, or finds that it has its number already."""
        room, user, ref = self.room, by.user, by.frame.ref if by.type == "submit" else by.ref
        if not self.is_member(by, ref or id, settle):
            return
        subscribed = by.session is not None and room.subscriptions.get(by.session, None) is not None
        message = room.find(user.id, id) or (self.older.get((user.id, id)) if self.older else None)
        if message is not None:
            self.changes.requires_version_check = True
            if (message.kind, message.content) != (kind, content):
                self.refuse(by, ErrorCode.ID_REUSED, ref or id, settle)
                return
            if redelivered:
                # Its first handler may have died between the commit and the deliveries. Who has it drops it by its seq;
                # the sender's session gets its own copy, and no second one.
                self.events.append(Said(room.audience, message, skip=by.session))
            self.own_copy(by, message, ref, settle)
            return
        room.seq += 1
        message = stored(room.name, room.seq, user.id, user.name, id, kind, content, self.now_ms)
        room.remember(message)
        self.changes.messages.append(message)
        apart = by.session is not None and (not subscribed or ref is not None or settle is not None)
        self.events.append(Said(room.audience, message, by.session if apart else None))
        if apart:
            self.own_copy(by, message, ref, settle)

    def own_copy(self, by: Submit | Post, message: Stored, ref: str | None, settle: str | None) -> None:
        if by.address and by.session:
            self.events.append(Answered(by, ref or message.id, message, settle=settle))

    def admit(self, user: User) -> None:
        """Makes `user` a member, under the present name."""
        room = self.room
        member = room.members.get(user.id)
        if member is not None and member.name == user.name:
            return
        self.changes.members_gone.discard(user.id)  # the row of a former membership is overwritten
        self.changes.read_marks.pop(user.id, None)  # and this one says what the mark would
        member = Member(user.name, member.read_seq if member else room.seq)
        room.members[user.id] = self.changes.members[user.id] = member

    def subscribe(self, session: str, user: User, address: str) -> None:
        room = self.room
        self.admit(user)
        subscription, held = Subscription(user.id, address), room.subscriptions.get(session)
        # A router that slept with it in hand may say late what its gateway has said anew since, from its new mailbox.
        if held is not None and (held == subscription or is_older(address, held.address)):
            return
        arrived = not room.is_online(user.id)
        room.subscribe(session, subscription)
        self.changes.subscriptions[session] = subscription
        self.changes.subscriptions_gone.discard(session)
        if arrived:
            self.presence(user, True)

    def end_subscription(self, session: str) -> None:
        subscription = self.room.subscriptions[session]
        left = self.room.unsubscribe(session)
        self.changes.subscriptions.pop(session, None)
        self.changes.subscriptions_gone.add(session)
        member = self.room.members.get(subscription.user_id)
        if left and member is not None:
            self.presence(User(id=subscription.user_id, name=member.name), False)

    def presence(self, user: User, online: bool) -> None:
        self.changes.crowd_changed |= not presence.tell(self.room, self.events, user, online)
