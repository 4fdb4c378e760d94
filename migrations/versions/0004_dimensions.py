"""A picture's width and height, so that a page keeps its place. Files that are there already stay without."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_dimensions"
down_revision = "0003_files"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for side in ("width", "height"):
        op.add_column("files", sa.Column(side, sa.Integer))


def downgrade() -> None:
    for side in ("height", "width"):
        op.drop_column("files", side)
