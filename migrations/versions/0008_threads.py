"""Threads, mentions, and of what each member is alerted. Nothing that is there already has any of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_threads"
down_revision = "0007_retention"
branch_labels = None
depends_on = None

ROOM_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNDER_ONE = sa.text("thread IS NOT NULL")


def upgrade() -> None:
    for name, type_ in (("thread", sa.BigInteger()), ("replies", sa.Text()), ("mentions", sa.Text())):
        op.add_column("messages", sa.Column(name, type_))
    op.create_index(
        "messages_by_thread", "messages", ["room_id", "thread", "seq"], postgresql_where=UNDER_ONE,
        sqlite_where=UNDER_ONE,
    )  # fmt: skip
    op.add_column("members", sa.Column("notify", sa.Text))
    op.create_table(
        "mentions",
        sa.Column("room_id", ROOM_ID, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "user_id", "seq"),
    )


def downgrade() -> None:
    op.drop_table("mentions")
    op.drop_column("members", "notify")
    op.drop_index("messages_by_thread", "messages")
    for name in ("thread", "replies", "mentions"):
        op.drop_column("messages", name)
