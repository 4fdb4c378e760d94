"""An installation from before there were changes starts with this build, has lost nothing, and its messages change as
any others do."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from services.router.wiring import open_message_store
from shared.protocol.names import shard_of
from shared.protocol.room_names import private_room
from shared.runtime.database import MIGRATIONS, migrate, open_engine
from tests.contract.routing import NOW_MS, Writer, chat, create, edit, expire, react, user

SHARDS = 8
ANNA = user(1)
ROWS = [
    f"INSERT INTO rooms (id, name, shard, seq, version) VALUES (7, 'r', {shard_of('r', SHARDS)}, 2, 1)",
    "INSERT INTO members (room_id, user_id, name, read_seq) VALUES (7, 'u1', 'Name 1', 1)",
    *(
        "INSERT INTO messages (room_id, seq, sender_id, sender_name, id, kind, content, at_ms) "
        f"VALUES (7, {n}, 'u1', 'Name 1', 'id{n}', 'chat', 'text {n}', {NOW_MS})"
        for n in (1, 2)
    ),
]


def as_before(connection: Connection, revision: str = "0004_dimensions") -> None:
    """The tables as they were then (0.1 and the first 0.2 had the fourth), with a room in them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    for row in ROWS:
        connection.execute(text(row))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_what_was_there_before_there_were_changes_is_there_and_can_be_changed(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    sqlite = f"sqlite:///{tmp_path}/homin.db"
    url = sqlite if database == "sqlite" else str(request.getfixturevalue("empty_postgres_url"))
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(as_before)
    await migrate(url)
    store = open_message_store(url, engine, SHARDS, writers=1)
    try:
        writer = Writer(store)
        await writer.handle(chat("r", ANNA, "id2", "text 2"), chat("r", ANNA, "new", "text 3"))
        await writer.handle(edit("r", ANNA, "x", 1, "edited"), react("r", ANNA, "y", 2, "👍"))
        page = await store.page("r", before=None, after=None, limit=10)
        assert [(m.seq, m.content) for m in page.entries] == [(1, "edited"), (2, "text 2"), (3, "text 3")]  # type: ignore[union-attr]
        assert page.seq == 5
        assert await store.people("name", 5) == [ANNA], "who was a member of some room can be found and invited"
        await writer.handle(create(ANNA, "c", "Budget"))
        assert {room.room: room.role for room in await store.rooms_of(ANNA.id)} == {
            "r": None,
            private_room(ANNA.id, "c"): "owner",
        }
    finally:
        await store.close()
        await engine.dispose()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_log_begins_with_its_first_entry_also_where_a_router_of_before_makes_it(
    request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    sqlite = f"sqlite:///{tmp_path}/homin.db"
    url = sqlite if database == "sqlite" else str(request.getfixturevalue("empty_postgres_url"))
    engine = open_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(as_before, "0006_rooms_of_some")
    await migrate(url)
    async with engine.begin() as connection:
        shard = shard_of("new", SHARDS)
        await connection.execute(
            text(f"INSERT INTO rooms (id, name, shard, seq, version) VALUES (8, 'new', {shard}, 0, 0)")
        )
    store = open_message_store(url, engine, SHARDS, writers=1)
    try:
        assert {name: room.first for name, room in (await store.load(["r", "new"])).items()} == {"r": 1, "new": 1}
        writer = Writer(store)
        await writer.handle(expire("r", 2))
        assert [entry.seq for entry in (await store.page("r", before=None, after=0, limit=10)).entries] == [2]
        await writer.handle(chat("r", ANNA, "new", "text 3"))
        assert (await store.load(["r"]))["r"].first == 2
    finally:
        await store.close()
        await engine.dispose()
