"""The statements by which a batch is committed on PostgreSQL, and their arguments: see postgres.py.

The statement is its own transaction. Its first part takes each room's row if that still has the `seq` and `version`
from which the batch was decided; all other parts write only for the rooms that were taken. Under READ COMMITTED an
UPDATE that had to wait for another one looks at the row anew (PostgreSQL manual, 13.2.1), so of two routers only one
wins.

An id is one for messages and changes, which are two tables. Where a message has a change's id, NULL stands in its
place, which is refused as a second row of the same table is. The other way round nobody looks beyond memory: it would
cost every message a look into one more index (7 µs beside 29, in batches of 35), for a sender who meets an old id of
their own.
"""

# long: each part of the statement stands beside its rows
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import combinations
from typing import Any

from services.router.core.changes import Changes
from services.router.core.entries import stored
from services.router.sql import names
from services.router.sql_rows import mentions_in, reactions_in, replies_in, rules_in
from services.router.statement import Rows, Statement, number, text, word

_NEW = Rows("new", word("name"), number("shard"))
_WANTED = Rows("wanted", word("name"), number("seq_before"), number("version_before"), number("seq"), number("version"))
_MESSAGES = Rows(
    "m", word("room"), number("seq"), word("sender_id"), word("sender_name"), word("id"), word("kind"),
    text("content"), number("at_ms"), number("reply_to"),
)  # fmt: skip
# Those that stand in a thread, or mention somebody: most messages do neither, and cost nothing for it.
_CALLING = Rows(
    "c", word("room"), number("seq"), word("sender_id"), word("sender_name"), word("id"), word("kind"),
    text("content"), number("at_ms"), number("reply_to"), number("thread"), text("mentions"),
)  # fmt: skip
_CALLED = Rows("called", word("room"), word("user_id"), number("seq"))
_UNCALLED = Rows("uncalled", word("room"), word("user_id"), number("seq"))
_CHANGES = Rows(
    "x", word("room"), number("seq"), word("sender_id"), word("sender_name"), word("id"), word("kind"),
    number("of_seq"), text("value"), number("at_ms"),
)  # fmt: skip
# Numbers that may be missing are 0 there, since such columns come as one string.
_CHANGED = Rows(
    "now", word("room"), number("seq"), word("kind"), text("content"), number("edited_ms"), number("pinned"),
    text("reactions"), text("digest"), text("replies"), text("mentions"),
)  # fmt: skip
_MEMBERS = Rows(
    "joining", word("room"), word("user_id"), text("name"), number("read_seq"), text("role"), text("notify")
)
_PEOPLE = Rows("heard", word("user_id"), text("name"), text("folded"))
_RULES = Rows("ruled", word("room"), text("value"))
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
  INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms, reply_to)
  SELECT held.id, m.seq, m.sender_id, m.sender_name, m.id, m.kind, m.content, m.at_ms, nullif(m.reply_to, 0)
  FROM {m} JOIN held ON held.name = m.room
)"""

ALTERING = """
, new_changes AS (
  INSERT INTO changes (room_id, seq, sender_id, sender_name, id, kind, of_seq, value, at_ms)
  SELECT held.id, x.seq, x.sender_id, x.sender_name, CASE WHEN NOT EXISTS (
      SELECT FROM messages WHERE room_id = held.id AND sender_id = x.sender_id AND id = x.id
    ) THEN x.id END, x.kind, x.of_seq, x.value, x.at_ms
  FROM {x} JOIN held ON held.name = x.room
), changed AS (
  UPDATE messages SET kind = now.kind, content = now.content, edited_ms = nullif(now.edited_ms, 0),
    pinned = nullif(now.pinned, 0) = 1, reactions = now.reactions, digest = now.digest, replies = now.replies,
    mentions = now.mentions
  FROM {now}, held
  WHERE held.name = now.room AND messages.room_id = held.id AND messages.seq = now.seq
)"""

CALLING = """
, new_calling AS (
  INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms, reply_to, thread, mentions)
  SELECT held.id, c.seq, c.sender_id, c.sender_name, c.id, c.kind, c.content, c.at_ms, nullif(c.reply_to, 0),
    nullif(c.thread, 0), c.mentions
  FROM {c} JOIN held ON held.name = c.room
), new_mentions AS (
  INSERT INTO mentions (room_id, user_id, seq)
  SELECT held.id, called.user_id, called.seq FROM {called} JOIN held ON held.name = called.room
  ON CONFLICT DO NOTHING
), gone_mentions AS (
  DELETE FROM mentions USING {uncalled}, held
  WHERE held.name = uncalled.room AND mentions.room_id = held.id AND mentions.user_id = uncalled.user_id
    AND mentions.seq = uncalled.seq
)"""

GOVERNING = """
, new_members AS (
  INSERT INTO members (room_id, user_id, name, read_seq, role, notify)
  SELECT held.id, joining.user_id, joining.name, joining.read_seq, joining.role, joining.notify
  FROM {joining} JOIN held ON held.name = joining.room
  ON CONFLICT (room_id, user_id) DO UPDATE
  SET name = excluded.name, read_seq = greatest(members.read_seq, excluded.read_seq), role = excluded.role,
    notify = excluded.notify
), new_people AS (
  INSERT INTO people (user_id, name, folded) SELECT * FROM {heard} ORDER BY user_id
  ON CONFLICT (user_id) DO UPDATE SET name = excluded.name, folded = excluded.folded
  WHERE people.name <> excluded.name
), new_rules AS (
  INSERT INTO room_rules (room_id, value)
  SELECT held.id, ruled.value FROM {ruled} JOIN held ON held.name = ruled.room
  ON CONFLICT (room_id) DO UPDATE SET value = excluded.value
)"""

MOVING = """
, gone_members AS (
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
_OF = {
    ALTERING: (_CHANGES, _CHANGED),
    CALLING: (_CALLING, _CALLED, _UNCALLED),
    GOVERNING: (_MEMBERS, _PEOPLE, _RULES),
    MOVING: (_MEMBERS_GONE, _SUBSCRIPTIONS, _SUBSCRIPTIONS_GONE, _READ_MARKS),
}
"""What a batch does beyond saying something, and the rows that come with it."""


@cache
def statement(*parts: str) -> Statement:
    """The usual batch only says things: without its other parts the statement is planned and run in less time."""
    return Statement(
        _COMMIT + "".join(parts) + _ANSWER, _WANTED, _MESSAGES, *(row for part in parts for row in _OF[part])
    )


# In a quiet hour a batch is one message: scalars, and no join of rows with rows, cost a quarter less.
SAY_ONE = Statement("""
WITH held AS (
  UPDATE rooms SET seq = :seq::bigint
  WHERE name = :room AND seq = :seq_before AND version = :version_before
  RETURNING id, name
), new_message AS (
  INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms, reply_to)
  SELECT held.id, :seq::bigint, :sender_id::text, :sender_name::text, :id::text, :kind::text, :content::text,
    :at_ms::bigint, :reply_to::bigint
  FROM held
)
SELECT name, NULL::bigint AS seq, NULL::bigint AS version FROM held
""")


def create(rooms: Iterable[tuple[str, int]]) -> tuple[str, list[Any]]:
    """Rows for new rooms (name, shard); it gives the names of those that it has made."""
    return CREATE.text, CREATE.arguments(_NEW.arguments(rooms))


def commit(writing: Sequence[Changes], comparing: list[str]) -> tuple[str, list[Any]]:
    """The statement and its arguments, without the parts that have nothing to write."""
    parts = [part for part, has in _HAS.items() if any(map(has, writing))]
    if not parts and not comparing and len(writing) == 1 and len(writing[0].messages) == 1:
        return SAY_ONE.text, _one(writing[0])
    arguments = {
        "comparing": comparing,
        **_WANTED.arguments((c.room, c.seq_before, c.version_before, c.seq, c.version) for c in writing),
        **_MESSAGES.arguments(
            (c.room, m.seq, m.sender_id, m.sender_name, m.id, m.kind, m.content, m.at_ms, m.reply_to or 0)
            for c in writing
            for m in c.messages
            if not (m.thread or m.mentions)
        ),
    }
    for part in parts:
        arguments |= _ARGUMENTS[part](writing)
    chosen = statement(*parts)
    return chosen.text, chosen.arguments(arguments)


def _altering(writing: Sequence[Changes]) -> dict[str, Any]:
    return {
        **_CHANGES.arguments(
            (c.room, x.seq, x.sender_id, x.sender_name, x.id, x.kind, x.of, x.value, x.at_ms)
            for c in writing
            for x in c.changes
        ),
        **_CHANGED.arguments(
            (
                c.room,
                m.seq,
                m.kind,
                m.content,
                m.edited_ms or 0,
                int(m.pinned),
                reactions_in(m),
                m.digest,
                replies_in(m),
                mentions_in(m),
            )
            for c in writing
            for m in c.changed.values()
        ),
    }


def _calling(writing: Sequence[Changes]) -> dict[str, Any]:
    called = [(c.room, user, seq, now) for c in writing for (seq, user), now in c.mentions.items()]
    return {
        **_CALLING.arguments(
            (
                c.room,
                m.seq,
                m.sender_id,
                m.sender_name,
                m.id,
                m.kind,
                m.content,
                m.at_ms,
                m.reply_to or 0,
                m.thread or 0,
                mentions_in(m),
            )
            for c in writing
            for m in c.messages
            if m.thread or m.mentions
        ),
        **_CALLED.arguments((room, user, seq) for room, user, seq, now in called if now),
        **_UNCALLED.arguments((room, user, seq) for room, user, seq, now in called if not now),
    }


def _governing(writing: Sequence[Changes]) -> dict[str, Any]:
    return {
        **_MEMBERS.arguments(
            (c.room, u, m.name, m.read_seq, m.role, m.notify) for c in writing for u, m in c.members.items()
        ),
        **_PEOPLE.arguments((user, name, name.casefold()) for user, name in names(writing).items()),
        **_RULES.arguments((c.room, rules_in(c.rules)) for c in writing if c.rules is not None),
    }


def _moving(writing: Sequence[Changes]) -> dict[str, Any]:
    return {
        **_MEMBERS_GONE.arguments((c.room, user) for c in writing for user in c.members_gone),
        **_SUBSCRIPTIONS.arguments(
            (c.room, s, subscription.user_id, subscription.address)
            for c in writing
            for s, subscription in c.subscriptions.items()
        ),
        **_SUBSCRIPTIONS_GONE.arguments((c.room, session) for c in writing for session in c.subscriptions_gone),
        **_READ_MARKS.arguments((c.room, user, seq) for c in writing for user, seq in c.read_marks.items()),
    }


_HAS: dict[str, Callable[[Changes], Any]] = {
    ALTERING: lambda c: c.changes or c.changed,
    CALLING: lambda c: c.mentions or any(m.thread or m.mentions for m in c.messages),
    GOVERNING: lambda c: c.members or c.rules is not None,
    MOVING: lambda c: c.members_gone or c.subscriptions or c.subscriptions_gone or c.read_marks,
}
_ARGUMENTS = {ALTERING: _altering, CALLING: _calling, GOVERNING: _governing, MOVING: _moving}


def _one(c: Changes) -> list[Any]:
    """The arguments of `SAY_ONE` for a room that was there and has one message more, and nothing else."""
    (m,) = c.messages
    return SAY_ONE.arguments(
        {
            "room": c.room, "seq_before": c.seq_before, "version_before": c.version_before, "seq": m.seq,
            "sender_id": m.sender_id, "sender_name": m.sender_name, "id": m.id, "kind": m.kind, "content": m.content,
            "at_ms": m.at_ms, "reply_to": m.reply_to,
        }
    )  # fmt: skip


_NOBODY = Changes("", True, 0, 0, messages=[stored("", 0, "", "", "", "chat", "", 0)])


def _for_nobody(parts: Sequence[str]) -> tuple[str, list[Any]]:
    values: dict[str, Any] = {"comparing": [], **_WANTED.arguments([]), **_MESSAGES.arguments([])}
    for part in parts:
        values |= _ARGUMENTS[part]([])
    return statement(*parts).text, statement(*parts).arguments(values)


PLANNED = [
    *(_for_nobody(parts) for count in range(len(_HAS) + 1) for parts in combinations(_HAS, count)),
    (SAY_ONE.text, _one(_NOBODY)),
]
"""Each statement once, for no room at all."""
