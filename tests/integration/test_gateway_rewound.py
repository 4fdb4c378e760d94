"""The store goes back under services that stay up: a snapshot is restored, a replica that lagged takes over. The epoch
is the same, and the room has less than the router and the gateway have seen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.client import Client
from tests.integration.gateway_deployment import PATIENCE_S, Deployment, deployed, eventually

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path, frames_per_s=0) as deployment:
        yield deployment


def go_back(folder: Path, room: str, seq: int) -> None:
    """The room is what it was at `seq`."""
    with sqlite3.connect(folder / "homin.db") as db:
        (id,) = db.execute("SELECT id FROM rooms WHERE name = ?", (room,)).fetchone()
        db.execute("DELETE FROM messages WHERE room_id = ? AND seq > ?", (id, seq))
        db.execute("UPDATE members SET read_seq = min(read_seq, ?) WHERE room_id = ?", (seq, id))
        db.execute("UPDATE rooms SET seq = ? WHERE id = ?", (seq, id))
    db.close()


def held(client: Client, room: str) -> list[str]:
    return [message.text for message in client.room(room).log.messages]


async def talked(*clients: Client) -> None:
    for client in clients:
        await client.join("r", 0)
    for n in range(1, 12):
        await clients[0].chat("r", f"old {n}")
    for client in clients:
        await client.caught_up("r", 11)


async def test_what_is_said_after_the_store_went_back_reaches_everybody(home: Deployment, tmp_path: Path) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        await talked(olena, taras)
        go_back(tmp_path, "r", 5)
        async with asyncio.timeout(PATIENCE_S):
            said = await olena.chat("r", "new")
            expected = [*(f"old {n}" for n in range(1, 6)), "new"]
            await taras.until(lambda: held(taras, "r") == expected)
            await olena.until(lambda: held(olena, "r") == expected)
        assert said.seq == 6
        await taras.chat("r", "and more")
        await eventually(lambda: held(olena, "r") == held(taras, "r") == [*expected, "and more"])
        assert len(home.logged("the message store went back; clients start anew")) == 1


async def test_a_router_that_comes_with_fresh_eyes_does_not_hide_it(home: Deployment, tmp_path: Path) -> None:
    """Nobody but the gateway remembers what there was."""
    async with home.client("olena") as olena, home.client("taras") as taras:
        await talked(olena, taras)
        go_back(tmp_path, "r", 5)
        async with home.wire("vira") as wire:  # loads the room, and is the first to speak
            await wire.send({"type": "join", "room": "r"})
            assert (await wire.of("joined"))["seq"] == 5
            await wire.send({"type": "chat", "room": "r", "id": "v", "text": "new"})
            expected = [*(f"old {n}" for n in range(1, 6)), "new"]
            async with asyncio.timeout(PATIENCE_S):
                await taras.until(lambda: held(taras, "r") == expected)
                await olena.until(lambda: held(olena, "r") == expected)


async def test_a_message_that_is_told_again_makes_nobody_start_anew(home: Deployment, tmp_path: Path) -> None:
    async with home.client("olena") as olena, home.client("taras") as taras:
        await talked(olena, taras)
        connection = taras.connection
        await home.bus.cut()  # the mailbox is declared anew, and the router says again what it may have missed
        await olena.chat("r", "and on")
        await taras.caught_up("r", 12)
        assert taras.connection == connection
        assert not home.logged("the message store went back; clients start anew")
