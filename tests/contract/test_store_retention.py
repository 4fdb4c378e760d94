"""What a store gives of a room whose log begins later by now, and how the rest is removed. Over SQLite, PostgreSQL and
(tests/flow) memory."""

from __future__ import annotations

import json
from typing import Any

from services.router.core.changes import Item
from services.router.core.needs import Needs
from services.router.core.room import RECENT
from services.router.retention_store import Ageing, Leftover, Old
from services.router.sql import SqlMessageStore
from shared.protocol.bus import Post
from shared.protocol.names import shard_of
from shared.protocol.server import StoredFile
from tests.contract.routing import (
    NOW_MS,
    Writer,
    chat,
    delete,
    edit,
    expire,
    join,
    leave,
    react,
    read,
    rows_of,
    set_notify,
    settings,
)
from tests.contract.test_store import ANNA, BORYS, SHARDS, Stores, filled, seqs, store, stores

__all__ = ["store", "stores"]  # fixtures
SHARD = shard_of("r", SHARDS)


def file(id: str) -> Item:
    shown = StoredFile(id=id, name="a.png", size=3, mime="image/png", url=f"/api/files/{id}")
    return Item(Post(room="r", user=ANNA, id=f"m-{id}", file=shown))


async def page(
    store: SqlMessageStore, before: int | None, after: int | None, limit: int = 50
) -> tuple[list[int], bool]:
    found = await store.page("r", before=before, after=after, limit=limit)
    return [entry.seq for entry in found.entries], found.more


async def all_gone(store: SqlMessageStore, room: str, at_once: int) -> list[str]:
    """Removes what is to go, and gives its files."""
    files: list[str] = []
    while (left := await store.leftover(room, at_once)) is not None:
        assert left.end - left.start < at_once
        files += left.files
        await store.remove(room, left)
    return files


async def test_a_log_begins_later_in_whatever_router_s_memory(stores: Stores) -> None:
    writer = await filled(stores(), "r", 10)
    other = await Writer(stores()).take("r")
    assert [(await store.load(["r"]))["r"].first for store in (stores(), stores())] == [1, 1]
    await writer.handle(expire("r", 6))
    loaded = (await stores().load(["r"]))["r"]
    assert rows_of(loaded) == rows_of(writer.room("r"))
    assert (loaded.first, [entry.seq for entry in loaded.recent]) == (6, [6, 7, 8, 9, 10])
    await other.handle(chat("r", ANNA, "new"))
    assert other.room("r").first == 6, "it was out of date, and has learnt of it"


async def test_whatever_else_is_in_the_batch_is_written_as_always(stores: Stores) -> None:
    writer = await filled(stores(), "r", 4)
    await filled(stores(), "gone", 3)
    await writer.handle(
        expire("gone", 3), join("r", BORYS), chat("r", BORYS, "a", "@Name 1", thread=4, mentions=[ANNA]),
        edit("r", ANNA, "x", 2, "@Name 2", mentions=[BORYS]), react("r", ANNA, "y", 3, "👍"),
        settings("r", ANNA, "s", title="Title"), set_notify("r", ANNA, "none"), leave("r", BORYS),
        delete("r", ANNA, "z", 3), join("new", ANNA), chat("new", ANNA, "first"), read("new", ANNA, 1),
    )  # fmt: skip
    loaded = await stores().load(["r", "gone", "new"])
    for name, room in loaded.items():
        assert rows_of(room) == rows_of(writer.room(name)), name
    assert loaded["gone"].first == 3
    (summary,) = [room for room in await stores().rooms_of(ANNA.id) if room.room == "r"]
    assert (summary.mentions, summary.notify) == (1, "none")
    again = await Writer(stores()).handle(expire("gone", 4), chat("r", ANNA, "id1", "text 1"))
    assert (again["r"].messages, again["gone"].first) == ([], 4)


async def test_no_page_has_what_is_before_the_first_neither_at_once_nor_later(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 10)
    await writer.handle(expire("r", 6))
    for _ in range(2):
        assert await page(store, None, 0) == ([6, 7, 8, 9, 10], False)
        assert await page(store, None, 2, limit=2) == ([6, 7], True)
        assert await page(store, None, 7) == ([8, 9, 10], False)
        assert await page(store, None, None) == ([6, 7, 8, 9, 10], False)
        assert await page(store, 8, None) == ([6, 7], False)
        assert await page(store, 8, None, limit=1) == ([7], True)
        assert await page(store, 6, None) == ([], False)
        assert await page(store, 3, None) == ([], False)
        await all_gone(store, "r", 3)


async def test_a_log_of_which_nothing_is_kept_is_there_and_goes_on(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 3)
    await writer.handle(expire("r", 4))
    await all_gone(store, "r", 50)
    assert await page(store, None, 0) == ([], False)
    assert await page(store, None, None) == ([], False)
    (room,) = await store.rooms_of(ANNA.id)
    assert (room.seq, room.last, room.unread) == (3, None, 0)
    other = await Writer(store).take("r")
    await other.handle(chat("r", ANNA, "new"))
    assert await seqs(store, "r") == [4]


async def test_an_edit_of_what_is_not_kept_has_no_text(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 2)
    await writer.handle(edit("r", ANNA, "x", 1, "secret"), edit("r", ANNA, "y", 2, "known"))
    await writer.handle(expire("r", 2))

    def texts(frames: list[bytes]) -> list[Any]:
        return [json.loads(frame).get("text") for frame in frames]

    kept = ["known", None, "known"]
    assert texts([entry.frame for entry in writer.room("r").recent]) == kept
    for _ in range(2):
        assert texts([entry.frame for entry in (await store.load(["r"]))["r"].recent]) == kept
        found = await store.page("r", before=None, after=0, limit=50)
        assert texts([entry.frame for entry in found.entries]) == kept
        await all_gone(store, "r", 50)


