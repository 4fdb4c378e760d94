"""The message store in a SQL database, SQLite or PostgreSQL, by SQLAlchemy Core. A batch is one transaction.

Optimistic concurrency (Kung and Robinson, 1981): a room's row is locked, its `seq` and `version` compared with those
the changes were decided on, and only then are its rows written. Two routers that both believe they own a room cannot
both win.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    delete,
    distinct,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.core.changes import Changes
from services.router.core.room import RECENT, Member, Room, Stored, Subscription, stored
from services.router.message_store import UNREAD_AT_MOST, UNREAD_WITHIN, Summary
from services.router.tables import members, messages, rooms, store, subscriptions
from shared.protocol.names import shard_of
from shared.runtime.database import reader
from shared.runtime.outage import outages_as_store_down

_MESSAGE = (
    messages.c.seq, messages.c.sender_id, messages.c.sender_name, messages.c.id, messages.c.kind, messages.c.content,
    messages.c.at_ms,
)  # fmt: skip


class SqlMessageStore:
    """`engine`: see shared.runtime.database. `shards`: of the deployment."""

    def __init__(self, engine: AsyncEngine, shards: int) -> None:
        self._engine, self._reader, self._shards = engine, reader(engine), shards
        self._upsert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

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

    async def open(self) -> None:
        """Before the first batch. SQLite opens a file when it needs it."""

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        writing = any(c.writes for c in batch)
        try:
            async with self._transaction() if writing else self._reading() as db:
                rows = select(rooms).where(rooms.c.name.in_([c.room for c in batch])).order_by(rooms.c.name)
                current = {r.name: r for r in (await db.execute(rows.with_for_update() if writing else rows)).all()}
                fresh = [c for c in batch if _as_decided(c, current.get(c.room))]
                ids = {name: row.id for name, row in current.items()}
                await self._create(db, [c for c in fresh if c.writes and not c.existed], ids)
                fresh = [c for c in fresh if c.existed or not c.writes or c.room in ids]
                await self._write(db, [c for c in fresh if c.writes], ids)
        except IntegrityError:  # a message is stored already
            return {c.room for c in batch}
        return {c.room for c in batch} - {c.room for c in fresh}

    async def _create(self, db: AsyncConnection, batch: Sequence[Changes], ids: dict[str, int]) -> None:
        """Rows for new rooms; one that another router has made meanwhile gets no id here, and so is stale."""
        for c in sorted(
            batch, key=lambda c: c.room
        ):  # one order for all, so that two routers never wait for each other
            row = {"name": c.room, "shard": shard_of(c.room, self._shards), "seq": 0, "version": 0}
            made = await db.execute(self._upsert(rooms).values(row).on_conflict_do_nothing().returning(rooms.c.id))
            if (id := made.scalar()) is not None:
                ids[c.room] = id

    async def _write(self, db: AsyncConnection, batch: Sequence[Changes], ids: dict[str, int]) -> None:
        async def each(statement: Any, rows: list[dict[str, Any]]) -> None:
            if rows:
                await db.execute(statement, rows)

        def rows(pick: Any) -> list[dict[str, Any]]:
            return [{"b_room": ids[c.room], **row} for c in batch for row in pick(c)]

        new = [
            {"room_id": ids[c.room], "seq": m.seq, "sender_id": m.sender_id, "sender_name": m.sender_name, "id": m.id,
             "kind": m.kind, "content": m.content, "at_ms": m.at_ms}
            for c in batch for m in c.messages
        ]  # fmt: skip
        await each(insert(messages), new)
        await each(
            update(rooms)
            .where(rooms.c.id == bindparam("b_room"))
            .values(seq=bindparam("b_seq"), version=bindparam("b_version")),
            rows(lambda c: [{"b_seq": c.seq, "b_version": c.version}]),
        )
        people = self._upsert(members).values(
            room_id=bindparam("b_room"),
            user_id=bindparam("b_user"),
            name=bindparam("b_name"),
            read_seq=bindparam("b_read"),
        )
        further = case(
            (people.excluded.read_seq > members.c.read_seq, people.excluded.read_seq), else_=members.c.read_seq
        )
        await each(
            people.on_conflict_do_update(
                index_elements=["room_id", "user_id"],
                set_={"name": people.excluded.name, "read_seq": further},
            ),
            rows(lambda c: [{"b_user": u, "b_name": m.name, "b_read": m.read_seq} for u, m in c.members.items()]),
        )
        await each(
            delete(members).where(members.c.room_id == bindparam("b_room"), members.c.user_id == bindparam("b_user")),
            rows(lambda c: [{"b_user": user} for user in c.members_gone]),
        )
        places = self._upsert(subscriptions).values(
            room_id=bindparam("b_room"),
            session=bindparam("b_session"),
            user_id=bindparam("b_user"),
            address=bindparam("b_address"),
        )
        await each(
            places.on_conflict_do_update(
                index_elements=["room_id", "session"],
                set_={"user_id": places.excluded.user_id, "address": places.excluded.address},
            ),
            rows(
                lambda c: [
                    {"b_session": s, "b_user": p.user_id, "b_address": p.address} for s, p in c.subscriptions.items()
                ]
            ),
        )
        await each(
            delete(subscriptions).where(
                subscriptions.c.room_id == bindparam("b_room"), subscriptions.c.session == bindparam("b_session")
            ),
            rows(lambda c: [{"b_session": session} for session in c.subscriptions_gone]),
        )
        await each(
            update(members)
            .where(
                members.c.room_id == bindparam("b_room"),
                members.c.user_id == bindparam("b_user"),
                members.c.read_seq < bindparam("b_read"),
            )
            .values(read_seq=bindparam("b_read")),
            rows(lambda c: [{"b_user": user, "b_read": seq} for user, seq in c.read_marks.items()]),
        )

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

    async def close(self) -> None:
        """Nothing to give back but the engine, which is its owner's."""

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with outages_as_store_down(), self._engine.begin() as db:
            yield db

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


def _as_decided(c: Changes, row: Any) -> bool:
    """Whether the room's row is still what the changes were decided on."""
    if row is None:
        return not c.existed
    return bool(c.existed and row.seq == c.seq_before and row.version == c.version_before)
