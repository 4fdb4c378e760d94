"""The number of shards that the rooms in the database are spread over (`rooms.shard`).

A broker's queues cannot follow another number, so it is the broker that holds a deployment to one
(shared/bus/amqp/declaration.py). The database can: a deployment of one process, and one that has moved to a new virtual
host, may start with another.
"""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.router.tables import rooms, store
from shared.protocol.names import shard_of
from shared.runtime.outage import outages_as_store_down

log = structlog.stdlib.get_logger("homin.router")
KEY: Final = "shards"
AT_ONCE: Final = 10_000
"""Rooms that are looked at in one statement."""


async def spread(engine: AsyncEngine, shards: int) -> None:
    """Has every room bear its shard of `shards`. Costs a look at one row where that is so already. `StoreDown`."""
    upsert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    async with outages_as_store_down(), engine.begin() as db:
        # "": rooms from before the number was kept, or none.
        await db.execute(upsert(store).values(key=KEY, value="").on_conflict_do_nothing())
        kept = select(store.c.value).where(store.c.key == KEY).with_for_update()
        if (before := (await db.execute(kept)).scalar_one()) == str(shards):
            return
        moved = await _spread(db, shards)
        await db.execute(update(store).where(store.c.key == KEY).values(value=str(shards)))
    if moved:
        log.warning("the rooms follow another number of shards", before=before or "not known", now=shards, moved=moved)


async def _spread(db: AsyncConnection, shards: int) -> int:
    """How many rooms were moved."""
    moved, last = 0, 0
    move = update(rooms).where(rooms.c.id == bindparam("room")).values(shard=bindparam("to"))
    looked_at = select(rooms.c.id, rooms.c.name, rooms.c.shard).order_by(rooms.c.id).limit(AT_ONCE)
    while found := (await db.execute(looked_at.where(rooms.c.id > last))).all():
        moves = [{"room": row.id, "to": to} for row in found if (to := shard_of(row.name, shards)) != row.shard]
        if moves:
            await db.execute(move, moves)
        moved, last = moved + len(moves), found[-1].id
    return moved
