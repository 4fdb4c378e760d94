"""Rooms as docs/protocol.md promises them, for tests of clients: a log of entries, its messages as they are now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from tests.witness import SETTINGS, answer, happen, stand

JsonFrame = dict[str, Any]
MESSAGES = ("chat", "file", "deleted", "invited", "removed", "mention")
EMOJI = ("👍", "❤", "🎉")
ME = {"id": "me", "name": "me"}
PEOPLE = ("me", "you", "they", "others")


class RoomServer:
    """`rooms`: of each the log, every entry as a frame; the messages among them as they are now. `fit`: how many
    entries an answer has room for, this time. `behind`: by how much an answer understates up to where its messages hold
    the changes, this time. `standings`: of each room what holds there, and the role of each of its `people`; `private`:
    the rooms of some; `first`: where each log begins."""

    def __init__(self, fit: Callable[[], int] = lambda: 200, behind: Callable[[], int] = lambda: 0) -> None:
        self.fit, self.behind = fit, behind
        self.rooms: dict[str, list[JsonFrame]] = {}
        self.standings: defaultdict[str, JsonFrame] = defaultdict(lambda: {"people": {}})
        self.private: set[str] = set()
        self.first: defaultdict[str, int] = defaultdict(lambda: 1)
        self.epoch = "e-1"

    def append(self, room: str, sender: str, id: str, text: str, **more: Any) -> JsonFrame:
        """A chat, or what is stored under its id already; as members see it now. `thread`: of a message that is there,
        and stands under none itself."""
        return self._store(room, sender, id, {"kind": "chat", "text": text, **more})

    def change(self, room: str, sender: str, id: str, kind: str, of: int, **fields: Any) -> JsonFrame | None:
        """A change, or what is stored under its id already; None where it is refused."""
        log = self.rooms.setdefault(room, [])
        if self._find(log, sender, id) is None:
            target = log[of - 1] if self.first[room] <= of <= len(log) else None
            if target is None or target["kind"] not in ("chat", "file"):
                return None
            if kind in ("edit", "delete") and target["from"]["id"] != sender:
                return None
        entry = self._store(room, sender, id, {"kind": kind, "of": of, **fields})
        return self.shown(room, entry["seq"])

    def make(self, room: str, maker: str, id: str, title: str, users: list[str]) -> None:
        """A private room of these people, or one that is there already."""
        if room not in self.private:
            self.private.add(room)
            self.govern(room, maker, id, "room", title=title)
            for n, user in enumerate([maker, *users]):
                self.let_in(room, maker, f"~member.{n}", user, "owner" if user == maker else "member")

    def let_in(self, room: str, by: str, id: str, user: str, role: str | None) -> JsonFrame:
        """`role`: None puts out."""
        given = {} if role is None else {"role": role}
        return self.govern(room, by, id, "member", user={"id": user, "name": user}, **given)

    def govern(self, room: str, sender: str, id: str, kind: str, **fields: Any) -> JsonFrame:
        """A change of the room itself, or what is stored under its id already."""
        return self._store(room, sender, id, {"kind": kind, **fields})

    def any_governing(self, chance: Random, room: str, sender: str, id: str) -> JsonFrame:
        """One that leaves the user `me` in the room."""
        if chance.random() < 0.4:
            return self.govern(room, sender, id, "room", title=f"title {chance.randrange(100)}")
        user = chance.choice(["me", "you", "they", "others"])
        roles = ["owner", "moderator", "member", *([None] if user != "me" else [])]
        return self.let_in(room, sender, id, user, chance.choice(roles))

    def any_change(self, chance: Random, room: str, sender: str, id: str) -> JsonFrame | None:
        """One of the kinds, of a message that is there; None where it is refused."""
        messages = [entry for entry in self.messages(room) if entry["kind"] == "chat"]
        if not messages:
            return None
        kind, of = some_change(chance, [message["seq"] for message in messages[-5:]])
        return self.change(room, sender, id, kind, **of)

    def any_message(self, chance: Random, room: str, sender: str, id: str) -> JsonFrame:
        """One that perhaps stands under another, and perhaps calls somebody."""
        there = [m["seq"] for m in self.messages(room) if "thread" not in m][-3:]
        thread = {"thread": chance.choice(there)} if there and chance.random() < 0.5 else {}
        return self.append(room, sender, id, f"text {id}", **thread, **some_mentions(chance))

    def shown(self, room: str, seq: int) -> JsonFrame:
        """The entry as an answer lists it now, with the `type` that a frame of its own has."""
        log = self.rooms[room]
        entry = deepcopy(log[seq - 1])
        if entry["kind"] == "edit":
            entry.pop("text")
            entry.pop("mentions", None)
            if entry["of"] >= self.first[room]:
                of_today = log[entry["of"] - 1]
                entry |= {name: of_today[name] for name in ("text", "mentions") if name in of_today}
        return entry

    def messages(self, room: str) -> list[JsonFrame]:
        """Those that are kept."""
        log = self.rooms.get(room, [])
        return [entry for entry in log if entry["kind"] in MESSAGES and entry["seq"] >= self.first[room]]

    def expire(self, room: str, first: int) -> None:
        """Nothing before `first` is kept any more."""
        self.first[room] = max(self.first[room], min(first, len(self.rooms.get(room, [])) + 1))

    def _begins(self, room: str) -> JsonFrame:
        return {"first": self.first[room]} if self.first[room] > 1 else {}

    def joined(self, frame: JsonFrame) -> JsonFrame:
        room, after, fit = frame["room"], frame.get("after"), self.fit()
        log = self.rooms.setdefault(room, [])
        if after is None:
            listed = [m["seq"] for m in self.messages(room)[-min(50, fit) :]]
            more = bool(listed) and listed[0] > self.first[room]
        else:
            after = max(after, self.first[room] - 1)
            listed = list(range(after + 1, min(len(log), after + fit) + 1))
            more = bool(listed) and listed[-1] < len(log)
        behind = {"as_of": max(0, len(log) - self.behind())} if self.behind() else {}
        return {
            "type": "joined", "room": room, "seq": len(log), **self._begins(room), **behind, "members": 1,
            "online": [ME], **self._stands(room), "messages": [self.shown(room, seq) for seq in listed], "more": more,
        }  # fmt: skip

    def _stands(self, room: str) -> JsonFrame:
        """What `joined` says of it, to `me`."""
        standing = self.standings[room]
        said = {name: standing[name] for name in SETTINGS if name in standing}
        people = {user: {} if role == "member" else {"role": role} for user, role in standing["people"].items()}
        if room in self.private:
            listed = [{"id": user, "name": user, **role} for user, role in people.items()]
            said |= {"private": True, "people": listed, **people.get("me", {})}
        return said

    def history(self, frame: JsonFrame) -> JsonFrame:
        room, most = frame["room"], min(frame["limit"], self.fit())
        log, thread = self.rooms[room], frame.get("thread")
        if thread is not None:
            under = [m["seq"] for m in self.messages(room) if m.get("thread") == thread]
            listed = [seq for seq in under if seq < frame.get("before", len(log) + 1)][-most:]
            more = len(under) > len(listed)
        elif (before := frame.get("before")) is not None:
            listed = [m["seq"] for m in self.messages(room) if m["seq"] < before][-most:]
            more = bool(listed) and listed[0] > self.first[room]
        else:
            after = max(frame["after"], self.first[room] - 1)
            listed = list(range(after + 1, min(len(log), after + most) + 1))
            more = bool(listed) and listed[-1] < len(log)
        return {
            "type": "history", "room": room, "seq": max(0, len(log) - self.behind()), **self._begins(room),
            "messages": [self.shown(room, seq) for seq in listed], "more": more,
        }  # fmt: skip

    @staticmethod
    def _find(log: list[JsonFrame], sender: str, id: str) -> JsonFrame | None:
        return next((entry for entry in log if (entry["from"]["id"], entry["id"]) == (sender, id)), None)

    def _store(self, room: str, sender: str, id: str, fields: JsonFrame) -> JsonFrame:
        log = self.rooms.setdefault(room, [])
        entry = self._find(log, sender, id)
        if entry is None:
            seq, kind = len(log) + 1, "message" if fields["kind"] in MESSAGES else "change"
            entry = {"type": kind, "room": room, "seq": seq, "id": id, "from": {"id": sender, "name": sender}, "at": ""}
            entry |= fields
            log.append(entry)
            if "of" in entry:
                happen(log[entry["of"] - 1], entry)
            if "thread" in entry:
                answer(log[entry["thread"] - 1], entry)
            stand(self.standings[room], entry)
        return deepcopy(entry)


def some_change(chance: Random, seqs: list[int]) -> tuple[str, JsonFrame]:
    """A kind of change, and its fields."""
    of = chance.choice(seqs)
    match chance.choice(("edit", "delete", "react", "react", "react", "pin")):
        case "edit":
            return "edit", {"of": of, "text": f"text {chance.randrange(100)}", **some_mentions(chance)}
        case "delete":
            return "delete", {"of": of}
        case "react":
            return "react", {"of": of, "emoji": chance.choice(EMOJI), "on": chance.random() < 0.6}
        case _:
            return "pin", {"of": of, "on": chance.random() < 0.6}


def some_mentions(chance: Random) -> JsonFrame:
    """Whom a text calls: perhaps nobody."""
    called = sorted(chance.sample(PEOPLE, chance.choice([0, 0, 1, 2])))
    return {"mentions": called} if called else {}
