"""The log's tables (migrations/versions/0002_rooms.py makes them)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

metadata = MetaData()

rooms = Table(
    "rooms",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", Text, unique=True),
    Column("shard", Integer),
    Column("seq", BigInteger),
    Column("version", BigInteger),
)
messages = Table(
    "messages",
    metadata,
    Column("room_id", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("sender_id", Text),
    Column("sender_name", Text),
    Column("id", Text),
    Column("kind", Text),
    Column("content", Text),
    Column("at_ms", BigInteger),
)
members = Table(
    "members",
    metadata,
    Column("room_id", BigInteger, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("name", Text),
    Column("read_seq", BigInteger),
)
seats = Table(
    "seats",
    metadata,
    Column("room_id", BigInteger, primary_key=True),
    Column("session", Text, primary_key=True),
    Column("user_id", Text),
    Column("address", Text),
)
store = Table("store", metadata, Column("key", Text, primary_key=True), Column("value", Text))
