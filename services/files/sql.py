"""The rows of the files, in SQLite or PostgreSQL. Implements file_store.FileStore."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Select, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.files.file_store import Condemned, Kept
from services.files.tables import arrivals, files
from shared.runtime.database import reader
from shared.runtime.outage import StoreDown, first_line, is_outage

_KEPT = tuple(files.c[field] for field in Kept._fields)
_GONE = {"sender_name": "", "name": "", "size": 0, "mime": "", "sha256": "", "width": None, "height": None}


class SqlFileStore:
    """`engine`: see shared.runtime.database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine, self._reader = engine, reader(engine)
        self._upsert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        self.down: str | None = None
        """A sentence while the database is away."""

    async def begin(self, id: str, now_ms: int) -> None:
        async with self._transaction() as db:
            await db.execute(insert(arrivals).values(id=id, begun_at_ms=now_ms, condemned=False))

    async def keep(self, file: Kept) -> Kept:
        async with self._transaction() as db:
            arrival = arrivals.c.id == file.id
            if (await db.execute(delete(arrivals).where(arrival, ~arrivals.c.condemned))).rowcount != 1:
                raise Condemned
            row = {**file._asdict(), "posted": False}
            # The second of two who send the same message at once waits here until the first has committed.
            made = await db.execute(self._upsert(files).values(row).on_conflict_do_nothing().returning(files.c.id))
            if made.scalar() is not None:
                return file
            await db.execute(insert(arrivals).values(id=file.id, begun_at_ms=file.stored_at_ms, condemned=True))
            first = select(*_KEPT).where(
                files.c.room == file.room, files.c.sender_id == file.sender_id, files.c.message_id == file.message_id
            )
            return Kept(*(await db.execute(first)).one())

    async def end(self, id: str, now_ms: int) -> bool:
        async with self._transaction() as db:
            there = files.c.id == id, files.c.sha256 != ""
            # Posted, too: who stored it may have died before it could say so.
            if not (await db.execute(update(files).where(*there).values(posted=True, **_GONE))).rowcount:
                return False
            await db.execute(insert(arrivals).values(id=id, begun_at_ms=now_ms, condemned=True))
            return True

    async def condemn(self, id: str) -> bool:
        async with self._transaction() as db:
            done = await db.execute(update(arrivals).where(arrivals.c.id == id).values(condemned=True))
            return bool(done.rowcount)

    async def forget(self, id: str) -> None:
        async with self._transaction() as db:
            await db.execute(delete(arrivals).where(arrivals.c.id == id, arrivals.c.condemned))

    async def overdue(self, before_ms: int, limit: int) -> list[str]:
        late = update(arrivals).where(arrivals.c.begun_at_ms < before_ms, ~arrivals.c.condemned)
        ids = select(arrivals.c.id).where(arrivals.c.condemned).order_by(arrivals.c.begun_at_ms).limit(limit)
        async with self._transaction() as db:
            await db.execute(late.values(condemned=True))
            return list((await db.execute(ids)).scalars())

    async def find(self, id: str) -> Kept | None:
        found = await self._kept(select(*_KEPT).where(files.c.id == id, files.c.sha256 != ""))
        return found[0] if found else None

    async def newest(self, limit: int) -> list[Kept]:
        stored = select(*_KEPT).where(files.c.size > 0)
        return await self._kept(stored.order_by(files.c.stored_at_ms.desc()).limit(limit))

    async def posted(self, id: str) -> None:
        async with self._transaction() as db:
            await db.execute(update(files).where(files.c.id == id, ~files.c.posted).values(posted=True))

    async def unposted(self, before_ms: int, limit: int) -> list[Kept]:
        waiting = select(*_KEPT).where(~files.c.posted, files.c.stored_at_ms < before_ms)
        return await self._kept(waiting.order_by(files.c.stored_at_ms).limit(limit))

    async def _kept(self, rows: Select[Any]) -> list[Kept]:
        async with self._translated(), self._reader.begin() as db:
            return [Kept(*row) for row in await db.execute(rows)]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._translated(), self._engine.begin() as db:
            yield db

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Whatever means that the database is not there becomes `StoreDown`."""
        try:
            yield
        except Exception as why:
            if not is_outage(why):
                raise
            self.down = "The database cannot be reached."
            raise StoreDown(first_line(why)) from why
        else:
            self.down = None
