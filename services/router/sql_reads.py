"""What a SQL database is read for, SQLite or PostgreSQL, by SQLAlchemy Core."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    ScalarSelect,
    Select,
    Table,
    and_,
    distinct,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.core.entries import Entry, Stored
from services.router.core.needs import Needs, Older
from services.router.core.room import RECENT, Member, Room, Subscription
from services.router.message_store import UNREAD_AT_MOST, UNREAD_WITHIN, Page, Summary
from services.router.sql_rows import MESSAGE, change_rows, entry_of, message_of, message_rows, rules_of
from services.router.tables import changes, members, mentions, messages, people, room_rules, rooms, store, subscriptions
from shared.protocol.room_names import DIRECT, is_direct
from shared.protocol.server import User
from shared.runtime.database import reader
from shared.runtime.outage import outages_as_store_down

LAST = "\U0010ffff"
"""Behind all other characters: what begins with a text comes before the text with this behind it."""


class SqlReads:
    """The part of `MessageStore` that only reads. `engine`: see shared.runtime.database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._reader = reader(engine)

    async def load(self, names: Sequence[str]) -> dict[str, Room]:
        async with self._reading() as db:
            with_rules = select(rooms, room_rules.c.value.label("rules")).outerjoin(
                room_rules, room_rules.c.room_id == rooms.c.id
            )
            found = (await db.execute(with_rules.where(rooms.c.name.in_(names)))).all()
            ids = [row.id for row in found]
            members_of: dict[int, dict[str, Member]] = defaultdict(dict)
            for row in await db.execute(select(members).where(members.c.room_id.in_(ids))):
                members_of[row.room_id][row.user_id] = Member(row.name, row.read_seq, row.role, row.notify)
            places: dict[int, dict[str, Subscription]] = defaultdict(dict)
            for row in await db.execute(select(subscriptions).where(subscriptions.c.room_id.in_(ids))):
                places[row.room_id][row.session] = Subscription(row.user_id, row.address)
            loaded = {name: Room(name) for name in names}
            for row in found:
                # A commit may have come between the statements; only what the row knows of belongs to it.
                newest = _entries(row.id, max(row.first, row.seq + 1 - RECENT), row.seq + 1, RECENT)
                room = Room(
                    row.name, True, row.seq, row.version, rules_of(row.rules), members_of[row.id], places[row.id],
                    first=row.first,
                )  # fmt: skip
                for each in await db.execute(newest):
                    room.remember(entry_of(row.name, each, row.first))
                loaded[row.name] = room
            return loaded

    async def find(self, room: str, wanted: Needs) -> Older:
        by_key: dict[tuple[str, str], Entry] = {}
        by_seq: dict[int, Stored] = {}
        named: dict[str, str] = {}
        seqs, users = list(wanted.seqs), list(wanted.users)
        async with self._reading() as db:
            if wanted.keys:
                for table, rows in ((changes, change_rows()), (messages, message_rows())):
                    sent = tuple_(table.c.sender_id, table.c.id).in_(wanted.keys)
                    for row in await db.execute(_of_room(rows, table, room).where(sent)):
                        by_key[row.sender_id, row.id] = entry_of(room, row)
            if seqs:
                for row in await db.execute(_of_room(message_rows(), messages, room).where(messages.c.seq.in_(seqs))):
                    by_seq[row.seq] = message_of(room, row[: len(MESSAGE)])
            if users:
                rows_of = select(people.c.user_id, people.c.name).where(people.c.user_id.in_(users))
                named = {row.user_id: row.name for row in await db.execute(rows_of)}
        return Older(by_key, by_seq, named)

    async def page(
        self, room: str, *, before: int | None, after: int | None, limit: int, thread: int | None = None
    ) -> Page:
        async with self._reading() as db:
            row = (await db.execute(select(rooms.c.id, rooms.c.seq, rooms.c.first).where(rooms.c.name == room))).first()
            if row is None:
                return Page([], False, 0)
            # A commit may come between the statements: what it writes is left out, and what it changes a message to is
            # told again by its own entry.
            end = row.seq + 1
            after = None if after is None else max(after, row.first - 1)
            if thread is not None:
                under = _under(row.id, thread, before, after, row.first, end, limit + 1)
                return await self._page(db, room, row, under, limit)
            if after is not None:
                return await self._page(db, room, row, _entries(row.id, after + 1, end, limit + 1), limit)
            end = end if before is None else min(before, end)
            newest = _newest(message_rows(), messages, row.id, row.first, end, limit + 1)
            return await self._page(db, room, row, newest, limit)

    @staticmethod
    async def _page(db: AsyncConnection, room: str, row: Any, rows: Any, limit: int) -> Page:
        """`rows`: one more than are wanted, in either order."""
        found = [entry_of(room, each, row.first) for each in await db.execute(rows)]
        wanted = sorted(found[:limit], key=lambda entry: entry.seq)
        return Page(wanted, len(found) > limit, row.seq)

    async def rooms_of(self, user_id: str) -> list[Summary]:
        online = (
            select(func.count(distinct(subscriptions.c.user_id)))
            .where(subscriptions.c.room_id == rooms.c.id)
            .scalar_subquery()
        )
        rows = (
            select(
                *MESSAGE,
                rooms.c.name,
                rooms.c.seq.label("room_seq"),
                members.c.read_seq,
                members.c.role,
                members.c.notify,
                _mentions(user_id).label("mentioned"),
                room_rules.c.value.label("rules"),
                _unread(user_id).label("unread"),
                online.label("online"),
            )
            .select_from(members)
            .join(rooms, rooms.c.id == members.c.room_id)
            .outerjoin(room_rules, room_rules.c.room_id == rooms.c.id)
            .outerjoin(messages, and_(messages.c.room_id == rooms.c.id, messages.c.seq == _last_message(), _is_kept))
            .where(members.c.user_id == user_id)
            .order_by(func.coalesce(messages.c.at_ms, 0).desc(), rooms.c.id.desc())
        )
        async with self._reading() as db:
            found = (await db.execute(rows)).all()
            with_ = await self._others(db, user_id) if any(is_direct(row.name) for row in found) else {}
            return [_summary(user_id, row, with_) for row in found]

    async def _others(self, db: AsyncConnection, user_id: str) -> dict[str, list[User]]:
        """With whom this user is in direct rooms, by the name of the room."""
        mine, other = members.alias("mine"), members.alias("other")
        rows = (
            select(rooms.c.name.label("room"), other.c.user_id, other.c.name)
            .select_from(mine)
            .join(rooms, rooms.c.id == mine.c.room_id)
            .join(other, and_(other.c.room_id == mine.c.room_id, other.c.user_id != user_id))
            .where(mine.c.user_id == user_id, rooms.c.name.startswith(DIRECT))
            .order_by(other.c.name, other.c.user_id)
        )
        found = defaultdict[str, list[User]](list)
        for row in await db.execute(rows):
            found[row.room].append(User(id=row.user_id, name=row.name))
        return found

    async def people(self, beginning: str, limit: int) -> list[User]:
        folded = beginning.casefold()
        rows = (
            select(people.c.user_id, people.c.name)
            .where(people.c.folded >= folded, people.c.folded < folded + LAST)
            .order_by(people.c.folded, people.c.user_id)
            .limit(limit)
        )
        async with self._reading() as db:
            return [User(id=row.user_id, name=row.name) for row in await db.execute(rows)]

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


