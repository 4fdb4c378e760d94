"""Where each room's log begins: with its first entry, until some are too old to be kept. Rows that routers of an older
build write say nothing of it, and begin there as well.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_retention"
down_revision = "0006_rooms_of_some"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("first", sa.BigInteger, nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("rooms", "first")
