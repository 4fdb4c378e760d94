"""Frames of a room, and the part of a router that decides on them. Shared by the suites."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from services.router.core.cache import RoomCache
from services.router.core.changes import Changes, DeepPage, Expire, Item
from services.router.core.deliveries import deliveries, resumptions
from services.router.core.entries import Entry
from services.router.core.outgoing import Out
from services.router.core.room import Room
from services.router.decider import Decider, DeciderLimits
from services.router.message_store import MessageStore
from shared.protocol.bus import Direct, Submit, Unsubscribe
from shared.protocol.client import (
    Chat,
    ClientFrame,
    Create,
    Delete,
    DirectRoom,
    Edit,
    GiveRole,
    Invite,
    Join,
    Leave,
    Level,
    Pin,
    React,
    Read,
    Remove,
    Resume,
    Role,
    RoomAfter,
    RoomSettings,
    SetNotify,
)
from shared.protocol.server import User

NOW_MS = 1_700_000_000_000
PATIENT = DeciderLimits(tries=1_000)
"""However long others get ahead."""


def user(number: int) -> User:
    return User(id=f"u{number}", name=f"Name {number}")


def submit(frame: ClientFrame, by: User, session: str = "", address: str = "mailbox.g1") -> Item:
    """A client's frame, as its gateway forwards it. A user's first session has the user's id; others may begin with it
    and a dot, where it matters whose they are."""
    return Item(Submit(address=address, session=session or by.id, user=by, frame=frame))


def join(room: str, by: User, session: str = "", address: str = "mailbox.g1", after: int | None = None) -> Item:
    return submit(Join(type="join", room=room, after=after), by, session, address)


def resume(
    rooms: dict[str, int], by: User, session: str = "", address: str = "mailbox.g1", among: int | None = None
) -> list[Item]:
    """What one router makes of its part of it: an item for each room."""
    frame = Resume(type="resume", ref="back", rooms=[RoomAfter(room=room, after=n) for room, n in rooms.items()])
    submit = Submit(address=address, session=session or by.id, user=by, frame=frame, question=1, among=among)
    return [Item(submit, resumes=each) for each in frame.rooms]


def deep_page(asked: Item, page: Sequence[Entry], as_of: int | None = None) -> Item:
    """What a deep `join` or `history` has had read comes in. `as_of`: the page's last number, unless it is said."""
    assert isinstance(asked.message, Submit)
    return Item(DeepPage(by=asked.message, page=list(page), as_of=as_of or (page[-1].seq if page else 0)))


def leave(room: str, by: User, session: str = "", address: str = "mailbox.g1") -> Item:
    return submit(Leave(type="leave", room=room), by, session, address)


def chat(
    room: str, by: User, id: str, text: str = "hello", session: str = "", ref: str | None = None,
    reply_to: int | None = None, thread: int | None = None, mentions: Sequence[User] = (),
) -> Item:  # fmt: skip
    frame = Chat(
        type="chat", room=room, id=id, text=text, ref=ref, reply_to=reply_to, thread=thread,
        mentions=[each.id for each in mentions] or None,
    )  # fmt: skip
    return submit(frame, by, session)


def edit(room: str, by: User, id: str, of: int, text: str, session: str = "", mentions: Sequence[User] = ()) -> Item:
    called = [each.id for each in mentions] or None
    return submit(Edit(type="edit", room=room, id=id, of=of, text=text, mentions=called), by, session)


def set_notify(room: str, by: User, level: Level, session: str = "", ref: str | None = None) -> Item:
    return submit(SetNotify(type="notify", room=room, level=level, ref=ref), by, session)


def delete(room: str, by: User, id: str, of: int, session: str = "") -> Item:
    return submit(Delete(type="delete", room=room, id=id, of=of), by, session)


def react(room: str, by: User, id: str, of: int, emoji: str, on: bool = True, session: str = "") -> Item:
    return submit(React(type="react", room=room, id=id, of=of, emoji=emoji, on=on), by, session)


def pin(room: str, by: User, id: str, of: int, on: bool = True, session: str = "") -> Item:
    return submit(Pin(type="pin", room=room, id=id, of=of, on=on), by, session)


def create(by: User, id: str, title: str, *users: User, topic: str | None = None, session: str = "") -> Item:
    return submit(
        Create(type="create", id=id, title=title, topic=topic, users=[each.id for each in users]), by, session
    )


def direct(by: User, id: str, *users: User, session: str = "") -> Item:
    return submit(DirectRoom(type="direct", id=id, users=[each.id for each in users]), by, session)


def invite(room: str, by: User, id: str, whom: User) -> Item:
    return submit(Invite(type="invite", room=room, id=id, user=whom.id), by)


def remove(room: str, by: User, id: str, whom: User) -> Item:
    return submit(Remove(type="remove", room=room, id=id, user=whom.id), by)


def give_role(room: str, by: User, id: str, whom: User, role: Role) -> Item:
    return submit(GiveRole(type="role", room=room, id=id, user=whom.id, role=role), by)


