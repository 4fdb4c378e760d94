"""The log's hot path on PostgreSQL: a whole batch, of any number of rooms, in one statement and one round trip.

The statement is its own transaction. Its first part takes each room's row if that still has the `seq` and `version`
from which the batch was decided; all other parts write only for the rooms that were taken. Under READ COMMITTED an
UPDATE that had to wait for another one looks at the row anew (PostgreSQL manual, 13.2.1), so of two routers only one
wins. asyncpg is used as it is, without SQLAlchemy's layers, since this is the path of every message. Everything else,
the reads included, is `SqlLog`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.core.changes import Changes
from services.router.log import AlreadyStored
from services.router.store import SqlLog
from shared.protocol.names import shard_of
from shared.runtime.outage import StoreDown, first_line, is_outage

log = structlog.stdlib.get_logger("homin.router")
STATEMENT_S = 30.0
CONNECT_S = 5.0

CREATE = """
INSERT INTO rooms (name, shard, seq, version)
SELECT name, shard, 0, 0 FROM unnest($1::text[], $2::int[]) AS new(name, shard) ORDER BY name
ON CONFLICT DO NOTHING RETURNING name
"""

COMMIT = r"""
WITH wanted AS MATERIALIZED (
  SELECT * FROM unnest(
    string_to_array($1, E'\n'), string_to_array($2, E'\n')::bigint[], string_to_array($3, E'\n')::bigint[],
    string_to_array($4, E'\n')::bigint[], string_to_array($5, E'\n')::bigint[]
  ) AS wanted(name, seq_before, version_before, seq, version)
), held AS (
  UPDATE rooms SET seq = wanted.seq, version = wanted.version FROM wanted
  WHERE rooms.name = wanted.name AND rooms.seq = wanted.seq_before AND rooms.version = wanted.version_before
  RETURNING rooms.id, rooms.name
), new_messages AS (
  INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms)
  SELECT held.id, m.seq, m.sender_id, m.sender_name, m.id, m.kind, m.content, m.at_ms
  FROM unnest(
    string_to_array($6, E'\n'), string_to_array($7, E'\n')::bigint[], string_to_array($8, E'\n'),
    string_to_array($9, E'\n'), string_to_array($10, E'\n'), string_to_array($11, E'\n'), $12::text[],
    string_to_array($13, E'\n')::bigint[]
  ) AS m(room, seq, sender_id, sender_name, id, kind, content, at_ms) JOIN held ON held.name = m.room
)"""

MEMBERSHIP = """
, new_members AS (
  INSERT INTO members (room_id, user_id, name, read_seq)
  SELECT held.id, m.user_id, m.name, m.read_seq
  FROM unnest($15::text[], $16::text[], $17::text[], $18::bigint[]) AS m(room, user_id, name, read_seq)
  JOIN held ON held.name = m.room
  ON CONFLICT (room_id, user_id) DO UPDATE
  SET name = excluded.name, read_seq = greatest(members.read_seq, excluded.read_seq)
), gone_members AS (
  DELETE FROM members USING unnest($19::text[], $20::text[]) AS m(room, user_id), held
  WHERE held.name = m.room AND members.room_id = held.id AND members.user_id = m.user_id
), new_seats AS (
  INSERT INTO seats (room_id, session, user_id, address)
  SELECT held.id, s.session, s.user_id, s.address
  FROM unnest($21::text[], $22::text[], $23::text[], $24::text[]) AS s(room, session, user_id, address)
  JOIN held ON held.name = s.room
  ON CONFLICT (room_id, session) DO UPDATE SET user_id = excluded.user_id, address = excluded.address
), gone_seats AS (
  DELETE FROM seats USING unnest($25::text[], $26::text[]) AS s(room, session), held
  WHERE held.name = s.room AND seats.room_id = held.id AND seats.session = s.session
), marks AS (
  UPDATE members SET read_seq = m.read_seq
  FROM unnest($27::text[], $28::text[], $29::bigint[]) AS m(room, user_id, read_seq), held
  WHERE held.name = m.room AND members.room_id = held.id AND members.user_id = m.user_id
    AND members.read_seq < m.read_seq
)"""

ANSWER = """
SELECT name, NULL::bigint AS seq, NULL::bigint AS version FROM held
UNION ALL
SELECT name, seq, version FROM rooms WHERE name = ANY($14::text[])
"""


class PostgresLog(SqlLog):
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
                for whole in (False, True):
                    await db.fetch(*_statement([], [], whole))
            async with AsyncExitStack() as held:
                for _ in range(self._readers):
                    await held.enter_async_context(self._engine.connect())
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as why:
            log.warning("not all connections to the database could be opened", why=first_line(why))

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        """See `Log.commit`."""
        # One order for all: two routers that write to the same rooms should wait, not end in a deadlock.
        writing = sorted((c for c in batch if c.writes), key=lambda c: c.room)
        comparing = {c.room: c for c in batch if not c.writes}
        async with self._connection() as db:
            unborn = {c.room: shard_of(c.room, self._shards) for c in writing if not c.existed}
            if unborn:
                born = {row[0] for row in await db.fetch(CREATE, list(unborn), list(unborn.values()))}
                writing = [c for c in writing if c.existed or c.room in born]
            fine = {c.room for c in comparing.values() if not c.existed}
            for name, seq, version in await db.fetch(*_statement(writing, list(comparing))):
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
            except asyncpg.UniqueViolationError as why:
                if db is not None:
                    self._idle.append(db)
                raise AlreadyStored(str(why)) from None
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


def _statement(writing: Sequence[Changes], comparing: list[str], whole: bool = False) -> tuple[Any, ...]:
    """The statement and its arguments; without its second half when only messages are written, the usual case, unless
    the `whole` is wanted.
    """
    rooms = (
        _lines(c.room for c in writing),
        _lines(str(c.seq_before) for c in writing),
        _lines(str(c.version_before) for c in writing),
        _lines(str(c.seq) for c in writing),
        _lines(str(c.version) for c in writing),
    )
    new = [m for c in writing for m in c.messages]
    messages = (
        _lines(c.room for c in writing for _ in c.messages),
        _lines(str(m.seq) for m in new),
        _lines(m.sender_id for m in new),
        _lines(m.sender_name for m in new),
        _lines(m.id for m in new),
        _lines(m.kind for m in new),
        [m.content for m in new],
        _lines(str(m.at_ms) for m in new),
    )
    if not whole and not any(c.membership_changed or c.read_marks for c in writing):
        return (COMMIT + ANSWER, *rooms, *messages, comparing)
    members = ((c.room, user, m.name, m.read_seq) for c in writing for user, m in c.members.items())
    seats = ((c.room, session, s.user_id, s.address) for c in writing for session, s in c.seats.items())
    return (
        COMMIT + MEMBERSHIP + ANSWER, *rooms, *messages, comparing,
        *_columns(4, members),
        *_columns(2, ((c.room, user) for c in writing for user in c.members_gone)),
        *_columns(4, seats),
        *_columns(2, ((c.room, session) for c in writing for session in c.seats_gone)),
        *_columns(3, ((c.room, user, seq) for c in writing for user, seq in c.read_marks.items())),
    )  # fmt: skip


def _lines(values: Iterable[str]) -> str:
    """A column in one string, which costs asyncpg a tenth of an array. No value is empty or holds a line break: names
    and ids are those of `shared.protocol.names`, the others numbers.
    """
    return "\n".join(values)


def _columns(width: int, rows: Any) -> list[list[Any]]:
    """Rows turned into columns, as `unnest` wants them."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    return columns or [[] for _ in range(width)]
