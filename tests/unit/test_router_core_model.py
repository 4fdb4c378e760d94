"""The core against a naive model of a room, under random frames, redeliveries and changes of owner."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from services.router.core.changes import Changes, Expire, Gone, Item
from services.router.core.entries import Entry, Stored, StoredChange, of_today, without_text
from services.router.core.needs import NOTHING, Needs, Older, needs
from services.router.core.room import RECENT, Room, Subscription
from services.router.core.step import step
from shared.protocol.bus import Holder, Submit, Takeover, Unsubscribe
from shared.protocol.client import Chat, Delete, Edit, Join, Leave, Pin, React, Read, Resume
from tests.contract.routing import (
    NOW_MS,
    Audience,
    chat,
    delete,
    edit,
    expire,
    join,
    leave,
    pin,
    react,
    read,
    resume,
    rows_of,
    unsubscribe,
    user,
)

ADDRESSES = ["mailbox.g1", "mailbox.g2", "mailbox.g3"]
USERS = [user(number) for number in range(6)]
SESSIONS = [
    (who, f"{who.id}.{number}", ADDRESSES[(int(who.id[1:]) + number) % 3]) for who in USERS for number in range(2)
]


@dataclass
class Message:
    """`text`: None once it is deleted. `reactions`: emoji → users. `thread`: its root. `replies`: the numbers of those
    that stand under it."""

    author: str
    text: str | None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    pinned: bool = False
    thread: int | None = None
    replies: list[int] = field(default_factory=list)
    mentions: set[str] = field(default_factory=set)

    def change(self, by: str, frame: Edit | Delete | React | Pin, moderates: bool) -> bool:
        """False: that is not theirs to do."""
        if by != self.author and (isinstance(frame, Edit) or (isinstance(frame, Delete) and not moderates)):
            return False
        match frame:
            case Edit(text=text, mentions=mentions):
                self.text, self.mentions = text, set(mentions or ())
            case Delete():
                self.text, self.reactions, self.pinned, self.mentions = None, {}, False, set()
            case React(emoji=emoji, on=on):
                users = [user for user in self.reactions.get(emoji, []) if user != by or on]
                self.reactions[emoji] = users + ([by] if on and by not in users else [])
                self.reactions = {each: sorted(who) for each, who in self.reactions.items() if who}
            case Pin(on=on):
                self.pinned = on
        return True


@dataclass
class Model:
    """docs/protocol.md's room, as plainly as it can be said."""

    log: list[tuple[str, str, str]] = field(default_factory=list)
    """(sender, id, what was sent) of each entry."""
    messages: dict[int, Message] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    subscriptions: dict[str, tuple[str, str]] = field(default_factory=dict)
    named: bool = False
    first: int = 1
    """What stands before it is not kept any more."""
    owner: str | None = None
    """Whoever has brought the room into being, and has not left since."""
    called: set[tuple[int, str]] = field(default_factory=set)
    """Which messages count as mentions for whom."""
    stored: int = 0
    """How far the log was stored before the present batch: only that can be changed."""

    def apply(self, item: Item) -> None:
        match item.message:
            case Submit(frame=Join(), session=session, user=by, address=address):
                if not self.named:
                    self.owner = by.id
                self.named = True
                self.members.setdefault(by.id, len(self.log))
                self.subscriptions[session] = (by.id, address)
            case Submit(frame=Resume(), session=session, user=by, address=address) if by.id in self.members:
                self.subscriptions[session] = (by.id, address)
            case Submit(frame=Leave(), user=by):
                if self.owner == by.id:
                    self.owner = None
                self.members.pop(by.id, None)
                self.subscriptions = {
                    s: subscription for s, subscription in self.subscriptions.items() if subscription[0] != by.id
                }
            case Submit(frame=Chat(id=id, text=text, thread=thread, mentions=called), user=by) if self.may_add(
                by.id, id
            ):
                root = None if thread is None or thread < self.first else self.messages.get(thread)
                if thread is not None and (thread > self.stored or root is None or root.thread is not None):
                    return
                self.log.append((by.id, id, text))
                mentions = set(called or ())
                self.messages[len(self.log)] = Message(by.id, text, thread=thread, mentions=mentions)
                self.count_mentions(len(self.log), by.id, set(), mentions)
                if root is not None:
                    root.replies.append(len(self.log))
            case Submit(frame=Edit() | Delete() | React() | Pin() as frame, user=by) if self.may_add(by.id, frame.id):
                message = self.messages.get(frame.of)
                if not self.first <= frame.of <= self.stored or message is None or message.text is None:
                    return
                before = message.mentions
                if message.change(by.id, frame, by.id == self.owner):
                    self.count_mentions(frame.of, message.author, before, message.mentions)
                    self.log.append((by.id, frame.id, f"{frame.type} {frame.of}"))
            case Submit(frame=Read(seq=seq), user=by) if by.id in self.members:
                self.members[by.id] = max(self.members[by.id], min(seq, len(self.log)))
            case Expire(first=first) if self.named and self.first < first <= len(self.log) + 1:
                self.first = first
            case Unsubscribe(session=session, address=address):
                if self.subscriptions.get(session, ("", ""))[1] == address:
                    del self.subscriptions[session]
            case Gone(address=address):
                self.subscriptions = {
                    s: subscription for s, subscription in self.subscriptions.items() if subscription[1] != address
                }
            case Takeover(subscriptions=holders, address=address):
                for holder in holders:
                    if holder.user.id in self.members:
                        self.subscriptions[holder.session] = (holder.user.id, address)

    def count_mentions(self, seq: int, author: str, before: set[str], now: set[str]) -> None:
        """For those who were members when they were called, as long as they are called."""
        self.called -= {(seq, user) for user in before - now}
        self.called |= {(seq, user) for user in now - before if user in self.members and user != author}

    def may_add(self, user_id: str, id: str) -> bool:
        return user_id in self.members and not any(entry[:2] == (user_id, id) for entry in self.log)

    @property
    def online(self) -> set[str]:
        return {user_id for user_id, _ in self.subscriptions.values()}