def _of_room(rows: Select[Any], table: Table, room: str) -> Select[Any]:
    return rows.join_from(table, rooms, rooms.c.id == table.c.room_id).where(rooms.c.name == room)


def _entries(room_id: int, start: int, end: int, limit: int) -> CompoundSelect[Any]:
    """The first `limit` entries from the number `start` to before `end`. As many of each kind are read."""
    both = []
    for table, rows in ((messages, message_rows()), (changes, change_rows())):
        within = rows.where(table.c.room_id == room_id, table.c.seq >= start, table.c.seq < end)
        both.append(select(within.order_by(table.c.seq).limit(limit).subquery()))
    return union_all(*both).order_by("seq").limit(limit)


def _newest(rows: Select[Any], table: Table, room_id: int, first: int, before: int, limit: int) -> Select[Any]:
    newest = rows.where(table.c.room_id == room_id, table.c.seq >= first, table.c.seq < before)
    return newest.order_by(table.c.seq.desc()).limit(limit)


def _under(
    room_id: int, thread: int, before: int | None, after: int | None, first: int, end: int, limit: int
) -> Select[Any]:
    """The messages under one: the first `limit` after `after`, else the newest before `before`."""
    under = message_rows().where(messages.c.thread == thread)
    if after is None:
        return _newest(under, messages, room_id, first, end if before is None else min(before, end), limit)
    oldest = under.where(messages.c.room_id == room_id, messages.c.seq > after, messages.c.seq < end)
    return oldest.order_by(messages.c.seq).limit(limit)


_is_kept = messages.c.seq >= rooms.c.first


def _last_message() -> ScalarSelect[Any]:
    """The number of a room's newest message: changes may have come after it."""
    each = messages.alias("each")
    return select(func.max(each.c.seq)).where(each.c.room_id == rooms.c.id).correlate(rooms).scalar_subquery()


def _summary(user_id: str, row: Any, others: Mapping[str, Sequence[User]]) -> Summary:
    name, seq, read_seq, role, notify, mentioned, rules, unread, online = row[len(MESSAGE) :]
    last = message_of(name, row[: len(MESSAGE)]) if row[0] is not None else None
    # Behind more of one's own than is looked through, the newest may still be another's.
    if last is not None and last.seq > read_seq and last.sender_id != user_id and last.kind != "deleted":
        unread = max(unread, 1)
    with_ = tuple(others.get(name, ()))
    return Summary(name, seq, read_seq, unread, online, last, role, rules_of(rules), with_, mentioned, notify)


def _mentions(user_id: str) -> ScalarSelect[Any]:
    """How many of those messages mention the member."""
    called = (
        select(mentions.c.seq)
        .where(mentions.c.room_id == rooms.c.id, mentions.c.user_id == user_id, mentions.c.seq > members.c.read_seq)
        .where(mentions.c.seq >= rooms.c.first)
        .limit(UNREAD_AT_MOST)
        .correlate(rooms, members)
    )
    return select(func.count()).select_from(called.subquery("called")).scalar_subquery()


def _unread(user_id: str) -> ScalarSelect[Any]:
    """How many messages of others, not deleted, follow the member's mark."""
    following = (
        select(messages.c.sender_id, messages.c.kind)
        .where(messages.c.room_id == rooms.c.id, messages.c.seq > members.c.read_seq, _is_kept)
        .order_by(messages.c.seq)
        .limit(UNREAD_WITHIN)
        .correlate(rooms, members)
        .subquery("following")
    )
    of_others = (
        select(following.c.sender_id)
        .where(following.c.sender_id != user_id, following.c.kind != "deleted")
        .limit(UNREAD_AT_MOST)
    )
    return select(func.count()).select_from(of_others.subquery("of_others")).scalar_subquery()