async def test_a_list_of_rooms_counts_and_shows_what_is_kept_alone(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 0)
    await writer.handle(join("r", BORYS))
    await writer.handle(
        *(chat("r", ANNA, f"m{n}", mentions=[BORYS]) for n in range(1, 5)), react("r", ANNA, "x", 4, "👍")
    )

    async def listed() -> tuple[int, int, int | None]:
        (room,) = await store.rooms_of(BORYS.id)
        return room.unread, room.mentions, room.last.seq if room.last else None

    assert await listed() == (4, 4, 4)
    await writer.handle(expire("r", 4))
    for _ in range(2):
        assert await listed() == (1, 1, 4)
        await all_gone(store, "r", 50)
    await writer.handle(expire("r", 5))
    for _ in range(2):
        assert await listed() == (0, 0, None)
        await all_gone(store, "r", 50)


async def test_what_is_removed_is_forgotten_with_its_id_and_nothing_else_is(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 4)
    await filled(store, "other", 4)
    await writer.handle(expire("r", 4))
    again = (await Writer(store).handle(chat("r", ANNA, "id1", "text 1")))["r"]
    assert again.messages == [], "while it is there it is known under its id"
    await all_gone(store, "r", 2)
    assert await store.find("r", Needs([("u1", "id1"), ("u1", "id4")], [1, 4])) == await store.find(
        "r", Needs([("u1", "id4")], [4])
    )
    (anew,) = (await Writer(store).handle(chat("r", ANNA, "id1", "text 1")))["r"].messages
    assert anew.seq == 5
    assert await seqs(store, "r") == [4, 5]
    assert await seqs(store, "other") == [1, 2, 3, 4]


async def test_files_are_named_before_they_go_but_for_those_that_were_deleted(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    await writer.handle(file("f1"), file("f2"), file("f3"))
    await writer.handle(delete("r", ANNA, "x", 3), file("f4"))
    assert [(old.seq, old.file) for old in await store.oldest("r", 1, 50)] == [
        (1, None), (2, "f1"), (3, None), (4, "f3"), (5, None), (6, "f4"),
    ]  # fmt: skip
    await writer.handle(expire("r", 6))
    assert await store.leftover("r", 3) == Leftover(1, 3, ["f1"])
    assert await store.leftover("r", 50) == Leftover(1, 5, ["f1", "f3"])
    assert await all_gone(store, "r", 2) == ["f1", "f3"]
    assert await store.leftover("r", 50) is None


async def test_nothing_that_is_kept_is_ever_removed(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 6)
    await store.remove("r", Leftover(1, 6, []))
    await writer.handle(expire("r", 3))
    await store.remove("r", Leftover(1, 6, []))
    assert await seqs(store, "r") == [3, 4, 5, 6]
    assert await store.leftover("nowhere", 50) is None


async def test_the_oldest_are_read_from_where_it_is_asked_with_the_changes_among_them(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 2)
    await writer.handle(react("r", ANNA, "x", 1, "👍"), chat("r", ANNA, "y"), now_ms=NOW_MS + 5)
    assert await store.oldest("r", 1, 3) == [Old(1, NOW_MS, None), Old(2, NOW_MS, None), Old(3, NOW_MS + 5, None)]
    assert [old.seq for old in await store.oldest("r", 3, 9)] == [3, 4]
    await writer.handle(expire("r", 4))
    assert [old.seq for old in await store.oldest("r", 1, 9)] == [4]
    assert await store.oldest("nowhere", 1, 9) == []


async def test_rooms_are_looked_at_some_at_a_time_those_of_a_shard(store: SqlMessageStore) -> None:
    named = [f"r{n}" for n in range(20)]
    for name in named:
        await filled(store, name, 1)
    writer = await filled(store, "r", 2)
    await writer.handle(settings("r", ANNA, "s", keep_days=30))
    found: list[Ageing] = []
    place: int | None = 0
    steps = 0
    while place is not None:
        rooms, place = await store.ageing(SHARD, place, 5)
        found, steps = found + rooms, steps + 1
    assert steps == 6
    here = sorted(name for name in [*named, "r"] if shard_of(name, SHARDS) == SHARD)
    assert sorted(room.room for room in found) == here
    assert [room for room in found if room.room == "r"] == [Ageing("r", 30, 1, NOW_MS, False)]
    await writer.handle(expire("r", 3, keep_days=30))

    async def now() -> Ageing:
        (of_r,) = [room for room in (await store.ageing(SHARD, 0, 50))[0] if room.room == "r"]
        return of_r

    assert await now() == Ageing("r", 30, 3, NOW_MS, True)
    await all_gone(store, "r", 50)
    assert await now() == Ageing("r", 30, 3, NOW_MS, False)
    await writer.handle(expire("r", 4, keep_days=30))
    assert await now() == Ageing("r", 30, 4, None, True)


async def test_the_newest_part_is_loaded_from_the_first_on(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", RECENT + 30)
    await writer.handle(expire("r", 20))
    assert len((await store.load(["r"]))["r"].recent) == RECENT
    await writer.handle(expire("r", 100))
    loaded = (await store.load(["r"]))["r"]
    assert [entry.seq for entry in loaded.recent] == list(range(100, RECENT + 31))
    assert rows_of(loaded) == rows_of(writer.room("r"))
