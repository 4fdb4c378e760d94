"""Every hop sends what has gathered while its last send was under way: at once when idle, in growing batches under
load.

One AMQP message costs about a quarter of a millisecond of Python whatever it carries (ARCHITECTURE.md, decision 5), so
the load itself sets the size of the batch, and nobody waits for a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Full(Exception):
    """The bound in bytes is reached."""


class Batcher(Generic[Item]):
    """Gathers items and sends them in batches, one batch at a time, in order.

    `bound`: bytes that may wait, those under way included. `batch_bytes`: bytes of one batch, at most (a larger item
    goes alone). `linger_s`: two sends begin at least this far apart, so a busy hop sends fewer and larger batches,
    while after a pause the first item leaves at once.
    """

    def __init__(
        self, send: Callable[[list[Item]], Awaitable[None]], *, bound: int, batch_bytes: int, linger_s: float = 0.0
    ) -> None:
        self._send = send
        self._bound = bound
        self._batch_bytes = batch_bytes
        self._linger_s = linger_s
        self._waiting: list[tuple[Item, int, asyncio.Future[None]]] = []
        self._outcome: asyncio.Future[None] | None = None
        self._outcome_bytes = 0
        self._task: asyncio.Task[None] | None = None
        self._began = float("-inf")
        self.bytes = 0

    def put(self, item: Item, size: int) -> asyncio.Future[None]:
        """Queues `item` of `size` bytes. The future, shared by the items of a batch, ends as its send does. Raises
        `Full`.
        """
        if self.bytes + size > self._bound and self.bytes:
            raise Full
        self.bytes += size
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
                await self._linger()
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

    async def _linger(self) -> None:
        if self._linger_s:
            loop = asyncio.get_running_loop()
            if (wait := self._began + self._linger_s - loop.time()) > 0:
                await asyncio.sleep(wait)
            self._began = loop.time()


def _retrieve(outcome: asyncio.Future[None]) -> None:
    """Marks an error as seen: whoever cares awaits the future, and nobody has to."""
    if not outcome.cancelled():
        outcome.exception()
