"""Every hop sends what has gathered: at once when idle, in growing batches under load.

A batch costs much the same whatever it carries: a message through the broker, a commit, a write for each connection.
So what a hop gathers for grows with the work that it has (`Linger`), from nothing to a few hundredths of a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from math import exp
from typing import Generic, TypeVar

MEMORY_S = 0.25
"""Over how long it looks back."""

Item = TypeVar("Item")


class Full(Exception):
    """The bound in bytes is reached."""


class Linger:
    """When the hops that share it send: in intervals, all of them at an interval's end (Kafka's producers call the wait
    their linger). An interval is as long as there is work: `most_s` from `full` units of work a second on,
    proportionally less below, and after a pause what comes first leaves at once.
    """

    def __init__(self, most_s: float, full: float) -> None:
        self._most_s, self._full = most_s, full
        self._done = self._rate = 0.0
        self._counted = self._ends = float("-inf")
        self._time = asyncio.get_running_loop().time

    def did(self, work: float) -> None:
        """So much work has come."""
        self._done += work

    async def end(self) -> None:
        """Returns when it is time to send; the first to do so after an interval's end begins the next."""
        if (wait := self._ends - self._time()) > 0:
            await asyncio.sleep(wait)
        if (now := self._time()) >= self._ends:
            self._rate = self._rate * exp((self._counted - now) / MEMORY_S) + self._done / MEMORY_S
            self._counted, self._done = now, 0.0
            self._ends = now + self._most_s * min(1.0, self._rate / self._full)


class _Batch(Generic[Item]):
    __slots__ = ("bytes", "items", "outcome")

    def __init__(self, outcome: asyncio.Future[None]) -> None:
        self.items: list[Item] = []
        self.bytes = 0
        self.outcome = outcome


class Batcher(Generic[Item]):
    """Gathers items and sends them in batches, one batch at a time, in order.

    `bound`: bytes that may wait, those under way included. `batch_bytes`: bytes of one batch, at most (a larger item
    goes alone). `linger`: how long to gather under load; without it a batch is what came while the last was under way.
    """

    def __init__(
        self,
        send: Callable[[list[Item]], Awaitable[None]],
        *,
        bound: int,
        batch_bytes: int,
        linger: Linger | None = None,
    ) -> None:
        self._send = send
        self._bound = bound
        self.batch_bytes = batch_bytes
        self._linger = linger or Linger(0.0, 1.0)
        self._waiting: deque[_Batch[Item]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.bytes = 0

    def put(self, item: Item, size: int, work: float = 1.0) -> asyncio.Future[None]:
        """Queues `item` of `size` bytes, which makes so much `work` in the linger's units. The future, shared by the
        items of a batch, ends as its send does. Raises `Full`.
        """
        if self.bytes + size > self._bound and self.bytes:
            raise Full
        self.bytes += size
        self._linger.did(work)
        if self._waiting and self._waiting[-1].bytes + size <= self.batch_bytes:
            batch = self._waiting[-1]
        else:
            batch = self._begin()
        batch.items.append(item)
        batch.bytes += size
        return batch.outcome

    async def flush(self) -> None:
        """Waits until nothing is waiting or under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def _begin(self) -> _Batch[Item]:
        batch: _Batch[Item] = _Batch(self._loop.create_future())
        batch.outcome.add_done_callback(_retrieve)
        self._waiting.append(batch)
        if self._task is None:
            self._task = self._loop.create_task(self._run())
        return batch

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._linger.end()
                batch = self._waiting.popleft()
                try:
                    await self._send(batch.items)
                except asyncio.CancelledError:
                    batch.outcome.cancel()
                    raise
                except Exception as why:
                    batch.outcome.set_exception(why)
                else:
                    batch.outcome.set_result(None)
                finally:
                    self.bytes -= batch.bytes
        finally:
            self._task = None


def _retrieve(outcome: asyncio.Future[None]) -> None:
    """Marks an error as seen: whoever cares awaits the future, and nobody has to."""
    if not outcome.cancelled():
        outcome.exception()
