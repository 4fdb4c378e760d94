"""What counts as an outage of the database: one rule for all services.

An outage passes, and what was asked is asked again. Anything else is about the statement or its rows: to ask again
would fail again, so it is told, put aside or raised.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# PostgreSQL, appendix A. Classes of what passes: connection, transaction state (a standby that takes no writes),
# deadlock and serialisation (a second try settles them), resources, locks, operator intervention, system. And
# 0A000: a plan that another process's migration has made stale; a new connection makes it anew.
_POSTGRESQL: Final = ("08", "0A000", "25", "40", "53", "55", "57", "58")
# https://www.sqlite.org/rescode.html: another writer, a full or broken disk, a file that cannot be opened or written.
_SQLITE: Final = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY",
)  # fmt: skip


class StoreDown(Exception):
    """The database cannot be reached, or lost the connection: what was under way may or may not have been committed."""


def is_outage(why: BaseException) -> bool:
    """Whether `why`, raised by SQLAlchemy or a driver, means that the database is not there or cannot work now: what
    was asked may be asked again, and may or may not have been done. False: the statement or its rows are wrong, now
    and later."""
    if isinstance(why, DBAPIError):
        if isinstance(why, IntegrityError | DataError):
            return False  # whatever its text says, it is about the rows
        if why.connection_invalidated:
            return True
        if why.orig is None:
            return False
        why = why.orig
    if isinstance(why, OSError | PoolTimeout):  # TimeoutError is one
        return True
    if state := getattr(why, "sqlstate", None):
        return str(state).startswith(_POSTGRESQL)
    if name := getattr(why, "sqlite_errorname", None):
        return str(name).startswith(_SQLITE)
    # The drivers' own errors have no code: "connection is closed", "no active connection".
    if type(why).__module__.partition(".")[0] not in ("asyncpg", "sqlite3", "aiosqlite", "sqlalchemy"):
        return False
    return not isinstance(why, ValueError) and any(word in str(why).lower() for word in ("connection", "closed"))


def first_line(why: BaseException) -> str:
    """What an exception says, in one line, without the statement and its parameters that SQLAlchemy adds."""
    reason = why.orig if isinstance(why, DBAPIError) and why.orig is not None else why
    # SQLAlchemy's asyncpg dialect puts the driver's class in front: "<class '…'>: text".
    text = str(reason).rpartition(">: ")[2] or str(reason)
    return (text.splitlines() or [type(reason).__name__])[0]


@asynccontextmanager
async def outages_as_store_down() -> AsyncIterator[None]:
    """Raises `StoreDown` for an outage within; what is about the statement or its rows stays what it is."""
    try:
        yield
    except Exception as why:
        if not is_outage(why):
            raise
        raise StoreDown(first_line(why)) from why
