"""A room with a million messages: how long joining it and paging through it take."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from shared.protocol.names import shard_of
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

FILL = """
INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms)
SELECT $1, n, 'sender' || 1 + n % $3, 'Sender ' || 1 + n % $3, md5(n::text), 'chat', repeat(md5((n + 1)::text), 5),
       1700000000000 + n * 1000
FROM generate_series(1, $2::bigint) AS n
"""


async def fill(url: str, messages: int) -> float:
    """Puts a room of so many messages into the database, with the rows that the store writes; how long it took, s."""
    db = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        async with db.transaction():
            room_id = await db.fetchval(
                "INSERT INTO rooms (name, shard, seq, version) VALUES ($1, $2, $3, 1) RETURNING id",
                ROOM, shard_of(ROOM, SHARDS), messages,
            )  # fmt: skip
            await db.execute(FILL, room_id, messages, SENDERS, timeout=600)
            await db.execute(
                "INSERT INTO members SELECT $1, 'sender' || n, 'Sender ' || n, $2 FROM generate_series(1, $3::int) n",
                room_id, messages, SENDERS,
            )  # fmt: skip
        # What the server does by itself in the hours in which a room grows so large.
        await db.execute("VACUUM ANALYZE messages", timeout=600)
        await db.execute("CHECKPOINT", timeout=600)
        return time.perf_counter() - began
    finally:
        await db.close()


async def ask_all(system: Serving, messages: int, pages: int, joins: int) -> dict[str, list[float]]:
    """Milliseconds of each request, one at a time, by kind."""
    draw = random.Random(SEED)
    tokens = Path(system.tokens).read_text().split()
    lines = [Line(url) for _, url in zip(range(2 * joins), cycle(system.urls), strict=False)]
    for line, token in zip(lines, tokens, strict=False):
        await line.open(token)
    reader = lines[0]

    async def timed(request: Callable[[], Awaitable[bytes]]) -> float:
        began = time.perf_counter()
        await request()
        return (time.perf_counter() - began) * 1000

    def join(line: Line, **place: int) -> Callable[[], Awaitable[bytes]]:
        return lambda: line.ask({"type": "join", "room": ROOM, **place}, b'"type":"joined"')

    def page(**place: int) -> Callable[[], Awaitable[bytes]]:
        return lambda: reader.ask({"type": "history", "room": ROOM, **place}, b'"type":"history"')

    def somewhere() -> Iterator[int]:
        while True:
            yield draw.randrange(1, messages)

    places = somewhere()
    taken = {
        "join": [await timed(join(line)) for line in lines[:joins]],
        "join with after": [await timed(join(line, after=next(places))) for line in lines[joins:]],
        "history before": [await timed(page(before=next(places))) for _ in range(pages)],
        "history after": [await timed(page(after=next(places))) for _ in range(pages)],
    }
    for line in lines:
        line.close()
    return taken


def measure(effort: Effort) -> Data:
    messages, pages, joins = (10_000, 20, 5) if effort.small else (MESSAGES, PAGES, JOINS)
    with serving(users=2 * joins) as system:
        print(f"seed {SEED}", flush=True)
        fill_s = uvloop.run(fill(system.database, messages))
        taken = uvloop.run(ask_all(system, messages, pages, joins))
    kinds: dict[str, Any] = {}
    for kind, ms in taken.items():
        kinds[kind] = {"count": len(ms), "quantiles_ms": [round(percentile(ms, q), 3) for q in QUANTILES]}
    return {"servers": system.versions, "messages": messages, "fill_s": fill_s, "seed": SEED, "kinds": kinds}


def at(kind: Data, q: float) -> float:
    return float(kind["quantiles_ms"][QUANTILES.index(q)])


def tell(data: Data) -> list[str]:
    rows = [
        [kind, f"{got['count']:,}", *(number(at(got, q)) for q in (0.5, 0.99, 1.0))]
        for kind, got in data["kinds"].items()
    ]
    about = (
        f"A room of {data['messages']:,} messages; one request at a time, at random places of the whole log (seed "
        f"{data['seed']}), each join by a user who was not there before."
    )
    return [about, "", *table(["", "requests", "p50 ms", "p99 ms", "max ms"], rows), sentence(data), ""]


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
