"""A user's session over many connections: which rooms, their logs, what is on its way out. All that docs/protocol.md's
promises ask of a client: rooms resume by `after`, jumps in `seq` are filled from history, nothing is told twice,
changes are applied in order, what was written is sent again with the same `id` until it is acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.client.core import events
from shared.client.core.backfill import Backfill
from shared.client.core.departure import ASKED_AT_MOST, ENDED, Departure
from shared.client.core.entrance import Entrance
from shared.client.core.events import (
    Arrived,
    ClientError,
    Disconnected,
    Entry,
    Event,
    JsonFrame,
    Person,
    Refused,
    entry_of,
)
from shared.client.core.invitations import Invitations
from shared.client.core.making import Making
from shared.client.core.notices import Notices
from shared.client.core.outbox import Outbox, Written
from shared.client.core.requests import Requests
from shared.client.core.room import Entered, Room
from shared.client.core.room_log import Told
from shared.client.core.timers import Timers


@dataclass(frozen=True)
class SessionOptions:
    """`answer_s`, `ack_s`: how long to wait for an answer, and for the own copy of what was written, before asking
    again.
    `accept`: joins by itself the rooms that one is invited to from now on (following one's own log for that).
    `in_flight`: see `Outbox`. `keep`: see `RoomLog`. `catch_up`: how many missed entries of one room are fetched by
    themselves; where more were missed, the room starts anew at its newest messages (None: all are fetched)."""

    answer_s: float = 10.0
    ack_s: float = 10.0
    in_flight: int = 1
    keep: int | None = 1_000
    catch_up: int | None = 1_000
    accept: bool = False


class SessionPorts(Protocol):
    """What the session needs of its shell."""

    def send(self, frame: JsonFrame) -> bool:
        """Sends; False where there is no welcomed connection."""

    def emit(self, event: Event) -> None: ...

    def settled(self, id: str, outcome: Entry | Refused) -> None:
        """What was written under `id` is stored, or will not be."""


class Session:
    """Feed it `welcomed`, `receive`, `disconnected`, and wind `timers`. `random` gives numbers in [0, 1)."""

    def __init__(
        self, ports: SessionPorts, timers: Timers, random: Callable[[], float], options: SessionOptions
    ) -> None:
        self._ports, self._options, self._timers, self._random = ports, options, timers, random
        self.rooms: dict[str, Room] = {}
        self.user_id = ""
        self.epoch: str | None = None
        self._requests = Requests(ports.send, timers, random, options.answer_s)
        self.outbox = Outbox(self, timers, random, options.in_flight, options.ack_s)
        self._entrance = Entrance(self, self._requests)
        self._departure = Departure(self, self._requests)
        self._backfill = Backfill(self, self._requests)
        self.making = Making(self, self._requests)
        self._invitations = Invitations()
        self._notices = Notices(self.rooms, ports.emit)

    # ── what the user wants ──

    def join(self, name: str, after: int | None, entered: Entered) -> None:
        """Stays in the room from now on, over every connection. `after`: from where on to know all of it."""
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room(name, self._options.keep, after, self._options.catch_up)
        room.entering.append(entered)
        self.enter(room)

    def make(self, frame: JsonFrame, done: Callable[[JsonFrame | ClientError], None]) -> None:
        """`create` or `direct`; the room is then joined as any other."""
        self.making.make(frame, done)

    def leave(self, name: str, done: Callable[[JsonFrame | ClientError], None]) -> None:
        self._departure.leave(name, self.rooms.get(name), done)

    def ask(self, frame: JsonFrame, done: Callable[[JsonFrame | ClientError], None]) -> None:
        """`rooms`, `people`, `notify` or `history`; a page of history counts as seen, and acknowledges what is ours in
        it."""
        told = self._notices.told()

        def answered(answer: JsonFrame | ClientError) -> None:
            if isinstance(answer, ClientError):
                pass
            elif answer["type"] == "history":
                self.found([entry_of(m) for m in answer["messages"]])
            elif answer["type"] == "rooms":
                self._notices.listed(answer, told)
            elif answer["type"] == "notify":
                self._notices.receive(answer)
            done(answer)

        self._requests.ask(frame, answered, ASKED_AT_MOST)

    # ── what the connection says ──

    def welcomed(self, frame: JsonFrame) -> None:
        """A new connection is there."""
        self.user_id, self._invitations.room = frame["user"]["id"], frame.get("me", "")
        self._notices.user_id = self.user_id
        self._entrance.connected()
        if self.epoch is not None and self.epoch != frame["epoch"]:
            for room in self.rooms.values():
                room.forget()
                self.outbox.numbers_gone(room.name)
                self._invitations.forget(room.name)
            self._ports.emit(events.EpochChanged(frame["epoch"]))
        self.epoch = frame["epoch"]
        self._entrance.enter_all(self.rooms.values())
        if self._options.accept and self._invitations.room not in self.rooms:
            self.join(self._invitations.room, None, lambda _: None)
        self.making.connected()
        self.outbox.connected()

    def receive(self, frame: JsonFrame) -> None:
        """Any frame but `welcome` and `reconnect`, which are the connection's."""
        kind = frame["type"]
        if kind in ("message", "change"):
            self._arrived(entry_of(frame))
        elif (kind == "error" and self.outbox.refused(frame)) or self._requests.receive(frame):
            pass
        elif kind == "left":
            self._left_elsewhere(frame)
        else:
            self._notices.receive(frame)

    def disconnected(self) -> None:
        self._entrance.disconnected()
        self.making.disconnected()
        for room in self.rooms.values():
            room.disconnected()
        self.outbox.disconnected()
        self._requests.disconnected()

    def close(self) -> None:
        """There will be no further connection."""
        for room in self.rooms.values():
            self._tell_entered(room, Disconnected("the client has ended"))
        self.making.close(Disconnected("the client has ended"))

    # ── rooms ──

    def enter(self, room: Room) -> None:
        """See `DeparturePorts`."""
        if self.rooms.get(room.name) is not room:
            return
        if room.joined:
            self._tell_entered(room, {"type": "joined", "room": room.name, "seq": room.log.target})
        else:
            self._entrance.enter(room)

    def entered(self, room: Room, after: int | None, answer: JsonFrame | ClientError) -> None:
        """See `EntrancePorts`."""
        if isinstance(answer, ClientError):
            if isinstance(answer, Refused) and self.rooms.get(room.name) is room:
                self.left(room.name, room.left_by, answer)
            return
        if self.rooms.get(room.name) is not room:
            return
        self._invitations.entered(room.name, answer["seq"])
        entries = [entry_of(m) for m in answer["messages"]]
        self.found(entries)
        if room.log.contradicts(entries):
            self.went_back(room)
            return
        room.entered(answer)
        self._backfill.begins(room, answer.get("first", 1))
        self.tell(room.log_joined(answer, after, entries, self.user_id))
        self.outbox.flush(room.name)
        self._tell_entered(room, {"type": "joined", **answer})
        self._backfill.repair(room)

    def went_back(self, room: Room, seq: int | None = None) -> None:
        """See `EntrancePorts`."""
        if self.rooms.get(room.name) is room:
            room.forget(seq)
            self.outbox.numbers_gone(room.name)
            self._invitations.forget(room.name)
            self._ports.emit(events.WentBack(room.name))
            self.enter(room)

    def made(self, answer: JsonFrame) -> None:
        """See `MakingPorts`. A room that is known already is entered as it always is."""
        room = self.rooms.get(answer["room"])
        if room is None:
            room = self.rooms[answer["room"]] = Room(
                answer["room"], self._options.keep, None, self._options.catch_up
            )  # fmt: skip
            self.entered(room, None, answer)
        else:
            self.enter(room)

    @staticmethod
    def _tell_entered(room: Room, answer: JsonFrame | ClientError) -> None:
        entering, room.entering = room.entering, []
        for told in entering:
            told(answer)

    def _arrived(self, entry: Entry) -> None:
        self.found([entry])
        room = self.rooms.get(entry.room)
        if room is not None and room.log.contradicts([entry]):
            self.went_back(room)
        elif room is not None:
            self.tell(room.log.receive(entry))
            if not room.log.is_whole:
                self._backfill.repair(room)

    def found(self, entries: list[Entry]) -> None:
        """See `BackfillPorts`: one's own entry, however it came, is the acknowledgement."""
        for entry in entries:
            if entry.sender_id == self.user_id:
                self.outbox.acknowledged(entry)

    def tell(self, told: list[Told]) -> None:
        """See `BackfillPorts`."""
        for each in told:
            self._ports.emit(each)
            if self._options.accept and isinstance(each, Arrived):
                room = self._invitations.invited_to(each.message)
                if room is not None:
                    self.join(room, None, lambda _: None)

    def left(self, name: str, by: Person | None, why: Refused) -> None:
        """See `DeparturePorts`."""
        room = self.rooms.pop(name, None)
        if room is not None:
            self.outbox.room_refused(name, why)
            self._tell_entered(room, why)
            if room.was_joined:
                self._ports.emit(events.Left(name, by))

    # ── what the outbox and the backfill need ──

    def emit(self, event: Event) -> None:
        self._ports.emit(event)

    def send(self, frame: JsonFrame) -> bool:
        return self._ports.send(frame)

    def is_joined(self, room: str) -> bool:
        """See `OutboxPorts`."""
        return room in self.rooms and self.rooms[room].joined

    def not_joined(self, name: str) -> None:
        room = self.rooms.get(name)
        if room is not None:
            room.joined = False
            self.enter(room)
        else:
            self.outbox.room_refused(name, ENDED, leaving=True)

    def settled(self, written: Written, outcome: Entry | Refused) -> None:
        self._ports.settled(written.id, outcome)
        if isinstance(outcome, Refused):
            self._ports.emit(events.NotSent(written.room, written.id, outcome))
        else:
            self._ports.emit(events.Acknowledged(outcome))

    def _left_elsewhere(self, frame: JsonFrame) -> None:
        by = frame.get("by")
        person = None if by is None else Person(by["id"], by["name"], None)
        self._departure.left(frame["room"], self.rooms.get(frame["room"]), person)
