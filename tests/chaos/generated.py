"""Histories as a faultless system leaves them, from a seed: what the checker's tests spoil."""

from __future__ import annotations

from random import Random

from tests.chaos.checker import History

ROOMS = ("attic", "cellar")
CATCH_UP, NEWEST = 3, 2


class Person:
    """A client of the imagined system. `bounded`: after an absence of more than CATCH_UP messages it starts anew
    at the NEWEST."""

    def __init__(self, name: str, user: str, bounded: bool) -> None:
        self.name, self.user, self.bounded = name, user, bounded
        self.connection = 0
        self.open = False
        self.known = dict.fromkeys(ROOMS, 0)
        """How far it has seen each room."""


class World:
    """One writer of the log, clients that come and go. `records` is what the run leaves."""

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
        else:
            self.write(person, self.chance.choice(ROOMS))

    def arrive(self, person: Person) -> None:
        person.connection += 1
        person.open = True
        self.put(person, "open", url="ws://g/ws", session="s", epoch="e", user=person.user)
        for room, log in self.logs.items():
            self.put(person, "joined", room=room, seq=len(log), members=1, online=[])
            known = person.known[room]
            if person.bounded and len(log) - known > CATCH_UP:
                person.known[room] = len(log) - NEWEST
                self.put(person, "skipped", room=room, first=known + 1, last=person.known[room], catch_up=CATCH_UP)
            for message in log[person.known[room] :]:
                self._see(person, message, "joined")

    def leave(self, person: Person, how: str) -> None:
        person.open = False
        self.put(person, how, **({"code": 1006, "reason": "", "retry_in_s": 1.0} if how == "close" else {}))

    def write(self, person: Person, room: str) -> None:
        """Sent once or twice; now and then refused for now, and sent again."""
        self._ids += 1
        id, text = f"m{self._ids}", f"text {self._ids}"
        self.put(person, "write", room=room, id=id, text=text)
        self.put(person, "send", room=room, id=id)
        if self.chance.random() < 0.1:
            self.put(person, "error", ref=id, code="overloaded")
            self.put(person, "send", room=room, id=id)
        log = self.logs[room]
        message: History = {"room": room, "seq": len(log) + 1, "id": id, "sender": person.user, "text": text}
        log.append(message)
        if self.chance.random() < 0.1:
            self.leave(person, "close")  # the acknowledgement is lost: it comes with the resume
            self.arrive(person)
        for other in self.people:
            if other.open and other.known[room] < message["seq"]:
                self._see(other, message, "live")
        if self.chance.random() < 0.1:
            self.put(person, "send", room=room, id=id)
            self.put(person, "receive", via="live", **message)
        self.put(person, "ack", room=room, id=id, seq=message["seq"])

    def _see(self, person: Person, message: History, via: str) -> None:
        self.put(person, "receive", via=via, **message)
        shown = {name: message[name] for name in ("room", "seq", "id", "sender")}
        self.put(person, "show", **shown)
        person.known[message["room"]] = message["seq"]

    def _finish(self) -> None:
        for room, log in self.logs.items():
            for message in log:
                self.records.append({"at": self._at, "client": "", "connection": 0, "kind": "stored", **message})
            online = sorted({person.user for person in self.people if person.open})
            present = {"at": self._at, "client": "", "connection": 0, "kind": "present", "room": room, "online": online}
            self.records.append(present)
