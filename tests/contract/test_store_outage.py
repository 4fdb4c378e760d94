"""The store without its database: every call says `StoreDown`, nothing is half done, and all works again after."""

from __future__ import annotations

import asyncio
import sqlite3
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from services.router.core.needs import Needs
from services.router.core.step import step
from services.router.sql import SqlMessageStore
from services.router.wiring import open_message_store
from shared.runtime.database import migrate, open_engine
from shared.runtime.outage import StoreDown
from tests.contract.routing import NOW_MS, Writer, chat, join, rows_of, unsubscribe, user
from tests.servers.postgres import Postgres

ANNA = user(1)


def calls(store: SqlMessageStore, writer: Writer) -> dict[str, Callable[[], Awaitable[object]]]:
    """One call of each kind. The commits decide on a room of their own making, and so stay the same."""
    checked = step(writer.room("r"), [], NOW_MS)
    written = step(writer.room("other"), [chat("other", ANNA, "id1")], NOW_MS)
    return {
        "load": lambda: store.load(["r"]),
        "find": lambda: store.find("r", Needs([("u1", "id1")], [])),
        "page": lambda: store.page("r", before=None, after=None, limit=1),
        "rooms_of": lambda: store.rooms_of("u1"),
        "addresses": lambda: store.addresses(0),
        "rooms_held": lambda: store.rooms_held(0, "mailbox.g1"),
        "crowds": lambda: store.crowds(0, 100),
        "epoch": store.epoch,
        "compare": lambda: store.commit([checked]),
        "write": lambda: store.commit([written]),
    }


async def all_down(asked: dict[str, Callable[[], Awaitable[object]]]) -> None:
    for name, call in asked.items():
        try:
            async with asyncio.timeout(20):
                await call()
        except StoreDown:
            continue
        pytest.fail(f"{name} was answered while the database was away")


async def until_refused(call: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        while True:
            await call()


async def prepared(store: SqlMessageStore) -> Writer:
    writer = Writer(store)
    await writer.handle(join("r", ANNA), chat("r", ANNA, "id1"), join("other", ANNA))
    return writer


async def test_while_postgresql_is_stopped_the_store_is_down_and_heals_by_itself(own_postgres: Postgres) -> None:
    url = own_postgres.make_database()
    await migrate(url)
    engine = open_engine(url, pool_size=3)
    store = open_message_store(url, engine, 8, writers=3)
    writer = await prepared(store)
    asked = calls(store, writer)
    await asyncio.gather(*(store.epoch() for _ in range(6)))  # every connection of the pool is open, and will be dead
    await asyncio.to_thread(own_postgres.stop)
    await all_down(asked)
    await asyncio.to_thread(own_postgres.start)
    assert (await store.load(["r"]))["r"].seq == 1
    assert await asked["write"]() == set()
    assert rows_of((await store.load(["other"]))["other"])["seq"] == 1
    await heals_after_one_refusal(own_postgres, store)
    await store.close()
    await engine.dispose()


async def heals_after_one_refusal(server: Postgres, store: SqlMessageStore) -> None:
    """Connections that died while nobody looked cost one refusal of reads and one of commits, not one each."""
    checked = step((await store.load(["r"]))["r"], [unsubscribe("r", "nobody")], NOW_MS)
    calls: list[Callable[[], Awaitable[object]]] = [store.epoch, lambda: store.commit([checked])]
    await asyncio.gather(*(call() for call in calls for _ in range(6)))
    await asyncio.to_thread(server.close_all_connections)
    for call in calls:
        with pytest.raises(StoreDown):
            await until_refused(call)  # a session ends when its server process notices
        for _ in range(6):
            await call()


async def test_what_was_committed_before_a_crash_of_postgresql_is_there_after(own_postgres: Postgres) -> None:
    url = own_postgres.make_database()
    await migrate(url)
    engine = open_engine(url)
    writer = await prepared(SqlMessageStore(engine, 8))
    await asyncio.to_thread(own_postgres.kill)
    await asyncio.to_thread(own_postgres.start)
    await engine.dispose()
    engine = open_engine(url)
    loaded = await SqlMessageStore(engine, 8).load(["r", "other"])
    assert {name: rows_of(room) for name, room in loaded.items()} == {
        name: rows_of(writer.room(name)) for name in ("r", "other")
    }
    await engine.dispose()


async def test_while_sqlite_is_locked_by_another_nothing_is_written_and_reads_go_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    await migrate(url)
    engine = open_engine(url)

    def be_impatient(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=20").close()

    event.listen(engine.sync_engine, "connect", be_impatient)
    store = SqlMessageStore(engine, 8)
    asked = calls(store, await prepared(store))
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await all_down({"write": asked.pop("write")})
    for call in asked.values():
        await call()
    other.execute("ROLLBACK")
    other.close()
    assert (await store.load(["other"]))["other"].seq == 0
    assert await calls(store, await Writer(store).take("r", "other"))["write"]() == set()
    await engine.dispose()


async def test_while_the_disk_of_sqlite_is_full_the_store_is_down_and_loses_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    await migrate(url)
    engine = open_engine(url)
    store = SqlMessageStore(engine, 8)
    writer = await prepared(store)
    written = step(writer.room("other"), [chat("other", ANNA, f"id{n}", "x" * 4_000) for n in range(20)], NOW_MS)

    async def hold_at_most(pages: int) -> None:
        async with engine.connect() as connection:
            # As a full disk would: it takes no page more than it has. The limit is the connection's, and it is pooled.
            await connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    await hold_at_most(1)
    with pytest.raises(StoreDown, match="full"):
        await store.commit([written])
    assert (await store.load(["other"]))["other"].seq == 0
    await hold_at_most(1_000_000)
    assert await store.commit([written]) == set()
    assert (await store.load(["other"]))["other"].seq == 20
    await engine.dispose()


@asynccontextmanager
async def refusing_server(state: str, text: str) -> AsyncIterator[str]:
    """A PostgreSQL that answers every greeting with this error, as one does that starts, stops or is full."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (size,) = struct.unpack(">I", await reader.readexactly(4))
            if struct.unpack(">I", (await reader.readexactly(size - 4))[:4]) != (80877103,):  # SSLRequest
                break
            writer.write(b"N")
        fields = b"".join(
            kind + value.encode() + b"\0" for kind, value in ((b"S", "FATAL"), (b"C", state), (b"M", text))
        )
        writer.write(b"E" + struct.pack(">I", len(fields) + 5) + fields + b"\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    yield f"postgresql://homin@127.0.0.1:{server.sockets[0].getsockname()[1]}/homin"
    server.close()


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("57P03", "the database system is starting up"),
        ("57P03", "the database system is shutting down"),
        ("53300", "sorry, too many clients already"),
    ],
)
async def test_a_server_that_does_not_take_connections_yet_is_down(state: str, text: str) -> None:
    async with refusing_server(state, text) as url:
        engine = open_engine(url)
        with pytest.raises(StoreDown, match=text):
            await SqlMessageStore(engine, 8).epoch()
        await engine.dispose()
