"""Sign-ins that people are to find in their own logs: each is noted in the transaction that opens its session, so there
is no session without it, and none of it without a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.accounts.core.devices import Device
from services.accounts.tables import sign_ins
from shared.runtime.database import reader


class Noted(NamedTuple):
    """A sign-in. `id`: of its entry in the user's own log. `at`: Unix seconds."""

    id: str
    user_id: str
    user_name: str
    at: int
    device: Device


async def note(connection: AsyncConnection, noted: Noted) -> None:
    """Within the transaction of `connection`."""
    id, user_id, user_name, at, (name, address) = noted
    row = {"id": id, "user_id": user_id, "user_name": user_name, "at": at, "device": name, "address": address}
    await connection.execute(insert(sign_ins).values(row))


class SignInStore:
    """Sign-ins until they are told, and for a while after. Each method is a transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reader = reader(engine)

    async def untold(self, limit: int) -> list[Noted]:
        """The oldest that the bus has not taken."""
        query = select(sign_ins).where(sign_ins.c.told_at.is_(None)).order_by(sign_ins.c.at, sign_ins.c.id).limit(limit)
        async with self._reader.connect() as connection:
            return [
                Noted(row.id, row.user_id, row.user_name, row.at, Device(row.device, row.address))
                for row in await connection.execute(query)
            ]

    async def told(self, ids: Sequence[str], now: int) -> None:
        """The bus has taken these."""
        async with self._engine.begin() as connection:
            await connection.execute(update(sign_ins).where(sign_ins.c.id.in_(ids)).values(told_at=now))

    async def tell_again(self) -> None:
        """All that are kept are untold."""
        async with self._engine.begin() as connection:
            await connection.execute(update(sign_ins).where(sign_ins.c.told_at.is_not(None)).values(told_at=None))

    async def forget(self, before: int) -> None:
        """Those that were told before then."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(sign_ins).where(sign_ins.c.told_at < before))
