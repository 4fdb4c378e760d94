"""What counts as an outage of the database: the same for SQLAlchemy and for asyncpg as it is, on real databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import open_engine
from shared.runtime.outage import StoreDown, first_line, is_outage, outages_as_store_down

PASSES = {
    "08006": "connection failure", "0A000": "a plan that a migration has made stale", "25006": "a standby",
    "40P01": "deadlock", "40001": "serialisation", "53100": "disk full", "53300": "too many connections",
    "55P03": "a lock that is held", "57P01": "the server is being stopped", "57014": "cancelled", "58030": "I/O error",
}  # fmt: skip
STAYS = {
    "22021": "not a character", "22003": "number out of range", "23505": "unique", "23502": "not null",
    "42P01": "no such table", "42501": "no rights", "42601": "syntax", "54000": "too large", "P0001": "a trigger's own",
}  # fmt: skip


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(f"sqlite:///{tmp_path}/homin.db")
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("code", [*PASSES, *STAYS], ids=lambda code: f"{code}: {(PASSES | STAYS)[code]}")
async def test_both_ways_to_postgresql_judge_a_code_alike(empty_postgres_url: str, code: str) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'the connection is closed, it says' USING ERRCODE = '{code}'; END $$"
    connection = await asyncpg.connect(empty_postgres_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        with pytest.raises(asyncpg.PostgresError) as bare:
            await connection.execute(raising)
    finally:
        await connection.close()
    engine = open_engine(empty_postgres_url)
    try:
        with pytest.raises(DBAPIError) as wrapped:
            async with engine.begin() as db:
                await db.execute(text(raising.replace(":", r"\:")))
    finally:
        await engine.dispose()
    assert (is_outage(bare.value), is_outage(wrapped.value)) == (code in PASSES, code in PASSES)
    assert first_line(bare.value) == first_line(wrapped.value) == "the connection is closed, it says"


async def test_a_value_that_a_driver_refuses_by_itself_is_no_outage(empty_postgres_url: str) -> None:
    connection = await asyncpg.connect(empty_postgres_url.replace("postgresql+asyncpg", "postgresql"))
    try:
        with pytest.raises(asyncpg.DataError) as refused:
            await connection.fetch("SELECT $1::bigint", 2**70)
    finally:
        await connection.close()
    assert not is_outage(refused.value)


async def test_a_connection_that_is_closed_is_an_outage(empty_postgres_url: str) -> None:
    connection = await asyncpg.connect(empty_postgres_url.replace("postgresql+asyncpg", "postgresql"))
    await connection.close()
    with pytest.raises(asyncpg.InterfaceError, match="connection is closed") as closed:
        await connection.fetch("SELECT 1")
    assert is_outage(closed.value)


async def test_what_is_wrong_with_the_rows_is_no_outage_whatever_its_text_says(sqlite: AsyncEngine) -> None:
    async with sqlite.begin() as db:
        await db.execute(text("CREATE TABLE odd (closed INTEGER CONSTRAINT connection CHECK (closed > 0))"))
    with pytest.raises(DBAPIError, match="connection") as broken:
        async with sqlite.begin() as db:
            await db.execute(text("INSERT INTO odd VALUES (0)"))
    assert not is_outage(broken.value)
    with pytest.raises(DBAPIError, match="no such table: closed_connection") as unknown:
        async with sqlite.begin() as db:
            await db.execute(text("SELECT * FROM closed_connection"))
    assert not is_outage(unknown.value)


async def test_an_sqlite_file_that_cannot_be_written_is_an_outage(sqlite: AsyncEngine) -> None:
    async with sqlite.begin() as db:
        await db.execute(text("CREATE TABLE t (n INTEGER)"))
        await db.execute(text("PRAGMA query_only = ON"))
        with pytest.raises(DBAPIError, match="readonly") as refused:
            await db.execute(text("INSERT INTO t VALUES (1)"))
        await db.execute(text("PRAGMA query_only = OFF"))
    assert is_outage(refused.value)


def test_what_cannot_be_reached_is_an_outage_and_a_mistake_of_ours_is_none() -> None:
    assert all(map(is_outage, (ConnectionRefusedError(), TimeoutError(), PoolTimeout())))
    assert not any(map(is_outage, (ValueError("connection closed"), KeyError("connection"), RuntimeError("closed"))))


async def test_an_outage_becomes_store_down_and_a_mistake_stays_what_it_is() -> None:
    with pytest.raises(StoreDown, match="refused by the firewall"):
        async with outages_as_store_down():
            raise ConnectionRefusedError("refused by the firewall\nand more")
    with pytest.raises(ZeroDivisionError):
        async with outages_as_store_down():
            raise ZeroDivisionError
