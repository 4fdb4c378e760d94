"""Enters rooms, each once at a time: those that were held before a break all at once by `resume`, the others a few side
by side by `join`, in the order in which they were wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol

from shared.client.core.events import ClientError, JsonFrame
from shared.client.core.requests import Requests
from shared.client.core.room import Room
from shared.client.core.room_log import RoomLog

AT_ONCE: Final = 8
RESUMED_AT_ONCE: Final = 100
"""Rooms of one `resume`; the next waits for its answer. An older server names the `ref` of a frame that it does not
know only where that is short."""


class EntrancePorts(Protocol):
    """What entering needs of the session."""

    def entered(self, room: Room, after: int | None, answer: JsonFrame | ClientError) -> None:
        """The answer to a `join` or `resume` that asked for what follows `after`."""

    def went_back(self, room: Room, seq: int | None = None) -> None:
        """The store has less of the room than it had (`seq` is its newest number), or another entry under some
        number."""


class _Asked(NamedTuple):
    """About `room`, whose `log` knew everything up to `after`, and of numbers up to `known`."""

    room: Room
    log: RoomLog
    after: int | None
    known: int


class Entrance:
    """`open`: whether there is a connection to enter by."""

    def __init__(self, ports: EntrancePorts, requests: Requests) -> None:
        self._ports, self._requests = ports, requests
        self._waiting: deque[Room] = deque()
        self._under_way = 0
        self._connection = 0
        self.open = False

    def connected(self) -> None:
        self._connection += 1
        self.open = True

    def disconnected(self) -> None:
        """What was asked is asked anew over the next connection."""
        self.open = False
        self._waiting.clear()
        self._under_way = 0

    def enter(self, room: Room) -> None:
        if self.open and not room.joining and not room.leaving:
            room.joining = True
            self._waiting.append(room)
            self._next()

    def enter_all(self, rooms: Iterable[Room]) -> None:
        """Over a new connection."""
        wanted = list(rooms)
        held = [room for room in wanted if room.held and not room.leaving]
        for room in held:
            room.joining = True
        for room in wanted:
            self.enter(room)
        self._resume(held)

    def _next(self) -> None:
        while self._waiting and self._under_way < AT_ONCE:
            self._under_way += 1
            self._join(self._waiting.popleft())

    def _join(self, room: Room) -> None:
        asked, connection = _about(room), self._connection
        frame: JsonFrame = {"type": "join", "room": room.name}
        if asked.after is not None:
            frame["after"] = asked.after

        def answered(answer: JsonFrame | ClientError) -> None:
            if not self.open or connection != self._connection:
                return
            self._under_way -= 1
            self._answered(asked, answer)
            self._next()

        self._requests.ask(frame, answered)

    def _resume(self, rooms: list[Room]) -> None:
        """What is refused is joined: for each room alone its wait and its reason are known."""
        if not rooms:
            return
        asked = {room.name: _about(room) for room in rooms[:RESUMED_AT_ONCE]}
        connection = self._connection

        def answered(answer: JsonFrame | ClientError) -> None:
            if not self.open or connection != self._connection:
                return
            later = rooms[RESUMED_AT_ONCE:]
            if isinstance(answer, ClientError):  # this server does not know it
                self._enter_anew([one.room for one in asked.values()] + later)
                return
            for each in answer["rooms"]:
                one = asked.pop(each["room"], None)
                if one is None:
                    continue
                if "error" in each:
                    self._enter_anew([one.room])
                else:
                    self._answered(one, each)
            if not asked:
                self._resume(later)

        wanted = [{"room": name, "after": one.after} for name, one in asked.items()]
        self._requests.ask({"type": "resume", "rooms": wanted}, answered)

    def _enter_anew(self, rooms: list[Room]) -> None:
        for room in rooms:
            room.joining = False
            self.enter(room)

    def _answered(self, asked: _Asked, answer: JsonFrame | ClientError) -> None:
        room = asked.room
        room.joining = False
        if room.log is not asked.log:
            self.enter(room)  # it was forgotten meanwhile: this answers what is not asked any more
        # A router answers from the room's row as it is after the question came, and the server had stored all that
        # was known when it was asked: less than that is a store that went back. What arrived between question and
        # answer may well be ahead of the answer.
        elif not isinstance(answer, ClientError) and answer["seq"] < asked.known:
            self._ports.went_back(room, answer["seq"])
        else:
            self._ports.entered(room, asked.after, answer)


def _about(room: Room) -> _Asked:
    return _Asked(room, room.log, room.log.resume_after, room.log.target)
