"""Events for whoever iterates over them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Self

from shared.client.core.events import Event


class Stream:
    """One reader of a client's events, from its making on. Ends when the client has ended, or at `aclose`."""

    def __init__(self, readers: dict[Stream, None]) -> None:
        self._readers = readers
        self._events: deque[Event] = deque()
        self._arrived, self._taken = asyncio.Event(), asyncio.Event()
        self._ended = False
        readers[self] = None

    async def room(self, bound: int) -> None:
        """Waits until at most `bound` events are unread."""
        while len(self._events) > bound:
            self._taken.clear()
            await self._taken.wait()

    def put(self, event: Event) -> None:
        self._events.append(event)
        self._arrived.set()

    def end(self) -> None:
        self._ended = True
        self._readers.pop(self, None)
        self._arrived.set()

    async def aclose(self) -> None:
        self.end()
        self._events.clear()
        self._taken.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._taken.set()
        return self._events.popleft()
