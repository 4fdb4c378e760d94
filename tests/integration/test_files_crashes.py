"""What a crash leaves behind at each step, and that nothing of it stays. One suite, both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from services.files.core.names import object_key
from services.files.file_store import Condemned, Kept
from services.files.objects import ObjectsDown, open_objects
from services.files.sql import SqlFileStore
from services.files.tables import arrivals
from shared.bus.memory import Broker
from shared.protocol.client import Chat
from shared.runtime.database import open_engine, reader
from tests.integration import files_deployment
from tests.integration.files_deployment import OLENA, deployed
from tests.unit.files import samples

ROOM = "кухня"
ID = "a" * 32
OTHER = "b" * 32


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return await files_deployment.migrated(request, tmp_path)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[SqlFileStore]:
    engine = open_engine(database_url)
    yield SqlFileStore(engine)
    await engine.dispose()


def kept(id: str = ID, **changed: str) -> Kept:
    row = Kept(id, ROOM, OLENA.id, OLENA.name, "m-1", "cat.png", len(samples.PNG), "image/png", "0" * 64, 1_000)
    return row._replace(**changed)  # type: ignore[arg-type]


async def write(folder: Path, id: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield samples.PNG

    objects = open_objects(f"file:{folder}", part_bytes=5 << 20, chunk_bytes=4096, request_s=10)
    await objects.put(object_key(id), chunks())


async def test_a_file_is_found_as_it_was_kept(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    assert await store.keep(kept()) == kept()
    assert await store.find(ID) == kept()
    assert await store.find(OTHER) is None


async def test_the_second_of_one_message_gets_the_first_and_is_condemned(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.begin(OTHER, 1)
    await store.keep(kept())
    assert await store.keep(kept(OTHER)) == kept()
    assert await store.overdue(0, 10) == [OTHER]
    assert await store.find(OTHER) is None


@pytest.mark.parametrize("changed", [{"room": "інша"}, {"sender_id": "u-2"}, {"message_id": "m-2"}])
async def test_another_room_sender_or_id_is_another_message(store: SqlFileStore, changed: dict[str, str]) -> None:
    for id in (ID, OTHER):
        await store.begin(id, 1)
    await store.keep(kept())
    assert (await store.keep(kept(OTHER, **changed))).id == OTHER


async def test_what_was_given_up_cannot_become_a_file(store: SqlFileStore) -> None:
    """So its bytes may be removed without looking again."""
    await store.begin(ID, 1)
    assert await store.overdue(2, 10) == [ID]
    with pytest.raises(Condemned):
        await store.keep(kept())
    await store.forget(ID)
    with pytest.raises(Condemned):
        await store.keep(kept())


async def test_what_became_a_file_cannot_be_given_up(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.keep(kept())
    assert await store.condemn(ID) is False
    assert await store.overdue(2**40, 10) == []


async def test_a_file_that_is_ended_is_not_found_and_its_bytes_are_condemned(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.keep(kept())
    assert await store.end(ID, 1) is True
    assert await store.find(ID) is None
    assert await store.newest(10) == []
    assert await store.overdue(0, 10) == [ID]


async def test_a_file_ends_once(store: SqlFileStore) -> None:
    """Also one that nobody knows, and an arrival is no file yet."""
    await store.begin(ID, 1)
    assert await store.end(ID, 1) is False
    await store.keep(kept())
    assert [await store.end(ID, 1) for _ in range(2)] == [True, False]
    await store.forget(ID)
    assert await store.end(ID, 1) is False
    assert await store.overdue(0, 10) == []


async def test_of_a_file_that_is_ended_nothing_is_left_but_whose_message_it_was(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.keep(kept()._replace(width=3, height=4))
    await store.end(ID, 2)
    await store.begin(OTHER, 1)
    left = await store.keep(kept(OTHER))
    assert left == Kept(ID, ROOM, OLENA.id, "", "m-1", "", 0, "", "", 1_000)
    assert left.gone


async def test_who_sends_an_ended_file_again_gets_no_new_one(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.keep(kept())
    await store.end(ID, 3)
    await store.begin(OTHER, 2)
    assert (await store.keep(kept(OTHER))).gone
    assert await store.find(OTHER) is None
    assert sorted(await store.overdue(0, 10)) == [ID, OTHER]


async def test_a_file_that_is_ended_before_it_was_marked_as_posted_is_not_posted_again(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.keep(kept())
    await store.end(ID, 1)
    assert await store.unposted(2**50, 10) == []
    await store.posted(ID)
    assert await store.find(ID) is None


async def test_what_is_not_posted_is_named_until_it_is(store: SqlFileStore) -> None:
    await store.begin(ID, 1)
    await store.keep(kept())
    assert await store.unposted(1_000, 10) == []
    assert await store.unposted(1_001, 10) == [kept()]
    await store.posted(ID)
    assert await store.unposted(1_001, 10) == []


async def test_a_crash_between_the_row_and_the_post_is_made_good_at_the_next_start(
    database_url: str, store: SqlFileStore, tmp_path: Path
) -> None:
    broker = Broker()
    async with deployed(database_url, tmp_path / "files", broker=broker) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
    await store.begin(ID, 1)
    await write(tmp_path / "files", ID)
    await store.keep(kept())
    async with deployed(database_url, tmp_path / "files", broker=broker) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        # The upkeep's post and this chat go through the same shard, so once the chat is stored, the post was as well.
        await _until(deployment.gateway.history, lambda found: [m["id"] for m in found] == ["m-1"])
        await deployment.gateway.send(OLENA, Chat(type="chat", room=ROOM, id="m-2", text="hello"))
        await deployment.gateway.message()
        async with deployment.client() as client:
            assert (await client.get(f"/api/files/{ID}")).content == samples.PNG
    assert await store.unposted(2**50, 10) == []
    async with deployed(database_url, tmp_path / "files", broker=broker) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        assert [m["id"] for m in await deployment.gateway.history(OLENA, ROOM)] == ["m-1", "m-2"]


async def _until(
    history: Callable[..., Awaitable[list[dict[str, object]]]], told: Callable[[list[dict[str, object]]], bool]
) -> None:
    """Asks for the history until it says so; each question waits for its answer."""
    while not told(await history(OLENA, ROOM)):
        pass


async def test_a_crash_before_the_row_leaves_no_bytes_for_long(
    database_url: str, store: SqlFileStore, tmp_path: Path
) -> None:
    """Whole objects and the parts of half-written ones alike; and what is under way stays."""
    folder = tmp_path / "files"
    await store.begin(ID, 1)
    await write(folder, ID)
    await store.begin(OTHER, 1)
    (folder / "bb").mkdir()
    (folder / f"{object_key(OTHER)}#1").write_bytes(b"half")
    underway = "c" * 32
    await store.begin(underway, 2**50)
    await write(folder, underway)
    async with deployed(database_url, folder) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        await _swept(database_url, left=[underway])
        assert [path.name for path in deployment.objects()] == [underway]


async def test_a_crash_between_the_end_of_a_file_and_that_of_its_bytes_leaves_no_bytes(
    database_url: str, store: SqlFileStore, tmp_path: Path
) -> None:
    await store.begin(ID, 1)
    await write(tmp_path / "files", ID)
    await store.keep(kept())
    await store.end(ID, 2**50)
    async with deployed(database_url, tmp_path / "files") as deployment:
        await _swept(database_url, left=[])
        assert deployment.objects() == []


async def _swept(database_url: str, left: list[str]) -> None:
    """Waits until the upkeep, which runs beside us, has left only these arrivals."""
    engine = open_engine(database_url)
    async with asyncio.timeout(20):
        while True:
            async with reader(engine).connect() as connection:
                if list((await connection.execute(select(arrivals.c.id))).scalars()) == left:
                    break
    await engine.dispose()


async def test_bytes_that_break_off_on_the_way_are_not_there(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(6 << 20)
        raise EOFError

    objects = open_objects(f"file:{tmp_path}/x", part_bytes=5 << 20, chunk_bytes=4096, request_s=10)
    with pytest.raises(EOFError):
        await objects.put("ab/c", broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_an_object_store_that_cannot_be_reached_is_told_apart_from_broken_bytes(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    objects = open_objects(f"file:{tmp_path}/x", part_bytes=5 << 20, chunk_bytes=4096, request_s=10)
    (tmp_path / "x").rmdir()
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(ObjectsDown):
        await objects.put("ab/c", chunks())


async def test_in_another_store_than_a_folder_it_is_the_same() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield samples.PNG

    objects = open_objects("memory:///", part_bytes=5 << 20, chunk_bytes=4096, request_s=10)
    await objects.put("ab/c", chunks())
    read = await objects.open("ab/c", 1, 4)
    assert b"".join([chunk async for chunk in read]) == samples.PNG[1:4]
    await objects.delete("ab/c")
    await objects.delete("ab/c")
