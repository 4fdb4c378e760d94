"""A room with a million messages and 200,000 changes: how long joining it and paging through it take; and a person with
many rooms: how long it takes to count what is unread."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from services.router.wiring import open_message_store
from shared.protocol.names import shard_of
from shared.runtime.database import open_engine
from tests.bench import plots
from tests.bench.figures import number, percentile, table
from tests.bench.line import Line
from tests.bench.section import Data, Effort, Section
from tests.bench.serving import Serving, serving

ROOM, SHARDS, SENDERS = "million", 16, 100
MESSAGES = 1_000_000
PAGES, JOINS = 1_000, 300
GOAL_MS = 10.0
SEED = 5
QUANTILES = [n / 100 for n in range(100)] + [1.0]

ROOMS, SAID, ROOMS_GOAL_MS, LISTS = 500, 150, 20.0, 200
READERS = {"sender1": 20, "sender2": SAID}
"""How many messages of each of those rooms they have not read: as many as in a morning, and more than are counted."""
CHANGE_EVERY = 6
"""Of six entries one is a change: of a message somewhere before it."""
THREADS_OF = 2_000
"""Of so many entries the second is the root of a thread, to which every tenth belongs."""

FILL = """
INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms)
SELECT $1, n, 'sender' || 1 + n % $3, 'Sender ' || 1 + n % $3, md5(n::text), 'chat', repeat(md5((n + 1)::text), 5),
       1700000000000 + n * 1000
FROM generate_series(1, $2::bigint) AS n WHERE n % $4::bigint <> 0
"""
CHANGE = """
INSERT INTO changes (room_id, seq, sender_id, sender_name, id, kind, of_seq, value, at_ms)
SELECT $1, n, 'sender' || 1 + n % 100, 'Sender ' || 1 + n % 100, md5(n::text), 'react', 1 + n / 12 * 6, '+👍',
       1700000000000 + n * 1000
FROM generate_series($3::bigint, $2::bigint, $3::bigint) AS n
"""
HANG = """
UPDATE messages SET thread = seq / $2::bigint * $2 + 2
WHERE room_id = $1 AND seq % 10 = 5 AND seq % $2 > 2
"""
MANY = """
INSERT INTO rooms (name, shard, seq, version) SELECT 'many-' || n, n % $2, $3, 1 FROM generate_series(1, $1::int) AS n
"""
MANY_SAID = """
INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms)
SELECT id, n, 'sender' || 1 + n % 3, 'Sender', md5(n::text), CASE n % 7 WHEN 0 THEN 'deleted' ELSE 'chat' END,
       CASE n % 7 WHEN 0 THEN '' ELSE repeat(md5((n + 1)::text), 5) END, 1700000000000 + n * 1000
FROM rooms, generate_series(1, $1::bigint) AS n WHERE name LIKE 'many-%'
"""
MANY_CALLED = """
INSERT INTO mentions (room_id, user_id, seq)
SELECT id, $2, n FROM rooms, generate_series(1, $1::bigint, 10) AS n WHERE name LIKE 'many-%'
"""


async def fill(url: str, messages: int, changes: bool = False) -> float:
    """Puts a room of so many messages into the database, with the rows that the store writes; how long it took, s.
    With `changes` there is one for five messages, between them, and threads."""
    entries, change_every = (messages * CHANGE_EVERY // 5, CHANGE_EVERY) if changes else (messages, messages + 1)
    db = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        async with db.transaction():
            room_id = await db.fetchval(
                "INSERT INTO rooms (name, shard, seq, version) VALUES ($1, $2, $3, 1) RETURNING id",
                ROOM, shard_of(ROOM, SHARDS), entries,
            )  # fmt: skip
            await db.execute(FILL, room_id, entries, SENDERS, change_every, timeout=600)
            if changes:
                await db.execute(CHANGE, room_id, entries, CHANGE_EVERY, timeout=600)
                await db.execute(HANG, room_id, THREADS_OF, timeout=600)
            await db.execute(
                "INSERT INTO members SELECT $1, 'sender' || n, 'Sender ' || n, $2 FROM generate_series(1, $3::int) n",
                room_id, entries, SENDERS,
            )  # fmt: skip
        # What the server does by itself in the hours in which a room grows so large.
        await db.execute("VACUUM ANALYZE messages, changes", timeout=600)
        await db.execute("CHECKPOINT", timeout=600)
        return time.perf_counter() - began
    finally:
        await db.close()


async def fill_many(url: str, rooms: int) -> None:
    """So many rooms, in each of which the reader has not read what others have said."""
    db = await asyncpg.connect(url)
    try:
        await db.execute(MANY, rooms, SHARDS, SAID)
        await db.execute(MANY_SAID, SAID, timeout=600)
        for reader, unread in READERS.items():
            await db.execute(MANY_CALLED, SAID, reader)
            await db.execute(
                "INSERT INTO members SELECT id, $1, 'Reader', $2 FROM rooms WHERE name LIKE 'many-%'", reader,
                SAID - unread,
            )  # fmt: skip
        await db.execute("VACUUM ANALYZE messages, members, mentions, rooms", timeout=600)
    finally:
        await db.close()


async def count_all(url: str, lists: int) -> dict[int, list[float]]:
    """Milliseconds of each list of a reader's rooms, as the router has it from its store; by how much is unread."""
    engine = open_engine(url)
    store = open_message_store(url, engine, SHARDS, writers=1)
    try:
        taken = {}
        for reader, unread in READERS.items():
            ask = partial(store.rooms_of, reader)
            taken[unread] = [await timed(ask) for _ in range(lists)]
        return taken
    finally:
        await store.close()
        await engine.dispose()


