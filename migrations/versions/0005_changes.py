"""What becomes of messages: edits, deletions, reactions, pins, answers. Messages that are there already stay as they
are.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005_changes"
down_revision = "0004_dimensions"
branch_labels = None
depends_on = None

ROOM_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATE = (
    ("reply_to", sa.BigInteger), ("edited_ms", sa.BigInteger), ("pinned", sa.Boolean), ("reactions", sa.Text),
    ("digest", sa.Text),
)  # fmt: skip


def upgrade() -> None:
    for name, kind in STATE:
        op.add_column("messages", sa.Column(name, kind))
    op.create_table(
        "changes",
        sa.Column("room_id", ROOM_ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("sender_id", sa.Text, nullable=False),
        sa.Column("sender_name", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("of_seq", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("room_id", "seq"),
        sa.UniqueConstraint("room_id", "sender_id", "id", name="changes_once"),
    )


def downgrade() -> None:
    op.drop_table("changes")
    for name, _ in reversed(STATE):
        op.drop_column("messages", name)
