"""A database that cannot be reached is not the caller's fault, and passes: `unavailable`, never a 500."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from shared.protocol.errors import ErrorCode, Refused
from shared.runtime.outage import StoreDown, outages_as_store_down

log = structlog.stdlib.get_logger("homin.accounts")


@asynccontextmanager
async def database_trouble_told() -> AsyncIterator[None]:
    """Refused (`unavailable`) for an outage of the database within; the log keeps the reason, in one line."""
    try:
        async with outages_as_store_down():
            yield
    except StoreDown as why:
        log.error("the database does not answer", why=str(why))
        raise Refused(ErrorCode.UNAVAILABLE, "Accounts do not work right now. Try again in a moment.", 2_000) from why
