"""What a store keeps of threads, mentions and levels. Over SQLite, PostgreSQL and (tests/flow) memory."""

from __future__ import annotations

import asyncio
import json

import pytest

from services.router.core.cache import RoomCache
from services.router.core.changes import Changes, Item
from services.router.decider import Decider, DeciderLimits
from services.router.message_store import UNREAD_AT_MOST
from services.router.sql import SqlMessageStore
from shared.protocol.bus import Submit
from shared.protocol.room_names import direct_room, own_room
from shared.protocol.server import User
from tests.contract.routing import (
    NOW_MS,
    Writer,
    chat,
    delete,
    direct,
    edit,
    join,
    leave,
    react,
    read,
    rows_of,
    set_notify,
    user,
)
from tests.contract.test_store import ANNA, BORYS, VIRA, Stores, filled, store, stores

__all__ = ["store", "stores"]  # fixtures


async def counted(store: SqlMessageStore, who: User) -> tuple[int, int]:
    """Their unread messages in the room, and those that mention them."""
    (room,) = await store.rooms_of(who.id)
    return room.unread, room.mentions


async def test_a_thread_is_read_as_it_was_written_by_whatever_router(stores: Stores) -> None:
    writer = await filled(stores(), "r", 1)
    await writer.handle(join("r", BORYS), join("r", VIRA))
    await writer.handle(
        chat("r", BORYS, "a", "yes", thread=1), chat("r", VIRA, "b", "@Borys no", thread=1, mentions=[BORYS]),
        chat("r", ANNA, "c", "plain"), chat("r", ANNA, "d", "@Vira", reply_to=1, mentions=[VIRA]),
    )  # fmt: skip
    loaded = (await stores().load(["r"]))["r"]
    assert rows_of(loaded) == rows_of(writer.room("r"))
    assert list(loaded.recent) == list(writer.room("r").recent)
    root = loaded.message(1)
    assert root is not None
    assert root.replies is not None
    assert (root.replies.total, root.replies.last_seq, root.replies.people) == (2, 3, (("u2", 2), ("u3", 3)))
    other = await Writer(stores()).handle(chat("r", BORYS, "e", "so?", thread=1))
    assert [notice.to.id for notice in other["r"].notices] == ["u1", "u3"]
    root = (await stores().load(["r"]))["r"].message(1)
    assert root is not None
    assert json.loads(root.frame)["replies"]["count"] == 3


async def test_a_page_of_a_thread_has_its_messages_alone_in_both_directions(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 2)
    for n in range(6):
        await writer.handle(
            chat("r", ANNA, f"t{n}", thread=1), chat("r", ANNA, f"u{n}", thread=2), react("r", ANNA, f"x{n}", 1, "👍")
        )
    await writer.handle(delete("r", ANNA, "gone", 3), chat("r", ANNA, "last"))
    under = [3 * n for n in range(1, 7)]

    async def page(before: int | None, after: int | None, limit: int) -> tuple[list[int], bool]:
        found = await store.page("r", before=before, after=after, limit=limit, thread=1)
        assert found.seq == 22
        return [entry.seq for entry in found.entries], found.more

    assert await page(None, None, 50) == (under, False)
    assert await page(None, None, 2) == (under[-2:], True)
    assert await page(under[2], None, 2) == (under[:2], False)
    assert await page(under[3], None, 2) == (under[1:3], True)
    assert await page(None, 0, 2) == (under[:2], True)
    assert await page(None, under[3], 2) == (under[4:], False)
    first = (await store.page("r", before=None, after=None, limit=50, thread=1)).entries[0]
    assert (first.kind, first.thread) == ("deleted", 1)  # type: ignore[union-attr]
    assert (await store.page("r", before=None, after=None, limit=50, thread=99)).entries == []
    assert (await store.page("nowhere", before=None, after=None, limit=50, thread=1)).entries == []


