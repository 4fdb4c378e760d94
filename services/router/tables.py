"""The message store's tables (migrations/versions/ makes them; tests/contract/test_schema.py compares)."""

from __future__ import annotations

from functools import partial

from sqlalchemy import (
    BigInteger,
    Boolean,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import Column as AnyColumn

metadata = MetaData()
Column = partial(AnyColumn, nullable=False)
# SQLite numbers rows by itself only for INTEGER PRIMARY KEY.
ROOM_ID = BigInteger().with_variant(Integer(), "sqlite")

rooms = Table(
    "rooms",
    metadata,
    Column("id", ROOM_ID, primary_key=True),
    Column("name", Text, unique=True),
    Column("shard", Integer),
    Column("seq", BigInteger),
    Column("version", BigInteger),
    Column("first", BigInteger, server_default="1"),
)
"""`first`: the oldest entry that is kept; of those before it some may not be removed yet."""
messages = Table(
    "messages",
    metadata,
    Column("room_id", ROOM_ID),
    Column("seq", BigInteger),
    Column("sender_id", Text),
    Column("sender_name", Text),
    Column("id", Text),
    Column("kind", Text),
    Column("content", Text),
    Column("at_ms", BigInteger),
    Column("reply_to", BigInteger, nullable=True),
    Column("edited_ms", BigInteger, nullable=True),
    Column("pinned", Boolean, nullable=True),
    Column("reactions", Text, nullable=True),
    Column("digest", Text, nullable=True),
    Column("thread", BigInteger, nullable=True),
    Column("replies", Text, nullable=True),
    Column("mentions", Text, nullable=True),
    PrimaryKeyConstraint("room_id", "seq"),
    UniqueConstraint("room_id", "sender_id", "id", name="messages_once"),
)
Index(
    "messages_by_thread",
    messages.c.room_id,
    messages.c.thread,
    messages.c.seq,
    postgresql_where=messages.c.thread.is_not(None),
    sqlite_where=messages.c.thread.is_not(None),
)
"""Each as it is now; the only place in which its text stands."""
changes = Table(
    "changes",
    metadata,
    Column("room_id", ROOM_ID),
    Column("seq", BigInteger),
    Column("sender_id", Text),
    Column("sender_name", Text),
    Column("id", Text),
    Column("kind", Text),
    Column("of_seq", BigInteger),
    Column("value", Text),
    Column("at_ms", BigInteger),
    PrimaryKeyConstraint("room_id", "seq"),
    UniqueConstraint("room_id", "sender_id", "id", name="changes_once"),
)
"""The other entries of the same logs, apart from the messages: so a page of messages passes over none of them."""
members = Table(
    "members",
    metadata,
    Column("room_id", ROOM_ID),
    Column("user_id", Text),
    Column("name", Text),
    Column("read_seq", BigInteger),
    Column("role", Text, nullable=True),
    Column("notify", Text, nullable=True),
    PrimaryKeyConstraint("room_id", "user_id"),
    Index("members_by_user", "user_id"),
)
mentions = Table(
    "mentions",
    metadata,
    Column("room_id", ROOM_ID),
    Column("user_id", Text),
    Column("seq", BigInteger),
    PrimaryKeyConstraint("room_id", "user_id", "seq"),
)
"""Which messages of others, that are not deleted, mention a member."""
subscriptions = Table(
    "seats",  # its first name: routers of two versions share the database while a cluster is upgraded
    metadata,
    Column("room_id", ROOM_ID),
    Column("session", Text),
    Column("user_id", Text),
    Column("address", Text),
    PrimaryKeyConstraint("room_id", "session"),
    Index("seats_by_address", "address"),
)
room_rules = Table("room_rules", metadata, Column("room_id", ROOM_ID, primary_key=True), Column("value", Text))
"""What holds for a room, as JSON; without a row nothing but what holds for all."""
people = Table(
    "people",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("name", Text),
    Column("folded", Text().with_variant(Text(collation="C"), "postgresql")),
    Index("people_by_name", "folded"),
)
"""Whoever was a member of a room, under the newest name that was heard. `folded`: in small letters, compared by their
numbers, so that those which begin alike stand together."""
store = Table("store", metadata, Column("key", Text, primary_key=True), Column("value", Text))
