"""Enters rooms: each once at a time, a few side by side, in the order in which it was wanted."""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

from shared.client.core.events import ClientError, JsonFrame
from shared.client.core.requests import Requests
from shared.client.core.room import Room

AT_ONCE: Final = 8


class EntrancePorts(Protocol):
    """What entering needs of the session."""

    def entered(self, room: Room, after: int | None, answer: JsonFrame | ClientError) -> None:
        """The answer to a `join` that asked for what follows `after`."""

    def went_back(self, room: Room, seq: int | None = None) -> None:
        """The store has less of the room than it had (`seq` is its newest number), or another entry under some
        number."""


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

    def _next(self) -> None:
        while self._waiting and self._under_way < AT_ONCE:
            self._under_way += 1
            self._join(self._waiting.popleft())

    def _join(self, room: Room) -> None:
        log, connection = room.log, self._connection
        after, known = log.resume_after, log.target
        frame: JsonFrame = {"type": "join", "room": room.name}
        if after is not None:
            frame["after"] = after

        def answered(answer: JsonFrame | ClientError) -> None:
            if not self.open or connection != self._connection:
                return
            self._under_way -= 1
            room.joining = False
            if room.log is not log:
                self.enter(room)  # it was forgotten meanwhile: this answers what is not asked any more
            # A router answers from the room's row as it is after the question came, and the server had stored all that
            # was known when it was asked: less than that is a store that went back. What arrived between question and
            # answer may well be ahead of the answer.
            elif not isinstance(answer, ClientError) and answer["seq"] < known:
                self._ports.went_back(room, answer["seq"])
            else:
                self._ports.entered(room, after, answer)
            self._next()

        self._requests.ask(frame, answered)
