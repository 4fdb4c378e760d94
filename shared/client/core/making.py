"""Rooms that the server makes, and names: `create` and `direct` are sent again over each connection, under their `id`,
until they are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.client.core.events import ClientError, Disconnected, JsonFrame
from shared.client.core.requests import Requests

Made = Callable[[JsonFrame | ClientError], None]


class MakingPorts(Protocol):
    """What making needs of the session."""

    def made(self, answer: JsonFrame) -> None:
        """The `joined` of a room that this connection sits in from now on."""


class Making:
    def __init__(self, ports: MakingPorts, requests: Requests) -> None:
        self._ports, self._requests = ports, requests
        self._waiting: dict[str, tuple[JsonFrame, Made]] = {}
        self._open = False

    def __len__(self) -> int:
        return len(self._waiting)

    def make(self, frame: JsonFrame, done: Made) -> None:
        if frame["id"] in self._waiting:
            raise ValueError(f"the id {frame['id']} waits already")
        self._waiting[frame["id"]] = frame, done
        if self._open:
            self._ask(frame["id"])

    def connected(self) -> None:
        self._open = True
        for id in list(self._waiting):
            self._ask(id)

    def disconnected(self) -> None:
        """What was asked is asked anew over the next connection."""
        self._open = False

    def close(self, why: Disconnected) -> None:
        """There will be no further connection."""
        waiting, self._waiting = self._waiting, {}
        for _, done in waiting.values():
            done(why)

    def _ask(self, id: str) -> None:
        frame, done = self._waiting[id]

        def answered(answer: JsonFrame | ClientError) -> None:
            if isinstance(answer, Disconnected) or self._waiting.pop(id, None) is None:
                return
            if not isinstance(answer, ClientError):
                self._ports.made(answer)
            done(answer)

        self._requests.ask(frame, answered)
