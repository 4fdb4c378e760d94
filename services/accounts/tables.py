"""The accounts' tables. Times are Unix seconds. The schema is made by migrations/; a test compares the two."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    # NULL for guests: they may share a name with each other, though not with somebody who has registered it.
    Column("name_key", Text, unique=True),
    Column("password", Text),
    Column("created_at", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# By their SHA-256: who reads the database must not be able to sign in with what is there.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("parent", Text, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

# Which access tokens a session has out, so that signing out ends all of them.
access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("token_id", Text, primary_key=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

# Who has signed in by password, which their own log is to say, or said lately.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("device", Text, nullable=False),
    Column("address", Text, nullable=False),
    # NULL until the bus has taken it.
    Column("told_at", BigInteger, index=True),
)

# Numbered, so that of two processes that both make the first key one is told that it exists already.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("private", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
