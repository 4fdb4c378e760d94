"""What a SQL database is read for, SQLite or PostgreSQL, by SQLAlchemy Core."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ScalarSelect, Select, and_, distinct, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.core.room import RECENT, Member, Room, Stored, Subscription, stored
from services.router.message_store import UNREAD_AT_MOST, UNREAD_WITHIN, Summary
from services.router.tables import members, messages, rooms, store, subscriptions
from shared.runtime.database import reader
from shared.runtime.outage import outages_as_store_down

_MESSAGE = (
    messages.c.seq, messages.c.sender_id, messages.c.sender_name, messages.c.id, messages.c.kind, messages.c.content,
    messages.c.at_ms,
)  # fmt: skip


class SqlReads:
    """The part of `MessageStore` that only reads. `engine`: see shared.runtime.database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._reader = reader(engine)

    async def load(self, names: Sequence[str]) -> dict[str, Room]:
        async with self._reading() as db:
            found = (await db.execute(select(rooms).where(rooms.c.name.in_(names)))).all()
            ids = [row.id for row in found]
            people: dict[int, dict[str, Member]] = defaultdict(dict)
            for row in await db.execute(select(members).where(members.c.room_id.in_(ids))):
                people[row.room_id][row.user_id] = Member(row.name, row.read_seq)
            places: dict[int, dict[str, Subscription]] = defaultdict(dict)
            for row in await db.execute(select(subscriptions).where(subscriptions.c.room_id.in_(ids))):
                places[row.room_id][row.session] = Subscription(row.user_id, row.address)
            loaded = {name: Room(name) for name in names}
            for row in found:
                newest = _newest(row.id, None, RECENT)
                recent = [stored(row.name, *m) for m in (await db.execute(newest)).all()]
                recent.reverse()
                room = Room(row.name, True, row.seq, row.version, people[row.id], places[row.id])
                # A commit may have come between the statements; only what the row knows of belongs to it.
                for message in recent:
                    if message.seq <= row.seq:
                        room.remember(message)
                loaded[row.name] = room
            return loaded

    async def find(self, room: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
        async with self._reading() as db:
            rows = select(*_MESSAGE).join(rooms, rooms.c.id == messages.c.room_id).where(rooms.c.name == room)
            rows = rows.where(tuple_(messages.c.sender_id, messages.c.id).in_(keys))
            return {(m.sender_id, m.id): stored(room, *m) for m in (await db.execute(rows)).all()}

    async def page(self, room: str, *, before: int | None, after: int | None, limit: int) -> tuple[list[Stored], bool]:
        async with self._reading() as db:
            room_id = (await db.execute(select(rooms.c.id).where(rooms.c.name == room))).scalar()
            if room_id is None:
                return [], False
            if after is not None:
                rows = select(*_MESSAGE).where(messages.c.room_id == room_id, messages.c.seq > after)
                found = [stored(room, *m) for m in await db.execute(rows.order_by(messages.c.seq).limit(limit + 1))]
                return found[:limit], len(found) > limit
            found = [stored(room, *m) for m in await db.execute(_newest(room_id, before, limit + 1))]
            return found[:limit][::-1], len(found) > limit

    async def rooms_of(self, user_id: str) -> list[Summary]:
        online = (
            select(func.count(distinct(subscriptions.c.user_id)))
            .where(subscriptions.c.room_id == rooms.c.id)
            .scalar_subquery()
        )
        rows = (
            select(
                rooms.c.name,
                rooms.c.seq.label("room_seq"),
                members.c.read_seq,
                _unread(user_id).label("unread"),
                online.label("online"),
                *_MESSAGE,
            )
            .select_from(members)
            .join(rooms, rooms.c.id == members.c.room_id)
            .outerjoin(messages, and_(messages.c.room_id == rooms.c.id, messages.c.seq == rooms.c.seq))
            .where(members.c.user_id == user_id)
            .order_by(func.coalesce(messages.c.at_ms, 0).desc(), rooms.c.id.desc())
        )
        async with self._reading() as db:
            return [_summary(user_id, *row) for row in (await db.execute(rows)).all()]

    async def addresses(self, shard: int) -> list[str]:
        rows = (
            select(subscriptions.c.address)
            .distinct()
            .join(rooms, rooms.c.id == subscriptions.c.room_id)
            .where(rooms.c.shard == shard)
        )
        async with self._reading() as db:
            return list((await db.execute(rows)).scalars())

    async def rooms_held(self, shard: int, address: str) -> list[str]:
        rows = select(rooms.c.name).distinct().join(subscriptions, rooms.c.id == subscriptions.c.room_id)
        async with self._reading() as db:
            found = await db.execute(rows.where(rooms.c.shard == shard, subscriptions.c.address == address))
            return list(found.scalars())

    async def crowds(self, shard: int, above: int) -> list[str]:
        rows = (
            select(rooms.c.name)
            .join(subscriptions, rooms.c.id == subscriptions.c.room_id)
            .where(rooms.c.shard == shard)
        )
        async with self._reading() as db:
            crowds = rows.group_by(rooms.c.id, rooms.c.name).having(
                func.count(distinct(subscriptions.c.user_id)) > above
            )
            return list((await db.execute(crowds)).scalars())

    async def epoch(self) -> str:
        async with self._reading() as db:
            return str((await db.execute(select(store.c.value).where(store.c.key == "epoch"))).scalar_one())

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with outages_as_store_down(), self._reader.begin() as db:
            yield db


def _newest(room_id: int, before: int | None, limit: int) -> Select[Any]:
    rows = select(*_MESSAGE).where(messages.c.room_id == room_id)
    if before is not None:
        rows = rows.where(messages.c.seq < before)
    return rows.order_by(messages.c.seq.desc()).limit(limit)


def _summary(user_id: str, room: str, seq: int, read_seq: int, unread: int, online: int, *newest: Any) -> Summary:
    last = stored(room, *newest) if newest[0] is not None else None
    # Behind more of one's own than is looked through, the newest may still be another's.
    if last is not None and last.seq > read_seq and last.sender_id != user_id:
        unread = max(unread, 1)
    return Summary(room, seq, read_seq, unread, online, last)


def _unread(user_id: str) -> ScalarSelect[Any]:
    """How many messages of others follow the member's mark."""
    following = (
        select(messages.c.sender_id)
        .where(messages.c.room_id == rooms.c.id, messages.c.seq > members.c.read_seq)
        .order_by(messages.c.seq)
        .limit(UNREAD_WITHIN)
        .correlate(rooms, members)
        .subquery("following")
    )
    of_others = select(following.c.sender_id).where(following.c.sender_id != user_id).limit(UNREAD_AT_MOST)
    return select(func.count()).select_from(of_others.subquery("of_others")).scalar_subquery()
