"""Retention in a SQL database: which rooms have something too old, what that is, and how it is removed."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json
from sqlalchemy import ScalarSelect, Select, and_, bindparam, case, delete, null, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.retention_store import Ageing, Leftover, Old
from services.router.sql_rows import rules_of
from services.router.tables import changes, mentions, messages, room_rules, rooms
from shared.runtime.outage import outages_as_store_down

_TABLES = (messages, changes)


class SqlRetention:
    """See `RetentionStore`."""

    _engine: AsyncEngine
    _reader: AsyncEngine

    async def ageing(self, shard: int, after: int, limit: int) -> tuple[list[Ageing], int | None]:
        columns = (rooms.c.id, rooms.c.name, rooms.c.shard, rooms.c.first)
        next_ = select(*columns).where(rooms.c.id > after).order_by(rooms.c.id).limit(limit).subquery()
        kept = [_oldest_ms(table, next_) for table in _TABLES]
        left = [_has_leftover(table, next_) for table in _TABLES]
        rows = (
            select(
                next_.c.id, next_.c.name, next_.c.first, room_rules.c.value.label("rules"),
                kept[0].label("said_ms"), kept[1].label("changed_ms"), or_(*left).label("removable"),
            )
            .select_from(next_)
            .outerjoin(room_rules, room_rules.c.room_id == next_.c.id)
            .where(next_.c.shard == shard)
        )  # fmt: skip
        async with outages_as_store_down(), self._reader.begin() as db:
            last = (await db.execute(select(next_.c.id).order_by(next_.c.id.desc()).limit(1))).scalar()
            found = (await db.execute(rows)).all() if last is not None else []
        return [_ageing(row) for row in found], last

    async def oldest(self, room: str, start: int, limit: int) -> list[Old]:
        async with outages_as_store_down(), self._reader.begin() as db:
            row = (await db.execute(select(rooms.c.id, rooms.c.first).where(rooms.c.name == room))).first()
            if row is None:
                return []
            found = await db.execute(_numbered(row.id, max(start, row.first), None, limit))
            return [Old(each.seq, each.at_ms, _file(each.file)) for each in found]

    async def leftover(self, room: str, limit: int) -> Leftover | None:
        async with outages_as_store_down(), self._reader.begin() as db:
            row = (await db.execute(select(rooms.c.id, rooms.c.first).where(rooms.c.name == room))).first()
            found = (await db.execute(_numbered(row.id, 0, row.first, limit))).all() if row is not None else []
        if not found:
            return None
        return Leftover(found[0].seq, found[-1].seq, [id for each in found if (id := _file(each.file)) is not None])

    async def remove(self, room: str, leftover: Leftover) -> None:
        async with outages_as_store_down(), self._engine.begin() as db:
            row = (await db.execute(select(rooms.c.id, rooms.c.first).where(rooms.c.name == room))).first()
            if row is None:
                return
            end = min(leftover.end, row.first - 1)
            await self._forget_mentions(db, row.id, leftover.start, end)
            for table in _TABLES:
                gone = delete(table).where(table.c.room_id == row.id, table.c.seq.between(leftover.start, end))
                await db.execute(gone)

    @staticmethod
    async def _forget_mentions(db: AsyncConnection, room_id: int, start: int, end: int) -> None:
        """Their table goes by users: so the messages say whom they mention."""
        calling = select(messages.c.seq, messages.c.mentions).where(
            messages.c.room_id == room_id, messages.c.seq.between(start, end), messages.c.mentions.is_not(None)
        )
        called = [
            {"b_user": user, "b_seq": row.seq} for row in await db.execute(calling) for user in from_json(row.mentions)
        ]
        if called:
            gone = delete(mentions).where(
                mentions.c.room_id == room_id,
                mentions.c.user_id == bindparam("b_user"),
                mentions.c.seq == bindparam("b_seq"),
            )
            await db.execute(gone, called)


def _oldest_ms(table: Any, next_: Any) -> ScalarSelect[Any]:
    kept = select(table.c.at_ms).where(table.c.room_id == next_.c.id, table.c.seq >= next_.c.first)
    return kept.order_by(table.c.seq).limit(1).correlate(next_).scalar_subquery()


def _has_leftover(table: Any, next_: Any) -> Any:
    # Not EXISTS: that may be planned as one look through all of the table.
    left = select(table.c.seq).where(table.c.room_id == next_.c.id, table.c.seq < next_.c.first)
    return left.order_by(table.c.seq).limit(1).correlate(next_).scalar_subquery().is_not(None)


def _numbered(room_id: int, start: int, end: int | None, limit: int) -> Select[Any]:
    """The first `limit` entries from `start` on, before `end`; of a file's message what it says of the file."""
    both = []
    for table, file in (
        (messages, case((messages.c.kind == "file", messages.c.content))),
        (changes, null()),
    ):
        bounds = [table.c.room_id == room_id, table.c.seq >= start]
        within = select(table.c.seq, table.c.at_ms, file.label("file")).where(
            and_(*bounds, *([] if end is None else [table.c.seq < end]))
        )
        both.append(select(within.order_by(table.c.seq).limit(limit).subquery()))
    entries = union_all(*both).subquery()
    return select(entries).order_by(entries.c.seq).limit(limit)


def _file(content: str | None) -> str | None:
    return str(from_json(content)["id"]) if content else None


def _ageing(row: Any) -> Ageing:
    came = [ms for ms in (row.said_ms, row.changed_ms) if ms is not None]
    return Ageing(row.name, rules_of(row.rules).keep_days, row.first, min(came, default=None), bool(row.removable))
