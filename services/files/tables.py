"""The files' tables (migrations/versions/0003_files.py and 0004_dimensions.py make them; tests/contract/test_schema.py
compares)."""

from __future__ import annotations

from functools import partial

from sqlalchemy import BigInteger, Boolean, Index, Integer, MetaData, Table, Text, UniqueConstraint, text
from sqlalchemy import Column as AnyColumn

metadata = MetaData()
Column = partial(AnyColumn, nullable=False)

files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    Column("room", Text),
    Column("sender_id", Text),
    Column("sender_name", Text),
    Column("message_id", Text),
    Column("name", Text),
    Column("size", BigInteger),
    Column("mime", Text),
    Column("sha256", Text),  # empty: the file is gone, and of its message the id alone is kept
    Column("stored_at_ms", BigInteger),
    Column("posted", Boolean),
    # Of pictures that say them, since 0.2.0.
    Column("width", Integer, nullable=True),
    Column("height", Integer, nullable=True),
    UniqueConstraint("room", "sender_id", "message_id", name="files_once"),
    # Only what waits to be posted stands in it: nearly always nothing.
    Index("files_unposted", "stored_at_ms", postgresql_where=text("NOT posted"), sqlite_where=text("NOT posted")),
)
arrivals = Table(
    "arrivals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("begun_at_ms", BigInteger, index=True),
    Column("condemned", Boolean),
)
