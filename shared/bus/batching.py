"""Every hop sends what has gathered: at once when idle, in growing batches under load.

A batch costs much the same whatever it carries: a message through the broker, a commit, a write for each connection.
So what a hop gathers for grows with the work that it has (`Pace`), from nothing to a few hundredths of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import exp
from typing import Generic, TypeVar

MEMORY_S = 0.25
"""Over how long a pace looks back."""

Item = TypeVar("Item")


class Full(Exception):
    """The bound in bytes is reached."""


class Pace:
    """When the hops that share it send: in windows, all of them at a window's end. A window is as long as there is
    work: `most_s` from `full` units of work a second on, proportionally less below, and after a pause what comes first
    leaves at once.
    """

    def __init__(self, most_s: float, full: float) -> None:
        self._most_s, self._full = most_s, full
        self._rate = 0.0
        self._counted = self._ends = float("-inf")

    def did(self, work: float, now: float) -> None:
        """So much work has come, at `now` (seconds of any steady clock)."""
        self._rate = self._rate * exp(min(0.0, self._counted - now) / MEMORY_S) + work / MEMORY_S
        self._counted = now

    def wait_s(self, now: float) -> float:
        """How long to gather on."""
        return max(0.0, self._ends - now)

    def sends(self, now: float) -> None:
        """A send begins; the first one after a window's end begins the next."""
        if now >= self._ends:
            self._ends = now + self._most_s * min(1.0, self._rate / self._full)


class Batcher(Generic[Item]):
    """Gathers items and sends them in batches, one batch at a time, in order.

    `bound`: bytes that may wait, those under way included. `batch_bytes`: bytes of one batch, at most (a larger item
    goes alone). `pace`: how long to gather under load; without it a batch is what came while the last was under way.
    """

    def __init__(
        self,
        send: Callable[[list[Item]], Awaitable[None]],
        *,
        bound: int,
        batch_bytes: int,
        pace: Pace | None = None,
    ) -> None:
        self._send = send
        self._bound = bound
        self._batch_bytes = batch_bytes
        self._pace = pace
        self._waiting: list[tuple[Item, int, asyncio.Future[None]]] = []
        self._outcome: asyncio.Future[None] | None = None
        self._outcome_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self.bytes = 0

    def put(self, item: Item, size: int, work: float = 1.0) -> asyncio.Future[None]:
        """Queues `item` of `size` bytes, which makes so much `work` in the pace's units. The future, shared by the
        items of a batch, ends as its send does. Raises `Full`.
        """
        if self.bytes + size > self._bound and self.bytes:
            raise Full
        self.bytes += size
        if self._pace is not None:
            self._pace.did(work, asyncio.get_running_loop().time())
        if self._outcome is None or (self._outcome_bytes and self._outcome_bytes + size > self._batch_bytes):
            self._outcome, self._outcome_bytes = asyncio.get_running_loop().create_future(), 0
            self._outcome.add_done_callback(_retrieve)
        self._outcome_bytes += size
        self._waiting.append((item, size, self._outcome))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return self._outcome

    async def flush(self) -> None:
        """Waits until nothing is waiting or under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                outcome = self._waiting[0][2]
                if outcome is self._outcome:
                    batch, self._waiting, self._outcome = self._waiting, [], None
                else:
                    cut = next(i for i, entry in enumerate(self._waiting) if entry[2] is not outcome)
                    batch, self._waiting = self._waiting[:cut], self._waiting[cut:]
                try:
                    await self._send([item for item, _, _ in batch])
                except asyncio.CancelledError:
                    outcome.cancel()
                    raise
                except Exception as why:
                    outcome.set_exception(why)
                else:
                    outcome.set_result(None)
                finally:
                    self.bytes -= sum(size for _, size, _ in batch)
        finally:
            self._task = None

    async def _gather(self) -> None:
        if self._pace is not None:
            loop = asyncio.get_running_loop()
            if (wait := self._pace.wait_s(loop.time())) > 0:
                await asyncio.sleep(wait)
            self._pace.sends(loop.time())


def _retrieve(outcome: asyncio.Future[None]) -> None:
    """Marks an error as seen: whoever cares awaits the future, and nobody has to."""
    if not outcome.cancelled():
        outcome.exception()
