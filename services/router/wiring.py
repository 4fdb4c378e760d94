"""The only place that picks the router's adapters."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.core.cache import RoomCache
from services.router.core.changes import Item
from services.router.core.liveness import Liveness
from services.router.decider import DeciderLimits
from services.router.files_gone import FilesGone
from services.router.message_store import MessageStore
from services.router.outboxes import Outboxes
from services.router.partition_worker import PartitionWorker, WorkerLimits
from services.router.postgres import PostgresMessageStore
from services.router.reads import Reads
from services.router.removals import Removals
from services.router.retention import Retention, RetentionLimits
from services.router.service import Router
from services.router.settings import Settings
from services.router.sharding import spread
from services.router.sql import SqlMessageStore
from services.router.watch import Watch
from shared.bus.batching import Linger
from shared.bus.port import Bus, Consumer
from shared.protocol.bus import named
from shared.runtime.database import open_engine, wait_for_database

PARTITION_WORKERS = 2
FILES_RETRY_S = 1.0


def open_message_store(url: str, engine: AsyncEngine, shards: int, writers: int, readers: int = 0) -> SqlMessageStore:
    """The store in the database at `url`. `engine` is open on the same; `open` opens `readers` of its connections."""
    if url.startswith("postgresql"):
        return PostgresMessageStore(engine, shards, "postgresql://" + url.partition("://")[2], writers, readers)
    return SqlMessageStore(engine, shards)


def build(settings: Settings, bus: Bus) -> Router:
    workers = settings.router_partition_workers or (
        1 if settings.database_url.startswith("sqlite") else PARTITION_WORKERS
    )
    readers = workers + settings.router_reads
    engine = open_engine(settings.database_url, pool_size=readers)
    store = open_message_store(settings.database_url, engine, settings.shards, workers, readers)

    async def prepare() -> None:
        await wait_for_database(settings.database_url)
        await spread(engine, settings.shards)
        await store.open()

    async def dispose() -> None:
        await store.close()
        await engine.dispose()

    return assemble(
        settings, bus, store, workers=workers, now=time.time, monotonic=time.monotonic, prepare=prepare, dispose=dispose
    )


def assemble(
    settings: Settings,
    bus: Bus,
    store: MessageStore,
    *,
    workers: int,
    now: Callable[[], float],
    monotonic: Callable[[], float],
    prepare: Callable[[], Awaitable[None]],
    dispose: Callable[[], Awaitable[None]],
) -> Router:
    """The router over any message store. `now`: Unix seconds; `prepare`, `dispose`: of what stands behind the store."""
    source = named(f"router.{settings.instance}")
    outboxes = Outboxes(
        bus,
        source,
        bound=settings.router_outbox_bytes,
        refusals=settings.router_outbox_refusals,
        batch_bytes=settings.router_body_bytes,
        new_linger=lambda: Linger(settings.router_linger_ms / 1000, settings.router_linger_deliveries_per_s),
        on_gone=lambda address: router.gone(address),
    )
    reads = Reads(
        store,
        outboxes,
        at_once=settings.router_reads,
        waiting=settings.router_reads_waiting,
        answer_bytes=settings.router_answer_bytes,
    )

    files = FilesGone(bus, source, FILES_RETRY_S)
    removals = Removals(bus, source)

    def clock() -> float:
        return now() * 1000

    def new_worker(shards: Sequence[int], consumer: Consumer) -> PartitionWorker:
        cache = RoomCache(
            max(1, settings.router_cache_rooms // workers), max(1, settings.router_cache_bytes // workers)
        )
        limits = WorkerLimits(
            batch_frames=settings.router_batch_frames,
            decider=DeciderLimits(answer_bytes=settings.router_answer_bytes),
        )

        def new_watch(add: Callable[[Item], None], is_busy: Callable[[], bool]) -> Watch:
            def new_liveness() -> Liveness:
                return Liveness(settings.silent_s, settings.beat_s * 2.2, settings.beat_s)

            kept = RetentionLimits(
                settings.keep_days, settings.router_keep_look_s, entries=settings.router_keep_entries
            )
            retention = Retention(store, reads, files, clock, monotonic, add, is_busy, kept)
            return Watch(shards, store, outboxes, reads, monotonic, add, new_liveness, retention)

        return PartitionWorker(consumer, store, outboxes, reads, cache, clock, limits, files, removals, new_watch)

    router = Router(
        bus,
        settings.instance,
        outboxes,
        reads,
        new_worker,
        shards=settings.shards,
        workers=workers,
        prefetch=settings.router_prefetch,
        beat_s=settings.beat_s,
        prepare=prepare,
        epoch=store.epoch,
        dispose=dispose,
    )
    return router
