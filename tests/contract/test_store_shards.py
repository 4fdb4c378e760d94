"""Rooms bear the number of their shard. A database that comes to a deployment with another number of shards follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router import sharding
from services.router.sharding import spread
from services.router.tables import rooms, store
from services.router.wiring import open_message_store
from shared.protocol.names import shard_of
from shared.runtime.database import migrate, open_engine
from tests.contract.routing import Writer, join, user

NAMES = [f"room-{n}" for n in range(50)]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a new database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    asyncio.run(migrate(f"sqlite:///{tmp_path}/store.db"))
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(url)
    yield opened
    await opened.dispose()


async def fill(engine: AsyncEngine, shards: int, names: Sequence[str] = NAMES) -> None:
    """Rooms as a router with so many shards makes them."""
    async with engine.begin() as db:
        rows = [{"name": name, "shard": shard_of(name, shards), "seq": 1, "version": 1} for name in names]
        await db.execute(insert(rooms), rows)


async def shards_of(engine: AsyncEngine) -> dict[str, int]:
    async with engine.connect() as db:
        return {row.name: row.shard for row in await db.execute(select(rooms.c.name, rooms.c.shard))}


def by(shards: int) -> dict[str, int]:
    return {name: shard_of(name, shards) for name in NAMES}


@pytest.mark.parametrize("after", [8, 17])
async def test_rooms_follow_another_number(engine: AsyncEngine, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharding, "AT_ONCE", 7)
    await spread(engine, 16)
    await fill(engine, 16)
    await spread(engine, after)
    assert await shards_of(engine) == by(after)
    await spread(engine, 16)
    assert await shards_of(engine) == by(16)


async def test_rooms_from_before_the_number_was_kept_are_looked_at_once(engine: AsyncEngine) -> None:
    await fill(engine, 8, NAMES[:25])
    await fill(engine, 16, NAMES[25:])  # somebody has changed it without a word
    await spread(engine, 16)
    assert await shards_of(engine) == by(16)
    async with engine.begin() as db:
        await db.execute(update(rooms).values(shard=1_000))
    await spread(engine, 16)
    assert set((await shards_of(engine)).values()) == {1_000}, "the number is the same, so nothing was looked at"


async def test_routers_that_start_at_once_agree(url: str) -> None:
    engines = [open_engine(url) for _ in range(4)]
    await fill(engines[0], 8)
    await asyncio.gather(*(spread(engine, 16) for engine in engines))
    assert await shards_of(engines[0]) == by(16)
    for engine in engines:
        await engine.dispose()


async def test_subscriptions_are_freed_under_the_new_number(url: str, engine: AsyncEngine) -> None:
    """What the number is for: a silent gateway's subscriptions are looked for shard by shard."""
    before = open_message_store(url, engine, 16, writers=1)
    room = next(name for name in NAMES if shard_of(name, 16) != shard_of(name, 8))
    await Writer(before).handle(join(room, user(1)))
    (address,) = await before.addresses(shard_of(room, 16))
    await before.close()
    await spread(engine, 8)
    after = open_message_store(url, engine, 8, writers=1)
    assert await after.rooms_held(shard_of(room, 8), address) == [room]
    await after.close()


async def test_a_database_without_rooms_keeps_the_number(engine: AsyncEngine) -> None:
    await spread(engine, 4)
    async with engine.begin() as db:
        assert (await db.execute(select(store.c.value).where(store.c.key == sharding.KEY))).scalar_one() == "4"
        await db.execute(delete(store).where(store.c.key == sharding.KEY))
    await spread(engine, 4)
