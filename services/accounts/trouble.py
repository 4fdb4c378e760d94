"""A database that cannot be reached is not the caller's fault, and passes: `unavailable`, never a 500."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.protocol.errors import ErrorCode, Refused

log = structlog.stdlib.get_logger("homin.accounts")

UNREACHABLE = (DBAPIError, PoolTimeout, OSError)


@asynccontextmanager
async def database_trouble_told() -> AsyncIterator[None]:
    """Refused (`unavailable`) for what the database raises within; the log keeps the reason, in one line."""
    try:
        yield
    except UNREACHABLE as why:
        log.error("the database does not answer", why=first_line(why))
        raise Refused(ErrorCode.UNAVAILABLE, "Accounts do not work right now. Try again in a moment.", 2_000) from why


def first_line(why: BaseException) -> str:
    """What an exception says, without the statement and its parameters that SQLAlchemy adds."""
    reason = why.orig if isinstance(why, DBAPIError) and why.orig is not None else why
    return f"{type(reason).__name__}: {reason}".splitlines()[0]