async def test_mentions_are_counted_until_they_are_read_taken_back_or_deleted(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    await writer.handle(join("r", BORYS))
    assert await counted(store, BORYS) == (0, 0)
    await writer.handle(
        chat("r", ANNA, "a", "@Borys", mentions=[BORYS]), chat("r", ANNA, "b", "@Borys", mentions=[BORYS, ANNA]),
        chat("r", ANNA, "c", "plain"), chat("r", BORYS, "d", "@Borys", mentions=[BORYS]),
    )  # fmt: skip
    assert await counted(store, BORYS) == (3, 2)
    assert await counted(store, ANNA) == (1, 0), "one's own call to oneself is none"
    await writer.handle(edit("r", ANNA, "x", 4, "@Borys now", mentions=[BORYS]))
    assert await counted(store, BORYS) == (3, 3)
    await writer.handle(edit("r", ANNA, "y", 2, "nobody"), delete("r", ANNA, "z", 3))
    assert await counted(store, BORYS) == (2, 1)
    await writer.handle(edit("r", ANNA, "y2", 4, "nobody"), edit("r", ANNA, "y3", 4, "@Borys", mentions=[BORYS]))
    assert await counted(store, BORYS) == (2, 1), "taken and given in one batch"
    await writer.handle(read("r", BORYS, 4))
    assert await counted(store, BORYS) == (0, 0)
    await writer.handle(edit("r", ANNA, "w", 2, "@Borys", mentions=[BORYS]))
    assert await counted(store, BORYS) == (0, 0), "what was read stays so"


async def test_mentions_are_counted_up_to_so_many_and_begin_anew_with_a_membership(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    await writer.handle(join("r", BORYS))
    await writer.handle(*(chat("r", ANNA, f"m{n}", mentions=[BORYS]) for n in range(UNREAD_AT_MOST + 5)))
    assert await counted(store, BORYS) == (UNREAD_AT_MOST, UNREAD_AT_MOST)
    await writer.handle(leave("r", BORYS))
    await writer.handle(chat("r", ANNA, "away", mentions=[BORYS]))
    await writer.handle(join("r", BORYS))
    assert await counted(store, BORYS) == (0, 0)


async def test_an_edit_that_is_read_later_says_whom_its_message_mentions_today(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    await writer.handle(edit("r", ANNA, "x", 1, "@Borys", mentions=[BORYS]))
    await writer.handle(edit("r", ANNA, "y", 1, "@Vira", mentions=[VIRA]))
    page = await store.page("r", before=None, after=1, limit=50)
    assert [(frame["text"], frame["mentions"]) for frame in (json.loads(e.frame) for e in page.entries)] == [
        ("@Vira", ["u3"]),
    ] * 2  # fmt: skip
    assert page.entries == list(writer.room("r").recent)[1:]


@pytest.mark.parametrize("workers", [2, 4])
async def test_what_many_workers_have_for_one_own_log_all_comes_there_once(stores: Stores, workers: int) -> None:
    """Everybody writes to one person at once: a help desk, a bot."""
    desk, each = user(50), 40
    await Writer(stores()).handle(join("hall", desk))

    async def work(number: int) -> None:
        cache, who = RoomCache(1_000, 1 << 30), user(number + 1)
        decider = Decider(stores(), cache, lambda: NOW_MS, DeciderLimits(), refuse=_nobody)
        room, owed = direct_room([who.id, desk.id]), list[Item]()

        def committed(batch: list[Changes]) -> None:
            owed.extend(Item(notice) for changes in batch for notice in changes.notices)

        await decider.decide([direct(who, "d", desk)], committed)
        for n in range(each):
            await decider.decide([chat(room, who, f"m{n}")], committed)
            due, owed[:] = list(owed), []
            await decider.decide(due, committed, tries=DeciderLimits.notice_tries)

    await asyncio.gather(*map(work, range(workers)))
    log = await stores().page(own_room(desk.id), before=None, after=0, limit=200)
    assert [entry.seq for entry in log.entries] == list(range(1, workers * (each + 1) + 1))
    told = [(entry.sender_id, json.loads(entry.frame)["about"].get("of")) for entry in log.entries]
    assert len(set(told)) == len(told)


def _nobody(submit: Submit) -> None:
    raise AssertionError(f"{submit} is refused")


async def test_a_level_is_kept_and_listed(stores: Stores) -> None:
    writer = await filled(stores(), "r", 1)
    await writer.handle(set_notify("r", ANNA, "mentions"))
    assert [room.notify for room in await stores().rooms_of(ANNA.id)] == ["mentions"]
    other = Writer(stores())
    await other.handle(chat("r", ANNA, "a"), join("r", User(id=ANNA.id, name="Ганна")))
    assert [room.notify for room in await stores().rooms_of(ANNA.id)] == ["mentions"], "a new name changes nothing else"
    await other.handle(set_notify("r", ANNA, "all"))
    assert [room.notify for room in await stores().rooms_of(ANNA.id)] == [None]
