"""The core against a naive model of a room, under random frames, redeliveries and changes of owner."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.router.core.changes import Changes, Gone, Item
from services.router.core.room import RECENT, Member, Room, Stored, Subscription
from services.router.core.step import step
from shared.protocol.bus import Holder, Resume, Submit, Unsubscribe
from shared.protocol.client import Chat, Join, Leave, Read
from tests.contract.routing import NOW_MS, Audience, chat, join, leave, read, rows_of, unsubscribe, user

ADDRESSES = ["mailbox.g1", "mailbox.g2", "mailbox.g3"]
USERS = [user(number) for number in range(6)]
SESSIONS = [
    (who, f"{who.id}.{number}", ADDRESSES[(int(who.id[1:]) + number) % 3]) for who in USERS for number in range(2)
]


@dataclass
class Model:
    """docs/protocol.md's room, as plainly as it can be said."""

    log: list[tuple[str, str, str]] = field(default_factory=list)
    members: dict[str, int] = field(default_factory=dict)
    subscriptions: dict[str, tuple[str, str]] = field(default_factory=dict)
    named: bool = False

    def apply(self, item: Item) -> None:
        match item.message:
            case Submit(frame=Join(), session=session, user=by, address=address):
                self.named = True
                self.members.setdefault(by.id, len(self.log))
                self.subscriptions[session] = (by.id, address)
            case Submit(frame=Leave(), user=by):
                self.members.pop(by.id, None)
                self.subscriptions = {
                    s: subscription for s, subscription in self.subscriptions.items() if subscription[0] != by.id
                }
            case Submit(frame=Chat(id=id, text=text), user=by) if by.id in self.members:
                if not any(entry[:2] == (by.id, id) for entry in self.log):
                    self.log.append((by.id, id, text))
            case Submit(frame=Read(seq=seq), user=by) if by.id in self.members:
                self.members[by.id] = max(self.members[by.id], min(seq, len(self.log)))
            case Unsubscribe(session=session, address=address):
                if self.subscriptions.get(session, ("", ""))[1] == address:
                    del self.subscriptions[session]
            case Gone(address=address):
                self.subscriptions = {
                    s: subscription for s, subscription in self.subscriptions.items() if subscription[1] != address
                }
            case Resume(subscriptions=holders, address=address):
                for holder in holders:
                    if holder.user.id in self.members:
                        self.subscriptions[holder.session] = (holder.user.id, address)

    @property
    def online(self) -> set[str]:
        return {user_id for user_id, _ in self.subscriptions.values()}


class Rows:
    """What a database would hold, written as `Changes` ask and in no other way."""

    def __init__(self) -> None:
        self.room = Room("r")

    def commit(self, changes: Changes) -> None:
        room = self.room
        assert (changes.existed, changes.seq_before, changes.version_before) == (room.exists, room.seq, room.version)
        if not changes.writes:
            return
        assert [m.seq for m in changes.messages] == list(range(room.seq + 1, changes.seq + 1))
        assert not set(changes.members) & (changes.members_gone | set(changes.read_marks))
        assert not set(changes.subscriptions) & changes.subscriptions_gone
        room.exists, room.seq, room.version = True, changes.seq, changes.version
        room.recent = deque([*room.recent, *changes.messages])
        for user_id, member in changes.members.items():
            room.members[user_id] = Member(member.name, member.read_seq)
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
        members = {u: Member(m.name, m.read_seq) for u, m in rows.members.items()}
        newest = deque(list(rows.recent)[-RECENT:])
        return Room("r", rows.exists, rows.seq, rows.version, members, dict(rows.subscriptions), newest)


class Client:
    """What one session makes of what it hears."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.online: set[str] | None = None

    def take(self, frames: list[dict[str, Any]]) -> None:
        for frame in frames:
            match frame["type"]:
                case "joined":
                    self.seen = [m["seq"] for m in frame["messages"]] or [frame["seq"]]
                    self.online = {u["id"] for u in frame["online"]}
                case "left":
                    self.online = None
                case "message" if self.online is not None and frame["seq"] > max(self.seen, default=0):
                    self.seen.append(frame["seq"])
                case "presence" if self.online is not None and "present" in frame:
                    self.online = {u["id"] for u in frame["present"]}
                case "presence" if self.online is not None:
                    (self.online.add if frame["online"] else self.online.discard)(frame["user"]["id"])


def draw(rng: random.Random, log: int) -> Item:
    who, session, address = rng.choice(SESSIONS)
    kind = rng.choices(["chat", "join", "leave", "unseat", "read", "gone", "resume"], [10, 4, 1, 2, 3, 0.3, 0.5])[0]
    match kind:
        case "chat":
            id = f"id{rng.randint(0, 60)}"
            return chat("r", who, id, rng.choice(["one", "two"]), session, rng.choice([None, "ref"]))
        case "join":
            return join("r", who, session, address)
        case "leave":
            return leave("r", who, session, address)
        case "unseat":
            return unsubscribe("r", session, rng.choice([address, "mailbox.old"]))
        case "read":
            return read("r", who, rng.randint(0, log + 3))
        case "gone":
            return Item(Gone(room="r", address=address))
        case _:
            held = [Holder(session=s, user=u) for u, s, a in SESSIONS if a == address]
            subscriptions = rng.sample(held, rng.randint(1, len(held)))
            return Item(Resume(address=address, room="r", after=log, subscriptions=subscriptions))


def cut_off(items: list[Item], session: str, address: str) -> bool:
    """Whether the session's connection ended in this batch and did not join anew after it."""
    ended = False
    for item in items:
        match item.message:
            case Unsubscribe(session=s, address=a) if (s, a) == (session, address):
                ended = True
            case Gone(address=a) if a == address:
                ended = True
            case Submit(frame=Join(), session=s) if s == session:
                ended = False
    return ended


def content(messages: list[Stored]) -> list[tuple[str, str, str]]:
    return [(m.sender_id, m.id, m.content) for m in messages]


@pytest.mark.parametrize("draw_number", range(20))
def test_under_random_frames_the_room_is_what_the_model_says(seed: int, draw_number: int) -> None:
    print(f"seed: {seed}.{draw_number}")
    rng = random.Random(f"{seed}.{draw_number}")
    room, rows, model, audience = Room("r"), Rows(), Model(), Audience()
    clients = {session: Client() for _, session, _ in SESSIONS}
    for _ in range(120):
        items = [draw(rng, len(model.log)) for _ in range(rng.randint(1, 6))]
        lives = 1
        if rng.random() < 0.15:
            # Its router dies after the commit and before anything is told; the next one gets the batch again.
            rows.commit(step(room, items, NOW_MS))
            room, lives = rows.load(), 2
        elif rng.random() < 0.1:
            room = rows.load()
        before = len(model.log)
        for _ in range(lives):
            for item in items:
                model.apply(item)
        changes = step(room, [item._replace(redelivered=True) for item in items] if lives > 1 else items, NOW_MS)
        rows.commit(changes)
        if not room.exists:
            room = rows.load()  # the worker keeps no room without a row
        audience.attend(changes)

        assert (room.exists, room.seq) == (model.named, len(model.log))
        assert content(list(rows.room.recent)) == model.log
        assert {u: m.read_seq for u, m in room.members.items()} == model.members
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
