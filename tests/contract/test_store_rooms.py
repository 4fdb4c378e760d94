"""What a store keeps of rooms of some: roles, rules, people. Over SQLite, PostgreSQL and (tests/flow) memory."""

from __future__ import annotations

import asyncio

from services.router.core.changes import Item
from services.router.core.needs import Needs
from services.router.core.room import Rules
from services.router.message_store import MessageStore
from shared.protocol.room_names import direct_room, own_room, private_room
from shared.protocol.server import User
from tests.contract.routing import (
    Writer,
    chat,
    create,
    direct,
    give_role,
    invite,
    join,
    leave,
    remove,
    rows_of,
    settings,
)
from tests.contract.test_store import ANNA, BORYS, VIRA, Stores, store, stores

__all__ = ["store", "stores"]  # fixtures
BUDGET = private_room(ANNA.id, "new")


async def met(store: MessageStore) -> Writer:
    """A writer to a store that knows Anna, Borys and Vira."""
    writer = Writer(store)
    await writer.handle(*(join("r", who) for who in (ANNA, BORYS, VIRA)))
    return writer


async def test_a_room_is_loaded_with_its_roles_and_rules(store: MessageStore) -> None:
    writer = await met(store)
    await writer.handle(create(ANNA, "new", "Budget", BORYS, topic="of next year"))
    await writer.handle(
        give_role(BUDGET, ANNA, "g", BORYS, "moderator"),
        settings(BUDGET, ANNA, "s", posting="moderators", topic=""),
        invite(BUDGET, ANNA, "i", VIRA),
    )
    loaded = (await store.load([BUDGET]))[BUDGET]
    assert rows_of(loaded) == rows_of(writer.room(BUDGET))
    assert {id: member.role for id, member in loaded.members.items()} == {"u1": "owner", "u2": "moderator", "u3": None}
    assert loaded.rules == Rules(title="Budget", posting="moderators")
    await writer.handle(settings(BUDGET, ANNA, "t", posting="members"), remove(BUDGET, ANNA, "r", VIRA))
    loaded = (await store.load([BUDGET]))[BUDGET]
    assert rows_of(loaded) == rows_of(writer.room(BUDGET))
    assert VIRA.id not in loaded.members


async def test_what_the_log_says_of_a_room_is_read_as_it_was_written(store: MessageStore) -> None:
    writer = await met(store)
    await writer.handle(create(ANNA, "new", "Budget", BORYS), invite(BUDGET, BORYS, "i", VIRA), leave(BUDGET, VIRA))
    page = await store.page(BUDGET, before=None, after=0, limit=50)
    assert page.entries == list(writer.room(BUDGET).recent)
    assert [entry.id for entry in page.entries] == ["new", "~member.2", "~member.3", "i", "~left.5"]
    assert (await store.page(BUDGET, before=None, after=None, limit=50)).entries == [], "none is a message"


async def test_two_who_make_a_direct_room_at_once_make_one(stores: Stores) -> None:
    await met(stores())
    room = direct_room([ANNA.id, BORYS.id])
    first, second = Writer(stores()), Writer(stores())
    written = await asyncio.gather(first.handle(direct(ANNA, "a", BORYS)), second.handle(direct(BORYS, "b", ANNA)))
    loaded = (await stores().load([room]))[room]
    assert (loaded.seq, set(loaded.members)) == (2, {ANNA.id, BORYS.id})
    assert sum(len(changes[room].notices) for changes in written) == 1


async def test_a_room_is_known_again_long_after_it_was_made(stores: Stores) -> None:
    """However much was said since, and to a router that has it from the store."""
    writer = await met(stores())
    made = create(ANNA, "new", "Budget", BORYS)
    await writer.handle(made, *(chat(BUDGET, ANNA, f"id{n}") for n in range(220)))
    again = await Writer(stores()).handle(made)
    assert not again[BUDGET].changes
    assert again[BUDGET].seq == 223


async def test_the_list_of_rooms_says_what_a_room_is_and_with_whom(store: MessageStore) -> None:
    writer = await met(store)
    await writer.handle(create(ANNA, "new", "Budget", BORYS), direct(ANNA, "d", VIRA, BORYS))
    await writer.handle(direct(BORYS, "e", ANNA), settings(BUDGET, ANNA, "s", archived=True))
    rooms = {room.room: room for room in await store.rooms_of(ANNA.id)}
    assert rooms[BUDGET].role == "owner"
    assert rooms[BUDGET].rules == Rules(title="Budget", archived=True)
    assert rooms[BUDGET].with_ == ()
    assert list(rooms[direct_room([ANNA.id, BORYS.id, VIRA.id])].with_) == [BORYS, VIRA]
    assert list(rooms[direct_room([ANNA.id, BORYS.id])].with_) == [BORYS]
    assert {room.room for room in await store.rooms_of(VIRA.id)} == {"r", direct_room([ANNA.id, BORYS.id, VIRA.id])}


async def test_a_name_is_that_which_was_heard_last(store: MessageStore) -> None:
    writer = await met(store)
    await writer.handle(join("r", User(id=BORYS.id, name="Богдан")))
    found = await store.find("nowhere", Needs([], [], [BORYS.id, "stranger", ANNA.id]))
    assert dict(found.people) == {BORYS.id: "Богдан", ANNA.id: ANNA.name}


async def test_people_are_found_by_how_their_names_begin(store: MessageStore) -> None:
    writer = Writer(store)
    names = ["Олена", "олег", "Ольга", "Борис", "Anna", "anna2", "Ann_a", "an%"]
    people = [User(id=f"p{number}", name=name) for number, name in enumerate(names)]
    await writer.handle(*(join("r", each) for each in people))

    async def found(beginning: str, limit: int = 20) -> list[str]:
        return [person.name for person in await store.people(beginning, limit)]

    assert await found("олЕ") == ["олег", "Олена"]
    assert await found("О") == ["олег", "Олена", "Ольга"]
    assert await found("ann") == ["Ann_a", "Anna", "anna2"]
    assert await found("an%") == ["an%"]
    assert await found("an", 2) == ["an%", "Ann_a"]
    assert await found("x") == []


async def test_one_s_own_log_is_written_by_whoever_tells_of_it(stores: Stores) -> None:
    """A router that does not own its shard, and one that has it in memory as it was."""
    writer = await met(stores())
    own = own_room(BORYS.id)
    owner = Writer(stores())
    await owner.handle(join(own, BORYS))
    for number, title in enumerate(("One", "Two")):
        changes = await writer.handle(create(ANNA, f"new{number}", title, BORYS))
        for change in changes.values():
            await writer.handle(*map(Item, change.notices))
            await writer.handle(*map(Item, change.notices))
        await owner.handle(join(own, BORYS))
    assert owner.room(own).seq == 2
    assert [entry.kind for entry in owner.room(own).recent] == ["invited", "invited"]
    (summary,) = [room for room in await stores().rooms_of(BORYS.id) if room.room == own]
    assert summary.unread == 2
