"""The message store's hot path on PostgreSQL: a whole batch, of any number of rooms, in one statement and one round
trip.

The statement is its own transaction (postgres_statements.py). asyncpg is used as it is, without SQLAlchemy's layers,
since this is the path of every message. Everything else, the reads included, is `SqlMessageStore`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.core.changes import Changes
from services.router.postgres_statements import PLANNED, commit, create
from services.router.sql import SqlMessageStore
from shared.protocol.names import shard_of
from shared.runtime.outage import StoreDown, first_line, is_outage

log = structlog.stdlib.get_logger("homin.router")
STATEMENT_S = 30.0
CONNECT_S = 5.0
STORED_ALREADY = (asyncpg.UniqueViolationError, asyncpg.NotNullViolationError)
"""An entry is, under its id: see postgres_statements.py."""


class PostgresMessageStore(SqlMessageStore):
    """`dsn`: postgresql://…; `connections`: how many commits may run side by side; `readers`: connections of
    `engine`.
    """

    def __init__(self, engine: AsyncEngine, shards: int, dsn: str, connections: int, readers: int) -> None:
        super().__init__(engine, shards)
        self._connections, self._readers = connections, readers
        self._dsn = dsn
        self._idle: list[asyncpg.Connection[Any]] = []
        self._places = asyncio.Semaphore(connections)

    async def open(self) -> None:
        """Opens every connection, and has the statements planned, now: not when everybody comes at once. What fails
        is done when it is needed.
        """
        try:
            while len(self._idle) < self._connections:
                self._idle.append(await self._connect())
            for db in self._idle:
                for statement, arguments in PLANNED:
                    await _fetch(db, statement, arguments)
            async with AsyncExitStack() as held:
                for _ in range(self._readers):
                    await held.enter_async_context(self._engine.connect())
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as why:
            log.warning("not all connections to the database could be opened", why=first_line(why))

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        """See `MessageStore.commit`."""
        if any(c.first is not None for c in batch):
            return await super().commit(batch)  # rare: so the statement of every message knows nothing of it
        try:
            return await self._commit(batch)
        except STORED_ALREADY:
            return {c.room for c in batch}

    async def _commit(self, batch: Sequence[Changes]) -> set[str]:
        # One order for all: two routers that write to the same rooms should wait, not end in a deadlock.
        writing = sorted((c for c in batch if c.writes), key=lambda c: c.room)
        comparing = {c.room: c for c in batch if not c.writes}
        async with self._connection() as db:
            missing = [(c.room, shard_of(c.room, self._shards)) for c in writing if not c.existed]
            if missing:
                created = {row[0] for row in await _fetch(db, *create(missing))}
                writing = [c for c in writing if c.existed or c.room in created]
            fine = {c.room for c in comparing.values() if not c.existed}
            for name, seq, version in await _fetch(db, *commit(writing, list(comparing))):
                c = comparing.get(name)
                if seq is None or (c is not None and c.existed and (seq, version) == (c.seq_before, c.version_before)):
                    fine.add(name)
                else:
                    fine.discard(name)
        return {c.room for c in batch} - fine

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection of our own, kept between batches: a pool would ask it for a sign of life, a round trip each
        time.
        """
        async with self._places:
            db: asyncpg.Connection[Any] | None = None
            try:
                db = self._idle.pop() if self._idle else await self._connect()
                yield db
                self._idle.append(db)
            except STORED_ALREADY:
                if db is not None:
                    self._idle.append(db)
                raise
            except BaseException as why:
                if db is not None:
                    db.terminate()
                if not is_outage(why):
                    raise  # it is about the statement or its rows, or we are cancelled
                await self.close()  # the others are most likely dead, too: one refusal is enough
                raise StoreDown(first_line(why)) from why

    async def _connect(self) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_S,
            command_timeout=STATEMENT_S,
            server_settings={"application_name": "homin", "jit": "off"},
        )

    async def close(self) -> None:
        """Gives the connections back."""
        idle, self._idle = self._idle, []
        for db in idle:
            db.terminate()


async def _fetch(db: asyncpg.Connection[Any], statement: str, arguments: Sequence[Any]) -> list[asyncpg.Record]:
    return list(await db.fetch(statement, *arguments))