def settings(room: str, by: User, id: str, **fields: Any) -> Item:
    return submit(RoomSettings(type="settings", room=room, id=id, **fields), by)


def expire(room: str, first: int, keep_days: int = 0, files: Sequence[str] = ()) -> Item:
    return Item(Expire(room=room, first=first, keep_days=keep_days, files=list(files)))


def read(room: str, by: User, seq: int) -> Item:
    return submit(Read(type="read", room=room, seq=seq), by)


def unsubscribe(room: str, session: str, address: str = "mailbox.g1") -> Item:
    return Item(Unsubscribe(address=address, room=room, session=session))


def rows_of(room: Room) -> dict[str, Any]:
    """All of a room that has rows, for comparison."""
    return {
        "exists": room.exists,
        "seq": room.seq,
        "first": room.first,
        "version": room.version,
        "rules": room.rules,
        "members": {u: (m.name, m.read_seq, m.role) for u, m in room.members.items()},
        "subscriptions": dict(room.subscriptions),
        "recent": list(room.recent),
    }


class Writer:
    """A router's decider over `store`, with a memory of its own, which may be out of date. It handles one batch at a
    time, as a partition worker does: while one is being written, its rooms in memory are ahead of the store."""

    def __init__(self, store: MessageStore) -> None:
        self.store, self._now_ms = store, NOW_MS
        self._turn = asyncio.Lock()
        self._decider = Decider(
            store, RoomCache(1_000, 1 << 30), lambda: self._now_ms, PATIENT, refuse=_nobody_is_refused
        )

    async def handle(self, *items: Item, now_ms: int = NOW_MS) -> dict[str, Changes]:
        """Decides `items` and gives each room's changes, as they were written."""
        written: dict[str, Changes] = {}
        async with self._turn:
            self._now_ms = now_ms
            await self._decider.decide(items, lambda batch: written.update({c.room: c for c in batch}))
        return written

    async def take(self, *names: str) -> Writer:
        """Itself, with these rooms in memory."""
        await self._decider.load(names)
        return self

    def room(self, name: str) -> Room:
        """As it is in memory, where it must be."""
        room = self._decider.cache.get(name)
        assert room is not None, f"{name} is not in memory"
        return room


def _nobody_is_refused(submit: Submit) -> None:
    raise AssertionError(f"refused: {submit}")


def outs_of(changes: Changes) -> list[Out]:
    """What a batch says to the gateways."""
    return resumptions(changes.resumed) + deliveries(changes.room, changes.events)


def told_directly(changes: Changes) -> list[tuple[str, dict[str, Any]]]:
    """(session, frame) of every frame that goes to one session."""
    found = []
    for out in outs_of(changes):
        for head in json.loads(b"[%b]" % out.part):
            if head["type"] == Direct.model_fields["type"].default:
                found += [(str(head["session"]), json.loads(frame)) for frame in out.payload]
    return found


class Audience:
    """What the sessions hear once gateways have done their part: subscribed, not skipped, and not had already."""

    def __init__(self) -> None:
        self._heard: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.subscribed: dict[str, dict[str, int]] = defaultdict(dict)
        """address → session → the `seq` up to which it has everything."""

    def attend(self, changes: Changes) -> None:
        for out in outs_of(changes):
            heads, frames = json.loads(b"[%b]" % out.part), [json.loads(frame) for frame in out.payload]
            assert [len(frame) for frame in out.payload] == [size for head in heads for size in head.get("sizes", [])]
            for address in out.to.addresses:
                for head in heads:
                    self._deliver(self.subscribed[address], head, frames if "sizes" in head else [])

    def _deliver(self, subscriptions: dict[str, int], head: dict[str, Any], frames: list[dict[str, Any]]) -> None:
        match head["type"]:
            case "seated":
                subscriptions.update(dict.fromkeys(head["sessions"], head["seq"]))
            case "unseated":
                for session in head["sessions"]:
                    subscriptions.pop(session, None)
            case "removed":
                for session in [s for s in subscriptions if s.split(".")[0] == head["user"]]:
                    del subscriptions[session]
                    self._heard[session].append({"type": "left", "room": head["room"], "by": head["by"]})
            case "direct":
                self._heard[head["session"]] += frames
                if head["session"] in subscriptions and frames[0]["type"] in ("message", "change"):
                    subscriptions[head["session"]] = max(subscriptions[head["session"]], frames[0]["seq"])
            case "fanout":
                for session, has in list(subscriptions.items()):
                    first = head.get("first")
                    if session != head.get("skip"):
                        new = [f for f in frames if first is None or f["seq"] > has]
                        self._heard[session] += new
                    if first is not None:
                        subscriptions[session] = max(has, first + len(frames) - 1)

    def hear(self, session: str) -> list[dict[str, Any]]:
        """What this session has heard since it was last asked."""
        return self._heard.pop(session, [])
