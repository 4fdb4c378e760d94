"""What is older than a room keeps it is gone for everybody, over gateway and router, real sockets and real files. The
router's clock is the tests'. docs/protocol.md, "How long it is kept"."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from services.router import wiring
from shared.runtime.database import open_engine
from tests.integration.gateway_deployment import Deployment, deployed, eventually
from tests.integration.test_rooms_of_some import ask, private, refused
from tests.integration.wire import Wire
from tests.unit.files import samples

DAY_S = 86_400.0
PNG = f"data:image/png;base64,{b64encode(samples.PNG).decode()}"
OFTEN: dict[str, Any] = {"beat_s": 0.1, "silent_s": 60, "router_keep_look_s": 0.05, "router_keep_entries": 3}
_ids = (f"k-{number}" for number in count(1))
Frame = dict[str, Any]


class Scene:
    """Olena, whose room it is, and Taras, who is in it, too. `rooms`: what is stored of each."""

    def __init__(self, home: Deployment, folder: Path, room: str, olena: Wire, taras: Wire) -> None:
        self.home, self.room, self.olena, self.taras = home, room, olena, taras
        self._engine = open_engine(f"sqlite:///{folder}/homin.db")
        self._ahead_s = 0.0

    def now(self) -> float:
        return time.time() + self._ahead_s

    def pass_days(self, days: float) -> None:
        self._ahead_s += days * DAY_S

    async def says(self, *texts: str, **fields: Any) -> list[int]:
        said = [
            await ask(self.olena, "message", type="chat", room=self.room, id=next(_ids), text=text, **fields)
            for text in texts
        ]
        return [each["seq"] for each in said]

    async def keeps(self, days: int) -> None:
        await ask(self.olena, "change", type="settings", room=self.room, id=next(_ids), keep_days=days)

    async def page(self, wire: Wire, **asked: Any) -> Frame:
        return await ask(wire, "history", type="history", room=self.room, **asked)

    async def begins_at(self, first: int) -> None:
        while (await self.page(self.taras, limit=1)).get("first", 1) < first:
            pass

    async def rows(self) -> list[int]:
        """The numbers of the entries that are stored."""
        of_room = "FROM {} WHERE room_id = (SELECT id FROM rooms WHERE name = :room)"
        both = " UNION ".join(f"SELECT seq {of_room.format(table)}" for table in ("messages", "changes"))
        async with self._engine.connect() as db:
            return [row.seq for row in await db.execute(text(f"{both} ORDER BY seq"), {"room": self.room})]

    async def rows_are(self, wanted: list[int]) -> None:
        while await self.rows() != wanted:
            pass

    async def close(self) -> None:
        await self._engine.dispose()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def scene_of(
    stack: AsyncExitStack, folder: Path, monkeypatch: pytest.MonkeyPatch, is_private: bool = False, **changed: Any
) -> Scene:
    ahead: list[Scene] = []
    clock = SimpleNamespace(time=lambda: ahead[0].now() if ahead else time.time(), monotonic=time.monotonic)
    monkeypatch.setattr(wiring, "time", clock)
    home = await stack.enter_async_context(deployed(folder, files=True, frames_per_s=0, **OFTEN, **changed))
    wires = [await stack.enter_async_context(home.wire(name)) for name in ("olena", "taras")]
    room = "кімната"
    for wire in wires:
        await ask(wire, "joined", type="join", room=room)
    if is_private:
        room = await private(wires[0], "taras")
        await ask(wires[1], "joined", type="join", room=room)
    scene = Scene(home, folder, room, *wires)
    stack.push_async_callback(scene.close)
    ahead.append(scene)
    return scene


async def test_what_is_older_than_the_owner_says_is_gone_by_every_door_and_from_the_store(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(stack, tmp_path, monkeypatch)
    await scene.says("one", "two", "three")
    await ask(scene.taras, "change", type="react", room=scene.room, id=next(_ids), of=1, emoji="👍", on=True)
    scene.pass_days(31)
    await scene.says("five")
    await scene.keeps(30)
    await scene.begins_at(5)
    listed = {"after": [5, 6], "before": [5]}
    for asked, numbers in (({"after": 0}, "after"), ({"after": 3}, "after"), ({"before": 7}, "before")):
        page = await scene.page(scene.taras, **asked)
        assert ([m["seq"] for m in page["messages"]], page["first"], page["more"]) == (listed[numbers], 5, False)
    assert (await scene.page(scene.taras, before=5))["messages"] == []
    joined = await ask(scene.taras, "joined", type="join", room=scene.room, after=1)
    assert ([m["seq"] for m in joined["messages"]], joined["first"], joined["keep_days"]) == ([5, 6], 5, 30)
    resumed = await ask(scene.taras, "resumed", type="resume", rooms=[{"room": scene.room, "after": 2}])
    (room,) = resumed["rooms"]
    assert ([m["seq"] for m in room["messages"]], room["first"], room["more"]) == ([5, 6], 5, False)
    await scene.rows_are([5, 6])
    assert (await scene.page(scene.taras, after=0))["first"] == 5


async def test_what_is_gone_cannot_be_answered_or_changed(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(stack, tmp_path, monkeypatch, keep_days=7)
    await scene.says("one", "two")
    scene.pass_days(8)
    await scene.says("three")
    await scene.begins_at(3)
    for frame in (
        {"type": "chat", "text": "so?", "reply_to": 1}, {"type": "chat", "text": "so?", "thread": 2},
        {"type": "edit", "of": 1, "text": "anew"}, {"type": "delete", "of": 2},
        {"type": "react", "of": 1, "emoji": "👍", "on": True}, {"type": "pin", "of": 2, "on": True},
    ):  # fmt: skip
        assert await refused(scene.olena, room=scene.room, id=next(_ids), **frame) == "no_such_message"
    await scene.rows_are([3])
    assert await scene.says("four", reply_to=3) == [4]


async def test_the_deployment_s_days_hold_where_a_room_says_nothing_and_clients_are_told(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(stack, tmp_path, monkeypatch, keep_days=90)
    wire = await stack.enter_async_context(scene.home.wire())
    await wire.send({"type": "auth", "token": scene.home.token("vira")})
    assert (await wire.frame())["keep_days"] == 90
    await scene.says("one")
    scene.pass_days(91)
    await scene.says("two")
    await scene.begins_at(2)
    await scene.keeps(365)
    scene.pass_days(300)
    await scene.says("four")
    await scene.keeps(0)
    await scene.begins_at(4)


async def test_a_file_that_is_too_old_is_gone_with_its_bytes_in_a_private_room_as_well(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(stack, tmp_path, monkeypatch, is_private=True, keep_days=30)
    (begun,) = [m["seq"] for m in (await scene.page(scene.olena, after=0))["messages"][-1:]]
    urls = []
    for days in (0, 20):
        scene.pass_days(days)
        message = await ask(
            scene.olena, "message", type="file", room=scene.room, id=next(_ids), name="cat.png", data=PNG
        )
        urls.append(message["file"]["url"])
    scene.pass_days(11)
    await scene.begins_at(begun + 2)
    await scene.rows_are([begun + 2])
    headers = {"Authorization": f"Bearer {scene.home.token('taras')}"}
    async with scene.home.http() as http:
        while (await http.get(urls[0], headers=headers)).status_code != 404:
            pass
        assert (await http.get(urls[1], headers=headers)).content == samples.PNG
    stranger = await stack.enter_async_context(scene.home.wire("vira"))
    assert await refused(stranger, type="history", room=scene.room, after=0) == "no_such_room"


async def test_a_client_that_was_away_goes_on_at_the_first_and_lets_the_rest_go(
    stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = await scene_of(stack, tmp_path, monkeypatch, keep_days=30)
    client = await stack.enter_async_context(scene.home.client("iryna"))
    await client.join(scene.room, after=0)
    await scene.says("one", "two", "three")
    log = client.room(scene.room).log
    await eventually(lambda: log.whole == 3)
    scene.pass_days(31)
    await scene.says("four", "five")
    await scene.begins_at(4)
    client.cut()
    await eventually(lambda: log.first == 4 and log.is_whole)
    assert [message.seq for message in log.messages] == [4, 5]
