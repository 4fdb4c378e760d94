"""What accounts keep, over SQLAlchemy Core: the same statements for both databases; each method is a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.accounts.core.claims import Grant, User
from services.accounts.core.rotation import Presented, may_renew
from services.accounts.records import Credentials, Ended, Opening, SessionOver
from services.accounts.sign_in_store import Noted, note
from services.accounts.statements import presented_token, session_of
from services.accounts.tables import access_tokens, refresh_tokens, revoked_tokens, sessions, signing_keys, users
from shared.runtime.database import reader
from shared.tokens.verifier import LEEWAY_S

USED_KEPT_S = 7 * 86_400
"""How long a used refresh token is remembered, to notice a thief; later it is unknown, which is refused as well."""


class AccountStore:
    """Users, their sessions and tokens, and the keys that sign."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._reader = reader(engine)
        self._insert: Any = sqlite.insert if engine.dialect.name == "sqlite" else postgresql.insert

    async def ping(self) -> None:
        """Raises what the database raises."""
        async with self._reader.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def signing_keys(self, candidate: str, now: int) -> Sequence[str]:
        """All private keys, the newest first. Where there is none, `candidate` becomes the first; one of many wins."""
        async with self._engine.begin() as connection:
            row = {"number": 1, "private": candidate, "created_at": now}
            await connection.execute(self._insert(signing_keys).values(row).on_conflict_do_nothing())
            return (
                (await connection.execute(select(signing_keys.c.private).order_by(signing_keys.c.number.desc())))
                .scalars()
                .all()
            )

    async def add_guest(self, user: User, key: str, opening: Opening) -> bool:
        """A guest and the first session. False if somebody has registered the name whose key is `key`."""
        async with self._engine.begin() as connection:
            if (await connection.execute(select(users.c.id).where(users.c.name_key == key))).first() is not None:
                return False
            await connection.execute(
                insert(users).values(id=user.id, name=user.name, created_at=opening.grant.issued_at)
            )
            await self._open(connection, user.id, opening)
            return True

    async def add_guests(self, guests: Sequence[User], now: int) -> None:
        """Many guests without a session, for tools."""
        async with self._engine.begin() as connection:
            await connection.execute(
                insert(users), [{"id": user.id, "name": user.name, "created_at": now} for user in guests]
            )

    async def register(self, user: User, key: str, password: str, opening: Opening) -> bool:
        """A user and the first session. False if the name is taken, also by somebody who registers it just now."""
        row = {
            "id": user.id,
            "name": user.name,
            "name_key": key,
            "password": password,
            "created_at": opening.grant.issued_at,
        }
        async with self._engine.begin() as connection:
            added = await connection.execute(
                self._insert(users).values(row).on_conflict_do_nothing().returning(users.c.id)
            )
            if added.first() is None:
                return False
            await self._open(connection, user.id, opening)
            return True

    async def registered(self, key: str) -> Credentials | None:
        """Who registered the name whose key is `key`."""
        return await self._credentials(users.c.name_key == key)

    async def credentials(self, user_id: str) -> Credentials | None:
        """Of a user who has a password; None for a guest."""
        return await self._credentials(users.c.id == user_id)

    async def taken(self, key: str) -> bool:
        """Whether somebody has registered the name whose key is `key`."""
        return await self.registered(key) is not None

    async def open_session(
        self, shown: Credentials, opening: Opening, noted: Noted, password: str | None = None
    ) -> bool:
        """One more session of who has shown that hash to be theirs, which is `noted` for them; `password` replaces the
        hash. False, and nothing is done, where it is no longer the kept one: a change of password ends all sessions
        that the old one has opened."""
        async with self._engine.begin() as connection:
            if not await self._still_kept(connection, shown):
                return False
            if password is not None:
                await connection.execute(update(users).where(users.c.id == shown.user.id).values(password=password))
            await self._open(connection, shown.user.id, opening)
            await note(connection, noted)
            return True

    async def change_password(
        self, shown: Credentials, password: str, token_id: str, refresh: str, grant: Grant, expires_at: int
    ) -> Ended | None:
        """Puts the hash `password` in place of the one that was shown. The session of `token_id` goes on, with `grant`
        and with `refresh` in place of the refresh tokens that it had; every other one of the user ends.

        None, and nothing is done, where the shown hash is no longer the kept one. Raises SessionOver."""
        async with self._engine.begin() as connection:
            if not await self._still_kept(connection, shown):
                return None
            # While the user's row is locked no session is opened, and while these are, none goes on.
            lock = select(sessions.c.id).where(sessions.c.user_id == shown.user.id).order_by(sessions.c.id)
            all_of_them = (await connection.execute(lock.with_for_update())).scalars().all()
            bearing = select(access_tokens.c.session_id).where(access_tokens.c.token_id == token_id)
            kept = (await connection.execute(bearing)).scalar()
            if kept is None or kept not in all_of_them:
                raise SessionOver
            await connection.execute(update(users).where(users.c.id == shown.user.id).values(password=password))
            await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id == kept))
            await self._go_on(connection, kept, None, refresh, grant, expires_at)
            return await self._end(connection, [one for one in all_of_them if one != kept], grant.issued_at)

    async def rotate(self, presented: str, refresh: str, grant: Grant, expires_at: int) -> User | Ended | None:
        """Uses the refresh token whose hash is `presented`; its session goes on with `refresh` and `grant`.

        None where it is unknown or the session is over; Ended where it turns out to be stolen, and ends the session.
        """
        now = grant.issued_at
        async with self._engine.begin() as connection:
            row = (await connection.execute(presented_token(presented, now).with_for_update(of=sessions))).first()
            if row is None:
                return None
            facts = Presented(row.used_at, row.successor_used, row.rival_used)
            if not may_renew(facts, now):
                return await self._end(connection, [row.session_id], now)
            if row.used_at is None:
                await connection.execute(
                    update(refresh_tokens).where(refresh_tokens.c.hash == presented).values(used_at=now)
                )
            await self._go_on(connection, row.session_id, presented, refresh, grant, expires_at)
            return User(row.id, row.name, guest=row.name_key is None)

    async def extend(self, token_id: str, grant: Grant) -> User | None:
        """One more access token for the session that `token_id` belongs to. None where there is none, or it is over."""
        async with self._engine.begin() as connection:
            found = await connection.execute(
                select(sessions.c.id.label("session_id"), users)
                .join_from(access_tokens, sessions)
                .join(users)
                .where(access_tokens.c.token_id == token_id, sessions.c.expires_at > grant.issued_at)
                .with_for_update(of=sessions)
            )
            row = found.first()
            if row is None:
                return None
            await self._grant(connection, row.session_id, grant)
            return User(row.id, row.name, guest=row.name_key is None)

    async def end_by_token(self, token_id: str, expires_at: int, now: int) -> Ended:
        """Signs out the session that the access token belongs to; where it has none, the token alone is revoked."""
        async with self._engine.begin() as connection:
            session = (
                await connection.execute(select(access_tokens.c.session_id).where(access_tokens.c.token_id == token_id))
            ).scalar()
            if session is not None:
                return await self._end(connection, [session], now)
            await self._revoke(connection, [(token_id, expires_at)])
            return Ended([(token_id, expires_at)])

    async def end_by_refresh(self, presented: str, now: int) -> Ended | None:
        """Signs out the session that the refresh token belongs to. None where it is unknown."""
        async with self._engine.begin() as connection:
            session = await session_of(connection, presented)
            return None if session is None else await self._end(connection, [session], now)

    async def owner(self, presented: str) -> str | None:
        """The id of the user whose refresh token has that hash. None where it renews nothing any more."""
        async with self._reader.connect() as connection:
            query = select(sessions.c.user_id).join(refresh_tokens).where(refresh_tokens.c.hash == presented)
            found: str | None = (await connection.execute(query)).scalar()
            return found

    async def same_session(self, token_id: str, presented: str) -> bool:
        """Whether an access token and a refresh token (by its hash) come from one sign-in."""
        async with self._reader.connect() as connection:
            session = await session_of(connection, presented)
            found = await connection.execute(
                select(access_tokens.c.session_id).where(access_tokens.c.token_id == token_id)
            )
            return session is not None and session == found.scalar()

    async def revoked(self, token_id: str) -> bool:
        """Whether the access token was signed out."""
        async with self._reader.connect() as connection:
            query = select(revoked_tokens.c.token_id).where(revoked_tokens.c.token_id == token_id)
            return (await connection.execute(query)).first() is not None

    async def revocations(self, now: int) -> Sequence[tuple[str, int]]:
        """The tokens that are refused although they have not expired, as verifiers see it, with the end of each."""
        async with self._reader.connect() as connection:
            query = select(revoked_tokens.c.token_id, revoked_tokens.c.expires_at)
            found = await connection.execute(query.where(revoked_tokens.c.expires_at > now - LEEWAY_S))
            return [(row.token_id, row.expires_at) for row in found]

    async def tidy(self, now: int, guests_before: int) -> None:
        """Forgets what has expired, and guests who came before `guests_before` and have no session."""
        async with self._engine.begin() as connection:
            # A session that nobody can renew is kept while one of its tokens is good: it can still be ended.
            good = exists().where(
                access_tokens.c.session_id == sessions.c.id, access_tokens.c.expires_at > now - LEEWAY_S
            )
            over = select(sessions.c.id).where(sessions.c.expires_at <= now, ~good).order_by(sessions.c.id)
            await connection.execute(delete(sessions).where(sessions.c.id.in_(over.with_for_update())))
            await connection.execute(delete(access_tokens).where(access_tokens.c.expires_at <= now - LEEWAY_S))
            await connection.execute(delete(revoked_tokens).where(revoked_tokens.c.expires_at <= now - LEEWAY_S))
            await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.used_at <= now - USED_KEPT_S))
            await connection.execute(
                delete(users).where(
                    users.c.name_key.is_(None),
                    users.c.created_at < guests_before,
                    ~exists().where(sessions.c.user_id == users.c.id),
                )
            )

    async def _credentials(self, which: ColumnElement[bool]) -> Credentials | None:
        query = select(users.c.id, users.c.name, users.c.password).where(which, users.c.password.is_not(None))
        async with self._reader.connect() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else Credentials(User(row.id, row.name, guest=False), row.password)

    async def _still_kept(self, connection: AsyncConnection, shown: Credentials) -> bool:
        kept = select(users.c.password).where(users.c.id == shown.user.id).with_for_update()
        return (await connection.execute(kept)).scalar() == shown.password

    async def _open(self, connection: AsyncConnection, user_id: str, opening: Opening) -> None:
        now = opening.grant.issued_at
        await connection.execute(
            insert(sessions).values(id=opening.session, user_id=user_id, expires_at=opening.expires_at)
        )
        await connection.execute(
            insert(refresh_tokens).values(hash=opening.refresh, session_id=opening.session, created_at=now)
        )
        await self._grant(connection, opening.session, opening.grant)

    async def _go_on(
        self, connection: AsyncConnection, session: str, parent: str | None, refresh: str, grant: Grant, expires_at: int
    ) -> None:
        now = grant.issued_at
        await connection.execute(
            insert(refresh_tokens).values(hash=refresh, session_id=session, parent=parent, created_at=now)
        )
        await self._grant(connection, session, grant)
        await connection.execute(update(sessions).where(sessions.c.id == session).values(expires_at=expires_at))

    async def _grant(self, connection: AsyncConnection, session: str, grant: Grant) -> None:
        await connection.execute(
            insert(access_tokens).values(token_id=grant.token_id, session_id=session, expires_at=grant.expires_at)
        )

    async def _end(self, connection: AsyncConnection, ended: Sequence[str], now: int) -> Ended:
        # Locked first: a token that is being given out at this moment must be among those that end.
        await connection.execute(select(sessions.c.id).where(sessions.c.id.in_(ended)).with_for_update())
        found = await connection.execute(
            select(access_tokens.c.token_id, access_tokens.c.expires_at).where(
                access_tokens.c.session_id.in_(ended), access_tokens.c.expires_at > now - LEEWAY_S
            )
        )
        tokens = [(row.token_id, row.expires_at) for row in found]
        await connection.execute(delete(sessions).where(sessions.c.id.in_(ended)))
        await self._revoke(connection, tokens)
        return Ended(tokens)

    async def _revoke(self, connection: AsyncConnection, tokens: Sequence[tuple[str, int]]) -> None:
        if tokens:
            rows = [{"token_id": token_id, "expires_at": expires_at} for token_id, expires_at in tokens]
            await connection.execute(self._insert(revoked_tokens).on_conflict_do_nothing(), rows)
