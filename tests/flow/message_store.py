"""The store port in memory, one for all routers of a simulation. tests/flow/test_message_store.py holds it to the
store's contract.

`Latency` makes each call take its (virtual) time, and lets it fail before or after it has done its work.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from services.router.core.changes import Changes
from services.router.core.entries import Entry, Stored, StoredChange, of_today, without_text
from services.router.core.needs import Needs, Older
from services.router.core.room import ANY, RECENT, Member, Room, Rules, Subscription
from services.router.message_store import UNREAD_AT_MOST, Page, Summary
from services.router.retention_store import Ageing, Leftover, Old
from services.router.sql import names
from shared.protocol.names import shard_of
from shared.protocol.room_names import is_direct
from shared.protocol.server import User

Latency = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """As a database across a network at its best: others get to run."""
    await asyncio.sleep(0)


@dataclass
class _Row:
    """A room as it is stored."""

    name: str = ""
    seq: int = 0
    version: int = 0
    entries: list[Entry] = field(default_factory=list)
    keys: dict[tuple[str, str], int] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    rules: Rules = ANY
    mentions: set[tuple[int, str]] = field(default_factory=set)
    first: int = 1
    removed: int = 0
    """Up to here the entries are not there any more: their places stay."""

    @property
    def kept(self) -> list[Entry]:
        """As they are told: an edit of what is not kept has no text."""
        kept = self.entries[self.first - 1 :]
        return [
            without_text(self.name, e) if isinstance(e, StoredChange) and 0 < e.of < self.first else e for e in kept
        ]

    @property
    def messages(self) -> list[Stored]:
        return [entry for entry in self.kept if isinstance(entry, Stored)]


class Tables:
    """What is durable. `epoch`: the name of this life of the store."""

    def __init__(self, epoch: str = "epoch-1") -> None:
        self.epoch = epoch
        self.rooms: dict[str, _Row] = {}
        self.people: dict[str, str] = {}


class MemoryMessageStore:
    """One router's connection to `tables`. `before`, `after`: awaited around each call; what they raise, it raises."""

    def __init__(self, tables: Tables, shards: int, before: Latency = at_once, after: Latency = at_once) -> None:
        self._tables, self._shards, self._before, self._after = tables, shards, before, after

    async def load(self, names: Sequence[str]) -> dict[str, Room]:
        await self._before()
        loaded = {name: Room(name) for name in names}
        for name in names:
            row = self._tables.rooms.get(name)
            if row is not None:
                people = {user: Member(m.name, m.read_seq, m.role, m.notify) for user, m in row.members.items()}
                loaded[name] = Room(name, True, row.seq, row.version, row.rules, people, dict(row.subscriptions))
                loaded[name].first = row.first
                for entry in row.kept[-RECENT:]:
                    loaded[name].remember(entry)
        await self._after()
        return loaded

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        await self._before()
        fresh = [changes for changes in batch if self._is_as_decided(changes)]
        for changes in fresh:
            row = self._tables.rooms.get(changes.room) or _Row()
            new: list[Entry] = [*changes.messages, *changes.changes]
            if any((entry.sender_id, entry.id) in row.keys for entry in new):
                await self._after()
                return {c.room for c in batch}
        for changes in fresh:
            if changes.writes:
                self._write(self._tables.rooms.setdefault(changes.room, _Row(changes.room)), changes)
                self._tables.people |= names([changes])
        await self._after()
        return {c.room for c in batch} - {c.room for c in fresh}

    def _is_as_decided(self, changes: Changes) -> bool:
        row = self._tables.rooms.get(changes.room)
        if row is None or not changes.existed:
            return row is None and not changes.existed
        return (row.seq, row.version) == (changes.seq_before, changes.version_before)

    @staticmethod
    def _write(row: _Row, changes: Changes) -> None:
        new: list[Entry] = [*changes.messages, *changes.changes]
        for entry in sorted(new, key=lambda entry: entry.seq):
            row.entries.append(entry)
            row.keys[entry.sender_id, entry.id] = entry.seq
        for message in changes.changed.values():
            row.entries[message.seq - 1] = message
            for entry in row.entries:
                if isinstance(entry, StoredChange) and entry.kind == "edit" and entry.of == message.seq:
                    row.entries[entry.seq - 1] = of_today(changes.room, entry, message)
        row.seq, row.version = changes.seq, changes.version
        for user, member in changes.members.items():
            old = row.members.get(user)
            row.members[user] = Member(
                member.name, max(member.read_seq, old.read_seq if old else 0), member.role, member.notify
            )
        row.rules = changes.rules or row.rules
        row.first = changes.first or row.first
        row.mentions |= {called for called, now in changes.mentions.items() if now}
        row.mentions -= {called for called, now in changes.mentions.items() if not now}
        for user in changes.members_gone:
            row.members.pop(user, None)
        row.subscriptions.update(changes.subscriptions)
        for session in changes.subscriptions_gone:
            row.subscriptions.pop(session, None)
        for user, seq in changes.read_marks.items():
            if (marked := row.members.get(user)) is not None:
                marked.read_seq = max(marked.read_seq, seq)

    async def find(self, room: str, wanted: Needs) -> Older:
        await self._before()
        row = self._tables.rooms.get(room) or _Row()
        by_key = {key: row.entries[row.keys[key] - 1] for key in wanted.keys if key in row.keys}
        by_seq = {message.seq: message for message in row.messages if message.seq in set(wanted.seqs)}
        named = {user: self._tables.people[user] for user in wanted.users if user in self._tables.people}
        await self._after()
        return Older(by_key, by_seq, named)

    async def page(
        self, room: str, *, before: int | None, after: int | None, limit: int, thread: int | None = None
    ) -> Page:
        await self._before()
        row = self._tables.rooms.get(room) or _Row()
        under = [message for message in row.messages if message.thread == thread]
        if thread is not None and after is not None:
            later = [message for message in under if message.seq > after]
            page = Page(list(later[:limit]), len(later) > limit, row.seq)
        elif after is not None:
            later_all = [entry for entry in row.kept if entry.seq > after]
            page = Page(later_all[:limit], len(later_all) > limit, row.seq)
        else:
            earlier = [
                message
                for message in (row.messages if thread is None else under)
                if before is None or message.seq < before
            ]
            page = Page(list(earlier[-limit:]), len(earlier) > limit, row.seq)
        await self._after()
        return page

    async def rooms_of(self, user_id: str) -> list[Summary]:
        await self._before()
        summaries = [
            Summary(
                name,
                row.seq,
                row.members[user_id].read_seq,
                min(
                    UNREAD_AT_MOST,
                    sum(
                        m.seq > row.members[user_id].read_seq and m.sender_id != user_id and m.kind != "deleted"
                        for m in row.messages
                    ),
                ),
                len({subscription.user_id for subscription in row.subscriptions.values()}),
                row.messages[-1] if row.messages else None,
                row.members[user_id].role,
                row.rules,
                self._others(row, user_id) if is_direct(name) else (),
                min(
                    UNREAD_AT_MOST,
                    sum(
                        user == user_id and seq > row.members[user_id].read_seq and seq >= row.first
                        for seq, user in row.mentions
                    ),
                ),
                row.members[user_id].notify,
            )
            for name, row in self._tables.rooms.items()
            if user_id in row.members
        ]
        summaries.reverse()  # of rooms without a message, the youngest first
        await self._after()
        return sorted(summaries, key=lambda s: s.last.at_ms if s.last else 0, reverse=True)

    @staticmethod
    def _others(row: _Row, user_id: str) -> list[User]:
        others = [User(id=user, name=member.name) for user, member in row.members.items() if user != user_id]
        return sorted(others, key=lambda user: (user.name, user.id))

    async def people(self, beginning: str, limit: int) -> list[User]:
        await self._before()
        folded = beginning.casefold()
        found = sorted((name.casefold(), user) for user, name in self._tables.people.items())
        await self._after()
        return [User(id=u, name=self._tables.people[u]) for key, u in found if key.startswith(folded)][:limit]

    async def addresses(self, shard: int) -> list[str]:
        await self._before()
        held = {
            subscription.address: None
            for row in self._of(shard).values()
            for subscription in row.subscriptions.values()
        }
        await self._after()
        return list(held)

    async def rooms_held(self, shard: int, address: str) -> list[str]:
        await self._before()
        rooms = self._of(shard).items()
        held = [
            name
            for name, row in rooms
            if any(subscription.address == address for subscription in row.subscriptions.values())
        ]
        await self._after()
        return held

    async def crowds(self, shard: int, above: int) -> list[str]:
        await self._before()
        people = {
            name: {subscription.user_id for subscription in row.subscriptions.values()}
            for name, row in self._of(shard).items()
        }
        await self._after()
        return [name for name, users in people.items() if len(users) > above]

    async def ageing(self, shard: int, after: int, limit: int) -> tuple[list[Ageing], int | None]:
        await self._before()
        reached = list(enumerate(self._tables.rooms.items(), 1))[after : after + limit]
        found = [
            Ageing(name, row.rules.keep_days, row.first, min((e.at_ms for e in row.kept[:1]), default=None),
                   row.removed < row.first - 1)
            for _, (name, row) in reached if shard_of(name, self._shards) == shard
        ]  # fmt: skip
        await self._after()
        return found, reached[-1][0] if reached else None

    async def oldest(self, room: str, start: int, limit: int) -> list[Old]:
        await self._before()
        row = self._tables.rooms.get(room) or _Row()
        found = [Old(e.seq, e.at_ms, _file(e)) for e in row.entries[max(start, row.first) - 1 :][:limit]]
        await self._after()
        return found

    async def leftover(self, room: str, limit: int) -> Leftover | None:
        await self._before()
        row = self._tables.rooms.get(room) or _Row()
        left = row.entries[row.removed : row.first - 1][:limit]
        await self._after()
        files = [file for entry in left if (file := _file(entry)) is not None]
        return Leftover(left[0].seq, left[-1].seq, files) if left else None

    async def remove(self, room: str, leftover: Leftover) -> None:
        await self._before()
        row = self._tables.rooms[room]
        row.removed = max(row.removed, min(leftover.end, row.first - 1))
        row.keys = {key: seq for key, seq in row.keys.items() if seq > row.removed}
        row.mentions = {(seq, user) for seq, user in row.mentions if seq > row.removed}
        await self._after()

    async def epoch(self) -> str:
        await self._before()
        epoch = self._tables.epoch
        await self._after()
        return epoch

    async def close(self) -> None:
        """Nothing to give back."""

    def _of(self, shard: int) -> dict[str, _Row]:
        return {name: row for name, row in self._tables.rooms.items() if shard_of(name, self._shards) == shard}


def _file(entry: Entry) -> str | None:
    return str(json.loads(entry.content)["id"]) if isinstance(entry, Stored) and entry.kind == "file" else None
