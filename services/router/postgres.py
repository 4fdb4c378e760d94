"""The message store's hot path on PostgreSQL: a whole batch, of any number of rooms, in one statement and one round
trip.

The statement is its own transaction. Its first part takes each room's row if that still has the `seq` and `version`
from which the batch was decided; all other parts write only for the rooms that were taken. Under READ COMMITTED an
UPDATE that had to wait for another one looks at the row anew (PostgreSQL manual, 13.2.1), so of two routers only one
wins. asyncpg is used as it is, without SQLAlchemy's layers, since this is the path of every message. Everything else,
the reads included, is `SqlMessageStore`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.core.changes import Changes
from services.router.core.room import stored
from services.router.sql import SqlMessageStore
from services.router.statement import Rows, Statement, number, text, word
from shared.protocol.names import shard_of
from shared.runtime.outage import StoreDown, first_line, is_outage

log = structlog.stdlib.get_logger("homin.router")
STATEMENT_S = 30.0
CONNECT_S = 5.0

_NEW = Rows("new", word("name"), number("shard"))
_WANTED = Rows("wanted", word("name"), number("seq_before"), number("version_before"), number("seq"), number("version"))
_MESSAGES = Rows(
    "m", word("room"), number("seq"), word("sender_id"), word("sender_name"), word("id"), word("kind"),
    text("content"), number("at_ms"),
)  # fmt: skip
_MEMBERS = Rows("joining", word("room"), word("user_id"), text("name"), number("read_seq"))
_MEMBERS_GONE = Rows("leaving", word("room"), word("user_id"))
_SUBSCRIPTIONS = Rows("taken", word("room"), word("session"), word("user_id"), word("address"))
_SUBSCRIPTIONS_GONE = Rows("freed", word("room"), word("session"))
_READ_MARKS = Rows("read", word("room"), word("user_id"), number("seq"))

CREATE = Statement(
    """
