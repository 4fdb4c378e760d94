"""How Alembic reaches the database: over the connection that shared.runtime.database hands it, else HOMIN_DATABASE_URL.

Revisions are linear and run in one transaction, which both databases can undo.
"""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from shared.runtime.database import open_engine
from shared.runtime.settings import DataSettings


def run(connection: Connection) -> None:
    """Runs what was asked for over `connection`."""
    context.configure(connection=connection, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    """For the command line: `alembic history`, `alembic downgrade -1`."""
    engine = open_engine(DataSettings().database_url)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_alone())
