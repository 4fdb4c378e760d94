"""What a SQL database is read for, SQLite or PostgreSQL, by SQLAlchemy Core."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import (
    CompoundSelect,
    ScalarSelect,
    Select,
    Table,
    and_,
    case,
    cast,
    distinct,
    func,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.core.entries import Entry, Reactions, Stored, stored, stored_change
from services.router.core.needs import Older
from services.router.core.room import RECENT, Member, Room, Subscription
from services.router.message_store import UNREAD_AT_MOST, UNREAD_WITHIN, Page, Summary
from services.router.tables import changes, members, messages, rooms, store, subscriptions
from shared.runtime.database import reader
from shared.runtime.outage import outages_as_store_down

_STATE = (
    messages.c.reply_to, messages.c.edited_ms, messages.c.pinned, messages.c.reactions, messages.c.digest,
)  # fmt: skip
_MESSAGE = (
    messages.c.seq, messages.c.sender_id, messages.c.sender_name, messages.c.id, messages.c.kind, messages.c.content,
    messages.c.at_ms, *_STATE,
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
                # A commit may have come between the statements; only what the row knows of belongs to it.
                newest = _entries(row.id, row.seq + 1 - RECENT, row.seq + 1, RECENT)
                room = Room(row.name, True, row.seq, row.version, people[row.id], places[row.id])
                for each in await db.execute(newest):
                    room.remember(_entry(row.name, each))
                loaded[row.name] = room
            return loaded

    async def find(self, room: str, keys: Sequence[tuple[str, str]], seqs: Sequence[int]) -> Older:
        by_key: dict[tuple[str, str], Entry] = {}
        by_seq: dict[int, Stored] = {}
        async with self._reading() as db:
            if keys:
                for table, rows in ((changes, _changes()), (messages, _messages())):
                    wanted = tuple_(table.c.sender_id, table.c.id).in_(keys)
                    for row in await db.execute(_of_room(rows, table, room).where(wanted)):
                        by_key[row.sender_id, row.id] = _entry(room, row)
            if seqs:
                for row in await db.execute(_of_room(_messages(), messages, room).where(messages.c.seq.in_(seqs))):
                    by_seq[row.seq] = _message(room, row)
        return Older(by_key, by_seq)

    async def page(self, room: str, *, before: int | None, after: int | None, limit: int) -> Page:
        async with self._reading() as db:
            row = (await db.execute(select(rooms.c.id, rooms.c.seq).where(rooms.c.name == room))).first()
            if row is None:
                return Page([], False, 0)
            # A commit may come between the statements: what it writes is left out, and what it changes a message to is
            # told again by its own entry.
            end = row.seq + 1
            if after is not None:
                rows = _entries(row.id, after + 1, end, limit + 1)
                found = [_entry(room, each) for each in await db.execute(rows)]
                return Page(found[:limit], len(found) > limit, row.seq)
            newest = _newest(_messages(), messages, row.id, end if before is None else min(before, end), limit + 1)
            found = [_message(room, each) for each in await db.execute(newest)]
            return Page(found[:limit][::-1], len(found) > limit, row.seq)

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
            .outerjoin(messages, and_(messages.c.room_id == rooms.c.id, messages.c.seq == _last_message()))
            .where(members.c.user_id == user_id)
            .order_by(func.coalesce(messages.c.at_ms, 0).desc(), rooms.c.id.desc())
        )
        async with self._reading() as db:
            return [_summary(user_id, row) for row in (await db.execute(rows)).all()]

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


def written(reactions: Reactions) -> str | None:
    """As the column holds them."""
    return to_json(reactions).decode() if reactions else None


def _read(reactions: str | None) -> Reactions:
    return tuple((emoji, tuple(users)) for emoji, users in from_json(reactions)) if reactions else ()


def _nothing(like: Any, name: str) -> Any:
    """A column without values that goes with `like` into one table."""
    return cast(null(), like.type).label(name)


def _messages() -> Select[Any]:
    return select(*_MESSAGE, _nothing(changes.c.of_seq, "of_seq"), _nothing(messages.c.content, "text"))


def _changes() -> Select[Any]:
    """The columns of `_messages`; `content` is the change's value, `text` an edited message's of today."""
    text = (
        select(case((messages.c.kind == "chat", messages.c.content)))
        .where(messages.c.room_id == changes.c.room_id, messages.c.seq == changes.c.of_seq, changes.c.kind == "edit")
        .correlate(changes)
        .scalar_subquery()
    )
    nothing = (_nothing(column, column.name) for column in _STATE)
    return select(
        changes.c.seq, changes.c.sender_id, changes.c.sender_name, changes.c.id, changes.c.kind,
        changes.c.value.label("content"), changes.c.at_ms, *nothing, changes.c.of_seq, text.label("text"),
    )  # fmt: skip


def _of_room(rows: Select[Any], table: Table, room: str) -> Select[Any]:
    return rows.join_from(table, rooms, rooms.c.id == table.c.room_id).where(rooms.c.name == room)


def _entries(room_id: int, start: int, end: int, limit: int) -> CompoundSelect[Any]:
    """The first `limit` entries from the number `start` to before `end`. As many of each kind are read."""
    both = []
    for table, rows in ((messages, _messages()), (changes, _changes())):
        within = rows.where(table.c.room_id == room_id, table.c.seq >= start, table.c.seq < end)
        both.append(select(within.order_by(table.c.seq).limit(limit).subquery()))
    return union_all(*both).order_by("seq").limit(limit)


def _newest(rows: Select[Any], table: Table, room_id: int, before: int, limit: int) -> Select[Any]:
    newest = rows.where(table.c.room_id == room_id, table.c.seq < before)
    return newest.order_by(table.c.seq.desc()).limit(limit)


def _entry(room: str, row: Any) -> Entry:
    if row.of_seq is None:
        return _message(room, row)
    return stored_change(
        room, row.seq, row.sender_id, row.sender_name, row.id, row.kind, row.content, row.at_ms, row.of_seq, row.text
    )


def _message(room: str, row: Any) -> Stored:
    return stored(
        room, row.seq, row.sender_id, row.sender_name, row.id, row.kind, row.content, row.at_ms, row.reply_to,
        row.edited_ms, bool(row.pinned), _read(row.reactions), row.digest,
    )  # fmt: skip


def _last_message() -> ScalarSelect[Any]:
    """The number of a room's newest message: changes may have come after it."""
    each = messages.alias("each")
    return select(func.max(each.c.seq)).where(each.c.room_id == rooms.c.id).correlate(rooms).scalar_subquery()


def _summary(user_id: str, row: Any) -> Summary:
    last = _message(row.name, row) if row.seq is not None else None
    unread = row.unread
    # Behind more of one's own than is looked through, the newest may still be another's.
    if last is not None and last.seq > row.read_seq and last.sender_id != user_id and last.kind != "deleted":
        unread = max(unread, 1)
    return Summary(row.name, row.room_seq, row.read_seq, unread, row.online, last)


def _unread(user_id: str) -> ScalarSelect[Any]:
    """How many messages of others, not deleted, follow the member's mark."""
    following = (
        select(messages.c.sender_id, messages.c.kind)
        .where(messages.c.room_id == rooms.c.id, messages.c.seq > members.c.read_seq)
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
