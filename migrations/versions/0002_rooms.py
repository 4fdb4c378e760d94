"""The log: rooms, their messages, members and seats, and the epoch of the store."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002_rooms"
down_revision = "0001_accounts"
branch_labels = None
depends_on = None

# SQLite numbers rows by itself only for INTEGER PRIMARY KEY.
ROOM_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rooms",
        sa.Column("id", ROOM_ID, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("shard", sa.Integer, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "messages",
        sa.Column("room_id", ROOM_ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("sender_id", sa.Text, nullable=False),
        sa.Column("sender_name", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "seq"),
        sa.UniqueConstraint("room_id", "sender_id", "id", name="messages_once"),
    )
    op.create_table(
        "members",
        sa.Column("room_id", ROOM_ID, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("read_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "user_id"),
    )
    op.create_index("members_by_user", "members", ["user_id"])
    op.create_table(
        "seats",
        sa.Column("room_id", ROOM_ID, nullable=False),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "session"),
    )
    op.create_index("seats_by_address", "seats", ["address"])
    store = op.create_table(
        "store",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.bulk_insert(store, [{"key": "epoch", "value": secrets.token_hex(8)}])


def downgrade() -> None:
    for table in ("store", "seats", "members", "messages", "rooms"):
        op.drop_table(table)