class Rows:
    """What a database would hold, written as `Changes` ask and in no other way."""

    def __init__(self) -> None:
        self.room = Room("r")
        self.entries: list[Entry] = []
        self.mentions: set[tuple[int, str]] = set()

    def find(self, need: Needs | None) -> Older:
        if need is None:
            return NOTHING
        by_key = {key: entry for entry in self.entries if (key := (entry.sender_id, entry.id)) in need.keys}
        messages = [self.entries[seq - 1] for seq in need.seqs]
        return Older(by_key, {message.seq: message for message in messages if isinstance(message, Stored)})

    def commit(self, changes: Changes) -> None:
        room = self.room
        assert (changes.existed, changes.seq_before, changes.version_before) == (room.exists, room.seq, room.version)
        if not changes.writes:
            return
        new: list[Entry] = [*changes.messages, *changes.changes]
        new.sort(key=lambda entry: entry.seq)
        assert [entry.seq for entry in new] == list(range(room.seq + 1, changes.seq + 1))
        assert all(seq <= room.seq for seq in changes.changed)
        assert not set(changes.members) & (changes.members_gone | set(changes.read_marks))
        assert not set(changes.subscriptions) & changes.subscriptions_gone
        room.exists, room.seq, room.version = True, changes.seq, changes.version
        room.first = changes.first or room.first
        for message in changes.changed.values():
            self.entries[message.seq - 1] = message
        self.entries += new
        for called, now in changes.mentions.items():
            (self.mentions.add if now else self.mentions.discard)(called)
        for entry in self.entries:
            if isinstance(entry, StoredChange) and entry.kind == "edit":
                of = self.entries[entry.of - 1]
                assert isinstance(of, Stored)
                self.entries[entry.seq - 1] = of_today("r", entry, of)
        for user_id, member in changes.members.items():
            room.members[user_id] = replace(member)
        for user_id in changes.members_gone:
            room.members.pop(user_id, None)
        for user_id, seq in changes.read_marks.items():
            room.members[user_id].read_seq = max(room.members[user_id].read_seq, seq)
        for session, subscription in changes.subscriptions.items():
            room.subscriptions[session] = subscription
        for session in changes.subscriptions_gone:
            room.subscriptions.pop(session, None)

    def load(self) -> Room:
        """The room as another router finds it."""
        rows = self.room
        members = {u: replace(m) for u, m in rows.members.items()}
        newest = deque(entry for entry in self.entries[-RECENT:] if entry.seq >= rows.first)
        for n, entry in enumerate(newest):
            if isinstance(entry, StoredChange) and entry.of < rows.first:
                newest[n] = without_text("r", entry)
        return Room(
            "r", rows.exists, rows.seq, rows.version, rows.rules, members, dict(rows.subscriptions), newest,
            first=rows.first,
        )  # fmt: skip

    def sends_back(self, items: list[Item]) -> bool:
        """Whether something is stored already that memory does not know any more, now or within the batch."""
        first = max([self.room.first, *(item.message.first for item in items if isinstance(item.message, Expire))])
        gone = {(entry.sender_id, entry.id) for entry in self.entries if entry.seq < first}
        return any(item.idempotency_key in gone for item in items)


