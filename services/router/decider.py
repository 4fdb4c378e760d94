"""Decides batches: load the rooms and what the batch needs besides → step (pure) → commit; again for the rooms that the
store sends back, and for as long as it is away.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from random import random

import structlog

from services.router.core.cache import RoomCache
from services.router.core.changes import Changes, Item
from services.router.core.needs import NOTHING, Older, needs
from services.router.core.pages import ANSWER_BYTES
from services.router.core.room import Room
from services.router.core.step import step
from services.router.message_store import MessageStore
from shared.protocol.bus import Submit
from shared.protocol.room_names import is_private
from shared.runtime.metrics import counter, histogram
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.router")
MESSAGES = counter("router_messages", "Messages stored")
CHANGES = counter("router_changes", "Edits, deletions, reactions and pins stored")
REDONE = counter("router_redone", "Rooms decided anew because the store had more than memory")
SECONDS = histogram("router_batch_seconds", "From a batch's first step to its commit")
Waiting = dict[str, list[Item]]
"""Room → its items that are not decided yet, in order."""


@dataclass(frozen=True)
class DeciderLimits:
    """`tries`: how often a batch is decided anew before it counts as one that cannot be handled; `notice_tries`: one
    of notices, since somebody's own log is written by every worker that has something for it. `contended_s`: from the
    second time on a pause goes before, of this at most, then of twice this, up to `contended_most_s`: who meets another
    by chance does not meet him again. `retry_s`: pause while the store is away. `question_ms`: how long after it came a
    question is still answered. `answer_bytes`: of the messages that one answer lists."""

    tries: int = 30
    notice_tries: int = 300
    contended_s: float = 0.01
    contended_most_s: float = 0.32
    retry_s: float = 0.5
    question_ms: float = 8_000
    answer_bytes: int = ANSWER_BYTES


async def nothing() -> None:
    """What is done while the store is away, where nobody else waits."""


class Decider:
    """`clock`: Unix milliseconds. `refuse`: tells whoever has asked that there is no answer now. `while_away`: done
    after each pause for the store. `chance`: from 0 to 1. `down`: a sentence while the store is away."""

    def __init__(
        self,
        store: MessageStore,
        cache: RoomCache,
        clock: Callable[[], float],
        limits: DeciderLimits,
        refuse: Callable[[Submit], None],
        while_away: Callable[[], Awaitable[None]] = nothing,
        chance: Callable[[], float] = random,
    ) -> None:
        self._store, self.cache, self._clock, self._limits = store, cache, clock, limits
        self._refuse, self._while_away, self._chance = refuse, while_away, chance
        self.down: str | None = None

    async def decide(
        self,
        items: Iterable[Item],
        committed: Callable[[list[Changes]], None],
        since: float | None = None,
        tries: int | None = None,
    ) -> None:
        """`committed` is called with the rooms' changes as soon as they are stored. Raises when some item cannot be
        handled; what was committed by then stays so. `since`: when they came, by the clock. `tries`: other than of the
        limits."""
        most = self._limits.tries if tries is None else tries
        since = self._clock() if since is None else since
        waiting: Waiting = defaultdict(list)
        resuming: Waiting = defaultdict(list)
        for item in items:
            (waiting if item.resumes is None else resuming)[item.room].append(item)
        # Who resumes comes first, so that all of a client's rooms can be answered as one: before anything else is said.
        for room, back in resuming.items():
            waiting[room] = back + waiting[room]
        done = 0
        while waiting:
            if self._clock() - since > self._limits.question_ms:
                # Their askers have been told long ago that there is no answer. We may have stood still, and another
                # router may have done it: what came after it (a `leave`, a removal) must not be undone.
                waiting = {name: kept for name in waiting if (kept := self._refuse_overdue(waiting[name]))}
            try:
                stale = await self._try(waiting, done > 0, committed)
            except StoreDown as why:
                self.cache.drop(waiting)
                waiting = await self._wait_for_store(waiting, str(why))
                continue
            except BaseException:
                self.cache.drop(waiting)
                raise
            self.down = None
            waiting = {name: waiting[name] for name in waiting if name in stale}
            done += 1
            if waiting:
                REDONE.inc(len(waiting))
                if done > most:
                    raise RuntimeError(f"rooms stay out of date: {', '.join(list(waiting)[:5])}")
                await self._let_others(done)

    async def _let_others(self, tries: int) -> None:
        if tries > 1:
            longest = min(self._limits.contended_s * 2 ** min(tries - 2, 16), self._limits.contended_most_s)
            await asyncio.sleep(self._chance() * longest)

    async def load(self, names: Iterable[str]) -> dict[str, Room]:
        """These rooms, from memory or else from the store."""
        rooms = {name: room for name in names if (room := self.cache.get(name)) is not None}
        missing = [name for name in names if name not in rooms]
        if missing:
            for name, room in (await self._store.load(missing)).items():
                rooms[name] = room
                self.cache.put(room)
        return rooms

    def refuse_questions(self, items: Sequence[Item]) -> list[Item]:
        """Refuses those who only ask, and gives what must not be lost."""
        for item in items:
            if item.is_read_only and (asked := item.asked_by) is not None:
                self._refuse(asked)
        return [item for item in items if not item.is_read_only]

    def _refuse_overdue(self, items: Sequence[Item]) -> list[Item]:
        questions = [item for item in items if type(item.message) is Submit and item.message.frame.kind == "question"]
        for item in questions:
            self._refuse(item.message)  # type: ignore[arg-type]
        return [item for item in items if item not in questions] if questions else list(items)

    async def _try(self, waiting: Waiting, sent_back: bool, committed: Callable[[list[Changes]], None]) -> set[str]:
        """Gives the rooms that are to be decided anew. `sent_back`: these are such."""
        started = self._clock()
        rooms = await self.load(waiting)
        older = await self._look_up(rooms, waiting, sent_back)
        now_ms, answer_bytes = int(started), self._limits.answer_bytes
        batch = [
            step(rooms[name], items, now_ms, answer_bytes, older.get(name, NOTHING)) for name, items in waiting.items()
        ]
        certain = [c for c in batch if c.writes or c.requires_version_check]
        stale = await self._store.commit(certain) if certain else set()
        self.cache.drop(stale)
        stored = [changes for changes in batch if changes.room not in stale]
        for changes in stored:
            # Not a private one that is not there: else it would be answered in another time than one that is.
            if not rooms[changes.room].exists and not is_private(changes.room):
                self.cache.drop([changes.room])
            MESSAGES.inc(len(changes.messages))
            CHANGES.inc(len(changes.changes))
        committed(stored)
        SECONDS.observe((self._clock() - started) / 1000)
        return stale

    async def _look_up(self, rooms: dict[str, Room], waiting: Waiting, sent_back: bool) -> dict[str, Older]:
        wanted = {name: need for name, items in waiting.items() if (need := needs(rooms[name], items, sent_back))}
        return {name: await self._store.find(name, need) for name, need in wanted.items()}

    async def _wait_for_store(self, waiting: Waiting, why: str) -> Waiting:
        """Keeps what must not be lost; tells those who only ask, now or while it lasts, that there is no answer."""
        if self.down is None:
            log.warning("the database is away; frames wait in their queues", why=why.splitlines()[0])
        self.down = "The database cannot be reached."
        # The commit may have been done although its answer was lost; then its deliveries are still owed.
        kept = {
            name: [item._replace(redelivered=True) for item in self.refuse_questions(items)]
            for name, items in waiting.items()
        }
        await asyncio.sleep(self._limits.retry_s)
        await self._while_away()
        return {name: items for name, items in kept.items() if items}
