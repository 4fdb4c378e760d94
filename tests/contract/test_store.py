"""Every promise of services/router/message_store.py, over SQLite and over PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.router.core.entries import Stored
from services.router.core.needs import NOTHING, Needs
from services.router.core.room import Room
from services.router.core.step import step
from services.router.message_store import MessageStore, Page, Summary
from services.router.sql import SqlMessageStore
from services.router.wiring import open_message_store
from shared.protocol.names import shard_of
from shared.protocol.server import User
from shared.runtime.database import migrate, open_engine
from shared.runtime.metrics import registry
from tests.contract.routing import (
    NOW_MS,
    Writer,
    chat,
    delete,
    edit,
    join,
    leave,
    pin,
    react,
    read,
    rows_of,
    told_directly,
    unsubscribe,
    user,
)

SHARDS = 8
ANNA, BORYS, VIRA = user(1), user(2), user(3)
Stores = Callable[[], SqlMessageStore]


@pytest.fixture(params=["sqlite", "postgresql"])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    """Makes stores over one new database, each with connections of its own as each router has."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/store.db"
        await migrate(url)
    else:
        url = request.getfixturevalue("postgres_url")
    made: list[tuple[SqlMessageStore, AsyncEngine]] = []

    def make() -> SqlMessageStore:
        engine = open_engine(url)
        made.append((open_message_store(url, engine, SHARDS, writers=2), engine))
        return made[-1][0]

    yield make
    for store, engine in made:
        await store.close()
        await engine.dispose()


@pytest.fixture
def store(stores: Stores) -> SqlMessageStore:
    return stores()


async def filled(store: SqlMessageStore, room: str, messages: int, by: User = ANNA) -> Writer:
    """A writer that has put `by` and so many messages into `room`."""
    writer = Writer(store)
    await writer.handle(join(room, by), *(chat(room, by, f"id{n}", f"text {n}") for n in range(1, messages + 1)))
    return writer


def rooms_redone() -> float:
    return registry.get_sample_value("homin_router_redone_total") or 0


async def seqs(store: MessageStore, room: str) -> list[int]:
    """The numbers of all messages of the room, from the first on."""
    found: list[int] = []
    more = True
    while more:
        page = await store.page(room, before=None, after=found[-1] if found else 0, limit=200)
        found, more = found + [entry.seq for entry in page.entries], page.more
    return found


# ── rows ──


async def test_a_room_that_nobody_has_named_has_nothing(store: SqlMessageStore) -> None:
    room = (await store.load(["nobody"]))["nobody"]
    assert rows_of(room) == rows_of(Room("nobody"))
    assert not room.exists
    assert await store.page("nobody", before=None, after=None, limit=10) == Page([], False, 0)
    assert await store.find("nobody", Needs([("u1", "id1")], [1])) == NOTHING
    assert await store.rooms_of("u1") == []
    assert await store.addresses(0) == []


async def test_what_is_loaded_is_what_was_in_memory(store: SqlMessageStore) -> None:
    writer = Writer(store)
    await writer.handle(
        join("r", ANNA),
        join("r", ANNA, "second", "mailbox.g2"),
        join("r", BORYS),
        chat("r", ANNA, "id1"),
        read("r", BORYS, 1),
    )
    await writer.handle(leave("r", BORYS), join("r", VIRA), unsubscribe("r", "second", "mailbox.g2"))
    loaded = (await store.load(["r"]))["r"]
    assert rows_of(loaded) == rows_of(writer.room("r"))
    assert (set(loaded.members), set(loaded.subscriptions)) == ({"u1", "u3"}, {"u1", "u3"})


async def test_only_the_newest_messages_are_loaded(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 230)
    loaded = (await store.load(["r"]))["r"]
    assert [m.seq for m in loaded.recent] == list(range(31, 231))
    assert rows_of(loaded) == rows_of(writer.room("r"))


