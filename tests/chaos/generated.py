"""Histories as a faultless system leaves them, from a seed: what the checker's tests spoil."""

from __future__ import annotations

from copy import deepcopy
from random import Random

from tests.chaos.evidence import History
from tests.witness import happen

ROOMS = ("attic", "cellar")
CATCH_UP, NEWEST = 3, 2
EMOJI = ("👍", "🎉")
SAID = ("what", "text", "of", "emoji", "on", "reply_to", "edited_at", "pinned", "reactions")


class Person:
    """A client of the imagined system. `bounded`: after an absence of more than CATCH_UP entries it starts anew
    at the NEWEST messages."""

    def __init__(self, name: str, user: str, bounded: bool) -> None:
        self.name, self.user, self.bounded = name, user, bounded
        self.connection = 0
        self.open = False
        self.known = dict.fromkeys(ROOMS, 0)
        """How far it has seen each room."""
        self.starts = dict.fromkeys(ROOMS, 1)
        """Before that it holds nothing."""


class World:
    """One writer of the log, clients that come and go. `records` is what the run leaves. `logs`: entries as `stored`
    records have them, the messages as they are now."""

    def __init__(self, seed: int, steps: int = 120) -> None:
        self.chance = Random(seed)
        self.records: list[History] = []
        self.logs: dict[str, list[History]] = {room: [] for room in ROOMS}
        self.people = [Person(f"c{n}", f"u{n % 4}", bounded=n == 2) for n in range(5)]  # c0 and c4 are one user's
        self._at, self._ids = 0.0, 0
        for person in self.people:
            self.arrive(person)
        for _ in range(steps):
            self._step()
        # Two of them write once more, so that every history has what a fault could be planted in.
        for person in self.people[:2]:
            if not person.open:
                self.arrive(person)
            for room in ROOMS:
                self.write(person, room)
                self.write(person, room)
                mine = self.write(person, room)
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
        elif self.chance.random() < 0.4:
            self._change(person, self.chance.choice(ROOMS))
        else:
            self.write(person, self.chance.choice(ROOMS))

    def arrive(self, person: Person) -> None:
        person.connection += 1
        person.open = True
        self.put(person, "open", url="ws://g/ws", session="s", epoch="e", user=person.user)
        for room, log in self.logs.items():
            asked, known = self._at, person.known[room]
            self.put(person, "joined", room=room, seq=len(log), as_of=len(log), fresh=False, members=1, online=[])
            listed = log[known:]
            if person.bounded and len(listed) > CATCH_UP:
                listed = [entry for entry in log if "of" not in entry][-NEWEST:]
                person.starts[room] = first = listed[0]["seq"] if listed else len(log) + 1
                person.known[room] = max(known, first - 1)
                self.put(
                    person, "skipped", room=room, first=known + 1, last=person.known[room], through=len(log),
                    catch_up=CATCH_UP,
                )  # fmt: skip
            for entry in listed:
                self._see(person, entry, "joined", as_of=len(log), asked=asked)
            person.known[room] = len(log)

    def leave(self, person: Person, how: str) -> None:
        person.open = False
        self.put(person, how, **({"code": 1006, "reason": "", "retry_in_s": 1.0} if how == "close" else {}))

    def write(self, person: Person, room: str) -> int:
        """A message; its number."""
        said: History = {"what": "chat", "text": f"text {self._ids}"}
        if self.logs[room] and self.chance.random() < 0.1:
            said["reply_to"] = self.chance.randint(1, len(self.logs[room]))
        return self._store(person, room, said)

    def change(self, person: Person, room: str, **said: object) -> int:
        return self._store(person, room, {"text": "", **said})

    def _change(self, person: Person, room: str) -> None:
        """A change of one of the newest messages, if it has any to change."""
        there = [e for e in self.logs[room] if "of" not in e and e["what"] != "deleted"][-8:]
        kind = self.chance.choice(("edit", "edit", "react", "react", "react", "pin", "delete"))
        if kind in ("edit", "delete"):
            there = [entry for entry in there if entry["sender"] == person.user]
        if not there:
            return
        of, on = self.chance.choice(there)["seq"], self.chance.random() < 0.7
        match kind:
            case "edit":
                self.change(person, room, what=kind, of=of, text=f"text {self._ids}, edited")
            case "react":
                self.change(person, room, what=kind, of=of, emoji=self.chance.choice(EMOJI), on=on)
            case "pin":
                self.change(person, room, what=kind, of=of, on=on)
            case _:
                self.change(person, room, what=kind, of=of)

    def _store(self, person: Person, room: str, said: History) -> int:
        """Sent once or twice; now and then refused for now, and sent again."""
        self._ids += 1
        id = f"m{self._ids}"
        self.put(person, "write", room=room, id=id, **said)
        self.put(person, "send", room=room, id=id)
        if self.chance.random() < 0.1:
            self.put(person, "error", ref=id, code="overloaded")
            self.put(person, "send", room=room, id=id)
        log = self.logs[room]
        made = f"at {self._ids}"
        entry: History = {"room": room, "seq": len(log) + 1, "id": id, "sender": person.user, "made": made, **said}
        log.append(entry)
        if "of" in entry:
            message = log[entry["of"] - 1]
            message["kind"] = message["what"]
            happen(message, {**entry, "kind": entry["what"], "from": {"id": person.user}, "at": made})
            message["what"] = message.pop("kind")
            message.setdefault("text", "")
        if self.chance.random() < 0.1:
            self.leave(person, "close")  # the acknowledgement is lost: it comes with the resume
            self.arrive(person)
        for other in self.people:
            if other.open and other.known[room] < entry["seq"]:
                self._see(other, entry, "live", as_of=entry["seq"], asked=None)
        if self.chance.random() < 0.1:
            self.put(person, "send", room=room, id=id)
            self._receive(person, entry, "live", as_of=entry["seq"], asked=None)
        self.put(person, "ack", room=room, id=id, seq=entry["seq"])
        return int(entry["seq"])

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
        if "reactions" in said:
            said["reactions"] = deepcopy(said["reactions"])
        if entry["what"] == "edit":
            said["text"] = self.logs[entry["room"]][entry["of"] - 1]["text"]
        return said

    def _finish(self) -> None:
        for person in self.people:
            for room, log in self.logs.items():
                messages = [e for e in log[: person.known[room]] if "of" not in e and e["seq"] >= person.starts[room]]
                if person.open:
                    held = [{"seq": message["seq"], **self._as_now(message)} for message in messages]
                    self.put(person, "state", room=room, whole=person.known[room], messages=held)
        common = {"at": self._at, "client": "", "connection": 0}
        for room, log in self.logs.items():
            for entry in log:
                fields = {name: entry[name] for name in ("room", "seq", "id", "sender", "made")}
                self.records.append({**common, "kind": "stored", **fields, **self._as_now(entry)})
            online = sorted({person.user for person in self.people if person.open})
            self.records.append({**common, "kind": "present", "room": room, "online": online})
