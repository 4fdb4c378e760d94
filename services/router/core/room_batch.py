"""One batch of one room: what it changes and says so far, and what the frames that step.py handles have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.router.core import presence
from services.router.core.changes import Changes
from services.router.core.entries import (
    Entry,
    Stored,
    StoredChange,
    of_today,
    stored,
    stored_change,
    whose_text,
    without_text,
)
from services.router.core.events import Answered, Event, Noticed, Said
from services.router.core.needs import Older
from services.router.core.refusals import refusal
from services.router.core.room import Member, Room, Rules, Subscription
from shared.protocol.bus import Post, Submit
from shared.protocol.client import Role
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import is_older
from shared.protocol.room_names import is_private
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
        if self.changes.membership_changed or self.changes.first is not None:
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
        barred = self.barred(to.user)
        if barred is not None:
            self.refuse(to, barred, ref, answers)
        return barred is None

    def barred(self, user: User) -> ErrorCode | None:
        """Why `user` has no business here; None for a member. Who is not in a private room is told what is told of a
        room that is not there."""
        room = self.room
        if user.id in room.members:
            return None
        return ErrorCode.NOT_JOINED if room.exists and not is_private(room.name) else ErrorCode.NO_SUCH_ROOM

    def put_message(self, message: Stored) -> None:
        """A message that was stored before is as it is here from now on."""
        self.room.replace(message)
        self.changes.changed[message.seq] = message

    def new_message(
        self,
        sender: User,
        id: str,
        kind: str,
        content: str,
        reply_to: int | None = None,
        thread: int | None = None,
        mentions: tuple[str, ...] = (),
    ) -> Stored:
        """The room's next entry."""
        room = self.room
        room.seq += 1
        message = stored(
            room.name, room.seq, sender.id, sender.name, id, kind, content, self.now_ms, reply_to, None, False, (),
            None, thread, None, mentions,
        )  # fmt: skip
        room.remember(message)
        self.changes.messages.append(message)
        return message

    def new_change(
        self,
        sender: User,
        id: str,
        kind: str,
        value: str,
        of: int = 0,
        text: str | None = None,
        mentions: tuple[str, ...] = (),
    ) -> StoredChange:
        """Likewise."""
        room = self.room
        room.seq += 1
        change = stored_change(
            room.name, room.seq, sender.id, sender.name, id, kind, value, self.now_ms, of, text, mentions
        )  # fmt: skip
        room.remember(change)
        self.changes.changes.append(change)
        return change

    def allows(
        self, rule: Callable[..., None], by: Submit | Post, ref: str | None, settle: str | None, *more: Any
    ) -> bool:
        """Whether `rule` (rules.py) lets this member do it; else it is refused."""
        try:
            rule(self.room, self.room.members[by.user.id], *more)
        except Refused as why:
            self.refuse(by, why.code, ref, settle, text=why.text)
            return False
        return True

    def sent_before(self, user_id: str, id: str) -> Entry | None:
        """What this user has sent under `id`, as it is now: what was looked up may have been changed since by this
        batch."""
        entry = self.room.find(user_id, id) or self.older.by_key.get((user_id, id))
        return None if entry is None else self.as_now(entry)

    def as_now(self, entry: Entry) -> Entry:
        """`entry`, which was looked up or read, with what it bears of a message as that is now."""
        seq = whose_text(entry)
        if seq is not None and seq < self.room.first <= entry.seq:
            return without_text(self.room.name, entry)  # type: ignore[arg-type]
        message = None if seq is None else self.known(seq)
        if message is None or type(entry) is Stored:
            return message or entry
        return of_today(self.room.name, entry, message)  # type: ignore[arg-type]

    def message(self, seq: int) -> Stored | None:
        """The message `seq`, which is to be changed or answered. Only what was stored before this batch can have been
        seen."""
        if seq > self.changes.seq_before:
            return None
        return self.known(seq)

    def known(self, seq: int) -> Stored | None:
        """Likewise, whenever it was stored, if it is kept."""
        if seq < self.room.first:
            return None
        return self.changes.changed.get(seq) or self.room.message(seq) or self.older.by_seq.get(seq)

    def say(self, by: Submit | Post, entry: Entry, ref: str | None, settle: str | None) -> None:
        """A new entry: everyone in the room hears it, and its sender, wherever that is."""
        room = self.room
        subscribed = by.session is not None and room.subscriptions.get(by.session, None) is not None
        apart = by.session is not None and (not subscribed or ref is not None or settle is not None)
        self.events.append(Said(room.audience, entry, by.session if apart else None))
        if apart:
            self.own_copy(by, entry, ref, settle)

    def say_again(
        self, by: Submit | Post, entry: Entry, same: bool, ref: str | None, settle: str | None, redelivered: bool
    ) -> None:
        """`by` has sent `entry` before, or something else under its id."""
        self.changes.requires_version_check = True
        if not same:
            self.refuse(by, ErrorCode.ID_REUSED, ref or entry.id, settle)
            return
        if redelivered and entry.seq >= self.room.first:
            # Its first handler may have died between the commit and the deliveries. Who has it drops it by its seq;
            # the sender's session gets its own copy, and no second one.
            self.events.append(Said(self.room.audience, entry, skip=by.session))
        self.own_copy(by, entry, ref, settle)

    def own_copy(self, by: Submit | Post, entry: Entry, ref: str | None, settle: str | None) -> None:
        if by.address and by.session:
            self.events.append(Answered(by, ref or entry.id, entry, settle=settle))

    def person(self, id: str) -> User:
        """Raises `Refused`: `no_such_user`."""
        member = self.room.members.get(id)
        name = member.name if member is not None else self.older.people.get(id)
        if name is None:
            raise Refused(ErrorCode.NO_SUCH_USER, "There is nobody of this id here.")
        return User(id=id, name=name)

    def set_rules(self, rules: Rules) -> None:
        self.room.rules = self.changes.rules = rules

    def admit(self, user: User, role: Role | None = None) -> None:
        """Makes `user` a member, under the present name; one that is there already keeps its role."""
        member = self.room.members.get(user.id)
        if member is None:
            self.put_member(user.id, Member(user.name, self.room.seq, role))
        elif member.name != user.name:
            self.put_member(user.id, replace(member, name=user.name))

    def put_member(self, user_id: str, member: Member) -> None:
        self.changes.members_gone.discard(user_id)  # the row of a former membership is overwritten
        self.changes.read_marks.pop(user_id, None)  # and this one says what the mark would
        self.room.members[user_id] = self.changes.members[user_id] = member

    def drop_member(self, user_id: str) -> bool:
        """Ends the membership; False: there was none."""
        if self.room.members.pop(user_id, None) is None:
            return False
        self.changes.members.pop(user_id, None)
        self.changes.members_gone.add(user_id)
        self.changes.read_marks.pop(user_id, None)
        return True

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
