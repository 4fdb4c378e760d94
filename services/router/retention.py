"""Removes what is older than a room keeps it, beside the traffic: some entries at a time, and never while much is said.

First the room's log begins later (`Expire`, which its writer handles like anything else): from then on nobody is told
of what is before that. Then the rows go, after the files service has been told of the files among them. Whoever dies in
between leaves it to the next look. Two routers that both look, since a shard has just gone from one to the other, do
each other no harm: `first` is written by comparison, and what is before it may be removed twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from services.router.core.changes import Expire, Item
from services.router.files_gone import FilesGone
from services.router.reads import Reads
from services.router.retention_store import Ageing, RetentionStore
from shared.runtime.metrics import counter
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.router")
REMOVED = counter("router_removed", "Entries removed since they were older than their rooms keep them, about")
DAY_MS: Final = 86_400_000
PAUSE_S: Final = 0.1
"""Between two looks whether what is waited for is there."""
T = TypeVar("T")


@dataclass(frozen=True)
class RetentionLimits:
    """`keep_days`: of rooms that say nothing themselves; 0: for ever. `look_s`: how often a shard is looked at,
    `first_s` how soon after it came. `entries`: in one step, and so many rooms. `share`: of the time, that steps take
    at most. `busy_s`: how long a step waits for a quiet moment."""

    keep_days: int = 0
    look_s: float = 3_600.0
    first_s: float = 60.0
    entries: int = 500
    share: float = 0.2
    busy_s: float = 10.0


class Retention:
    """`clock`: Unix milliseconds; `monotonic`: seconds. `add`: takes items of the router's own, to be handled in their
    turn. `is_busy`: whether frames wait to be handled. `sleep`: seconds."""

    def __init__(
        self,
        store: RetentionStore,
        reads: Reads,
        files: FilesGone,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        add: Callable[[Item], None],
        is_busy: Callable[[], bool],
        limits: RetentionLimits,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store, self._reads, self._files = store, reads, files
        self._clock, self._monotonic, self._add, self._is_busy = clock, monotonic, add, is_busy
        self._limits, self._sleep = limits, sleep
        self._due: dict[int, float] = {}
        self._waiting: deque[int] = deque()
        self._is_looking = False

    def tick(self, shard: int) -> None:
        """A router's beat has passed on this shard, which is therefore ours."""
        now, limits = self._monotonic(), self._limits
        if now < self._due.setdefault(shard, now + min(limits.first_s, limits.look_s)):
            return
        self._due[shard] = now + limits.look_s
        if shard not in self._waiting:
            self._waiting.append(shard)
        if not self._is_looking:
            self._is_looking = True
            self._reads.begin(self._look_at_all())

    async def _look_at_all(self) -> None:
        try:
            while self._waiting:
                await self.look(self._waiting.popleft())
        except StoreDown as why:
            log.warning("what is too old waits for the database", why=str(why).splitlines()[0])
        except Exception:
            log.exception("what is too old could not be removed")
        finally:
            self._is_looking = False

    async def look(self, shard: int) -> None:
        """Once over all rooms of `shard`. Raises StoreDown."""
        place: int | None = 0
        while place is not None:
            rooms, place = await self._step(self._store.ageing, shard, place, self._limits.entries)
            for room in rooms:
                await self._see_to(room)

    async def _see_to(self, room: Ageing) -> None:
        days = room.keep_days or self._limits.keep_days
        before_ms = self._clock() - days * DAY_MS
        if days and room.oldest_ms is not None and room.oldest_ms < before_ms:
            await self._remove(room.room, await self._expire(room, before_ms))
        elif room.removable:
            await self._remove(room.room, room.first)

    async def _expire(self, room: Ageing, before_ms: float) -> int:
        """Has the log begin where nothing is too old; from there on."""
        first, most = room.first, self._limits.entries
        while True:
            found = await self._step(self._store.oldest, room.room, first, most)
            kept = next((n for n, entry in enumerate(found) if entry.at_ms >= before_ms), len(found))
            if kept:
                first = found[kept - 1].seq + 1
                files = [entry.file for entry in found[:kept] if entry.file is not None]
                self._add(Item(Expire(room=room.room, first=first, keep_days=room.keep_days, files=files)))
            if kept < most:
                return first

    async def _remove(self, room: str, first: int) -> None:
        """What is before `first`, as soon as the log begins there: its writer may not have come to that yet."""
        removed, waited = 0, 0.0
        while removed < first - 1:
            left = await self._step(self._store.leftover, room, self._limits.entries)
            if left is None:
                if waited >= self._limits.busy_s:
                    return  # it is kept longer by now, or somebody else has removed it
                await self._sleep(PAUSE_S)
                waited += PAUSE_S
                continue
            if left.files:
                await self._files.gone(left.files)
            await self._step(self._store.remove, room, left)
            REMOVED.inc(left.end - left.start + 1)
            removed = left.end

    async def _step(self, call: Callable[..., Awaitable[T]], *given: object) -> T:
        """One call of the store, in its turn, after a pause that is the longer the longer calls take."""
        waited = 0.0
        while self._is_busy() or self._reads.is_busy:
            if waited >= self._limits.busy_s:
                break
            await self._sleep(PAUSE_S)
            waited += PAUSE_S
        async with self._reads.turn:
            began = time.perf_counter()
            done = await call(*given)
            took = time.perf_counter() - began
        await self._sleep(took * (1 / self._limits.share - 1))
        return done
