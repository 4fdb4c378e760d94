"""`resume` through a gateway and a router, end to end. docs/protocol.md, both tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.gateway_deployment import Deployment, deployed
from tests.integration.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")
_names = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path_factory.mktemp("resume"), frames_per_s=0) as deployment:
        yield deployment


@pytest.fixture
def rooms() -> list[str]:
    """Enough for every shard to have some."""
    turn = next(_names)
    return [f"кімната-{turn}-{n}" for n in range(60)]


async def resumed(wire: Wire, rooms: dict[str, int]) -> dict[str, dict[str, Any]]:
    """What is said of each room, in however many frames."""
    await wire.send({"type": "resume", "rooms": [{"room": r, "after": n} for r, n in rooms.items()], "ref": "back"})
    told: dict[str, dict[str, Any]] = {}
    while len(told) < len(rooms):
        frame = await wire.of("resumed", "error")
        assert (frame["type"], frame["ref"]) == ("resumed", "back"), frame
        named = {room["room"]: room for room in frame["rooms"]}
        assert not named.keys() & told.keys(), "each room is named once"
        told |= named
    return told


async def joined(wire: Wire, rooms: list[str]) -> None:
    for room in rooms:
        await wire.send({"type": "join", "room": room})
        await wire.of("joined")


async def test_all_rooms_come_back_with_what_was_missed_and_go_on(home: Deployment, rooms: list[str]) -> None:
    async with home.wire("olena") as wire:
        await joined(wire, rooms)
    async with home.client("taras") as taras:
        await asyncio.gather(*(taras.join(room) for room in rooms))
        await asyncio.gather(*(taras.chat(room, f"in {room}") for room in rooms[::2]))
        async with home.wire("olena") as wire:
            told = await resumed(wire, dict.fromkeys(rooms, 0))
            assert {room: [m["text"] for m in told[room]["messages"]] for room in rooms} == {
                room: [f"in {room}"] if n % 2 == 0 else [] for n, room in enumerate(rooms)
            }
            assert {(told[room]["members"], told[room]["more"]) for room in rooms} == {(2, False)}
            for room in rooms[:5]:
                await taras.chat(room, "and on")
            live = [await wire.of("message") for _ in range(5)]
            assert [(m["room"], m["text"]) for m in live] == [(room, "and on") for room in rooms[:5]]


async def test_a_room_that_one_has_left_or_that_is_not_there_is_refused_alone(
    home: Deployment, rooms: list[str]
) -> None:
    here, gone, never = rooms[:3]
    async with home.wire("olena") as wire:
        await joined(wire, [here, gone])
        await wire.send({"type": "leave", "room": gone})
        await wire.of("left")
    async with home.wire("olena") as wire:
        told = await resumed(wire, {here: 0, gone: 0, never: 4})
        assert told[here]["seq"] == 0
        assert [told[room]["error"]["code"] for room in (gone, never)] == ["not_joined", "no_such_room"]
        await wire.send({"type": "rooms"})
        listed = {summary["room"] for summary in (await wire.of("rooms"))["rooms"]}
        assert here in listed
        assert not {gone, never} & listed


async def test_too_many_rooms_or_one_twice_is_no_frame(home: Deployment, rooms: list[str]) -> None:
    async with home.wire("olena") as wire:
        for wrong in ([f"r-{n}" for n in range(501)], [rooms[0], rooms[0]], []):
            await wire.send({"type": "resume", "rooms": [{"room": room, "after": 0} for room in wrong]})
            assert (await wire.of("error"))["code"] == "invalid_frame"
        assert await resumed(wire, {f"r-{n}": 0 for n in range(500)})


async def test_a_client_comes_back_to_all_of_its_rooms(home: Deployment, rooms: list[str]) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        for client in (olena, taras):
            await asyncio.gather(*(client.join(room) for room in rooms))
        olena.cut()
        await asyncio.gather(*(taras.chat(room, "meanwhile") for room in rooms))
        for room in rooms:
            await olena.caught_up(room, 1)
            assert [m.text for m in olena.room(room).log.messages] == ["meanwhile"]