async def timed(request: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await request()
    return (time.perf_counter() - began) * 1000


async def ask_all(system: Serving, messages: int, pages: int, joins: int) -> dict[str, list[float]]:
    """Milliseconds of each request, one at a time, by kind."""
    draw = random.Random(SEED)
    tokens = Path(system.tokens).read_text().split()
    lines = [Line(url) for _, url in zip(range(2 * joins), cycle(system.urls), strict=False)]
    for line, token in zip(lines, tokens, strict=False):
        await line.open(token)
    reader = lines[0]

    def join(line: Line, **place: int) -> Callable[[], Awaitable[bytes]]:
        return lambda: line.ask({"type": "join", "room": ROOM, **place}, b'"type":"joined"')

    def page(**place: int) -> Callable[[], Awaitable[bytes]]:
        return lambda: reader.ask({"type": "history", "room": ROOM, **place}, b'"type":"history"')

    def resume(line: Line, after: int) -> Callable[[], Awaitable[bytes]]:
        rooms = [{"room": ROOM, "after": after}]
        return lambda: line.ask({"type": "resume", "rooms": rooms}, b'"type":"resumed"')

    def thread() -> int:
        return next(places) // THREADS_OF * THREADS_OF + 2

    def somewhere() -> Iterator[int]:
        while True:
            yield draw.randrange(1, messages)

    places = somewhere()
    taken = {
        "join": [await timed(join(line)) for line in lines[:joins]],
        "join with after": [await timed(join(line, after=next(places))) for line in lines[joins:]],
        "history before": [await timed(page(before=next(places))) for _ in range(pages)],
        "history after": [await timed(page(after=next(places))) for _ in range(pages)],
        "resume": [await timed(resume(line, next(places))) for line in lines[:joins]],
        "a thread": [await timed(page(thread=thread())) for _ in range(pages)],
    }
    for line in lines:
        line.close()
    return taken


def measure(effort: Effort) -> Data:
    messages, pages, joins = (10_000, 20, 5) if effort.small else (MESSAGES, PAGES, JOINS)
    with serving(users=2 * joins) as system:
        print(f"seed {SEED}", flush=True)
        fill_s = uvloop.run(fill(system.database, messages, changes=True))
        uvloop.run(fill_many(system.database, 10 if effort.small else ROOMS))
        counting = uvloop.run(count_all(system.database, 5 if effort.small else LISTS))
        taken = uvloop.run(ask_all(system, messages, pages, joins))
    kinds: dict[str, Any] = {kind: quantiles(ms) for kind, ms in taken.items()}
    return {
        "servers": system.versions, "messages": messages, "changes": messages // 5, "fill_s": fill_s, "seed": SEED,
        "kinds": kinds, "rooms": ROOMS, "counting": {str(unread): quantiles(ms) for unread, ms in counting.items()},
    }  # fmt: skip


def quantiles(ms: list[float]) -> Data:
    return {"count": len(ms), "quantiles_ms": [round(percentile(ms, q), 3) for q in QUANTILES]}


def at(kind: Data, q: float) -> float:
    return float(kind["quantiles_ms"][QUANTILES.index(q)])


def tell(data: Data) -> list[str]:
    rows = [
        [kind, f"{got['count']:,}", *(number(at(got, q)) for q in (0.5, 0.99, 1.0))]
        for kind, got in data["kinds"].items()
    ]
    about = (
        f"A room of {data['messages']:,} messages and {data['changes']:,} changes between them; one request at a "
        f"time, at random places of the whole log (seed {data['seed']}), each join by a user who was not there before."
    )
    header = ["", "requests", "p50 ms", "p99 ms", "max ms"]
    return [about, "", *table(header, rows), sentence(data), "", counted(data), ""]


def counted(data: Data) -> str:
    few, many = data["counting"].values()
    unread = list(data["counting"])
    met = "met" if at(few, 0.5) < ROOMS_GOAL_MS else "**not met**"
    return (
        f"A person in {data['rooms']} more rooms, each with {unread[0]} messages after the read mark: the list of "
        f"rooms, with all that is unread counted, takes the store {number(at(few, 0.5))} ms (p50; p99 "
        f"{number(at(few, 0.99))} ms; goal: under {ROOMS_GOAL_MS:g} ms: {met}); with {unread[1]} in each, more "
        f"than are counted, {number(at(many, 0.5))} ms."
    )


def sentence(data: Data) -> str:
    slowest = max(data["kinds"], key=lambda kind: at(data["kinds"][kind], 0.99))
    worst = at(data["kinds"][slowest], 0.99)
    met = "met" if worst < GOAL_MS else "**not met**"
    proof = "`tests/contract/test_store_plans.py` proves from the plans that each read keeps to the index."
    return f"Slowest is {slowest}: p99 {number(worst)} ms (goal: under {GOAL_MS:g} ms: {met}). {proof}"


def plot(data: Data, path: Path) -> None:
    with plots.figure(path) as (ax,):
        for kind, got in data["kinds"].items():
            ax.plot(got["quantiles_ms"], [q * 100 for q in QUANTILES], linewidth=1.6, label=kind)
        ax.axvline(GOAL_MS, color="#999", linewidth=1, linestyle="--")
        plots.logarithmic_axis(ax, "x")
        ax.set_xlabel("milliseconds")
        ax.set_ylabel("% of requests within")


SECTION = Section("history", "A long history", "make bench-curves ONLY=history", measure, tell, plot)