class Client:
    """What one session makes of what it hears."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.online: set[str] | None = None

    def take(self, frames: list[dict[str, Any]]) -> None:
        for frame in frames:
            match frame["type"]:
                case "resumed" if "error" not in frame["rooms"][0]:
                    self.take([frame["rooms"][0] | {"type": "joined"}])
                case "joined":
                    first = frame["messages"][0]["seq"] if frame["messages"] else frame["seq"]
                    self.seen = list(range(first, frame["seq"] + 1))  # the changes among them are in the messages
                    self.online = {u["id"] for u in frame["online"]}
                case "left":
                    self.online = None
                case "message" | "change" if self.online is not None and frame["seq"] > max(self.seen, default=0):
                    self.seen.append(frame["seq"])
                case "presence" if self.online is not None and "present" in frame:
                    self.online = {u["id"] for u in frame["present"]}
                case "presence" if self.online is not None:
                    (self.online.add if frame["online"] else self.online.discard)(frame["user"]["id"])


def draw(rng: random.Random, log: int) -> Item:
    who, session, address = rng.choice(SESSIONS)
    kinds = {
        "chat": 10, "join": 4, "resume": 3, "leave": 1, "unseat": 2, "read": 3, "gone": 0.3, "takeover": 0.5, "edit": 3,
        "delete": 1, "react": 4, "pin": 1, "expire": 0.3,
    }  # fmt: skip
    kind = rng.choices([*kinds], [*kinds.values()])[0]
    of, change_id = rng.randint(max(0, log - RECENT - 20), log + 2), f"id{rng.randint(61, 999)}"
    match kind:
        case "edit":
            called = rng.sample(USERS, rng.choice([0, 0, 1, 2]))
            return edit("r", who, change_id, of, rng.choice(["three", "four"]), session, called)
        case "delete":
            return delete("r", who, change_id, of, session)
        case "react":
            return react("r", who, change_id, of, rng.choice("👍👎🎉"), rng.random() < 0.7, session)
        case "pin":
            return pin("r", who, change_id, of, rng.random() < 0.7, session)
        case "chat":
            id = f"id{rng.randint(0, 60)}"
            thread, called = rng.choice([None, None, of, 1]), rng.sample(USERS, rng.choice([0, 0, 0, 1, 2]))
            return chat(
                "r", who, id, rng.choice(["one", "two"]), session, rng.choice([None, "ref"]), thread=thread,
                mentions=called,
            )  # fmt: skip
        case "join":
            return join("r", who, session, address)
        case "resume":
            return resume({"r": log}, who, session, address)[0]
        case "leave":
            return leave("r", who, session, address)
        case "unseat":
            return unsubscribe("r", session, rng.choice([address, "mailbox.old"]))
        case "read":
            return read("r", who, rng.randint(0, log + 3))
        case "expire":
            return expire("r", rng.randint(max(0, log - 30), log + 2))
        case "gone":
            return Item(Gone(room="r", address=address))
        case _:
            held = [Holder(session=s, user=u) for u, s, a in SESSIONS if a == address]
            subscriptions = rng.sample(held, rng.randint(1, len(held)))
            return Item(Takeover(address=address, room="r", after=log, subscriptions=subscriptions))


def cut_off(items: list[Item], session: str, address: str) -> bool:
    """Whether the session's connection ended in this batch and did not join anew after it."""
    ended = False
    for item in items:
        match item.message:
            case Unsubscribe(session=s, address=a) if (s, a) == (session, address):
                ended = True
            case Gone(address=a) if a == address:
                ended = True
            case Submit(frame=Join() | Resume(), session=s) if s == session:
                ended = False
    return ended