INSERT INTO rooms (name, shard, seq, version) SELECT name, shard, 0, 0 FROM {new} ORDER BY name
ON CONFLICT DO NOTHING RETURNING name
""",
    _NEW,
)

_COMMIT = """
WITH wanted AS MATERIALIZED (
  SELECT * FROM {wanted}
), held AS (
  UPDATE rooms SET seq = wanted.seq, version = wanted.version FROM wanted
  WHERE rooms.name = wanted.name AND rooms.seq = wanted.seq_before AND rooms.version = wanted.version_before
  RETURNING rooms.id, rooms.name
), new_messages AS (
  INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms)
  SELECT held.id, m.seq, m.sender_id, m.sender_name, m.id, m.kind, m.content, m.at_ms
  FROM {m} JOIN held ON held.name = m.room
)"""

_MEMBERSHIP = """
, new_members AS (
  INSERT INTO members (room_id, user_id, name, read_seq)
  SELECT held.id, joining.user_id, joining.name, joining.read_seq
  FROM {joining} JOIN held ON held.name = joining.room
  ON CONFLICT (room_id, user_id) DO UPDATE
  SET name = excluded.name, read_seq = greatest(members.read_seq, excluded.read_seq)
), gone_members AS (
  DELETE FROM members USING {leaving}, held
  WHERE held.name = leaving.room AND members.room_id = held.id AND members.user_id = leaving.user_id
), new_subscriptions AS (
  INSERT INTO seats (room_id, session, user_id, address)
  SELECT held.id, taken.session, taken.user_id, taken.address
  FROM {taken} JOIN held ON held.name = taken.room
  ON CONFLICT (room_id, session) DO UPDATE SET user_id = excluded.user_id, address = excluded.address
), gone_subscriptions AS (
  DELETE FROM seats USING {freed}, held
  WHERE held.name = freed.room AND seats.room_id = held.id AND seats.session = freed.session
), marks AS (
  UPDATE members SET read_seq = read.seq FROM {read}, held
  WHERE held.name = read.room AND members.room_id = held.id AND members.user_id = read.user_id
    AND members.read_seq < read.seq
)"""

_ANSWER = """
SELECT name, NULL::bigint AS seq, NULL::bigint AS version FROM held
UNION ALL
SELECT name, seq, version FROM rooms WHERE name = ANY(:comparing::text[])
"""
# The usual batch only says things: without its second half the statement is planned and run in less time.
SAY = Statement(_COMMIT + _ANSWER, _WANTED, _MESSAGES)
SAY_AND_MOVE = Statement(
    _COMMIT + _MEMBERSHIP + _ANSWER,
    _WANTED, _MESSAGES, _MEMBERS, _MEMBERS_GONE, _SUBSCRIPTIONS, _SUBSCRIPTIONS_GONE, _READ_MARKS,
)  # fmt: skip
# In a quiet hour a batch is one message: scalars, and no join of rows with rows, cost a quarter less.
SAY_ONE = Statement("""
WITH held AS (
  UPDATE rooms SET seq = :seq::bigint
  WHERE name = :room AND seq = :seq_before AND version = :version_before
  RETURNING id, name
), new_message AS (
  INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms)
  SELECT held.id, :seq::bigint, :sender_id::text, :sender_name::text, :id::text, :kind::text, :content::text,
    :at_ms::bigint
  FROM held
)
SELECT name, NULL::bigint AS seq, NULL::bigint AS version FROM held
""")


class PostgresMessageStore(SqlMessageStore):
    """`dsn`: postgresql://…; `connections`: how many commits may run side by side; `readers`: connections of
    `engine`.
    """

    def __init__(self, engine: AsyncEngine, shards: int, dsn: str, connections: int, readers: int) -> None:
        super().__init__(engine, shards)
        self._connections, self._readers = connections, readers
        self._dsn = dsn
        self._idle: list[asyncpg.Connection[Any]] = []
        self._places = asyncio.Semaphore(connections)

    async def open(self) -> None:
        """Opens every connection, and has the statements planned, now: not when everybody comes at once. What fails
        is done when it is needed.
        """
        try:
            while len(self._idle) < self._connections:
                self._idle.append(await self._connect())
            for db in self._idle:
                for statement, arguments in _PLANNED:
                    await _fetch(db, statement, arguments)
            async with AsyncExitStack() as held:
                for _ in range(self._readers):
                    await held.enter_async_context(self._engine.connect())
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as why:
            log.warning("not all connections to the database could be opened", why=first_line(why))

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        """See `MessageStore.commit`."""
        try:
            return await self._commit(batch)
        except asyncpg.UniqueViolationError:  # a message is stored already
            return {c.room for c in batch}

    async def _commit(self, batch: Sequence[Changes]) -> set[str]:
        # One order for all: two routers that write to the same rooms should wait, not end in a deadlock.
        writing = sorted((c for c in batch if c.writes), key=lambda c: c.room)
        comparing = {c.room: c for c in batch if not c.writes}
        async with self._connection() as db:
            missing = [(c.room, shard_of(c.room, self._shards)) for c in writing if not c.existed]
            if missing:
                created = {row[0] for row in await _fetch(db, CREATE.text, CREATE.arguments(_NEW.arguments(missing)))}
                writing = [c for c in writing if c.existed or c.room in created]
            fine = {c.room for c in comparing.values() if not c.existed}
            for name, seq, version in await _fetch(db, *_statement(writing, list(comparing))):
                c = comparing.get(name)
                if seq is None or (c is not None and c.existed and (seq, version) == (c.seq_before, c.version_before)):
                    fine.add(name)
                else:
                    fine.discard(name)
        return {c.room for c in batch} - fine

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        """A connection of our own, kept between batches: a pool would ask it for a sign of life, a round trip each
        time.
        """
        async with self._places:
            db: asyncpg.Connection[Any] | None = None
            try:
                db = self._idle.pop() if self._idle else await self._connect()
                yield db
                self._idle.append(db)
            except asyncpg.UniqueViolationError:
                if db is not None:
                    self._idle.append(db)
                raise
            except BaseException as why:
                if db is not None:
                    db.terminate()
                if not is_outage(why):
                    raise  # it is about the statement or its rows, or we are cancelled
                await self.close()  # the others are most likely dead, too: one refusal is enough
                raise StoreDown(first_line(why)) from why

    async def _connect(self) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(
            self._dsn,
            timeout=CONNECT_S,
            command_timeout=STATEMENT_S,
            server_settings={"application_name": "homin", "jit": "off"},
        )

    async def close(self) -> None:
        """Gives the connections back."""
        idle, self._idle = self._idle, []
        for db in idle:
            db.terminate()


async def _fetch(db: asyncpg.Connection[Any], statement: str, arguments: Sequence[Any]) -> list[asyncpg.Record]:
    return list(await db.fetch(statement, *arguments))


def _statement(writing: Sequence[Changes], comparing: list[str], whole: bool = False) -> tuple[str, list[Any]]:
    """The statement and its arguments; without its second half when only messages are written, unless the `whole` is
    wanted.
    """
    moved = whole or any(c.membership_changed or c.read_marks for c in writing)
    if not moved and not comparing and len(writing) == 1 and len(writing[0].messages) == 1:
        return SAY_ONE.text, _one(writing[0])
    arguments = {
        "comparing": comparing,
        **_WANTED.arguments((c.room, c.seq_before, c.version_before, c.seq, c.version) for c in writing),
        **_MESSAGES.arguments(
            (c.room, m.seq, m.sender_id, m.sender_name, m.id, m.kind, m.content, m.at_ms)
            for c in writing
            for m in c.messages
        ),
    }
    if not moved:
        return SAY.text, SAY.arguments(arguments)
    arguments |= {
        **_MEMBERS.arguments((c.room, u, m.name, m.read_seq) for c in writing for u, m in c.members.items()),
        **_MEMBERS_GONE.arguments((c.room, user) for c in writing for user in c.members_gone),
        **_SUBSCRIPTIONS.arguments(
            (c.room, s, subscription.user_id, subscription.address)
            for c in writing
            for s, subscription in c.subscriptions.items()
        ),
        **_SUBSCRIPTIONS_GONE.arguments((c.room, session) for c in writing for session in c.subscriptions_gone),
        **_READ_MARKS.arguments((c.room, user, seq) for c in writing for user, seq in c.read_marks.items()),
    }
    return SAY_AND_MOVE.text, SAY_AND_MOVE.arguments(arguments)


def _one(c: Changes) -> list[Any]:
    """The arguments of `SAY_ONE` for a room that was there and has one message more, and nothing else."""
    (m,) = c.messages
    return SAY_ONE.arguments(
        {
            "room": c.room, "seq_before": c.seq_before, "version_before": c.version_before, "seq": m.seq,
            "sender_id": m.sender_id, "sender_name": m.sender_name, "id": m.id, "kind": m.kind, "content": m.content,
            "at_ms": m.at_ms,
        }
    )  # fmt: skip


_NOBODY = Changes("", True, 0, 0, messages=[stored("", 0, "", "", "", "chat", "", 0)])
_PLANNED = [_statement([], []), _statement([], [], whole=True), _statement([_NOBODY], [])]
"""Each statement once, for no room at all."""
