"""Histories as a faultless system leaves them, from a seed: what the checker's tests spoil."""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from random import Random

from shared.protocol.room_names import own_room, private_room
from tests.chaos.evidence import History
from tests.chaos.memberships import PLAIN
from tests.chaos.versions import MESSAGES
from tests.recording import GIVEN
from tests.witness import answer, happen, stand

ROOMS = ("attic", "cellar")
PRIVATE = private_room("u0", "make")
"""Of u0, its owner, u1, in time a moderator, and for a while u2."""
CATCH_UP, NEWEST = 3, 2
EMOJI = ("👍", "🎉")
SAID = ("what", "text", "edited_at", "pinned", "reactions", "replies", "mentions", "about", "calls", *GIVEN)


class Person:
    """A client of the imagined system. `bounded`: after an absence of more than CATCH_UP entries it starts anew
    at the NEWEST messages."""

    def __init__(self, name: str, user: str, bounded: bool) -> None:
        self.name, self.user, self.bounded = name, user, bounded
        self.connection = 0
        self.open = False
        self.rooms = list(ROOMS)
        self.known: dict[str, int] = defaultdict(int)
        """How far it has seen each room."""
        self.starts: dict[str, int] = defaultdict(lambda: 1)
        """Before that it holds nothing."""


class World:
    """One writer of the log, clients that come and go. `records` is what the run leaves. `logs`: entries as `stored`
    records have them, the messages as they are now. `marks`, `levels`: of each user and room."""

    def __init__(self, seed: int, steps: int = 120) -> None:
        self.chance = Random(seed)
        self.records: list[History] = []
        self.logs: dict[str, list[History]] = defaultdict(list)
        self.people = [Person(f"c{n}", f"u{n % 4}", bounded=n == 2) for n in range(5)]  # c0 and c4 are one user's
        self.marks: dict[tuple[str, str], int] = defaultdict(int)
        self.levels: dict[tuple[str, str], str] = {}
        self._called: set[tuple[str, str, int]] = set()
        self._at, self._ids = 0.0, 0
        for person in self.people:
            self.arrive(person)
        for _ in range(steps):
            self._step()
        self._meet()
        # Two of them write once more, so that every history has what a fault could be planted in.
        for person in self.people[:2]:
            if not person.open:
                self.arrive(person)
            for room in ROOMS:
                self._set(person, room)
                self._store(person, room, {"what": "chat", "text": "root", "mentions": ["u2"]})
                under = self.logs[room][-1]["seq"]
                self._store(person, room, {"what": "chat", "text": "reply", "thread": under, "mentions": ["u0", "u1"]})
                for _ in range(5):
                    self.write(person, room, plain=True)
                mine = self.write(person, room, plain=True)
                self.change(person, room, what="edit", of=mine, text="edited")
                self.change(person, room, what="react", of=mine, emoji=EMOJI[0], on=True)
                if person.name == "c0":
                    self.change(person, room, what="delete", of=self.write(person, room))
        gone = self.people[3]
        if gone.open:
            self.leave(gone, "stop")
        self._finish()

    def put(self, person: Person, kind: str, **fields: object) -> None:
        self._at += 0.01
        record = {"at": self._at, "client": person.name, "connection": person.connection, "kind": kind, **fields}
        self.records.append(record)

    def _step(self) -> None:
        person = self.chance.choice(self.people)
        if not person.open:
            self.arrive(person)
        elif self.chance.random() < 0.1:
            self.leave(person, "close")
        elif self.chance.random() < 0.1:
            self._set(person, self.chance.choice(ROOMS))
        elif self.chance.random() < 0.4:
            self._change(person, self.chance.choice(ROOMS))
        else:
            self.write(person, self.chance.choice(ROOMS))

    def arrive(self, person: Person) -> None:
        person.connection += 1
        person.open = True
        self.put(person, "open", url="ws://g/ws", session="s", epoch="e", user=person.user)
        for room in person.rooms:
            log, asked, known = self.logs[room], self._at, person.known[room]
            self._joined(person, room, fresh=False)
            listed = log[known:]
            if person.bounded and len(listed) > CATCH_UP:
                listed = [entry for entry in log if entry["what"] in MESSAGES][-NEWEST:]
                person.starts[room] = first = listed[0]["seq"] if listed else len(log) + 1
                person.known[room] = max(known, first - 1)
                self.put(
                    person, "skipped", room=room, first=known + 1, last=person.known[room], through=len(log),
                    catch_up=CATCH_UP,
                )  # fmt: skip
            for entry in listed:
                self._see(person, entry, "joined", as_of=len(log), asked=asked)
            person.known[room] = len(log)

    def _joined(self, person: Person, room: str, fresh: bool, makes: str | None = None) -> None:
        seq = len(self.logs[room])
        self.put(
            person, "joined", room=room, seq=seq, as_of=seq, fresh=fresh, members=1, online=[], makes=makes,
            stands=self._stands(person.user, room),
        )  # fmt: skip

    def _stands(self, user: str, room: str) -> History:
        """How the room stands now, to this user."""
        standing: History = {**PLAIN, "people": {}}
        for entry in self.logs[room]:
            stand(standing, {**entry, "kind": entry["what"], "user": {"id": entry.get("user")}})
        people = standing["people"] if room == PRIVATE else None
        role = standing["people"].get(user, "member")
        return {**standing, "people": people, "role": role, "as_of": len(self.logs[room])}

    def _meet(self) -> None:
        """Some come together in a room of their own, and one of them has to go."""
        owner, other, guest = self.people[:3]
        for person in (owner, other, guest):
            if not person.open:
                self.arrive(person)
        self.put(owner, "make", what="create", id="make", title="room", users=["u1"])
        self._add(owner.user, PRIVATE, "make", what="room", text="", title="room")
        self._add(owner.user, PRIVATE, "~member.2", what="member", text="", user="u0", role="owner")
        self._add(owner.user, PRIVATE, "~member.3", what="member", text="", user="u1", role="member")
        self._note(owner, other, "invited")
        self._enter(owner, makes="make")
        self._enter(other)
        self._govern(owner, "invite", {"what": "member", "role": "member"}, user="u2")
        self._note(owner, guest, "invited")
        self._enter(guest)
        self.write(other, PRIVATE)
        self._govern(owner, "role", {"what": "member"}, user="u1", role="moderator")
        self._govern(other, "settings", {"what": "room"}, title="another")
        guest.rooms.remove(PRIVATE)
        self.put(guest, "left", room=PRIVATE, by="u0")
        self._govern(owner, "remove", {"what": "member"}, user="u2")
        self._note(owner, guest, "removed")
        self.write(owner, PRIVATE)

    def _enter(self, person: Person, makes: str | None = None) -> None:
        person.rooms.append(PRIVATE)
        self._joined(person, PRIVATE, fresh=True, makes=makes)
        person.known[PRIVATE] = len(self.logs[PRIVATE])
        person.starts[PRIVATE] = person.known[PRIVATE] + 1

    def _govern(self, person: Person, what: str, entry: History, **said: object) -> None:
        self._store(person, PRIVATE, {"what": what, "text": "", **said}, entry)

    def _note(self, by: Person, to: Person, what: str) -> None:
        self._add(by.user, own_room(to.user), f"~{what}", what=what, text="", about=PRIVATE)

    def _set(self, person: Person, room: str) -> None:
        """How far somebody has read, and of what he is alerted."""
        mine = person.user, room
        self.marks[mine] = max(self.marks[mine], self.chance.randint(0, person.known[room]))
        self.put(person, "read", room=room, seq=self.marks[mine])
        self._ids += 1
        self.levels[mine] = level = self.chance.choice(("all", "mentions", "none"))
        for kind in ("notify", "level"):
            self.put(person, kind, room=room, level=level, ref=f"q {self._ids}")

    def leave(self, person: Person, how: str) -> None:
        person.open = False
        self.put(person, how, **({"code": 1006, "reason": "", "retry_in_s": 1.0} if how == "close" else {}))

    def write(self, person: Person, room: str, plain: bool = False) -> int:
        """A message; its number. `plain`: it is about no other, and calls nobody."""
        said: History = {"what": "chat", "text": f"text {self._ids}"}
        if plain:
            return self._store(person, room, said)
        if self.logs[room] and self.chance.random() < 0.1:
            said["reply_to"] = self.chance.randint(1, len(self.logs[room]))
        roots = [e["seq"] for e in self.logs[room] if e["what"] in MESSAGES and "thread" not in e]
        if roots and self.chance.random() < 0.15:
            said["thread"] = self.chance.choice(roots[-5:])
        said |= self._mentions()
        return self._store(person, room, said)

    def _mentions(self) -> History:
        called = sorted(self.chance.sample(("u0", "u1", "u2", "u3"), self.chance.choice((0, 0, 0, 1, 2))))
        return {"mentions": called} if called else {}

    def change(self, person: Person, room: str, **said: object) -> int:
        return self._store(person, room, {"text": "", **said})

    def _change(self, person: Person, room: str) -> None:
        """A change of one of the newest messages, if it has any to change."""
        there = [e for e in self.logs[room] if e["what"] == "chat"][-8:]
        kind = self.chance.choice(("edit", "edit", "react", "react", "react", "pin", "delete"))
        if kind in ("edit", "delete"):
            there = [entry for entry in there if entry["sender"] == person.user]
        if not there:
            return
        of, on = self.chance.choice(there)["seq"], self.chance.random() < 0.7
        match kind:
            case "edit":
                self.change(person, room, what=kind, of=of, text=f"text {self._ids}, edited", **self._mentions())
            case "react":
                self.change(person, room, what=kind, of=of, emoji=self.chance.choice(EMOJI), on=on)
            case "pin":
                self.change(person, room, what=kind, of=of, on=on)
            case _:
                self.change(person, room, what=kind, of=of)

    def _store(self, person: Person, room: str, said: History, stored: History | None = None) -> int:
        """Sent once or twice; now and then refused for now, and sent again. `stored`: what is stored otherwise."""
        self._ids += 1
        id = f"m{self._ids}"
        self.put(person, "write", room=room, id=id, **said)
        self.put(person, "send", room=room, id=id)
        if self.chance.random() < 0.1:
            self.put(person, "error", ref=id, code="overloaded")
            self.put(person, "send", room=room, id=id)
        entry = self._add(person.user, room, id, **{**said, **(stored or {})})
        self._tell(entry)
        if self.chance.random() < 0.1:
            self.leave(person, "close")  # the acknowledgement is lost: it comes with the resume
            self.arrive(person)
        for other in self.people:
            if other.open and room in other.rooms and other.known[room] < entry["seq"]:
                self._see(other, entry, "live", as_of=entry["seq"], asked=None)
        if self.chance.random() < 0.1:
            self.put(person, "send", room=room, id=id)
            self._receive(person, entry, "live", as_of=entry["seq"], asked=None)
        self.put(person, "ack", room=room, id=id, seq=entry["seq"])
        return int(entry["seq"])

    def _add(self, sender: str, room: str, id: str, **said: object) -> History:
        """The room's next entry."""
        log = self.logs[room]
        made = f"at {self._ids}"
        entry: History = {"room": room, "seq": len(log) + 1, "id": id, "sender": sender, "made": made, **said}
        log.append(entry)
        if "of" in entry:
            message = log[entry["of"] - 1]
            message["kind"] = message["what"]
            happen(message, {**entry, "kind": entry["what"], "from": {"id": sender}, "at": made})
            message["what"] = message.pop("kind")
            message.setdefault("text", "")
        elif "thread" in entry:
            answer(log[entry["thread"] - 1], {"seq": entry["seq"], "at": made})
        return entry

    def _tell(self, entry: History) -> None:
        """Whoever is called by it finds that in his own log, once."""
        room, of = entry["room"], entry["of"] if entry["what"] == "edit" else entry["seq"]
        log, people = self.logs[room], self._members(room)
        message, why = log[of - 1], dict[str, str]()
        if "thread" in message and of == entry["seq"]:
            root = message["thread"]
            under = {each["sender"] for each in log[: of - 1] if each["seq"] == root or each.get("thread") == root}
            why |= dict.fromkeys(under, "reply")
        why |= dict.fromkeys(entry.get("mentions", ()), "mention")
        calls = {"of": of} | ({"thread": message["thread"]} if "thread" in message else {})
        for user in sorted(why.keys() & people - {message["sender"]}):
            if (user, room, of) not in self._called:
                self._called.add((user, room, of))
                said = {"about": room, "calls": {**calls, "why": why[user]}}
                self._add(message["sender"], own_room(user), f"~{room}{of}", what="mention", text="", **said)

    def _members(self, room: str) -> set[str]:
        return set(self._stands("u0", room)["people"] or ()) if room == PRIVATE else {p.user for p in self.people}

    def _see(self, person: Person, entry: History, via: str, as_of: int, asked: float | None) -> None:
        self._receive(person, entry, via, as_of, asked)
        if entry["seq"] > person.known[entry["room"]]:
            shown = {name: entry[name] for name in ("room", "seq", "id", "sender", "what")}
            self.put(person, "show", **shown)
            person.known[entry["room"]] = entry["seq"]

    def _receive(self, person: Person, entry: History, via: str, as_of: int, asked: float | None) -> None:
        fields = {name: entry[name] for name in ("room", "seq", "id", "sender")}
        self.put(person, "receive", via=via, as_of=as_of, asked=asked, **fields, **self._as_now(entry))

    def _as_now(self, entry: History) -> History:
        """What is said of an entry when it is told now: an edit bears the text that its message has by now."""
        said = {name: entry[name] for name in SAID if name in entry}
        if entry["what"] == "edit":
            message = self.logs[entry["room"]][entry["of"] - 1]
            said.pop("mentions", None)
            said |= {name: message[name] for name in ("text", "mentions") if name in message}
        return deepcopy(said)

    def _unread(self, user: str, room: str) -> History:
        """How many messages of others follow the mark, and how many of them mention the user."""
        messages = [e for e in self.logs[room] if e["what"] in MESSAGES and e["what"] != "deleted"]
        unread = [e for e in messages if e["seq"] > self.marks[user, room] and e["sender"] != user]
        return {"messages": len(unread), "mentions": sum(user in e.get("mentions", ()) for e in unread)}

    def _finish(self) -> None:
        for person in self.people:
            for room in person.rooms if person.open else ():
                known, start = self.logs[room][: person.known[room]], person.starts[room]
                messages = [entry for entry in known if entry["what"] in MESSAGES and entry["seq"] >= start]
                held = [{"seq": message["seq"], **self._as_now(message)} for message in messages]
                stands = self._stands(person.user, room)
                read_seq, unread = self.marks[person.user, room], self._unread(person.user, room)
                self.put(
                    person, "state", room=room, whole=person.known[room], messages=held, stands=stands,
                    read_seq=read_seq, unread=None if person.bounded else unread,
                )  # fmt: skip
        common = {"at": self._at, "client": "", "connection": 0}
        for room, log in self.logs.items():
            for entry in log:
                fields = {name: entry[name] for name in ("room", "seq", "id", "sender", "made")}
                self.records.append({**common, "kind": "stored", **fields, **self._as_now(entry)})
            if room in ROOMS:
                online = sorted({person.user for person in self.people if person.open})
                self.records.append({**common, "kind": "present", "room": room, "online": online})
        for user, room in sorted({(p.user, room) for p in self.people for room in p.rooms}):
            unread, seq = self._unread(user, room), len(self.logs[room])
            listed = {"user": user, "room": room, "seq": seq, "read_seq": self.marks[user, room]}
            listed |= {name: min(100, count) for name, count in (("unread", unread["messages"]), *unread.items())}
            level = self.levels.get((user, room), "all")
            self.records.append({**common, "kind": "summary", **listed, "notify": level})
        stands, seq = self._stands("u0", PRIVATE), len(self.logs[PRIVATE])
        self.records.append({**common, "kind": "stands", "room": PRIVATE, "seq": seq, "user": "u0", "stands": stands})
