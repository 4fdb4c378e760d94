"""Sign-ins that people are to find in their own logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009_sign_ins"
down_revision = "0008_threads"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("told_at", sa.BigInteger),
    )
    op.create_index("ix_sign_ins_told_at", "sign_ins", ["told_at"])


def downgrade() -> None:
    op.drop_table("sign_ins")
