"""The database: one engine for SQLite and PostgreSQL with the same promises, and its schema.

A transaction that has committed survives a crash of the process and of the machine. A transaction on SQLite takes the
one writer's place when it begins (`BEGIN IMMEDIATE`), so it never fails half-way for want of it; `reader` gives an
engine whose transactions only read and never wait for a writer.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.runtime.outage import first_line, is_outage
from shared.runtime.service import CannotStart
from shared.runtime.settings import async_database_url

log = structlog.stdlib.get_logger("homin.database")

MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations"
BUSY_MS: Final = 10_000
"""How long a connection to SQLite waits for the writer before it."""
CONNECT_S: Final = 5.0
STATEMENT_S: Final = 30.0
# PostgreSQL, appendix A: too_many_connections, admin_shutdown, crash_shutdown, cannot_connect_now.
_PASSING: Final = frozenset({"53300", "57P01", "57P02", "57P03"})
MIGRATION_LOCK: Final = 0x486F6D696E  # "Homin": the key of the advisory lock that migrations hold

# FULL, since a message is promised for ever once its sender has seen it: with NORMAL, a WAL forgets its last commits
# when the power fails. Measured: a commit takes 0.33 ms instead of 0.07, of one row or of 100, and the router batches.
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout={BUSY_MS}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


def open_engine(url: str, *, pool_size: int = 5, check_connections: bool = False) -> AsyncEngine:
    """An engine for `url` (with or without an asynchronous driver); connects when it is first used.

    `check_connections` asks PostgreSQL for a sign of life before each use, one round trip: right for a service that
    answers people, too dear for one that works in a tight loop and retries anyway.
    """
    url = async_database_url(url)
    if url.startswith("sqlite"):
        place = make_url(url).database
        if place and place != ":memory:":
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            # Its owner's alone: the keys that sign tokens are in it. SQLite gives its other files the same mode.
            Path(place).touch(mode=0o600)
        engine = create_async_engine(url)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        # The connection used last: it has planned our statements and filled its caches. In turn all of them would, each
        # at the cost of a slow first answer and some hundred KiB of the server's memory.
        pool_use_lifo=True,
        pool_pre_ping=check_connections,
        pool_timeout=CONNECT_S,
        connect_args={
            "timeout": CONNECT_S,
            "command_timeout": STATEMENT_S,
            # Our statements are short: compiling them costs more than it saves.
            "server_settings": {"application_name": "homin", "jit": "off"},
        },
    )


def reader(engine: AsyncEngine) -> AsyncEngine:
    """The same connections for what only reads: on SQLite a transaction sees a snapshot and waits for nobody. On
    PostgreSQL each statement stands alone, as it would under READ COMMITTED, without the round trips of a transaction.
    """
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(homin_only_reads=True)


async def migrate(url: str) -> None:
    """Brings the schema to the newest revision. Safe, and cheap, when every process does so at start."""
    engine = open_engine(url, pool_size=1)
    try:
        async with engine.begin() as connection:
            await _lock(connection)
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


async def wait_for_database(url: str, *, patience_s: float = 60.0) -> None:
    """Migrates as soon as the database answers. CannotStart if it does not within `patience_s`, or lets nobody in."""
    deadline = asyncio.get_running_loop().time() + patience_s
    while True:
        why = await _refusal(url)
        passes = why is None or _will_pass(why, url)
        if why is None:
            why = await _interruption(url)
        if why is None:
            return
        if not passes or asyncio.get_running_loop().time() > deadline:
            raise CannotStart(f"The database {place_of(url)} cannot be used: {first_line(why)}.") from why
        log.warning("waiting for the database", why=first_line(why))
        await asyncio.sleep(1)


def place_of(url: str) -> str:
    """`url` to be shown: without its password, and without a query, which may hold one, too."""
    return make_url(async_database_url(url)).set(query={}).render_as_string(hide_password=True)


async def _refusal(url: str) -> Exception | None:
    try:
        engine = open_engine(url, pool_size=1)
        try:
            async with engine.connect():
                return None
        finally:
            await engine.dispose()
    except (OSError, DBAPIError) as why:
        return why


async def _interruption(url: str) -> Exception | None:
    """Migrates; gives the outage by which a database that has just answered was cut off."""
    try:
        await migrate(url)
    except Exception as why:
        if not is_outage(why):
            raise
        return why
    return None


def _will_pass(why: Exception, url: str) -> bool:
    """A server that cannot be reached, or that starts, may come; a wrong password does not heal, nor does a folder."""
    if isinstance(why, DBAPIError):
        return getattr(why.orig, "sqlstate", None) in _PASSING
    return not url.startswith("sqlite")


async def _lock(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        # Ends with the transaction. On SQLite, BEGIN IMMEDIATE is the lock already.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # Without this the driver begins transactions by itself, and not before the first write (SQLAlchemy's own advice).
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    only_reads = connection.get_execution_options().get("homin_only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