async def test_many_rooms_are_loaded_at_once_and_kept_apart(store: SqlMessageStore) -> None:
    for number in range(5):
        await filled(store, f"r{number}", number, user(number))
    loaded = await store.load([f"r{number}" for number in range(6)])
    assert [loaded[f"r{number}"].seq for number in range(6)] == [0, 1, 2, 3, 4, 0]
    assert [list(loaded[f"r{number}"].members) for number in range(6)] == [[f"u{n}"] for n in range(5)] + [[]]


TEXTS = [
    "'; DROP TABLE rooms; --",
    "a\u2028\u2029",
    "👩‍👩‍👧‍👦",
    "\\u0041 \"'`",
    "a\x01\x7f",
    "é" * 8_000,
    "%s :x {0} ?",
    "a\r\n",
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
async def test_any_text_comes_back_as_it_was(store: SqlMessageStore, text: str) -> None:
    await Writer(store).handle(join("кімната", ANNA), chat("кімната", ANNA, "id1", text))
    page = await store.page("кімната", before=None, after=None, limit=1)
    assert [m.content for m in page.entries if isinstance(m, Stored)] == [text]


async def test_a_user_s_new_name_is_kept_and_old_messages_keep_the_old_one(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    renamed = User(id=ANNA.id, name="Anna K.")
    await writer.handle(join("r", renamed), chat("r", renamed, "id2"))
    loaded = (await store.load(["r"]))["r"]
    assert loaded.members[ANNA.id].name == "Anna K."
    assert [m.sender_name for m in loaded.recent] == [ANNA.name, "Anna K."]


async def test_who_leaves_and_comes_back_in_one_batch_starts_at_the_newest_message(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 3)
    await writer.handle(leave("r", ANNA), join("r", ANNA))
    loaded = (await store.load(["r"]))["r"]
    assert loaded.members[ANNA.id].read_seq == 3
    assert rows_of(loaded) == rows_of(writer.room("r"))


async def test_the_epoch_stays_and_is_this_store_s_own(stores: Stores, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/another.db"
    await migrate(url)
    another = open_engine(url)
    epoch = await stores().epoch()
    assert epoch == await stores().epoch()
    assert epoch != await SqlMessageStore(another, SHARDS).epoch()
    await another.dispose()


# ── two writers ──


async def test_a_room_that_another_has_written_to_is_stale_and_nothing_of_it_is_written(stores: Stores) -> None:
    one, two = Writer(stores()), Writer(stores())
    await one.handle(join("r", ANNA), join("r", BORYS))
    await two.take("r")
    await one.handle(chat("r", ANNA, "first"))
    changes = step(two.room("r"), [chat("r", BORYS, "second"), join("r", VIRA)], NOW_MS)
    assert await two.store.commit([changes]) == {"r"}
    assert rows_of((await two.store.load(["r"]))["r"]) == rows_of(one.room("r"))


async def test_a_change_of_membership_makes_stale_like_a_message(stores: Stores) -> None:
    one, two = await filled(stores(), "r", 1), Writer(stores())
    await two.take("r")
    await one.handle(leave("r", ANNA))
    assert await two.store.commit([step(two.room("r"), [chat("r", ANNA, "second")], NOW_MS)]) == {"r"}
    assert await seqs(two.store, "r") == [1]


async def test_of_a_batch_only_the_stale_rooms_are_left_out(stores: Stores) -> None:
    one, two = Writer(stores()), Writer(stores())
    await one.handle(join("a", ANNA), join("b", ANNA))
    await two.take("a", "b")
    await one.handle(chat("a", ANNA, "first"))
    batch = [step(two.room(name), [chat(name, ANNA, "second")], NOW_MS) for name in ("a", "b")]
    assert await two.store.commit(batch) == {"a"}
    assert [m.id for m in (await two.store.load(["a"]))["a"].recent] == ["first"]
    assert [m.id for m in (await two.store.load(["b"]))["b"].recent] == ["second"]


async def test_rooms_that_want_nothing_are_compared_too(stores: Stores) -> None:
    one, two = await filled(stores(), "r", 1), Writer(stores())
    await two.take("r", "new")
    refused = step(two.room("r"), [chat("r", BORYS, "id1")], NOW_MS)
    unknown = step(two.room("new"), [chat("new", BORYS, "id1")], NOW_MS)
    assert not refused.writes
    assert await two.store.commit([refused, unknown]) == set()
    await one.handle(join("r", BORYS), join("new", BORYS))
    assert await two.store.commit([refused, unknown]) == {"r", "new"}


async def test_with_an_old_id_all_rooms_are_stale_and_nothing_of_the_batch_is_written(stores: Stores) -> None:
    writer = await filled(stores(), "r", 205)
    await writer.handle(join("other", ANNA))
    retry = step(writer.room("r"), [chat("r", ANNA, "new"), chat("r", ANNA, "id1", "text 1")], NOW_MS)
    innocent = step(writer.room("other"), [chat("other", ANNA, "id1")], NOW_MS)
    assert await writer.store.commit([innocent, retry]) == {"r", "other"}
    assert (await seqs(writer.store, "r"), await seqs(writer.store, "other")) == (list(range(1, 206)), [])


@pytest.mark.parametrize("id", ["closed", "connection", "locked", "timeout"])
async def test_an_id_that_reads_like_an_outage_is_none(store: SqlMessageStore, id: str) -> None:
    writer = Writer(store)
    await writer.handle(join("r", ANNA), chat("r", ANNA, id))
    room = writer.room("r")
    room.recent.clear()
    room._ids.clear()
    assert await store.commit([step(room, [chat("r", ANNA, id)], NOW_MS)]) == {"r"}


async def test_an_old_message_that_is_sent_again_keeps_its_seq(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 205)
    settled = await writer.handle(chat("r", ANNA, "new"), chat("r", ANNA, "id1", "text 1"))
    assert [frame["seq"] for _, frame in told_directly(settled["r"])] == [1]
    assert await seqs(store, "r") == list(range(1, 207))


async def test_of_two_who_make_the_same_room_one_is_stale(stores: Stores) -> None:
    one, two = Writer(stores()), Writer(stores())
    first = step((await one.store.load(["r"]))["r"], [join("r", ANNA), chat("r", ANNA, "a")], NOW_MS)
    second = step((await two.store.load(["r"]))["r"], [join("r", BORYS), chat("r", BORYS, "b")], NOW_MS)
    outcomes = await asyncio.gather(one.store.commit([first]), two.store.commit([second]))
    assert sorted(map(sorted, outcomes)) == [[], ["r"]]
    room = (await one.store.load(["r"]))["r"]
    assert (room.seq, len(room.members)) == (1, 1)


async def test_rooms_made_in_opposite_orders_at_the_same_time_are_all_there(stores: Stores) -> None:
    names = [f"r{number}" for number in range(20)]
    one, two = Writer(stores()), Writer(stores())
    await asyncio.gather(
        one.handle(*(join(name, ANNA) for name in names)), two.handle(*(join(name, BORYS) for name in reversed(names)))
    )
    rooms = await one.store.load(names)
    assert {name: set(room.members) for name, room in rooms.items()} == {name: {"u1", "u2"} for name in names}


async def test_batches_over_the_same_rooms_in_opposite_orders_never_wait_for_each_other(stores: Stores) -> None:
    names = [f"r{number}" for number in range(10)]
    one, two = Writer(stores()), Writer(stores())
    await one.handle(*(join(name, ANNA) for name in names))

    async def write(writer: Writer, order: list[str], prefix: str) -> None:
        for number in range(8):
            await writer.handle(*(chat(name, ANNA, f"{prefix}{number}") for name in order))

    await asyncio.gather(write(one, names, "one"), write(two, names[::-1], "two"))
    assert {name: room.seq for name, room in (await one.store.load(names)).items()} == dict.fromkeys(names, 16)


async def test_read_marks_only_go_forward(stores: Stores) -> None:
    one, two = await filled(stores(), "r", 9), Writer(stores())
    await two.take("r")
    await one.handle(read("r", ANNA, 7))
    await two.handle(read("r", ANNA, 4))  # its room is older and does not know of 7
    assert (await one.store.load(["r"]))["r"].members[ANNA.id].read_seq == 7
    await two.handle(join("r", User(id=ANNA.id, name="Anna K.")))  # her row is written whole, from the older room
    assert (await one.store.load(["r"]))["r"].members[ANNA.id].read_seq == 7
    await two.handle(read("r", ANNA, 8))
    assert (await one.store.load(["r"]))["r"].members[ANNA.id].read_seq == 8


@pytest.mark.parametrize("draw", range(3))
async def test_writers_who_race_leave_a_log_without_gaps_and_every_id_once(
    stores: Stores, seed: int, draw: int
) -> None:
    """Routers that all believe they own the rooms, each message handed to two of them, as after a failover."""
    print(f"seed: {seed}.{draw}")
    rng = random.Random(f"{seed}.{draw}")
    names, senders, others = ["a", "b", "c"], [user(n) for n in range(4)], [user(n) for n in range(4, 8)]
    writers, redone = [Writer(stores()) for _ in range(3)], rooms_redone()
    await writers[0].handle(*(join(name, sender) for name in names for sender in senders))
    sent = {(room, u.id, f"id{n}"): f"text {rng.random()}" for n in range(15) for room in names for u in senders}

    async def route(writer: Writer, own: list[tuple[str, str, str]], dice: random.Random) -> list[tuple[str, str, int]]:
        numbered: list[tuple[str, str, int]] = []
        while own:
            size = dice.randint(1, 8)
            batch, own = own[:size], own[size:]
            items = [chat(room, User(id=u, name=u), id, sent[room, u, id], ref="r") for room, u, id in batch]
            room, other = dice.choice(names), dice.choice(others)
            items.insert(dice.randint(0, len(items)), dice.choice([
                join(room, other), join(room, other, f"{other.id}'", "mailbox.g2"), leave(room, other),
                unsubscribe(room, other.id), read(room, dice.choice(senders), dice.randint(0, 50)),
            ]))  # fmt: skip
            for name, changes in (await writer.handle(*items)).items():
                told = [frame for _, frame in told_directly(changes) if frame["type"] == "message"]
                numbered += [(name, f"{frame['from']['id']}/{frame['id']}", frame["seq"]) for frame in told]
        return numbered

    shares: list[list[tuple[str, str, str]]] = [[], [], []]
    for key in rng.sample(list(sent), len(sent)):
        for index in rng.sample(range(3), 2):
            shares[index].append(key)
    numbered = await asyncio.gather(
        *(route(w, own, random.Random(rng.random())) for w, own in zip(writers, shares, strict=True))
    )
    store = writers[0].store
    for name in names:
        page, more, _ = await store.page(name, before=None, after=0, limit=1_000)
        assert not more
        assert [m.seq for m in page] == list(range(1, len(page) + 1))
        stored = {(name, m.sender_id, m.id): m.content for m in page if isinstance(m, Stored)}
        assert stored == {key: text for key, text in sent.items() if key[0] == name}
        acknowledged = {(id, seq) for answers in numbered for room, id, seq in answers if room == name}
        assert acknowledged == {(f"{m.sender_id}/{m.id}", m.seq) for m in page}, "one number, whoever tells it"
    assert rooms_redone() > redone, "nobody met anybody: this was no race"
    for writer in writers:
        # After a look at the rows, what each has in memory is what is stored. Read marks alone may be older there.
        await writer.handle(*(unsubscribe(name, "nobody") for name in names))
        for name, room in (await store.load(names)).items():
            mine, theirs = rows_of(writer.room(name)), rows_of(room)
            assert {u: m[0] for u, m in mine.pop("members").items()} == {
                u: m[0] for u, m in theirs.pop("members").items()
            }
            assert mine == theirs


# ── reading ──


async def test_messages_are_found_by_sender_and_id_within_their_room(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 3)
    await filled(store, "other", 5)
    await writer.handle(join("r", BORYS), chat("r", BORYS, "id1", "mine"))
    found = await store.find("r", Needs([("u1", "id2"), ("u2", "id1"), ("u2", "id2"), ("u1", "id5")], []))
    assert {key: (m.seq, m.content) for key, m in found.by_key.items() if isinstance(m, Stored)} == {
        ("u1", "id2"): (2, "text 2"), ("u2", "id1"): (4, "mine"),
    }  # fmt: skip


PAGES = [
    (None, None, 4, [7, 8, 9, 10], True),
    (None, None, 10, list(range(1, 11)), False),
    (5, None, 2, [3, 4], True),
    (5, None, 4, [1, 2, 3, 4], False),
    (1, None, 4, [], False),
    (0, None, 4, [], False),
    (2**53 - 1, None, 1, [10], True),
    (None, 0, 3, [1, 2, 3], True),
    (None, 7, 3, [8, 9, 10], False),
    (None, 8, 3, [9, 10], False),
    (None, 10, 3, [], False),
    (None, 2**53 - 1, 3, [], False),
]


@pytest.mark.parametrize(("before", "after", "limit", "expected", "more"), PAGES)
async def test_a_page_is_oldest_first_and_says_whether_there_is_more_that_way(
    store: SqlMessageStore, before: int | None, after: int | None, limit: int, expected: list[int], more: bool
) -> None:
    writer = await filled(store, "r", 10)
    found, is_more, seq = await store.page("r", before=before, after=after, limit=limit)
    assert ([m.seq for m in found], is_more, seq) == (expected, more, 10)
    in_memory = {m.seq: m for m in writer.room("r").recent}
    assert found == [in_memory[m.seq] for m in found], "a message is the same wherever it comes from"


async def test_a_user_s_rooms_come_with_the_latest_activity_first(store: SqlMessageStore) -> None:
    writer = Writer(store)
    await writer.handle(*(join(name, ANNA) for name in ("quiet", "old", "new", "empty")))
    for now, name in ((10, "quiet"), (20, "new"), (30, "old"), (40, "new")):
        await writer.handle(chat(name, ANNA, f"id{now}"), now_ms=NOW_MS + now)
    assert [summary.room for summary in await store.rooms_of(ANNA.id)] == ["new", "old", "quiet", "empty"]


async def test_a_room_s_summary_counts_users_not_sessions(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 3)
    await writer.handle(join("r", ANNA, "second"), join("r", BORYS), join("r", VIRA), unsubscribe("r", VIRA.id))
    await writer.handle(read("r", ANNA, 2))
    last = writer.room("r").message(3)
    assert await store.rooms_of(ANNA.id) == [Summary("r", 3, 2, 0, 2, last, "owner")]
    assert await store.rooms_of(BORYS.id) == [Summary("r", 3, 3, 0, 2, last)]


async def test_what_others_said_after_the_mark_is_unread_and_one_s_own_is_not(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 2)
    await writer.handle(join("r", BORYS), join("s", BORYS))
    await writer.handle(*(chat("r", ANNA, f"a{n}") for n in range(12)), chat("r", BORYS, "b1"), chat("s", BORYS, "b2"))
    assert {s.room: (s.read_seq, s.unread) for s in await store.rooms_of(BORYS.id)} == {"r": (2, 12), "s": (0, 0)}
    await writer.handle(read("r", BORYS, 10))
    assert [s.unread for s in await store.rooms_of(BORYS.id) if s.room == "r"] == [4]
    await writer.handle(*(chat("r", ANNA, f"c{n}") for n in range(120)))
    assert [s.unread for s in await store.rooms_of(BORYS.id) if s.room == "r"] == [100]


async def test_one_s_own_message_moves_no_mark(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 2)
    await writer.handle(join("r", BORYS))
    await writer.handle(*(chat("r", ANNA, f"a{n}") for n in range(5)), chat("r", BORYS, "b1"))
    (summary,) = await store.rooms_of(BORYS.id)
    assert summary.read_seq == 2


async def test_a_room_is_listed_for_who_is_a_member_online_or_not(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    await writer.handle(join("r", BORYS), join("r", VIRA))
    await writer.handle(unsubscribe("r", ANNA.id), leave("r", BORYS))
    listed = {u.id: [s.room for s in await store.rooms_of(u.id)] for u in (ANNA, BORYS, VIRA)}
    assert listed == {"u1": ["r"], "u2": [], "u3": ["r"]}


async def test_a_gateway_s_subscriptions_are_found_by_shard_and_address(store: SqlMessageStore) -> None:
    names = [f"r{number}" for number in range(20)]
    writer = Writer(store)
    await writer.handle(
        *(join(name, ANNA) for name in names), *(join(name, BORYS, address="mailbox.g2") for name in names[:3])
    )
    for shard in range(SHARDS):
        mine = [name for name in names if shard_of(name, SHARDS) == shard]
        theirs = [name for name in mine if name in names[:3]]
        assert sorted(await store.rooms_held(shard, "mailbox.g1")) == sorted(mine)
        assert sorted(await store.rooms_held(shard, "mailbox.g2")) == sorted(theirs)
        assert await store.rooms_held(shard, "mailbox.g3") == []
        addresses = [a for a, held in (("mailbox.g1", mine), ("mailbox.g2", theirs)) if held]
        assert sorted(await store.addresses(shard)) == addresses
    await writer.handle(*(unsubscribe(name, BORYS.id, "mailbox.g2") for name in names[:3]))
    assert {a for shard in range(SHARDS) for a in await store.addresses(shard)} == {"mailbox.g1"}


async def test_a_shard_s_crowds_are_its_rooms_with_more_users_than_so_many(store: SqlMessageStore) -> None:
    sizes = {f"r{number}": number % 5 for number in range(20)}
    writer = Writer(store)
    for name, size in sizes.items():
        await writer.handle(*(join(name, user(n), f"{n}.{s}") for n in range(size) for s in range(2)))
    for shard in range(SHARDS):
        crowds = [name for name, size in sizes.items() if size > 2 and shard_of(name, SHARDS) == shard]
        assert sorted(await store.crowds(shard, 2)) == sorted(crowds)
        assert await store.crowds(shard, 4) == []


# ── changes ──


async def test_changes_are_entries_among_the_messages_and_messages_are_as_they_are_now(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 3)
    await writer.handle(join("r", BORYS), react("r", BORYS, "x1", 1, "👍"), pin("r", BORYS, "x2", 3))
    await writer.handle(edit("r", ANNA, "x3", 2, "better"), now_ms=NOW_MS + 1)
    await writer.handle(chat("r", ANNA, "id4", "and", reply_to=2), delete("r", ANNA, "x4", 1))
    everything = await store.page("r", before=None, after=0, limit=200)
    assert (everything.seq, everything.more) == (8, False)
    assert [entry.kind for entry in everything.entries] == [
        "deleted", "chat", "chat", "react", "pin", "edit", "chat", "delete",
    ]  # fmt: skip
    room = writer.room("r")
    assert everything.entries == list(room.recent), "an entry is the same wherever it comes from"
    assert rows_of((await store.load(["r"]))["r"]) == rows_of(room)
    gone, edited, pinned, answer = (await store.page("r", before=None, after=None, limit=4)).entries
    assert [entry.seq for entry in (gone, edited, pinned, answer)] == [1, 2, 3, 7]
    assert json.loads(edited.frame)["edited_at"].endswith(".001Z")
    assert (json.loads(pinned.frame)["pinned"], json.loads(answer.frame)["reply_to"]) == (True, 2)
    assert "text" not in json.loads(gone.frame)
    assert [m.seq for m in (await store.page("r", before=7, after=None, limit=2)).entries] == [2, 3]


async def test_a_change_of_a_message_far_older_than_memory_finds_it(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 230)
    await writer.handle(
        edit("r", ANNA, "x", 3, "late"), react("r", ANNA, "y", 3, "👍"), edit("r", ANNA, "z", 5, "also")
    )
    old = await store.find("r", Needs([("u1", "x")], [3, 5, 231, 999]))
    assert [(m.seq, m.content, m.reactions) for m in old.by_seq.values()] == [
        (3, "late", (("👍", ("u1",)),)), (5, "also", ()),
    ]  # fmt: skip
    assert json.loads(old.by_key["u1", "x"].frame)["text"] == "late"
    other = await Writer(store).take("r")
    written = await other.handle(delete("r", ANNA, "q", 3), react("r", ANNA, "p", 3, "👎"))
    assert [frame.get("code") for _, frame in told_directly(written["r"])] == ["no_such_message"]
    assert [m.kind for m in (await store.find("r", Needs([], [3]))).by_seq.values()] == ["deleted"]


async def test_a_change_that_is_sent_again_from_beyond_memory_keeps_its_number(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 1)
    await writer.handle(edit("r", ANNA, "x", 1, "better"), delete("r", ANNA, "y", 1))
    await writer.handle(*(chat("r", ANNA, f"n{n}") for n in range(230)))
    for fresh in (writer, await Writer(store).take("r")):
        for item, seq in ((edit("r", ANNA, "x", 1, "better"), 2), (delete("r", ANNA, "y", 1), 3)):
            changes = (await fresh.handle(item))["r"]
            assert not changes.writes
            assert [(frame["type"], frame["seq"]) for _, frame in told_directly(changes)] == [("change", seq)]
        again = (await fresh.handle(chat("r", ANNA, "id1", "text 1"), edit("r", ANNA, "x", 1, "other")))["r"]
        assert [frame.get("code", frame.get("seq")) for _, frame in told_directly(again)] == [1, "id_reused"]


@pytest.mark.parametrize("others", [0, 230], ids=["in memory", "beyond memory"])
async def test_a_change_under_the_id_of_a_message_is_refused(store: SqlMessageStore, others: int) -> None:
    writer = await filled(store, "r", 2)
    await writer.handle(*(chat("r", ANNA, f"n{n}") for n in range(others)))
    near = others + 2
    items = [pin("r", ANNA, "id1", near), react("r", ANNA, "y", near, "👍"), chat("r", ANNA, "c")]
    changes = (await writer.handle(*items))["r"]
    assert [(m.id, m.seq) for m in changes.messages] == [("c", near + 2)]
    assert [(c.id, c.seq) for c in changes.changes] == [("y", near + 1)]
    assert [frame["code"] for _, frame in told_directly(changes) if "code" in frame] == ["id_reused"]
    assert [m.pinned for m in (await store.find("r", Needs([], [near]))).by_seq.values()] == [False]


async def test_what_is_deleted_is_not_unread_and_changes_are_not(store: SqlMessageStore) -> None:
    writer = await filled(store, "r", 2)
    await writer.handle(join("r", BORYS), *(chat("r", ANNA, f"a{n}") for n in range(4)))
    await writer.handle(react("r", ANNA, "x", 3, "👍"), delete("r", ANNA, "y", 6), pin("r", ANNA, "z", 5))
    ((summary,),) = [await store.rooms_of(BORYS.id)]
    assert (summary.seq, summary.read_seq, summary.unread) == (9, 2, 3)
    assert (summary.last and summary.last.seq, summary.last and summary.last.kind) == (6, "deleted")
    await writer.handle(delete("r", ANNA, "w", 3), read("r", BORYS, 4))
    ((summary,),) = [await store.rooms_of(BORYS.id)]
    assert (summary.seq, summary.read_seq, summary.unread) == (10, 4, 1)


async def test_two_routers_that_change_one_message_lose_neither_s_change(stores: Stores) -> None:
    writer = await filled(stores(), "r", 1)
    one, two = [await Writer(stores()).take("r") for _ in range(2)]
    await writer.handle(join("r", BORYS))
    people = [(one, ANNA, "👍", "a"), (two, BORYS, "👍", "b"), (one, BORYS, "👎", "c"), (two, ANNA, "🎉", "d")]
    for number in range(7):
        await asyncio.gather(
            *(w.handle(react("r", by, f"{id}{number}", 1, e, on=number % 2 == 0)) for w, by, e, id in people)
        )
    found = (await stores().find("r", Needs([], [1]))).by_seq[1]
    assert found.reactions == (("🎉", ("u1",)), ("👍", ("u1", "u2")), ("👎", ("u2",)))
    page = await stores().page("r", before=None, after=0, limit=200)
    assert [entry.seq for entry in page.entries] == list(range(1, 30))
