"""A process's connection to the in-memory broker, with delays and faults; and the process's death."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any

from shared.bus.memory import Broker, MemoryBus, MemoryConsumer, MemoryMailbox
from shared.bus.port import BusError, Unavailable
from shared.bus.topology import MAILBOX

OVERTAKEN_S = 1.0


class Faults:
    """How often what goes wrong, 0 to 1; all 0 once it is `healed`. `chance` draws everything."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.never = asyncio.Event()
        self.publish = chance.choice([0.0, 0.01, 0.05])
        """A publish fails, before or after the body was taken."""
        self.lose = chance.choice([0.0, 0.01, 0.05])
        """A body for a mailbox is dropped, as a full mailbox drops it."""
        self.store = chance.choice([0.0, 0.01, 0.05])
        """The database is away, before or after it has committed."""
        self.slow = chance.choice([0.0, 0.02])
        """Something takes long."""
        self.between = chance.choice([0.0, 0.0, 0.3])
        """A router dies after the commit of a batch that is to be told in other logs, and before that."""
        self.renames = chance.random() < 0.5
        """Routers come back under a new name."""

    def heal(self) -> None:
        self.publish = self.lose = self.store = self.slow = self.between = 0.0

    def happens(self, how_often: float) -> bool:
        return how_often > 0 and self.chance.random() < how_often

    def delay(self) -> float:
        """Seconds of one hop."""
        return self.chance.random() * (2.0 if self.happens(self.slow) else 0.01)


class FaultyBus:
    """`process`: a name for the log."""

    def __init__(self, broker: Broker, faults: Faults, process: str) -> None:
        self._bus, self._faults, self.process = MemoryBus(broker), faults, process
        self._dropped: dict[str, asyncio.Task[None]] = {}
        self._going_on = asyncio.Event()
        self._going_on.set()
        self._died = asyncio.Event()

    @property
    def dead(self) -> bool:
        return self._died.is_set()

    @property
    def connected(self) -> bool:
        return not self.dead

    async def publish(self, to: str, body: bytes) -> None:
        await self._hop()
        if self._faults.happens(self._faults.publish):
            raise Unavailable("it failed before the body was taken")
        if to.startswith(MAILBOX):
            await self._to_mailbox(to, body)
        else:
            await self._bus.publish(to, body)
        await self._hop()
        if self._faults.happens(self._faults.publish):
            raise Unavailable("it failed after the body was taken")

    async def _to_mailbox(self, to: str, body: bytes) -> None:
        """A full mailbox drops its oldest: what is dropped always has something behind it."""
        if (overtaken := self._dropped.pop(to, None)) is not None:
            overtaken.cancel()
        if self._faults.happens(self._faults.lose):
            self._dropped[to] = asyncio.create_task(self._late(to, body))
        else:
            await self._bus.publish(to, body)

    async def _late(self, to: str, body: bytes) -> None:
        await asyncio.sleep(OVERTAKEN_S)
        self._dropped.pop(to, None)
        with contextlib.suppress(BusError):
            await self._bus.publish(to, body)

    async def broadcast(self, body: bytes) -> None:
        await self._hop()
        await self._bus.broadcast(body)

    async def consume(self, queues: Sequence[str], instance: str, prefetch: int) -> MemoryConsumer:
        await self._hop()
        return await self._bus.consume(queues, instance, prefetch)

    async def mailbox(self, owner: str) -> MemoryMailbox:
        return await self._bus.mailbox(owner)

    async def close(self) -> None:
        await self._bus.close()

    async def hop(self) -> None:
        """Whatever this process does takes a while, and longer while it is paused."""
        await self._hop()

    async def cut(self) -> None:
        """The connection breaks, and comes back at once."""
        if not self.dead and self._going_on.is_set():
            await self._bus.cut()

    async def kill(self) -> None:
        """The process is gone: nothing it does from here on has an effect."""
        self._died.set()
        await self._bus.close()

    async def unless_killed(self, work: Coroutine[Any, Any, None]) -> bool:
        """Does `work`, and gives True; or False where the process dies in the middle of it."""
        working, dying = asyncio.create_task(work), asyncio.create_task(self._died.wait())
        await asyncio.wait([working, dying], return_when=asyncio.FIRST_COMPLETED)
        for task in (working, dying):
            task.cancel()
        await asyncio.gather(working, dying, return_exceptions=True)
        if not self.dead:
            working.result()
        return not self.dead

    def stand_still(self) -> None:
        """The process is paused: nothing that it does is done before `go_on`."""
        self._going_on.clear()

    def go_on(self) -> None:
        self._going_on.set()

    async def _hop(self) -> None:
        await asyncio.sleep(self._faults.delay())
        await self._going_on.wait()
        if self.dead:
            await self._faults.never.wait()  # nobody is there any more who could wait for it
