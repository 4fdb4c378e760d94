"""The files' tables (migrations/versions/0003_files.py makes them)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, MetaData, Table, Text

metadata = MetaData()

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
    Column("sha256", Text),
    Column("stored_at_ms", BigInteger),
    Column("posted", Boolean),
)
arrivals = Table(
    "arrivals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("begun_at_ms", BigInteger),
    Column("condemned", Boolean),
)
