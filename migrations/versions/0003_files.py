"""The files: one row for each that is stored, and one for each whose bytes are on the way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_files"
down_revision = "0002_rooms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("room", sa.Text, nullable=False),
        sa.Column("sender_id", sa.Text, nullable=False),
        sa.Column("sender_name", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mime", sa.Text, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("stored_at_ms", sa.BigInteger, nullable=False),
        sa.Column("posted", sa.Boolean, nullable=False),
        sa.UniqueConstraint("room", "sender_id", "message_id", name="files_once"),
    )
    # Only what waits to be posted stands in it: nearly always nothing.
    op.create_index(
        "files_unposted",
        "files",
        ["stored_at_ms"],
        postgresql_where=sa.text("NOT posted"),
        sqlite_where=sa.text("NOT posted"),
    )
    op.create_table(
        "arrivals",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("begun_at_ms", sa.BigInteger, nullable=False, index=True),
        sa.Column("condemned", sa.Boolean, nullable=False),
    )


def downgrade() -> None:
    for table in ("arrivals", "files"):
        op.drop_table(table)
