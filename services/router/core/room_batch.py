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
    digest_of,
    of_today,
    stored,
    stored_change,
    whose_text,
)
from services.router.core.events import Answered, Event, Noticed, Said
from services.router.core.fold import Changing, answered, changed, value_of
from services.router.core.needs import Older
from services.router.core.notices import tell_of_mentions, tell_of_message
from services.router.core.refusals import refusal
from services.router.core.room import Member, Room, Rules, Subscription
from services.router.core.rules import is_plain, moderates, require_open, require_posting
from shared.protocol.bus import Post, Submit
from shared.protocol.client import Role
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import is_older
from shared.protocol.room_names import is_direct, is_private
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

    def append(
        self,
        by: Submit | Post,
        id: str,
        kind: str,
        content: str,
        redelivered: bool,
        settle: str | None,
        reply_to: int | None = None,
        thread: int | None = None,
        mentions: tuple[str, ...] = (),
    ) -> None:
        """Numbers a message, or finds that it has its number already."""
        user, ref = by.user, by.frame.ref if by.type == "submit" else by.ref
        if not self.is_member(by, ref or id, settle):
            return
        entry = self.sent_before(user.id, id)
        if entry is not None:
            same = type(entry) is Stored and _is(entry, kind, content, reply_to, thread, mentions)
            if same and redelivered:  # whoever has stored it may have died before it told anybody
                tell_of_message(self, entry)  # type: ignore[arg-type]
            self.say_again(by, entry, same, ref, settle, redelivered)
            return
        # Where nothing was set every member writes: asked first, once for each message.
        if not is_plain(self.room) and not self.allows(require_posting, by, ref or id, settle):
            return
        if reply_to is not None and self.message(reply_to) is None:
            self.refuse(by, ErrorCode.NO_SUCH_MESSAGE, ref or id, settle)
            return
        if thread is not None and not self._may_hang(by, thread, ref or id, settle):
            return
        message = self.new_message(user, id, kind, content, reply_to, thread, mentions)
        if thread is not None or mentions or is_direct(self.room.name):
            self._call(message)
        self.say(by, message, ref, settle)

    def _may_hang(self, by: Submit | Post, thread: int, ref: str, settle: str | None) -> bool:
        """Whether a message may stand under `thread`; else it is refused."""
        root = self.message(thread)
        if root is None:
            self.refuse(by, ErrorCode.NO_SUCH_MESSAGE, ref, settle)
        elif root.thread is not None:
            text = "That message stands in a thread itself. Answer in its thread."
            self.refuse(by, ErrorCode.FORBIDDEN, ref, settle, text=text)
        return root is not None and root.thread is None

    def _call(self, message: Stored) -> None:
        """What a new message does beyond its room's log: to the one under which it stands, and to whom it calls."""
        root = None if message.thread is None else self.known(message.thread)
        if root is not None:
            self._put(answered(self.room.name, root, message))
        self._count_mentions(message.seq, message.sender_id, (), message.mentions)
        tell_of_message(self, message)

    def _count_mentions(self, seq: int, sender_id: str, before: tuple[str, ...], now: tuple[str, ...]) -> None:
        """Who is mentioned by a message counts it as unread for themselves, as long as they are."""
        self.changes.mentions |= {(seq, user): False for user in before if user not in now}
        called = {(seq, user): True for user in now if user in self.room.members and user != sender_id}
        self.changes.mentions |= called

    def _put(self, message: Stored) -> None:
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
            room.name, room.seq, sender.id, sender.name, id, kind, content, self.now_ms, reply_to, thread=thread,
            mentions=mentions,
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

    def change(self, by: Submit, frame: Changing, redelivered: bool) -> None:
        """Numbers a change, with its message as it is after it; or finds that it has its number already."""
        room, user = self.room, by.user
        known_by = frame.ref or frame.id
        entry = self.sent_before(user.id, frame.id)
        if redelivered and type(entry) is StoredChange and entry.kind == "delete" and entry.value:
            # Also where its author has left since: the bytes go all the same.
            self.changes.requires_version_check = True
            self.changes.files_gone.append(entry.value)
        if not self.is_member(by, known_by):
            return
        if entry is not None:
            same = type(entry) is StoredChange and _is_change(entry, frame)
            if same and redelivered and frame.type == "edit" and (of := self.known(frame.of)) is not None:
                tell_of_mentions(self, of)
            self.say_again(by, entry, same, frame.ref, None, redelivered)
            return
        target = self.message(frame.of)
        if target is None or target.kind == "deleted":
            self.refuse(by, ErrorCode.NO_SUCH_MESSAGE, known_by)
            return
        try:
            require_open(room)
            message = changed(room.name, target, frame, user.id, self.now_ms, moderates(room.members[user.id]))
        except Refused as why:
            self.refuse(by, why.code, known_by, text=why.text)
            return
        value, text = value_of(frame, target), message.content if message.kind == "chat" else None
        self._put(message)
        change = self.new_change(user, frame.id, frame.type, value, frame.of, text, message.mentions)
        if message.mentions != target.mentions:
            self._count_mentions(message.seq, message.sender_id, target.mentions, message.mentions)
            tell_of_mentions(self, message)
        if frame.type == "delete" and value:
            self.changes.files_gone.append(value)
        self.say(by, change, frame.ref, None)

    def sent_before(self, user_id: str, id: str) -> Entry | None:
        """What this user has sent under `id`, as it is now: what was looked up may have been changed since by this
        batch."""
        entry = self.room.find(user_id, id) or self.older.by_key.get((user_id, id))
        return None if entry is None else self.as_now(entry)

    def as_now(self, entry: Entry) -> Entry:
        """`entry`, which was looked up or read, with what it bears of a message as that is now."""
        seq = whose_text(entry)
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
        """Likewise, whenever it was stored."""
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
        if redelivered:
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


def _is(
    message: Stored, kind: str, content: str, reply_to: int | None, thread: int | None, mentions: tuple[str, ...]
) -> bool:
    """Whether the message is what was sent so, whatever has become of it since."""
    if (message.reply_to, message.thread) != (reply_to, thread):
        return False
    if message.digest is not None:
        return message.digest == digest_of(kind, content, mentions)
    return (message.kind, message.content, message.mentions) == (kind, content, mentions)


def _is_change(change: StoredChange, frame: Changing) -> bool:
    """Likewise; what the deletion of a file bears follows from its message."""
    if (change.kind, change.of) != (frame.type, frame.of):
        return False
    return frame.type == "delete" or change.value == value_of(frame)
