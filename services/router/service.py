"""The router as a service: its partition workers, its beat, its state of health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from starlette.routing import BaseRoute

from services.router.outboxes import Outboxes
from services.router.partition_worker import PartitionWorker
from services.router.reads import Reads
from shared.bus.port import Bus, BusError, Consumer
from shared.bus.topology import OWN_LOGS, shard_queue
from shared.protocol.bus import Tick
from shared.protocol.codec import encode, pack
from shared.runtime.health import Check
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.router")
RESTART_S = 1.0


class Router:
    """`new_worker`: a partition worker for these shards over this consumer. `epoch`: reads the store's."""

    name = "router"
    routes: Sequence[BaseRoute] = ()
    websocket: Callable[..., asyncio.Protocol] | None = None

    def __init__(
        self,
        bus: Bus,
        instance: str,
        outboxes: Outboxes,
        reads: Reads,
        new_worker: Callable[[Sequence[int], Consumer], PartitionWorker],
        *,
        shards: int,
        workers: int,
        prefetch: int,
        beat_s: float,
        prepare: Callable[[], Awaitable[None]],
        epoch: Callable[[], Awaitable[str]],
        dispose: Callable[[], Awaitable[None]],
    ) -> None:
        self._bus, self._instance, self._outboxes, self._reads = bus, instance, outboxes, reads
        self._new_worker, self._prefetch, self._beat_s = new_worker, prefetch, beat_s
        self._shards = [list(range(i, shards, workers)) for i in range(min(workers, shards))]
        self._prepare, self._epoch, self._dispose = prepare, epoch, dispose
        self._workers: list[PartitionWorker] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def checks(self) -> Mapping[str, Check]:
        return {
            "bus": lambda: None if self._bus.connected else "The broker cannot be reached.",
            "store": lambda: next((w.decider.down for w in self._workers if w.decider.down), None),
        }

    async def start(self) -> None:
        while self._outboxes.epoch is None:
            try:
                await self._prepare()
                self._outboxes.epoch = await self._epoch()
            except StoreDown as why:  # it was there a moment ago
                log.warning("the database went away again", why=str(why).splitlines()[0])
        started = [asyncio.Event() for _ in self._shards]
        for shards, event in zip(self._shards, started, strict=True):
            self._tasks.append(asyncio.create_task(self._keep(shards, event), name=f"worker:{shards[0]}"))
        for event in started:
            await event.wait()
        self._tasks.append(asyncio.create_task(self._beat(), name="router:beat"))

    async def drain(self) -> None:
        async with asyncio.timeout(10):
            await asyncio.gather(*(worker.drain() for worker in self._workers))
            await self._outboxes.flush()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reads.close()
        await self._dispose()

    def gone(self, address: str) -> None:
        """A mailbox does not exist any more."""
        log.info("a gateway's mailbox is gone; its subscriptions end", address=address)
        for worker in self._workers:
            worker.watch.gone(address)

    async def _keep(self, shards: Sequence[int], started: asyncio.Event) -> None:
        """Runs a worker; one that fails starts anew with a new consumer, to which its deliveries come again."""
        while True:
            queues = [shard_queue(shard) for shard in shards]
            if shards is self._shards[0]:
                queues.append(OWN_LOGS)  # a log is written by comparison: any worker of any router may
            consumer = await self._bus.consume(queues, self._instance, self._prefetch)
            worker = self._new_worker(shards, consumer)
            self._workers.append(worker)
            started.set()
            try:
                await worker.run()
            except Exception:
                log.exception("a partition worker failed; it starts anew", shards=shards)
            finally:
                self._workers.remove(worker)
                await consumer.close()
            await asyncio.sleep(RESTART_S)

    async def _beat(self) -> None:
        """Ticks on every shard, so that whoever owns it looks for silent gateways; and learns of a restored backup."""
        body = encode(self._instance, [pack(Tick())])
        while True:
            for shard in (s for shards in self._shards for s in shards):
                try:
                    await self._bus.publish(shard_queue(shard), body)
                except BusError as why:
                    log.warning("the beat was not taken", shard=shard, why=str(why))
                    break
            await asyncio.sleep(self._beat_s)
            try:
                self._outboxes.epoch = await self._epoch()
            except StoreDown as why:
                log.debug("the epoch cannot be read now", why=str(why))
