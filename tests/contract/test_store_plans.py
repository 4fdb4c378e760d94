"""However long a room's history is, a read looks at no more of it than it gives: the plans of PostgreSQL prove it.

Each statement is caught as the store sends it and given to EXPLAIN ANALYZE, which runs it and says what it touched.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event

from services.router.core.needs import Needs
from services.router.core.room import RECENT
from services.router.message_store import UNREAD_AT_MOST
from services.router.retention_store import Leftover
from services.router.sql import SqlMessageStore
from services.router.wiring import open_message_store
from shared.protocol.names import shard_of
from shared.runtime.database import open_engine
from tests.bench.curves.history import ROOM, fill

MESSAGES = 30_000
MIDDLE = MESSAGES // 2
CHANGES = 6_000
CHANGE = """
INSERT INTO changes (room_id, seq, sender_id, sender_name, id, kind, of_seq, value, at_ms)
SELECT id, $2 + n, 'sender1', 'Sender 1', md5(n::text), 'react', n, '+x', 1700000000000
FROM generate_series(1, $3) n, rooms
WHERE name = $1
"""
ROOT = 7
HANG = """
UPDATE messages SET thread = CASE seq % 3 WHEN 0 THEN $2 ELSE $2 + 1 END
WHERE room_id = (SELECT id FROM rooms WHERE name = $1) AND seq % 5 < 2 AND seq > $2 + 1
"""
ANYBODY = "sender1"
MENTION = """
INSERT INTO mentions (room_id, user_id, seq)
SELECT id, who, rooms.seq + n FROM generate_series(1, 20000) n, rooms, unnest(ARRAY[$2, 'another']) who WHERE name = $1
"""
Statements = list[tuple[str, tuple[Any, ...]]]


@pytest.fixture
async def watched(postgres_url: str) -> AsyncIterator[tuple[SqlMessageStore, Statements]]:
    """A store with one long room, and what it has sent to the database since."""
    await fill(postgres_url, MESSAGES)
    await change(postgres_url)
    engine = open_engine(postgres_url)
    sent: Statements = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: tuple[Any, ...], *_: Any) -> None:
        sent.append((statement, parameters))

    store = open_message_store(postgres_url, engine, 16, writers=1)
    await store.epoch()  # what a new connection asks for itself is over now
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield store, sent
    await store.close()
    await engine.dispose()


async def change(url: str) -> None:
    """So many changes of old messages, after all of them: a page of messages has to pass over none of them."""
    db = await asyncpg.connect(url)
    try:
        await db.execute(CHANGE, ROOM, MESSAGES, CHANGES)
        await db.execute("UPDATE rooms SET seq = $2 WHERE name = $1", ROOM, MESSAGES + CHANGES)
        await db.execute(HANG, ROOM, ROOT)
        await db.execute(MENTION, ROOM, ANYBODY)
        await db.execute("VACUUM ANALYZE changes, messages, mentions")
    finally:
        await db.close()


READS: dict[str, tuple[Callable[[SqlMessageStore], Awaitable[object]], int]] = {
    "the newest, when a room is loaded": (lambda store: store.load([ROOM]), RECENT),
    "a page of the newest": (lambda store: store.page(ROOM, before=None, after=None, limit=50), 51),
    "a page before": (lambda store: store.page(ROOM, before=MIDDLE, after=None, limit=50), 51),
    "a page before the newest": (lambda store: store.page(ROOM, before=MESSAGES, after=None, limit=200), 201),
    "a page after": (lambda store: store.page(ROOM, before=None, after=MIDDLE, limit=50), 2 * 51),
    "a page after the first": (lambda store: store.page(ROOM, before=None, after=1, limit=200), 2 * 201),
    "a page of changes": (lambda store: store.page(ROOM, before=None, after=MESSAGES + 9, limit=200), 201),
    "a message sent again": (lambda store: store.find(ROOM, Needs([("sender1", "no such id")], [])), 1),
    "messages that are changed": (lambda store: store.find(ROOM, Needs([], [1, MIDDLE, MESSAGES + 1])), 3),
    "a thread": (lambda store: store.page(ROOM, before=None, after=None, limit=50, thread=ROOT), 51),
    "a page of a thread before": (lambda store: store.page(ROOM, before=MIDDLE, after=None, limit=50, thread=ROOT), 51),
    "a page of a thread after": (lambda store: store.page(ROOM, before=None, after=MIDDLE, limit=50, thread=ROOT), 51),
    "the last message in a list of rooms": (lambda store: store.rooms_of("sender1"), 2),
}
SHARD = shard_of(ROOM, 16)
KEEPING: dict[str, tuple[Callable[[SqlMessageStore], Awaitable[object]], int]] = {
    "a page of the newest": (lambda store: store.page(ROOM, before=None, after=None, limit=50), 51),
    "a page after what is gone": (lambda store: store.page(ROOM, before=None, after=1, limit=50), 2 * 51),
    "a page before what is gone": (lambda store: store.page(ROOM, before=MIDDLE - 1, after=None, limit=50), 0),
    "a thread": (lambda store: store.page(ROOM, before=None, after=None, limit=50, thread=ROOT), 51),
    "the last message in a list of rooms": (lambda store: store.rooms_of("sender1"), 2),
    "which rooms have something too old": (lambda store: store.ageing(SHARD, 0, 50), 4),
    "what is too old": (lambda store: store.oldest(ROOM, 1, 50), 2 * 50),
    "what is too old, where changes alone are left": (lambda store: store.oldest(ROOM, MESSAGES + 9, 50), 50),
    "what is to be removed": (lambda store: store.leftover(ROOM, 50), 50),
    "its removal": (lambda store: store.remove(ROOM, Leftover(1, 50, [])), 2 * 50),
}
"""In the room as it is once its log begins in the middle."""


@pytest.mark.parametrize("read", READS)
async def test_a_read_keeps_to_the_index(
    watched: tuple[SqlMessageStore, Statements], postgres_url: str, read: str
) -> None:
    """`READS`: the call, and how many entries it may look at: a page after something reads as many of each kind."""
    store, sent = watched
    call, most = READS[read]
    await call(store)
    await keeps_to_the_index(sent, postgres_url, most)


@pytest.mark.parametrize("read", KEEPING)
async def test_a_log_that_begins_later_keeps_to_the_index_and_so_does_what_removes_the_rest(
    watched: tuple[SqlMessageStore, Statements], postgres_url: str, read: str
) -> None:
    store, sent = watched
    db = await asyncpg.connect(postgres_url)
    try:
        await db.execute("UPDATE rooms SET first = $2 WHERE name = $1", ROOM, MIDDLE)
    finally:
        await db.close()
    call, most = KEEPING[read]
    await call(store)
    await keeps_to_the_index(sent, postgres_url, most)


async def keeps_to_the_index(sent: Statements, url: str, most: int) -> None:
    db = await asyncpg.connect(url)
    try:
        touching = [each for each in sent if "messages" in each[0] or "changes" in each[0]]
        assert touching, f"nothing was read of the messages: {sent}"
        for statement, parameters in touching:
            plan = json.loads(await db.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters))[0]["Plan"]
            scans = [node for node in nodes(plan) if node.get("Relation Name") in ("messages", "changes")]
            scans = [node for node in scans if node["Node Type"] != "ModifyTable"]  # it writes what a scan below finds
            assert scans, plan
            assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, plan
            assert sum(looked_at(node) for node in scans) <= most, plan
    finally:
        await db.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def looked_at(scan: dict[str, Any]) -> float:
    """Rows given and rows thrown away, over all its loops (PostgreSQL manual, 14.1.2)."""
    return float((scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)) * scan["Actual Loops"])


async def test_mentions_are_counted_by_their_index_up_to_so_many(
    watched: tuple[SqlMessageStore, Statements], postgres_url: str
) -> None:
    store, sent = watched
    assert [room.mentions for room in await store.rooms_of(ANYBODY)] == [UNREAD_AT_MOST]
    db = await asyncpg.connect(postgres_url)
    try:
        ((statement, parameters),) = [each for each in sent if "mentions" in each[0]]
        plan = json.loads(await db.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters))[0]["Plan"]
        scans = [node for node in nodes(plan) if node.get("Relation Name") == "mentions"]
        assert {node["Node Type"] for node in scans} <= {"Index Scan", "Index Only Scan"}, plan
        assert sum(looked_at(node) for node in scans) <= UNREAD_AT_MOST, plan
    finally:
        await db.close()
