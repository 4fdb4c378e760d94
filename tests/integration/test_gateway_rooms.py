"""A room through a gateway, end to end: join, chat, history, typing, read marks, presence, leave.
docs/protocol.md, both tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from shared.client import Client, Left, NotSent, PresenceChanged, ReadUpTo, Refused, Typing
from tests.integration.gateway_deployment import Deployment, deployed

pytestmark = pytest.mark.asyncio(loop_scope="module")
_names = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path_factory.mktemp("rooms"), frames_per_s=0) as deployment:
        yield deployment


@pytest.fixture
def room() -> str:
    return f"кімната-{next(_names)}"


async def say(client: Client, room: str, *texts: str) -> None:
    for text in texts:
        await client.chat(room, text)


async def test_a_room_comes_into_being_when_it_is_named(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena:
        joined = await olena.join(room)
    assert {k: joined[k] for k in ("room", "seq", "members", "online", "messages", "more")} == {
        "room": room, "seq": 0, "members": 1, "online": [{"id": "u-olena", "name": "olena"}], "messages": [],
        "more": False,
    }  # fmt: skip


async def test_everyone_in_a_room_sees_each_message_once_and_in_order(home: Deployment, room: str) -> None:
    async with home.client("olena", keep=None) as olena, home.client("taras", keep=None, in_flight=8) as taras:
        await olena.join(room)
        await taras.join(room)
        for n in range(50):
            await olena.chat(room, f"o {n}")
            taras.chat(room, f"t {n}")
        for client in (olena, taras):
            await client.caught_up(room, 100)
            log = client.room(room).log.messages
            assert [m.seq for m in log] == list(range(1, 101))
            for name, start in (("olena", "o"), ("taras", "t")):
                assert [m.text for m in log if m.sender_name == name] == [f"{start} {n}" for n in range(50)]
        assert list(olena.room(room).log.messages) == list(taras.room(room).log.messages)


async def test_a_message_says_what_the_protocol_says(home: Deployment, room: str) -> None:
    async with home.wire("olena") as wire:
        await wire.send({"type": "join", "room": room})
        await wire.of("joined")
        await wire.send({"type": "chat", "room": room, "id": "m-1", "text": "привіт\n\u202e<b>"})
        message = await wire.of("message")
    assert message.pop("at").endswith("Z")
    assert message == {
        "type": "message", "room": room, "seq": 1, "id": "m-1", "kind": "chat",
        "from": {"id": "u-olena", "name": "olena"}, "text": "привіт\n\u202e<b>",
    }  # fmt: skip


async def test_a_retried_chat_keeps_its_seq_and_reaches_nobody_twice(home: Deployment, room: str) -> None:
    async with home.wire("olena") as wire, home.client("taras") as taras:
        await wire.send({"type": "join", "room": room})
        await wire.of("joined")
        await taras.join(room)
        chat = {"type": "chat", "room": room, "id": "m-1", "text": "once"}
        for _ in range(3):
            await wire.send(chat)
            assert (await wire.of("message"))["seq"] == 1
        await wire.send({**chat, "text": "twice"})
        error = await wire.of("error")
        assert (error["code"], error["ref"], error["retryable"]) == ("id_reused", "m-1", False)
        await wire.send({**chat, "id": "m-2"})
        assert (await wire.of("message"))["seq"] == 2
        await taras.caught_up(room, 2)
        assert [m.id for m in taras.room(room).log.messages] == ["m-1", "m-2"]


async def test_two_users_may_use_the_same_id(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        await olena.join(room)
        await taras.join(room)
        assert (await olena.chat(room, "o", id="same")).seq == 1
        assert (await taras.chat(room, "t", id="same")).seq == 2


async def test_history_goes_both_ways(home: Deployment, room: str) -> None:
    async with home.client("olena", in_flight=32) as olena:
        await olena.join(room)
        await asyncio.gather(*[olena.chat(room, str(n)) for n in range(1, 301)])
        newest = await olena.history(room, limit=2)
        assert ([m.seq for m in newest.messages], newest.more) == ([299, 300], True)
        middle = await olena.history(room, before=150, limit=3)
        assert ([m.seq for m in middle.messages], middle.more) == ([147, 148, 149], True)
        oldest = await olena.history(room, before=3)
        assert ([m.seq for m in oldest.messages], oldest.more) == ([1, 2], False)
        following = await olena.history(room, after=298)
        assert ([m.seq for m in following.messages], following.more) == ([299, 300], False)
        page = await olena.history(room, after=0, limit=200)
        assert ([m.seq for m in page.messages], page.more) == (list(range(1, 201)), True)
        for nothing in (await olena.history(room, after=300), await olena.history(room, before=1)):
            assert (nothing.entries, nothing.more) == ([], False)


async def test_a_join_shows_the_newest_fifty_or_what_follows_after(home: Deployment, room: str) -> None:
    async with home.client("olena", in_flight=32) as olena, home.wire("taras") as taras:
        await olena.join(room)
        await asyncio.gather(*[olena.chat(room, str(n)) for n in range(1, 261)])
        for after, seqs, more in (
            (None, range(211, 261), True), (0, range(1, 201), True), (100, range(101, 261), False), (260, [], False),
        ):  # fmt: skip
            await taras.send({"type": "join", "room": room} | ({} if after is None else {"after": after}))
            joined = await taras.of("joined")
            assert ([m["seq"] for m in joined["messages"]], joined["more"]) == (list(seqs), more)
            assert joined["seq"] == 260


async def test_a_client_that_was_away_resumes_where_it_was(home: Deployment, room: str) -> None:
    async with home.client("olena", in_flight=64, keep=None) as olena, home.client("taras", keep=None) as taras:
        await olena.join(room)
        await taras.join(room)
        await say(olena, room, "before")
        await taras.caught_up(room, 1)
        taras.cut()
        await taras.until(lambda: taras.welcome is None)
        await asyncio.gather(*[olena.chat(room, str(n)) for n in range(700)])
        taras.hurry()
        await taras.caught_up(room, 701)
        assert [m.seq for m in taras.room(room).log.messages] == list(range(1, 702))


async def test_what_was_written_without_a_connection_is_sent_once_there_is_one(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena:
        await olena.join(room)
        olena.cut()
        sent = [olena.chat(room, text) for text in ("one", "two", "three")]
        await olena.until(lambda: olena.welcome is None)
        olena.hurry()
        assert [(await each).seq for each in sent] == [1, 2, 3]


async def test_typing_is_told_to_the_others(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        await olena.join(room)
        await taras.join(room)
        told, own = taras.events(), olena.events()
        olena.typing(room)
        async for event in told:
            if isinstance(event, Typing):
                assert event == Typing(room, "u-olena")
                break
        await say(olena, room, "done")
        await olena.stop()
        assert not [e async for e in own if isinstance(e, Typing)]


async def test_read_marks_are_kept_and_told(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        await olena.join(room)
        await taras.join(room)
        await say(olena, room, "a", "b", "c")
        told = olena.events()
        taras.read(room, 2)
        taras.read(room, 1)  # it never goes back
        taras.read(room, 99)  # and never beyond the newest
        marks = []
        async for event in told:
            if isinstance(event, ReadUpTo):
                marks.append(event)
            if len(marks) == 2:
                break
        assert marks == [ReadUpTo(room, "u-taras", 2), ReadUpTo(room, "u-taras", 3)]
        listed = next(r for r in (await taras.rooms())["rooms"] if r["room"] == room)
        assert (listed["seq"], listed["read_seq"], listed["members"]) == (3, 3, 2)
        assert listed["last"]["text"] == "c"


async def test_rooms_are_listed_latest_activity_first(home: Deployment) -> None:
    names = [f"list-{next(_names)}" for _ in range(3)]
    async with home.client("lister") as lister:
        for name in names:
            await lister.join(name)
            await say(lister, name, "x")
        await say(lister, names[1], "later")
        listed = [r["room"] for r in (await lister.rooms())["rooms"]]
        assert listed == [names[1], names[2], names[0]]


async def test_presence_is_told_once_for_a_user_not_for_a_connection(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena:
        await olena.join(room)
        told = olena.events()
        async with home.client("taras") as first:
            await first.join(room)
            async with home.client("taras") as second:
                assert (await second.join(room))["members"] == 2
            await say(first, room, "still here")
        seen = []
        async for event in told:
            if isinstance(event, PresenceChanged):
                seen.append((event.user_id, event.online, event.members))
            if len(seen) == 2:
                break
        assert seen == [("u-taras", True, 2), ("u-taras", False, 1)]


async def test_when_a_hundred_and_ten_of_a_crowd_have_gone_the_two_who_stayed_see_each_other(
    home: Deployment, room: str
) -> None:
    people = [home.client(f"c{n}") for n in range(112)]
    try:
        for client in people:
            client.start()
            await client.join(room)
        stayed = [people[3], people[-1]]  # one who was named to all, and one who was not
        assert len(stayed[1].room(room).online) == 100
        for n, client in enumerate(people):
            if client not in stayed:
                await (client.leave(room) if n % 2 else client.stop())
        async with asyncio.timeout(30):
            for client in stayed:
                known = client.room(room)
                await client.until(lambda k=known: (set(k.online), k.members) == ({"u-c3", "u-c111"}, 2))  # type: ignore[misc]
    finally:
        await asyncio.gather(*(client.stop() for client in people))


async def test_who_leaves_is_no_member_any_more_on_any_connection(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras, home.client("taras") as other:
        for client in (olena, taras, other):
            await client.join(room)
        told = other.events()
        assert (await taras.leave(room))["room"] == room
        async for event in told:
            if isinstance(event, Left):
                break
        for client in (taras, other):
            with pytest.raises(Refused) as refused:
                await client.history(room)
            assert refused.value.code == "not_joined"
        assert (await olena.chat(room, "without them")).seq == 1
        assert room not in [r["room"] for r in (await taras.rooms())["rooms"]]


async def test_who_only_disconnects_stays_a_member(home: Deployment, room: str) -> None:
    async with home.client("taras") as taras:
        await taras.join(room)
    async with home.client("taras") as taras:
        assert (await taras.history(room)).messages == []
        assert room in [r["room"] for r in (await taras.rooms())["rooms"]]


async def test_writing_without_joining_is_refused(home: Deployment, room: str) -> None:
    async with home.wire("olena") as wire:
        for expected in ("no_such_room", "not_joined"):
            await wire.send({"type": "chat", "room": room, "id": "m-1", "text": "x"})
            error = await wire.of("error")
            assert (error["code"], error["ref"], error["retryable"]) == (expected, "m-1", False)
            async with home.client("taras") as taras:
                await taras.join(room)


async def test_an_entry_that_is_refused_for_good_does_not_hold_up_the_others(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena:
        await olena.join(room)
        await olena.chat(room, "first", id="m-1")
        told = olena.events()
        reused = olena.chat(room, "other", id="m-1")
        after = olena.chat(room, "after")
        with pytest.raises(Refused) as refused:
            await reused
        assert refused.value.code == "id_reused"
        assert (await after).seq == 2
        assert isinstance(await anext(told), NotSent)


async def test_two_who_write_a_new_room_s_name_differently_do_not_end_in_two_rooms(home: Deployment, room: str) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        with pytest.raises(Refused) as refused:
            await olena.join(room.upper())
        assert refused.value.code == "no_such_room"
        assert room in str(refused.value)
        await taras.join(room)
        assert [u["name"] for u in (await olena.join(room))["online"]] == ["taras", "olena"]
        assert [r["room"] for r in (await olena.rooms())["rooms"] if r["room"].casefold() == room] == [room]
