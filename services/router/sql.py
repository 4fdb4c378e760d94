"""The message store in a SQL database, SQLite or PostgreSQL, by SQLAlchemy Core. A batch is one transaction.

Optimistic concurrency (Kung and Robinson, 1981): a room's row is locked, its `seq` and `version` compared with those
the changes were decided on, and only then are its rows written. Two routers that both believe they own a room cannot
both win.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    bindparam,
    case,
    delete,
    exists,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.core.changes import Changes
from services.router.core.entries import Stored
from services.router.sql_reads import SqlReads
from services.router.sql_retention import SqlRetention
from services.router.sql_rows import mentions_in, reactions_in, replies_in, rules_in
from services.router.tables import changes, members, mentions, messages, people, room_rules, rooms, subscriptions
from shared.protocol.names import shard_of
from shared.runtime.outage import outages_as_store_down


class SqlMessageStore(SqlReads, SqlRetention):
    """`engine`: see shared.runtime.database. `shards`: of the deployment."""

    def __init__(self, engine: AsyncEngine, shards: int) -> None:
        super().__init__(engine)
        self._engine, self._shards = engine, shards
        self._upsert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

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
        except IntegrityError:  # an entry is stored already
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
             "kind": m.kind, "content": m.content, "at_ms": m.at_ms, "reply_to": m.reply_to,
             "thread": m.thread, "mentions": mentions_in(m)}
            for c in batch for m in c.messages
        ]  # fmt: skip
        await each(insert(messages), new)
        altered = [
            {"room_id": ids[c.room], "seq": x.seq, "sender_id": x.sender_id, "sender_name": x.sender_name, "id": x.id,
             "kind": x.kind, "of_seq": x.of, "value": x.value, "at_ms": x.at_ms}
            for c in batch for x in c.changes
        ]  # fmt: skip
        await each(_NEW_CHANGE, altered)
        await each(
            update(messages)
            .where(messages.c.room_id == bindparam("b_room"), messages.c.seq == bindparam("b_seq"))
            .values({name: bindparam(f"b_{name}") for name in STATE}),
            rows(lambda c: [{"b_seq": seq, **_state(m)} for seq, m in c.changed.items()]),
        )
        called = {answer: rows(lambda c, a=answer: _called(c, a)) for answer in (False, True)}
        await each(
            delete(mentions).where(
                mentions.c.room_id == bindparam("b_room"),
                mentions.c.user_id == bindparam("b_user"),
                mentions.c.seq == bindparam("b_seq"),
            ),
            called[False],
        )
        calling = self._upsert(mentions).values(
            room_id=bindparam("b_room"), user_id=bindparam("b_user"), seq=bindparam("b_seq")
        )
        await each(calling.on_conflict_do_nothing(), called[True])
        await each(
            update(rooms)
            .where(rooms.c.id == bindparam("b_room"))
            .values(seq=bindparam("b_seq"), version=bindparam("b_version")),
            rows(lambda c: [{"b_seq": c.seq, "b_version": c.version}]),
        )
        await each(
            update(rooms).where(rooms.c.id == bindparam("b_room")).values(first=bindparam("b_first")),
            rows(lambda c: [{"b_first": c.first}] if c.first is not None else []),
        )
        joining = self._upsert(members).values(
            room_id=bindparam("b_room"),
            user_id=bindparam("b_user"),
            name=bindparam("b_name"),
            read_seq=bindparam("b_read"),
            role=bindparam("b_role"),
            notify=bindparam("b_notify"),
        )
        further = case(
            (joining.excluded.read_seq > members.c.read_seq, joining.excluded.read_seq), else_=members.c.read_seq
        )
        await each(
            joining.on_conflict_do_update(
                index_elements=["room_id", "user_id"],
                set_={
                    "name": joining.excluded.name,
                    "read_seq": further,
                    "role": joining.excluded.role,
                    "notify": joining.excluded.notify,
                },
            ),
            rows(
                lambda c: [
                    {"b_user": u, "b_name": m.name, "b_read": m.read_seq, "b_role": m.role, "b_notify": m.notify}
                    for u, m in c.members.items()
                ]
            ),
        )
        heard = self._upsert(people)
        await each(
            heard.on_conflict_do_update(
                index_elements=["user_id"], set_={"name": heard.excluded.name, "folded": heard.excluded.folded}
            ),
            [{"user_id": u, "name": name, "folded": name.casefold()} for u, name in sorted(names(batch).items())],
        )
        ruled = self._upsert(room_rules).values(room_id=bindparam("b_room"), value=bindparam("b_value"))
        await each(
            ruled.on_conflict_do_update(index_elements=["room_id"], set_={"value": ruled.excluded.value}),
            rows(lambda c: [{"b_value": rules_in(c.rules)}] if c.rules is not None else []),
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

    async def close(self) -> None:
        """Nothing to give back but the engine, which is its owner's."""

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with outages_as_store_down(), self._engine.begin() as db:
            yield db


# An id is one for both tables: where a message has it, NULL is refused as a second row is (postgres_statements.py).
_TAKEN = exists().where(
    messages.c.room_id == bindparam("room_id"),
    messages.c.sender_id == bindparam("sender_id"),
    messages.c.id == bindparam("id"),
)
_NEW_CHANGE = insert(changes).values(
    {**{column.name: bindparam(column.name) for column in changes.c}, "id": case((~_TAKEN, bindparam("id")))}
)
STATE = ("kind", "content", "edited_ms", "pinned", "reactions", "digest", "replies", "mentions")
"""What changes change of a message."""


def _state(message: Stored) -> dict[str, Any]:
    pinned = True if message.pinned else None
    state = (
        message.kind,
        message.content,
        message.edited_ms,
        pinned,
        reactions_in(message),
        message.digest,
        replies_in(message),
        mentions_in(message),
    )
    return dict(zip((f"b_{name}" for name in STATE), state, strict=True))


def _called(c: Changes, now: bool) -> list[dict[str, Any]]:
    """Whom messages mention from `now` on, or not any more."""
    return [{"b_seq": seq, "b_user": user} for (seq, user), is_now in c.mentions.items() if is_now is now]


def names(batch: Sequence[Changes]) -> dict[str, str]:
    """What the users who have come are called, by their ids."""
    return {user: member.name for c in batch for user, member in c.members.items()}


def _as_decided(c: Changes, row: Any) -> bool:
    """Whether the room's row is still what the changes were decided on."""
    if row is None:
        return not c.existed
    return bool(c.existed and row.seq == c.seq_before and row.version == c.version_before)