def is_as(message: Stored, model: Message) -> bool:
    text = None if message.kind == "deleted" else message.content
    reactions = {emoji: list(users) for emoji, users in message.reactions}
    replies = message.replies
    newest = (replies.total, replies.last_seq) if replies else (0, 0)
    if newest != (len(model.replies), max(model.replies, default=0)):
        return False
    it = Message(
        message.sender_id, text, reactions, message.pinned, message.thread, model.replies, set(message.mentions)
    )
    return it == model


@pytest.mark.parametrize("draw_number", range(20))
def test_under_random_frames_the_room_is_what_the_model_says(seed: int, draw_number: int) -> None:
    print(f"seed: {seed}.{draw_number}")
    rng = random.Random(f"{seed}.{draw_number}")
    room, rows, model, audience = Room("r"), Rows(), Model(), Audience()
    clients = {session: Client() for _, session, _ in SESSIONS}
    for _ in range(120):
        items = [draw(rng, len(model.log)) for _ in range(rng.randint(1, 6))]
        items.sort(key=lambda item: item.resumes is None)  # as the decider does
        lives = 1
        if rng.random() < 0.15:
            # Its router dies after the commit and before anything is told; the next one gets the batch again.
            rows.commit(step(room, items, NOW_MS, older=rows.find(needs(room, items, rows.sends_back(items)))))
            room, lives = rows.load(), 2
        elif rng.random() < 0.1:
            room = rows.load()
        before = len(model.log)
        for _ in range(lives):
            model.stored = len(model.log)
            for item in items:
                model.apply(item)
        again = [item._replace(redelivered=True) for item in items] if lives > 1 else items
        sent_back = lives > 1 or rows.sends_back(again)
        changes = step(room, again, NOW_MS, older=rows.find(needs(room, again, sent_back)))
        rows.commit(changes)
        if not room.exists:
            room = rows.load()  # the worker keeps no room without a row
        audience.attend(changes)

        assert (room.exists, room.seq, room.first) == (model.named, len(model.log), model.first)
        assert [(entry.sender_id, entry.id) for entry in rows.entries] == [entry[:2] for entry in model.log]
        stored = {entry.seq: entry for entry in rows.entries if isinstance(entry, Stored)}
        assert stored.keys() == model.messages.keys()
        assert all(is_as(stored[seq], message) for seq, message in model.messages.items())
        assert rows.mentions == model.called
        assert {u: m.read_seq for u, m in room.members.items()} == model.members
        assert [u for u, m in room.members.items() if m.role] == ([model.owner] if model.owner else [])
        assert room.subscriptions == {s: Subscription(*subscription) for s, subscription in model.subscriptions.items()}
        assert {u for u in model.members if room.is_online(u)} == model.online
        assert set(room.audience.addresses) == {address for _, address in model.subscriptions.values()}
        assert rows_of(room) == rows_of(rows.load())
        assert changes.requires_version_check or changes.writes or len(model.log) == before

        for _, session, address in SESSIONS:
            client = clients[session]
            client.take(audience.hear(session))
            if lives > 1 or cut_off(items, session, address) or session not in model.subscriptions:
                # A router that died told nobody of who came and went: what was seen starts anew with the next join.
                client.online = None
                audience.subscribed[address].pop(session, None)
            if client.online is not None:
                assert client.online == model.online, session
                assert client.seen == list(range(client.seen[0], client.seen[0] + len(client.seen))), "a gap"
                assert client.seen[-1] == len(model.log)
    assert model.log
