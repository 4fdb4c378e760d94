"""One partition worker: an ordered pipeline from some shards' queues through the core and the store to the gateways.

    gather → load what is missing → step (pure) → commit → send to the gateways → acknowledge

A room belongs to one shard and so to one worker: its messages are never handled side by side. The next batch is handled
while the deliveries of the last one are still on their way; acknowledgements keep the order.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from services.router.core import frames
from services.router.core.cache import RoomCache
from services.router.core.changes import Changes, CrowdDue, Item
from services.router.core.outgoing import Out, one
from services.router.core.room import Room
from services.router.core.step import step
from services.router.intake import Intake, Taken
from services.router.message_store import AlreadyStored, MessageStore
from services.router.outboxes import Outboxes
from services.router.reads import Reads
from services.router.watch import Watch
from shared.bus.port import Consumer, Delivery
from shared.protocol.bus import Handled, Submit
from shared.protocol.codec import encode, pack
from shared.protocol.errors import ErrorCode
from shared.runtime.metrics import counter, histogram
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.router")
FRAMES = counter("router_frames", "Bus messages handled")
MESSAGES = counter("router_messages", "Messages stored")
REDONE = counter("router_redone", "Rooms decided anew because their rows had changed")
BATCH = histogram("router_batch_frames", "Bus messages in a batch", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
SECONDS = histogram("router_batch_seconds", "From a batch's first step to its commit")


@dataclass(frozen=True)
class WorkerLimits:
    """`batch_frames`: at most so many bodies' worth of frames in a transaction. `behind`: batches whose deliveries
    may still be on their way. `retry_s`: pause while the database is down. `crowd_s`: how often a large room tells
    how many there are, `crowd_names_s`: who, up to a hundred of them. `settled_s`: how long after a gateway's or
    router's end who is there is told once more.
    `answer_bytes`: of the messages that one answer lists."""

    batch_frames: int = 1_000
    behind: int = 8
    retry_s: float = 0.5
    crowd_s: float = 1.0
    crowd_names_s: float = 30.0
    settled_s: float = 5.0
    tries: int = 8
    answer_bytes: int = frames.ANSWER_BYTES


class PartitionWorker:
    """`clock`: Unix milliseconds. `new_watch`: looks after the gateways of these shards, given where to put its
    items.
    """

    def __init__(
        self,
        consumer: Consumer,
        store: MessageStore,
        outboxes: Outboxes,
        reads: Reads,
        cache: RoomCache,
        clock: Callable[[], float],
        limits: WorkerLimits,
        new_watch: Callable[[Callable[[Item], None]], Watch],
    ) -> None:
        self._consumer, self._store, self._outboxes, self._reads = consumer, store, outboxes, reads
        self._cache, self._clock, self._limits = cache, clock, limits
        self.watch = new_watch(self.add)
        self._intake = Intake(consumer, reads, self.watch)
        self._own: list[Item] = []
        self._wake = asyncio.Event()
        self._deliveries: list[Taken] = []
        self._unacked: asyncio.Queue[tuple[Delivery, set[asyncio.Future[None]]]] = asyncio.Queue(limits.behind)
        self._crowds: dict[tuple[str, bool], asyncio.TimerHandle] = {}
        self._batches = 0
        self._gathering: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self.down: str | None = None

    async def run(self) -> None:
        """Until cancelled. What was not acknowledged then is handled by the next owner."""
        async with asyncio.TaskGroup() as tasks:
            self._gathering = tasks.create_task(self._gather())
            tasks.create_task(self._acknowledge())
            tasks.create_task(self._work())

    async def drain(self) -> None:
        """Takes nothing more; returns when what was taken is stored, told and acknowledged."""
        if self._gathering is not None:
            self._gathering.cancel()
        await self._idle.wait()
        await self._unacked.join()

    def add(self, item: Item) -> None:
        """Something that the router says to itself, handled in its turn."""
        self._own.append(item)
        self._wake.set()

    async def _gather(self) -> None:
        while True:
            # Apart from the line below: `x += await …` reads x before it waits, and would bring back what was handled.
            gathered = await self._consumer.get()
            self._deliveries += [Taken(delivery) for delivery in gathered]
            self._wake.set()

    async def _acknowledge(self) -> None:
        while True:
            last, sent = await self._unacked.get()
            if sent:
                await asyncio.wait(sent)
            self._consumer.ack(last)
            self._unacked.task_done()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._idle.clear()
            while self._deliveries or self._own:
                deliveries, self._deliveries = self._deliveries, []
                own, self._own = self._own, []
                await self._handle(deliveries, own)
            self._idle.set()

    async def _handle(self, deliveries: list[Taken], own: list[Item]) -> None:
        items, read = list(own), list[tuple[Delivery, list[Item]]]()
        handled: dict[tuple[str, str], int] = {}
        for position, taken in enumerate(deliveries):
            if len(items) >= self._limits.batch_frames:
                self._deliveries = deliveries[position:] + self._deliveries
                break
            read.append((taken.delivery, await self._intake.items(taken)))
            items += read[-1][1]
            if taken.n:
                handled[taken.source, taken.delivery.queue] = taken.n
        try:
            sent = await self._settle(items)
        except Exception:
            log.exception("a batch cannot be handled; its bodies are tried one by one")
            sent = await self._one_by_one(own, read)
        FRAMES.inc(len(items))
        BATCH.observe(len(items))
        for (source, queue), n in handled.items():
            self._outboxes.send([Out(one(source), pack(Handled(queue=queue, n=n)), ())])
        if read:
            await self._unacked.put((read[-1][0], sent))
        self._batches += 1
        if self._batches % 64 == 0:
            self._cache.trim()

    async def _settle(self, items: Sequence[Item]) -> set[asyncio.Future[None]]:
        """Steps, commits and sends; again for the rooms whose rows turn out to have changed, and for as long as the
        database is away."""
        sent: set[asyncio.Future[None]] = set()
        waiting: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            waiting[item.room].append(item)
        tries = 0
        while waiting:
            try:
                stale = await self._try(waiting, sent)
            except StoreDown as why:
                self._cache.drop(waiting)
                await self._wait_for_store(waiting, str(why))
                continue
            except AlreadyStored:
                await self._look_up(waiting)
                stale = set(waiting)
            except BaseException:
                self._cache.drop(waiting)
                raise
            self.down = None
            waiting = {name: items for name, items in waiting.items() if name in stale}
            tries += 1
            if waiting:
                REDONE.inc(len(waiting))
                if tries > self._limits.tries:
                    raise RuntimeError(f"rooms stay out of date: {', '.join(list(waiting)[:5])}")
        return sent

    async def _try(self, waiting: dict[str, list[Item]], sent: set[asyncio.Future[None]]) -> set[str]:
        started = self._clock()
        rooms = await self._rooms(waiting)
        answer_bytes = self._limits.answer_bytes
        batch = [step(rooms[name], items, int(started), answer_bytes) for name, items in waiting.items()]
        certain = [c for c in batch if c.writes or c.requires_version_check]
        stale = await self._store.commit(certain) if certain else set()
        self._cache.drop(stale)
        for changes in batch:
            if changes.room not in stale:
                if not rooms[changes.room].exists:
                    self._cache.drop([changes.room])
                MESSAGES.inc(len(changes.messages))
                self.watch.subscribed({subscription.address for subscription in changes.subscriptions.values()})
                sent |= self._outboxes.send(changes.outs)
                self._beside(changes)
        SECONDS.observe((self._clock() - started) / 1000)
        return stale

    async def _rooms(self, names: dict[str, list[Item]]) -> dict[str, Room]:
        rooms = {name: room for name in names if (room := self._cache.get(name)) is not None}
        missing = [name for name in names if name not in rooms]
        if missing:
            for name, room in (await self._store.load(missing)).items():
                rooms[name] = room
                self._cache.put(room)
        return rooms

    def _beside(self, changes: Changes) -> None:
        """What a batch leaves to be done without holding it up."""
        for submit in changes.reads:
            self._reads.history(submit)
        for submit in changes.deep_joins:
            self._reads.deep_join(submit, self.add)
        if changes.crowd_changed:
            self._tell_crowd(changes.room, False, self._limits.crowd_s)
            self._tell_crowd(changes.room, True, self._limits.crowd_names_s)
        if changes.names_owed:
            self._tell_crowd(changes.room, True, self._limits.settled_s)

    def _tell_crowd(self, room: str, names: bool, after_s: float) -> None:
        def due() -> None:
            del self._crowds[room, names]
            self.add(Item(CrowdDue(room=room, names=names)))

        if (room, names) not in self._crowds:
            self._crowds[room, names] = asyncio.get_running_loop().call_later(after_s, due)

    async def _look_up(self, waiting: dict[str, list[Item]]) -> None:
        """Some message is older than what is in memory, and is being sent again: finds its number."""
        self._cache.drop(waiting)
        for name, room in (await self._rooms(waiting)).items():
            keys = [key for item in waiting[name] if (key := item.idempotency_key) is not None]
            if keys:
                room.known = await self._store.find(name, keys)

    async def _wait_for_store(self, waiting: dict[str, list[Item]], why: str) -> None:
        """Keeps what must not be lost; tells those who only ask, now or while it lasts, that there is no answer."""
        if self.down is None:
            log.warning("the database is away; frames wait in their queues", why=why.splitlines()[0])
        self.down = "The database cannot be reached."
        for name in list(waiting):
            for item in waiting[name]:
                if item.is_read_only:
                    self._refuse(item)
            # The commit may have been done although its answer was lost; then its deliveries are still owed.
            waiting[name] = [i._replace(redelivered=True) for i in waiting[name] if not i.is_read_only]
            if not waiting[name]:
                del waiting[name]
        await asyncio.sleep(self._limits.retry_s)
        for taken in list(self._deliveries):
            items = await self._intake.items(taken)
            for item in items:
                if item.is_read_only:
                    self._refuse(item)
            taken.items = [item for item in items if not item.is_read_only]

    def _refuse(self, item: Item) -> None:
        if isinstance(item.message, Submit):
            self._reads.refuse(item.message, ErrorCode.UNAVAILABLE)

    async def _one_by_one(
        self, own: Sequence[Item], read: Sequence[tuple[Delivery, list[Item]]]
    ) -> set[asyncio.Future[None]]:
        """Finds the message that cannot be handled and buries it; the others are handled as if it were not there."""
        sent: set[asyncio.Future[None]] = set()
        for item in own:
            try:
                sent.update(await self._settle([item]))
            except Exception:
                log.exception("an item of the router's own cannot be handled", item=type(item.message).__name__)
        for delivery, items in read:
            for item in items:
                try:
                    sent.update(await self._settle([item._replace(redelivered=True)]))
                except Exception as why:
                    log.exception("a message cannot be handled")
                    poison = delivery._replace(body=encode(self._outboxes.source, [pack(item.message)]))
                    await self._intake.bury(poison, f"{type(why).__name__}: {why}"[:500])
        return sent
