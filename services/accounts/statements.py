"""Questions that several of the store's transactions ask."""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.accounts.core.rotation import GRACE_S
from services.accounts.tables import refresh_tokens, sessions, users


async def session_of(connection: AsyncConnection, presented: str) -> str | None:
    """Of a refresh token, by its hash."""
    query = select(refresh_tokens.c.session_id).where(refresh_tokens.c.hash == presented)
    return (await connection.execute(query)).scalar()


def presented_token(presented: str, now: int) -> Any:
    """The refresh token whose hash is `presented`, with whose it is and what `rotation.Presented` says of it."""
    successor = refresh_tokens.alias("successor")
    rival = refresh_tokens.alias("rival")
    return (
        select(
            refresh_tokens.c.session_id,
            refresh_tokens.c.used_at,
            users.c.id,
            users.c.name,
            users.c.name_key,
            exists()
            .where(successor.c.parent == refresh_tokens.c.hash, successor.c.used_at.is_not(None))
            .label("successor_used"),
            exists()
            .where(
                rival.c.parent == refresh_tokens.c.parent,
                rival.c.hash != refresh_tokens.c.hash,
                rival.c.used_at.is_not(None),
                func.abs(rival.c.created_at - refresh_tokens.c.created_at) > GRACE_S,
            )
            .label("rival_used"),
        )
        .join_from(refresh_tokens, sessions)
        .join(users)
        .where(refresh_tokens.c.hash == presented, sessions.c.expires_at > now)
    )
