"""Presence and the like, on their way to the clients: at once while there is little of it, and gathered when there is
much. Where thousands come back, each of them into fifty rooms, everybody would be told of everybody apart.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

from services.gateway.connection import Connection
from services.gateway.core.subscriptions import Subscriptions
from services.gateway.framing import Framed, Framing, Gathered

PAUSE: Final = 20
"""Notices pause for so many times as long as it took to write them, since the sockets' part of it comes later."""
LEAST_S: Final = 0.005
"""No shorter pause is made."""
MOST_S: Final = 0.5


class Notices:
    """What waits for the subscribers of each room. Nothing orders notices and other frames: who comes to be subscribed
    meanwhile hears notices of before, and then those that say what is so now."""

    def __init__(self, subscriptions: Subscriptions[Connection], framing: Framing) -> None:
        self._subscriptions, self._framing = subscriptions, framing
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, list[bytes]] = defaultdict(list)
        self._timer: asyncio.TimerHandle | None = None  # while notices pause

    def put(self, room: str, frames: list[bytes]) -> None:
        self._waiting[room] += frames

    def write(self) -> None:
        """Unless they pause: then it is done at the end of that."""
        if not self._waiting or self._timer is not None:
            return
        began = self._loop.time()
        waiting, self._waiting = self._waiting, defaultdict(list)
        told: dict[Connection, dict[str, Framed]] = defaultdict(dict)
        for room, frames in waiting.items():
            if (feed := self._subscriptions.feed(room)) is not None:
                framed = self._framing.framed(*frames)
                for connection in feed.subscribers.values():
                    told[connection][room] = framed
        for connection, by_room in told.items():
            parts = list(by_room.values())
            if not connection.socket.write(parts[0] if len(parts) == 1 else Gathered(parts), droppable=True):
                for room in by_room:
                    connection.overlooks(room)
        pause = min(MOST_S, PAUSE * (self._loop.time() - began))
        if pause > LEAST_S:
            self._timer = self._loop.call_later(pause, self._go_on)

    def _go_on(self) -> None:
        self._timer = None
        self.write()
