"""Threads, mentions, levels and what one finds of them in one's own log, through gateway and router, over real sockets.
docs/protocol.md, "The room is a log of entries"."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from services.router.core.room import RECENT
from shared.protocol.room_names import own_room
from tests.integration.gateway_deployment import Deployment, deployed
from tests.integration.test_rooms_of_some import ask, private, refused
from tests.integration.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")
_rooms = (f"нитка-{number}" for number in count(1))
_ids = (f"t-{number}" for number in count(1))
Frame = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path_factory.mktemp("threads"), frames_per_s=0) as deployment:
        yield deployment


class Scene:
    """Three in a new room, in which Olena has said something (1)."""

    def __init__(self, room: str, olena: Wire, taras: Wire, vira: Wire) -> None:
        self.room, self.olena, self.taras, self.vira = room, olena, taras, vira

    async def says(self, wire: Wire, text: str, **fields: Any) -> Frame:
        return await ask(wire, "message", type="chat", room=self.room, id=next(_ids), text=text, **fields)

    async def changes(self, wire: Wire, type: str, of: int, **fields: Any) -> Frame:
        return await ask(wire, "change", type=type, room=self.room, id=next(_ids), of=of, **fields)

    async def own_log(self, wire: Wire, name: str) -> list[tuple[str, int]]:
        """Why, and of which message, of what stands there about this room."""
        joined = await ask(wire, "joined", type="join", room=own_room(f"u-{name}"))
        about = [m["about"] for m in joined["messages"] if m["kind"] == "mention"]
        return [(each["why"], each["of"]) for each in about if each["room"] == self.room]

    async def summary(self, wire: Wire) -> Frame:
        listed = await ask(wire, "rooms", type="rooms")
        (found,) = [room for room in listed["rooms"] if room["room"] == self.room]
        return found  # type: ignore[no-any-return]


@pytest_asyncio.fixture(loop_scope="module")
async def scene(home: Deployment) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(home.wire(name)) for name in ("olena", "taras", "vira")]
        scene = Scene(next(_rooms), *wires)
        for wire in wires:
            await ask(wire, "joined", type="join", room=scene.room)
        await scene.says(scene.olena, "shall we?")
        yield scene


async def test_a_thread_is_heard_live_paged_and_found_on_its_root(scene: Scene) -> None:
    reply = await scene.says(scene.taras, "yes", thread=1)
    assert (reply["seq"], reply["thread"]) == (2, 1)
    heard = await scene.vira.of("message")
    while heard["seq"] < 2:
        heard = await scene.vira.of("message")
    assert heard["thread"] == 1
    await scene.says(scene.olena, "between")
    await scene.says(scene.vira, "no", thread=1)
    page = await ask(scene.vira, "history", type="history", room=scene.room, thread=1)
    assert ([m["seq"] for m in page["messages"]], page["seq"], page["more"]) == ([2, 4], 4, False)
    root = (await ask(scene.vira, "history", type="history", room=scene.room, before=2))["messages"][0]
    assert root["replies"] == {"count": 2, "last_seq": 4, "last_at": page["messages"][-1]["at"]}


async def test_a_thread_far_below_its_root_goes_on_and_is_paged(scene: Scene) -> None:
    await scene.says(scene.taras, "yes", thread=1)
    for n in range(RECENT):
        await scene.says(scene.olena, f"more {n}")
    late = await scene.says(scene.vira, "late", thread=1)
    for place, seqs, more in (
        ({}, [2, late["seq"]], False),
        ({"limit": 1}, [late["seq"]], True),
        ({"before": late["seq"]}, [2], False),
        ({"after": 0, "limit": 1}, [2], True),
        ({"after": 2}, [late["seq"]], False),
    ):
        page = await ask(scene.olena, "history", type="history", room=scene.room, thread=1, **place)
        assert ([m["seq"] for m in page["messages"]], page["more"]) == (seqs, more)
    root = (await ask(scene.olena, "history", type="history", room=scene.room, before=2))["messages"][0]
    assert root["replies"]["count"] == 2


async def test_what_is_no_root_is_refused_and_a_page_of_it_is_empty(scene: Scene) -> None:
    await scene.says(scene.taras, "yes", thread=1)
    common = {"type": "chat", "room": scene.room, "text": "hm"}
    assert await refused(scene.taras, **common, id=next(_ids), thread=9) == "no_such_message"
    assert await refused(scene.taras, **common, id=next(_ids), thread=2) == "forbidden"
    assert await refused(scene.taras, **common, id=next(_ids), thread=-1) == "invalid_frame"
    many = [f"u-{n}" for n in range(51)]
    assert await refused(scene.taras, **common, id=next(_ids), mentions=many) == "invalid_frame"
    page = await ask(scene.taras, "history", type="history", room=scene.room, thread=9)
    assert (page["messages"], page["more"]) == ([], False)


async def test_a_thread_of_a_private_room_is_for_its_members(home: Deployment, scene: Scene) -> None:
    room = await private(scene.olena, "taras")
    said = await ask(scene.olena, "message", type="chat", room=room, id=next(_ids), text="root")
    common = {"room": room, "thread": said["seq"]}
    assert await refused(scene.vira, type="history", **common) == "no_such_room"
    assert await refused(scene.vira, type="chat", id=next(_ids), text="x", **common) == "no_such_room"
    assert await refused(scene.vira, type="notify", room=room, level="none") == "no_such_room"
    await ask(scene.olena, "message", type="chat", room=room, id=next(_ids), text="@Vira", mentions=["u-vira"])
    joined = await ask(scene.vira, "joined", type="join", room=own_room("u-vira"))
    assert room not in str(joined["messages"]), "who is not in it hears nothing of it"


async def test_who_was_called_while_away_finds_it_in_the_own_log_and_counts_it(home: Deployment) -> None:
    async with home.wire("olena") as olena, home.wire("petro") as petro:
        scene = Scene(next(_rooms), olena, petro, petro)
        for wire in (olena, petro):
            await ask(wire, "joined", type="join", room=scene.room)
    async with home.wire("olena") as olena:
        await ask(olena, "joined", type="join", room=scene.room)
        called = await scene.says(olena, "@Petro", mentions=["u-petro"])
        await scene.says(olena, "anybody?")
    async with home.wire("petro") as petro:
        assert await scene.own_log(petro, "petro") == [("mention", called["seq"])]
        summary = await scene.summary(petro)
        assert (summary["unread"], summary["mentions"]) == (2, 1)


async def test_the_counts_follow_edits_deletions_and_what_is_read_elsewhere(scene: Scene) -> None:
    called = await scene.says(scene.olena, "@Taras", mentions=["u-taras"])
    assert (await scene.summary(scene.taras))["mentions"] == 1
    await scene.changes(scene.olena, "edit", called["seq"], text="nobody")
    assert "mentions" not in await scene.summary(scene.taras)
    await scene.changes(scene.olena, "edit", called["seq"], text="@Taras", mentions=["u-taras"])
    assert (await scene.summary(scene.taras))["mentions"] == 1
    await scene.changes(scene.olena, "delete", called["seq"])
    summary = await scene.summary(scene.taras)
    assert ("mentions" in summary, summary["unread"]) == (False, 1)
    again = await scene.says(scene.olena, "@Taras", mentions=["u-taras"])
    await scene.taras.send({"type": "read", "room": scene.room, "seq": again["seq"]})
    summary = await scene.summary(scene.taras)
    assert ("mentions" in summary, summary["unread"]) == (False, 0)
    assert await scene.own_log(scene.taras, "taras") == [("mention", called["seq"]), ("mention", again["seq"])]


async def test_who_is_in_a_thread_is_told_of_what_is_said_there_and_nobody_else(scene: Scene) -> None:
    first = await scene.says(scene.taras, "yes", thread=1)
    second = await scene.says(scene.olena, "good", thread=1)
    assert await scene.own_log(scene.olena, "olena") == [("reply", first["seq"])]
    assert await scene.own_log(scene.taras, "taras") == [("reply", second["seq"])]
    assert await scene.own_log(scene.vira, "vira") == []


async def test_a_direct_message_stands_in_the_other_s_own_log(home: Deployment, scene: Scene) -> None:
    joined = await ask(scene.olena, "joined", type="direct", id=next(_ids), users=["u-taras"])
    direct = Scene(joined["room"], scene.olena, scene.taras, scene.vira)
    said = await direct.says(scene.olena, "between us")
    assert await direct.own_log(scene.taras, "taras") == [("direct", said["seq"])]
    assert await direct.own_log(scene.olena, "olena") == []


async def test_a_level_is_told_to_all_one_s_sessions_and_stands_in_the_list(home: Deployment, scene: Scene) -> None:
    async with home.wire("taras") as phone:
        await ask(phone, "joined", type="join", room=scene.room)
        answer = await ask(scene.taras, "notify", type="notify", room=scene.room, level="mentions")
        assert (answer["room"], answer["level"]) == (scene.room, "mentions")
        assert await phone.of("notify") == {"type": "notify", "room": scene.room, "level": "mentions"}
        assert (await scene.summary(phone))["notify"] == "mentions"
        await ask(phone, "notify", type="notify", room=scene.room, level="all")
        assert "notify" not in await scene.summary(phone)
    assert await refused(scene.taras, type="notify", room="nowhere-at-all", level="all") == "no_such_room"
