"""The store port in memory, one for all routers of a simulation. tests/flow/test_message_store.py holds it to the
store's contract.

`Latency` makes each call take its (virtual) time, and lets it fail before or after it has done its work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from services.router.core.changes import Changes
from services.router.core.room import RECENT, Member, Room, Stored, Subscription
from services.router.message_store import UNREAD_AT_MOST, Summary
from shared.protocol.names import shard_of

Latency = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """As a database across a network at its best: others get to run."""
    await asyncio.sleep(0)


@dataclass
class _Row:
    """A room as it is stored."""

    seq: int = 0
    version: int = 0
    messages: list[Stored] = field(default_factory=list)
    keys: dict[tuple[str, str], Stored] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


class Tables:
    """What is durable. `epoch`: the name of this life of the store."""

    def __init__(self, epoch: str = "epoch-1") -> None:
        self.epoch = epoch
        self.rooms: dict[str, _Row] = {}


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
                people = {user: Member(m.name, m.read_seq) for user, m in row.members.items()}
                loaded[name] = Room(name, True, row.seq, row.version, people, dict(row.subscriptions))
                for message in row.messages[-RECENT:]:
                    loaded[name].remember(message)
        await self._after()
        return loaded

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        await self._before()
        fresh = [changes for changes in batch if self._is_as_decided(changes)]
        for changes in fresh:
            row = self._tables.rooms.get(changes.room) or _Row()
            if any((m.sender_id, m.id) in row.keys for m in changes.messages):
                await self._after()
                return {c.room for c in batch}
        for changes in fresh:
            if changes.writes:
                self._write(self._tables.rooms.setdefault(changes.room, _Row()), changes)
        await self._after()
        return {c.room for c in batch} - {c.room for c in fresh}

    def _is_as_decided(self, changes: Changes) -> bool:
        row = self._tables.rooms.get(changes.room)
        if row is None or not changes.existed:
            return row is None and not changes.existed
        return (row.seq, row.version) == (changes.seq_before, changes.version_before)

    @staticmethod
    def _write(row: _Row, changes: Changes) -> None:
        for message in changes.messages:
            row.messages.append(message)
            row.keys[message.sender_id, message.id] = message
        row.seq, row.version = changes.seq, changes.version
        for user, member in changes.members.items():
            old = row.members.get(user)
            row.members[user] = Member(member.name, max(member.read_seq, old.read_seq if old else 0))
        for user in changes.members_gone:
            row.members.pop(user, None)
        row.subscriptions.update(changes.subscriptions)
        for session in changes.subscriptions_gone:
            row.subscriptions.pop(session, None)
        for user, seq in changes.read_marks.items():
            if (marked := row.members.get(user)) is not None:
                marked.read_seq = max(marked.read_seq, seq)

    async def find(self, room: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
        await self._before()
        row = self._tables.rooms.get(room) or _Row()
        found = {key: row.keys[key] for key in keys if key in row.keys}
        await self._after()
        return found

    async def page(self, room: str, *, before: int | None, after: int | None, limit: int) -> tuple[list[Stored], bool]:
        await self._before()
        messages = (self._tables.rooms.get(room) or _Row()).messages
        if after is not None:
            found = messages[after : after + limit]
            more = len(messages) > after + limit
        else:
            end = len(messages) if before is None else max(0, min(before - 1, len(messages)))
            found = messages[max(0, end - limit) : end]
            more = end > limit
        await self._after()
        return found, more

    async def rooms_of(self, user_id: str) -> list[Summary]:
        await self._before()
        summaries = [
            Summary(
                name,
                row.seq,
                row.members[user_id].read_seq,
                min(UNREAD_AT_MOST, sum(m.sender_id != user_id for m in row.messages[row.members[user_id].read_seq :])),
                len({subscription.user_id for subscription in row.subscriptions.values()}),
                row.messages[-1] if row.messages else None,
            )
            for name, row in self._tables.rooms.items()
            if user_id in row.members
        ]
        summaries.reverse()  # of rooms without a message, the youngest first
        await self._after()
        return sorted(summaries, key=lambda s: s.last.at_ms if s.last else 0, reverse=True)

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

    async def epoch(self) -> str:
        await self._before()
        epoch = self._tables.epoch
        await self._after()
        return epoch

    async def close(self) -> None:
        """Nothing to give back."""

    def _of(self, shard: int) -> dict[str, _Row]:
        return {name: row for name, row in self._tables.rooms.items() if shard_of(name, self._shards) == shard}
