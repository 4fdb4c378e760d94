"""Private rooms, direct rooms, roles and one's own log, through gateway, router and files service, over real sockets.
docs/protocol.md, "Rooms of some"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from shared.protocol.room_names import direct_room, own_room, private_room
from tests.integration.gateway_deployment import Deployment, deployed
from tests.integration.wire import Wire
from tests.unit.files import samples

pytestmark = pytest.mark.asyncio(loop_scope="module")
_ids = (f"id-{number}" for number in count(1))
Frame = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path_factory.mktemp("some"), frames_per_s=0, files=True) as deployment:
        async with (
            deployment.wire("olena") as olena,
            deployment.wire("taras") as taras,
            deployment.wire("vira") as vira,
        ):
            for wire in (olena, taras, vira):  # who has been in some room can be found and invited
                await ask(wire, "joined", type="join", room="lobby")
        yield deployment


async def ask(wire: Wire, answer: str, **frame: Any) -> Frame:
    """Sends `frame` and gives its answer, of this type."""
    ref = next(_ids)
    await wire.send({**frame, "ref": ref})
    while (heard := await wire.of(answer, "error")).get("ref") != ref:
        pass
    assert heard["type"] == answer, heard
    return heard


async def refused(wire: Wire, **frame: Any) -> str:
    return str((await ask(wire, "error", **frame))["code"])


async def private(wire: Wire, *users: str) -> str:
    """A private room of this client and these people."""
    joined = await ask(wire, "joined", type="create", id=next(_ids), title="Бюджет", users=[f"u-{u}" for u in users])
    return str(joined["room"])


async def settled(wire: Wire) -> list[Frame]:
    """All that it has heard up to now: it asks and reads to the answer."""
    ref, heard = next(_ids), []
    await wire.send({"type": "rooms", "ref": ref})
    while (frame := await wire.frame()).get("ref") != ref:
        heard.append(frame)
    return heard


async def test_whoever_is_invited_hears_of_it_at_once_and_comes_in(home: Deployment) -> None:
    async with home.wire("olena") as olena, home.wire("taras") as taras:
        own = await ask(taras, "joined", type="join", room=own_room("u-taras"))
        room = await private(olena, "taras")
        told = await taras.of("message")
        assert (told["room"], told["kind"], told["seq"]) == (own_room("u-taras"), "invited", own["seq"] + 1)
        assert told["about"] == {"room": room, "title": "Бюджет"}
        joined = await ask(taras, "joined", type="join", room=room)
        assert (joined["title"], joined["private"]) == ("Бюджет", True)
        assert joined["people"] == [
            {"id": "u-olena", "name": "olena", "role": "owner"}, {"id": "u-taras", "name": "taras"},
        ]  # fmt: skip
        await ask(olena, "message", type="chat", room=room, id=next(_ids), text="між нами")
        assert (await taras.of("message"))["text"] == "між нами"


async def test_a_create_that_is_sent_again_from_another_connection_is_the_same_room(home: Deployment) -> None:
    frame: Frame = {"type": "create", "id": next(_ids), "title": "Once", "users": ["u-taras"]}
    async with home.wire("olena") as first, home.wire("olena") as second:
        rooms = [(await ask(wire, "joined", **frame))["room"] for wire in (first, second, first)]
        assert set(rooms) == {private_room("u-olena", str(frame["id"]))}
        page = await ask(second, "history", type="history", room=rooms[0], after=0)
        assert [entry["kind"] for entry in page["messages"]] == ["room", "member", "member"]


async def test_whoever_is_removed_hears_left_on_every_session_and_nothing_after(home: Deployment) -> None:
    async with (
        home.wire("olena") as olena,
        home.wire("taras") as taras,
        home.wire("taras") as phone,
        home.wire("vira") as vira,
    ):
        room = await private(olena, "taras", "vira")
        for wire in (taras, phone, vira):
            await ask(wire, "joined", type="join", room=room)
        await ask(olena, "change", type="remove", room=room, id=next(_ids), user="u-taras")
        await ask(olena, "message", type="chat", room=room, id=next(_ids), text="without him")
        assert (await vira.of("message"))["text"] == "without him"
        for wire in (taras, phone):
            heard = [frame for frame in await settled(wire) if frame.get("room") == room]
            assert [frame["type"] for frame in heard if frame["type"] != "presence"] == ["left"]
            assert heard[-1] == {"type": "left", "room": room, "by": {"id": "u-olena", "name": "olena"}}
            for frame in (
                {"type": "join", "room": room}, {"type": "join", "room": room, "after": 1},
                {"type": "history", "room": room}, {"type": "chat", "room": room, "id": next(_ids), "text": "hey"},
            ):  # fmt: skip
                assert await refused(wire, **frame) == "no_such_room"
        listed = await ask(taras, "rooms", type="rooms")
        assert room not in [each["room"] for each in listed["rooms"]]


async def test_the_files_of_a_private_room_are_nobody_else_s(home: Deployment) -> None:
    def bearer(who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {home.token(who)}"}

    async with home.wire("olena") as olena, home.http() as http:
        room = await private(olena, "taras")
        content = {"file": ("cat.png", samples.PNG, "image/png")}
        stored = await http.post("/api/files", params={"room": room}, headers=bearer("taras"), files=content)
        assert stored.status_code == 201
        url = stored.json()["file"]["url"]
        assert (await olena.of("message"))["file"]["url"] == url
        assert (await http.get(url, headers=bearer("taras"))).content == samples.PNG

        nowhere = [
            await http.post("/api/files", params={"room": r}, headers=bearer("vira"), files=content)
            for r in (room, "~no")
        ]
        assert [answer.status_code for answer in nowhere] == [404, 404]
        assert nowhere[0].json() == nowhere[1].json()
        for id in (url, "/api/files/0123456789abcdef"):
            assert (await http.get(id, headers=bearer("vira"))).status_code == 404
        await ask(olena, "change", type="remove", room=room, id=next(_ids), user="u-taras")
        assert (await http.get(url, headers=bearer("taras"))).status_code == 404
        again = await http.post("/api/files", params={"room": room}, headers=bearer("taras"), files=content)
        assert (again.status_code, again.json()["code"]) == (404, "no_such_room")


async def test_two_who_open_a_direct_room_at_once_are_in_one(home: Deployment) -> None:
    async with home.wire("taras") as taras, home.wire("vira") as vira:
        both = await asyncio.gather(
            ask(taras, "joined", type="direct", id=next(_ids), users=["u-vira"]),
            ask(vira, "joined", type="direct", id=next(_ids), users=["u-taras"]),
        )
        room = direct_room(["u-vira", "u-taras"])
        assert [joined["room"] for joined in both] == [room, room]
        await ask(taras, "message", type="chat", room=room, id=next(_ids), text="привіт")
        assert (await vira.of("message"))["text"] == "привіт"
        (listed,) = [r for r in (await ask(vira, "rooms", type="rooms"))["rooms"] if r["room"] == room]
        assert listed["with"] == [{"id": "u-taras", "name": "taras"}]
        assert (listed["private"], listed["unread"]) == (True, 1)


async def test_a_stranger_cannot_be_written_to_and_people_can_be_found(home: Deployment) -> None:
    async with home.wire("olena") as olena:
        assert await refused(olena, type="direct", id=next(_ids), users=["u-nobody"]) == "no_such_user"
        assert await refused(olena, type="create", id=next(_ids), title="x", users=["u-nobody"]) == "no_such_user"
        found = await ask(olena, "people", type="people", q="Tar")
        assert found["people"] == [{"id": "u-taras", "name": "taras"}]


async def test_roles_and_settings_are_told_to_all_and_kept(home: Deployment) -> None:
    async with home.wire("olena") as olena, home.wire("taras") as taras:
        room = await private(olena, "taras")
        await ask(taras, "joined", type="join", room=room)
        assert await refused(taras, type="settings", room=room, id=next(_ids), title="Мій") == "forbidden"
        await ask(olena, "change", type="role", room=room, id=next(_ids), user="u-taras", role="moderator")
        change = await taras.of("change")
        assert (change["kind"], change["user"]["id"], change["role"]) == ("member", "u-taras", "moderator")
        await ask(taras, "change", type="settings", room=room, id=next(_ids), title="Наш\u202e")
        await ask(olena, "change", type="settings", room=room, id=next(_ids), posting="moderators", archived=True)
        change = await taras.of("change")
        assert (change["kind"], change["posting"], change["archived"]) == ("room", "moderators", True)
        assert await refused(taras, type="chat", room=room, id=next(_ids), text="hm") == "forbidden"
        joined = await ask(taras, "joined", type="join", room=room)
        assert {name: joined[name] for name in ("title", "posting", "archived", "role")} == {
            "title": "Наш", "posting": "moderators", "archived": True, "role": "moderator",
        }  # fmt: skip


async def test_one_s_own_log_is_listed_and_read_as_any_room(home: Deployment) -> None:
    own = own_room("u-ihor")
    async with home.wire() as ihor, home.wire("olena") as olena:
        await ihor.send({"type": "auth", "token": home.token("ihor")})
        assert (await ihor.of("welcome"))["me"] == own
        assert await refused(olena, type="join", room=own) == "no_such_room"
        assert (await ask(ihor, "joined", type="join", room=own))["seq"] == 0
        room = await private(olena, "ihor")
        told = await ihor.of("message")
        assert told["about"]["room"] == room
        await ihor.send({"type": "read", "room": own, "seq": told["seq"]})
        (mine,) = [r for r in (await ask(ihor, "rooms", type="rooms"))["rooms"] if r["room"] == own]
        assert (mine["seq"], mine["read_seq"], mine["unread"]) == (1, 1, 0)
        assert await refused(ihor, type="chat", room=own, id=next(_ids), text="note") == "forbidden"
