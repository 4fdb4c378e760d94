"""What was written here, messages and changes, and is not acknowledged yet. It keeps its `id` for life, so sending it
again is always safe; it leaves when the sender's own copy of the entry arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from shared.client.core.backoff import backoff
from shared.client.core.events import Entry, JsonFrame, Refused
from shared.client.core.timers import Timer, Timers


class OutboxPorts(Protocol):
    """What the outbox needs of the session."""

    def send(self, frame: JsonFrame) -> bool:
        """False where there is no connection."""

    def is_joined(self, room: str) -> bool:
        """Whether this connection has joined the room, without which it may not write there."""

    def not_joined(self, room: str) -> None:
        """The server said that we are not in the room."""

    def settled(self, written: Written, outcome: Entry | Refused) -> None:
        """It has left."""


@dataclass(slots=True)
class Written:
    """`frame`: of the kind that an entry comes of. `leaves`: it ends one's own membership, so it is answered also to
    who is not in the room any more. `in_flight`: sent on the present connection, and not refused."""

    room: str
    id: str
    frame: JsonFrame
    leaves: bool = False
    in_flight: bool = False


@dataclass(slots=True)
class _Queue:
    """What is for one room, in the order in which it was written. `timer`: how long the first is waited for."""

    waiting: dict[str, Written] = field(default_factory=dict)
    timer: Timer | None = None


class Outbox:
    """`in_flight`: how many of what is for one room are so at once. With 1 their order is kept whatever happens; with
    more it is given up where the server refuses one for now and takes the next, but for changes of one kind to
    one message: the last is to be the last. `ack_s`: how long to wait for the own
    copy."""

    def __init__(
        self, ports: OutboxPorts, timers: Timers, random: Callable[[], float], in_flight: int, ack_s: float
    ) -> None:
        self._ports, self._timers, self._random, self._in_flight, self._ack_s = ports, timers, random, in_flight, ack_s
        self._queues: dict[str, _Queue] = {}
        self._attempt = 0
        self._hold: Timer | None = None

    def __len__(self) -> int:
        return sum(len(queue.waiting) for queue in self._queues.values())

    def write(self, frame: JsonFrame, leaves: bool = False) -> Written:
        """Takes a frame that an entry will come of, and sends it as soon as may be."""
        written = Written(frame["room"], frame["id"], frame, leaves)
        queue = self._queues.setdefault(written.room, _Queue())
        if written.id in queue.waiting:
            raise ValueError(f"the id {written.id} waits already")
        queue.waiting[written.id] = written
        self.flush(written.room)
        return written

    def flush(self, room: str) -> None:
        """Sends what may go of this room."""
        queue = self._queues.get(room)
        if queue is None or self._hold is not None:
            return
        joined = self._ports.is_joined(room)
        going = [w for w in islice(queue.waiting.values(), self._in_flight) if joined or w.leaves]
        if not going:
            return
        changing = set[tuple[str, int]]()
        for written in going:
            if (of := written.frame.get("of")) is not None:
                if (change := (written.frame["type"], of)) in changing:
                    break
                changing.add(change)
            if not written.in_flight:
                written.in_flight = self._ports.send(written.frame)
                if not written.in_flight:
                    return
        if queue.timer is None and queue.waiting:
            queue.timer = self._timers.after_silence(self._ack_s, lambda: self._overdue(room))

    def acknowledged(self, entry: Entry) -> None:
        """One's own entry, however it came, is the acknowledgement."""
        written = self._take(entry.room, entry.id)
        if written is not None:
            self._attempt = 0
            self._ports.settled(written, entry)
            self.flush(entry.room)

    def refused(self, frame: JsonFrame) -> bool:
        """Takes an error that names one of them. True where it did."""
        id = frame.get("ref", "")
        room = next((room for room, queue in self._queues.items() if id in queue.waiting), None)
        if room is None:
            return False
        if frame["retryable"]:
            self._mark_unsent(room, id)
            self._wait(frame.get("retry_after_ms", 0) / 1000 or backoff(self._attempt, self._random()))
            self._attempt += 1
        elif frame["code"] in ("not_joined", "no_such_room"):
            self._mark_unsent(room, id)
            self._ports.not_joined(room)
        else:
            written = self._take(room, id)
            assert written is not None
            self._ports.settled(written, Refused(frame["code"], frame["text"]))
            self.flush(room)
        return True

    def room_refused(self, room: str, why: Refused, leaving: bool = False) -> None:
        """The room cannot be entered, so nothing that waits for it can go, but for what ends the membership, unless
        that is refused as well (`leaving`)."""
        waiting = self._queues[room].waiting if room in self._queues else {}
        for written in [each for each in waiting.values() if leaving or not each.leaves]:
            self._take(room, written.id)
            self._ports.settled(written, why)
        self.flush(room)

    def numbers_gone(self, room: str) -> None:
        """The room's numbers name other entries from now on: what waits must not change or answer another message."""
        waiting = self._queues[room].waiting if room in self._queues else {}
        for written in [each for each in waiting.values() if {"of", "reply_to", "thread"} & each.frame.keys()]:
            self._take(room, written.id)
            why = Refused("no_such_message", "The message store has another past than it had.")
            self._ports.settled(written, why)

    def connected(self) -> None:
        """What needs no room goes again."""
        for room in list(self._queues):
            self.flush(room)

    def disconnected(self) -> None:
        """What was under way may or may not have arrived: it is sent again on the next connection."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        for room in self._queues:
            self._mark_unsent(room)

    def _take(self, room: str, id: str) -> Written | None:
        queue = self._queues.get(room)
        written = queue.waiting.pop(id, None) if queue is not None else None
        if queue is not None and written is not None:
            if queue.timer is not None:
                queue.timer.cancel()
                queue.timer = None
            if not queue.waiting:
                del self._queues[room]
            elif any(e.in_flight for e in islice(queue.waiting.values(), self._in_flight)):
                queue.timer = self._timers.after_silence(self._ack_s, lambda: self._overdue(room))
        return written

    def _mark_unsent(self, room: str, from_id: str | None = None) -> None:
        """This one, or the first, and all that follow it are to be sent again, in order."""
        queue = self._queues[room]
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        reached = from_id is None
        for written in islice(queue.waiting.values(), self._in_flight):
            reached = reached or written.id == from_id
            if reached:
                written.in_flight = False

    def _overdue(self, room: str) -> None:
        if room in self._queues:
            self._mark_unsent(room)
            self.flush(room)

    def _wait(self, seconds: float) -> None:
        """Limits count for the whole connection, so all rooms wait."""
        if self._hold is not None:
            if self._hold.when >= self._timers.now + seconds:
                return
            self._hold.cancel()
        self._hold = self._timers.after(seconds, self._go_on)

    def _go_on(self) -> None:
        self._hold = None
        self.connected()
