"""One partition worker: an ordered pipeline from some shards' queues through the core and the store to the gateways.

    gather → decide and commit (decider.py) → send to the gateways → acknowledge

A room belongs to one shard and so to one worker: its messages are never handled side by side. The next batch is handled
while the deliveries of the last one are still on their way; acknowledgements keep the order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

import structlog

from services.router.core.audience import one
from services.router.core.cache import RoomCache
from services.router.core.changes import Changes, Item
from services.router.core.deliveries import deliveries, resumptions
from services.router.core.outgoing import Out
from services.router.crowd_timers import CrowdTimers
from services.router.decider import Decider, DeciderLimits
from services.router.files_gone import FilesGone
from services.router.intake import Intake, Taken
from services.router.isolation import one_by_one
from services.router.message_store import MessageStore
from services.router.outboxes import Outboxes
from services.router.reads import Reads
from services.router.removals import Removals
from services.router.watch import Watch
from shared.bus.port import Consumer, Delivery
from shared.protocol.bus import Acknowledged
from shared.protocol.codec import pack
from shared.protocol.errors import ErrorCode
from shared.runtime.metrics import counter, histogram

log = structlog.stdlib.get_logger("homin.router")
FRAMES = counter("router_frames", "Bus messages handled")
BATCH = histogram("router_batch_frames", "Bus messages in a batch", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))


@dataclass(frozen=True)
class WorkerLimits:
    """`batch_frames`: at most so many bodies' worth of frames in a transaction. `behind`: batches whose deliveries
    may still be on their way."""

    batch_frames: int = 1_000
    behind: int = 8
    decider: DeciderLimits = field(default_factory=DeciderLimits)


class PartitionWorker:
    """`clock`: Unix milliseconds. `files`: is told which files go; `removals`: of
    those whose subscriptions may be anywhere. `new_watch`: looks after these shards, given
    where to put its items, and what says whether frames wait.
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
        files: FilesGone,
        removals: Removals,
        new_watch: Callable[[Callable[[Item], None], Callable[[], bool]], Watch],
    ) -> None:
        self._removals = removals
        self._consumer, self._outboxes, self._reads, self._limits, self._files = (
            consumer,
            outboxes,
            reads,
            limits,
            files,
        )
        self.watch = new_watch(self.add, lambda: bool(self._deliveries))
        self._clock = clock
        self.decider = Decider(
            store,
            cache,
            clock,
            limits.decider,
            refuse=lambda submit: reads.refuse(submit, ErrorCode.UNAVAILABLE),
            while_away=self._refuse_questions,
        )
        self._intake = Intake(consumer, reads, self.watch)
        self._crowds = CrowdTimers(self.add)
        self._own: list[Item] = []
        self._wake = asyncio.Event()
        self._deliveries: list[Taken] = []
        self._unacked: asyncio.Queue[tuple[Delivery, set[asyncio.Future[None]]]] = asyncio.Queue(limits.behind)
        self._batches = 0
        self._gathering: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()

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
            now = self._clock()
            self._deliveries += [Taken(delivery, now) for delivery in gathered]
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
        acknowledged: dict[tuple[str, str], int] = {}
        for position, taken in enumerate(deliveries):
            if len(items) >= self._limits.batch_frames:
                self._deliveries = deliveries[position:] + self._deliveries
                break
            read.append((taken.delivery, await self._intake.items(taken)))
            items += read[-1][1]
            if taken.sequence:
                acknowledged[taken.source, taken.delivery.queue] = taken.sequence
        since = deliveries[0].at if read else None
        try:
            sent = await self._settle(items, since)
        except Exception:
            log.exception("a batch cannot be handled; its bodies are tried one by one")
            settle = partial(self._settle, since=since)
            sent = await one_by_one(own, read, self._outboxes.source, settle, self._intake.bury)
        FRAMES.inc(len(items))
        BATCH.observe(len(items))
        for (source, queue), sequence in acknowledged.items():
            self._outboxes.send([Out(one(source), pack(Acknowledged(queue=queue, sequence=sequence)), ())])
        if read:
            await self._unacked.put((read[-1][0], sent))
        self._batches += 1
        if self._batches % 64 == 0:
            self.decider.cache.trim()

    async def _settle(self, items: Iterable[Item], since: float | None = None) -> set[asyncio.Future[None]]:
        """Decides and commits, and gives what is then on its way to the gateways. `since`: when they came.

        What people are to find in their own logs is written next, by this router, whoever owns the shards of those: a
        log is written by comparison. So it is there before anybody hears what it tells of; or the next router, to which
        the batch comes again, writes it under the same id."""
        sent: set[asyncio.Future[None]] = set()
        notices: list[Item] = []
        untold: list[Changes] = []

        def committed(batch: list[Changes]) -> None:
            sent.update(self._outboxes.send(resumptions(each for changes in batch for each in changes.resumed)))
            for changes in batch:
                if changes.files_gone:
                    sent.add(asyncio.ensure_future(self._files.gone(changes.files_gone)))
                self.watch.subscribed({subscription.address for subscription in changes.subscriptions.values()})
                if changes.notices or changes.gone_everywhere:
                    notices.extend(map(Item, changes.notices))
                    untold.append(changes)
                else:
                    sent.update(self._outboxes.send(deliveries(changes.room, changes.events)))
                self._beside(changes)

        await self.decider.decide(items, committed, since)
        try:
            await self._write_notices(notices, committed)
        except Exception:
            # What is stored is told all the same. Its message is buried, where somebody sees why.
            await self._tell(untold, sent)
            raise
        await self._tell(untold, sent)
        return sent

    async def _write_notices(self, notices: list[Item], committed: Callable[[list[Changes]], None]) -> None:
        """So many at once as frames are."""
        most = self._limits.batch_frames
        for start in range(0, len(notices), most):
            due = notices[start : start + most]
            await self.decider.decide(due, committed, tries=self._limits.decider.notice_tries)

    async def _tell(self, untold: Iterable[Changes], sent: set[asyncio.Future[None]]) -> None:
        for changes in untold:
            if changes.gone_everywhere:  # before whoever has come back since is let in
                await self._removals.tell(changes.gone_everywhere)
            sent.update(self._outboxes.send(deliveries(changes.room, changes.events)))

    def _beside(self, changes: Changes) -> None:
        """What a batch leaves to be done without holding it up."""
        for deep in changes.reads:
            self._reads.read(deep, self.add)
        self._crowds.note(changes)

    async def _refuse_questions(self) -> None:
        """Of those that have come since the store is away. What must not be lost waits."""
        for taken in list(self._deliveries):
            taken.items = self.decider.refuse_questions(await self._intake.items(taken))
