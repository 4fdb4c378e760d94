"""Rooms that are made for some: roles, what holds for a room, and what people are called. Who is a member of some room
is known from now on; of existing rooms nobody has a role.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_rooms_of_some"
down_revision = "0005_changes"
branch_labels = None
depends_on = None

ROOM_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("members", sa.Column("role", sa.Text))
    op.create_table(
        "room_rules",
        sa.Column("room_id", ROOM_ID, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    people = op.create_table(
        "people",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folded", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
    )
    op.create_index("people_by_name", "people", ["folded"])
    # The name under which each has come last into a room.
    members = sa.table("members", sa.column("room_id"), sa.column("user_id"), sa.column("name"))
    newest = sa.select(members.c.user_id, sa.func.max(members.c.room_id).label("room_id")).group_by(members.c.user_id)
    last = newest.subquery()
    rows = sa.select(members.c.user_id, members.c.name).join(
        last, sa.and_(last.c.user_id == members.c.user_id, last.c.room_id == members.c.room_id)
    )
    db = op.get_bind()
    found = db.execute(rows)
    while batch := found.fetchmany(1_000):
        op.bulk_insert(people, [{"user_id": u, "name": n, "folded": n.casefold()} for u, n in batch])


def downgrade() -> None:
    op.drop_table("people")
    op.drop_table("room_rules")
    op.drop_column("members", "role")
