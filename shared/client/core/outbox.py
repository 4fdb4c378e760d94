"""What was written here and is not acknowledged yet. An entry keeps its `id` for life, so sending it again is always
safe; it leaves when the sender's own copy of the message arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from shared.client.core.backoff import backoff
from shared.client.core.events import JsonFrame, Message, Refused
from shared.client.core.timers import Timer, Timers


class OutboxPorts(Protocol):
    """What the outbox needs of the session."""

    def send(self, frame: JsonFrame) -> bool:
        """False where there is no connection."""

    def is_joined(self, room: str) -> bool:
        """Whether this connection has joined the room, without which it may not write there."""

    def not_joined(self, room: str) -> None:
        """The server said that we are not in the room."""

    def settled(self, entry: Entry, outcome: Message | Refused) -> None:
        """The entry has left."""


@dataclass(slots=True)
class Entry:
    """`frame`: a `chat` or `file` frame. `in_flight`: sent on the present connection, and not refused."""

    room: str
    id: str
    frame: JsonFrame
    in_flight: bool = False


@dataclass(slots=True)
class _Queue:
    """One room's entries in the order in which they were written. `timer`: how long the first of them is waited for."""

    entries: dict[str, Entry] = field(default_factory=dict)
    timer: Timer | None = None


class Outbox:
    """`in_flight`: how many of one room's entries are so at once. With 1 their order is kept whatever happens; with
    more it is given up where the server refuses one for now and takes the next. `ack_s`: how long to wait for the own
    copy."""

    def __init__(
        self, ports: OutboxPorts, timers: Timers, random: Callable[[], float], in_flight: int, ack_s: float
    ) -> None:
        self._ports, self._timers, self._random, self._in_flight, self._ack_s = ports, timers, random, in_flight, ack_s
        self._queues: dict[str, _Queue] = {}
        self._attempt = 0
        self._hold: Timer | None = None

    def __len__(self) -> int:
        return sum(len(queue.entries) for queue in self._queues.values())

    def write(self, frame: JsonFrame) -> Entry:
        """Takes a `chat` or `file` frame and sends it as soon as may be."""
        entry = Entry(frame["room"], frame["id"], frame)
        queue = self._queues.setdefault(entry.room, _Queue())
        if entry.id in queue.entries:
            raise ValueError(f"the id {entry.id} waits already")
        queue.entries[entry.id] = entry
        self.flush(entry.room)
        return entry

    def flush(self, room: str) -> None:
        """Sends what may go of this room."""
        queue = self._queues.get(room)
        if queue is None or self._hold is not None or not self._ports.is_joined(room):
            return
        for entry in list(islice(queue.entries.values(), self._in_flight)):
            if not entry.in_flight:
                entry.in_flight = self._ports.send(entry.frame)
                if not entry.in_flight:
                    return
        if queue.timer is None and queue.entries:
            queue.timer = self._timers.after_silence(self._ack_s, lambda: self._overdue(room))

    def acknowledged(self, message: Message) -> None:
        """One's own message, however it came, is the acknowledgement."""
        entry = self._take(message.room, message.id)
        if entry is not None:
            self._attempt = 0
            self._ports.settled(entry, message)
            self.flush(message.room)

    def refused(self, frame: JsonFrame) -> bool:
        """Takes an error that names one of the entries. True where it did."""
        id = frame.get("ref", "")
        room = next((room for room, queue in self._queues.items() if id in queue.entries), None)
        if room is None:
            return False
        if frame["retryable"]:
            self._mark_unsent(room, id)
            self._wait(frame.get("retry_after_ms", 0) / 1000 or backoff(self._attempt, self._random()))
            self._attempt += 1
        elif frame["code"] == "not_joined":
            self._mark_unsent(room, id)
            self._ports.not_joined(room)
        else:
            entry = self._take(room, id)
            assert entry is not None
            self._ports.settled(entry, Refused(frame["code"], frame["text"]))
            self.flush(room)
        return True

    def room_refused(self, room: str, why: Refused) -> None:
        """The room cannot be entered, so nothing that waits for it can go."""
        queue = self._queues.pop(room, None)
        if queue is not None:
            if queue.timer is not None:
                queue.timer.cancel()
            for entry in queue.entries.values():
                self._ports.settled(entry, why)

    def disconnected(self) -> None:
        """What was under way may or may not have arrived: it is sent again on the next connection."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        for room in self._queues:
            self._mark_unsent(room)

    def _take(self, room: str, id: str) -> Entry | None:
        queue = self._queues.get(room)
        entry = queue.entries.pop(id, None) if queue is not None else None
        if queue is not None and entry is not None:
            if queue.timer is not None:
                queue.timer.cancel()
                queue.timer = None
            if not queue.entries:
                del self._queues[room]
            elif any(e.in_flight for e in islice(queue.entries.values(), self._in_flight)):
                queue.timer = self._timers.after_silence(self._ack_s, lambda: self._overdue(room))
        return entry

    def _mark_unsent(self, room: str, from_id: str | None = None) -> None:
        """This entry, or the first, and all that follow it are to be sent again, in order."""
        queue = self._queues[room]
        if queue.timer is not None:
            queue.timer.cancel()
            queue.timer = None
        reached = from_id is None
        for entry in islice(queue.entries.values(), self._in_flight):
            reached = reached or entry.id == from_id
            if reached:
                entry.in_flight = False

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
        for room in list(self._queues):
            self.flush(room)
