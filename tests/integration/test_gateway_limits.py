"""What one client may cost: the rate of its frames, the bytes that wait for it, its silence. And a gateway that
closes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from services.gateway.deliver import Deliver
from services.gateway.hub import Hub
from services.gateway.service import TURN_BYTES
from services.gateway.websocket import PIECE
from shared.client import Lost, Typing
from shared.protocol.bus import Fanout
from shared.protocol.codec import encode, pack
from tests.integration.gateway_deployment import Deployment, deployed, eventually
from tests.integration.wire import Wire


async def test_who_sends_too_fast_is_told_when_to_go_on(tmp_path: Path) -> None:
    async with deployed(tmp_path, frames_per_s=10, frames_burst=5) as home, home.wire("fast") as fast:
        for n in range(7):  # `auth` took one, too
            await fast.send({"type": "ping", "ref": str(n)})
        answers = [await fast.frame() for _ in range(7)]
        assert [a["type"] for a in answers] == ["pong"] * 4 + ["error"] * 3
        for n, error in enumerate(answers[4:], 4):
            assert (error["code"], error["retryable"], error["ref"]) == ("rate_limited", True, str(n))
            assert 0 < error["retry_after_ms"] <= 100
        again = time.monotonic() + answers[-1]["retry_after_ms"] / 1000
        await eventually(lambda: time.monotonic() > again)
        await fast.works()


async def test_a_client_that_obeys_gets_everything_through_in_order(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=100, frames_burst=5) as home,
        home.client("olena", keep=None) as olena,
    ):
        await olena.join("r")
        sent = [olena.chat("r", str(n)) for n in range(60)]
        assert [(await each).seq for each in sent] == list(range(1, 61))
        assert [m.text for m in olena.room("r").log.messages] == [str(n) for n in range(60)]


async def test_typing_and_read_marks_beyond_the_rate_are_dropped_without_a_word(tmp_path: Path) -> None:
    async with deployed(tmp_path, frames_per_s=0.1, frames_burst=5) as home, home.wire("fast") as fast:
        await fast.send({"type": "join", "room": "r"})
        await fast.of("joined")
        for _ in range(4):
            await fast.send({"type": "typing", "room": "r"})
            await fast.send({"type": "read", "room": "r", "seq": 0})
        await fast.send({"type": "ping", "ref": "last"})
        error = await fast.frame()
        assert (error["code"], error["ref"]) == ("rate_limited", "last")
        assert len(home.logged("refused")) == 1


async def test_a_flood_of_one_client_costs_the_others_nothing(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=20, frames_burst=40) as home,
        home.wire("flood", answers_pings=False) as flood,
        home.client("olena") as olena,
    ):
        await olena.join("r")
        chat = b'{"type":"chat","room":"nowhere","id":"1","text":"' + b"x" * 1000 + b'"}'

        async def pour() -> None:
            while flood.closed is None:
                await flood.text(chat)

        pouring = asyncio.create_task(pour())
        try:
            for n in range(1, 31):
                async with asyncio.timeout(2):
                    assert (await olena.chat("r", "x")).seq == n
        finally:
            pouring.cancel()
        await asyncio.gather(pouring, return_exceptions=True)
        # It is not told of every frame that is refused, nor is the log.
        assert len(home.logged("refused", code="rate_limited")) < 200


async def test_a_room_in_which_too_much_is_said_is_refused_and_the_others_are_not(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=0, room_frames_per_s=0.001, room_frames_burst=3) as home,
        home.wire("olena") as olena,
    ):
        for room in ("hot", "quiet"):
            await olena.send({"type": "join", "room": room})
            await olena.of("joined")
        for n in range(5):
            await olena.send({"type": "chat", "room": "hot", "id": str(n), "text": "x"})
        await olena.send({"type": "chat", "room": "quiet", "id": "quiet", "text": "x"})
        await olena.send({"type": "history", "room": "hot", "ref": "reading is not speaking"})
        answers = [await olena.of("message", "error", "history") for _ in range(7)]
        refused = [a for a in answers if a["type"] == "error"]
        assert [(a["code"], a["ref"]) for a in refused] == [("rate_limited", "3"), ("rate_limited", "4")]
        assert all(a["retry_after_ms"] >= 500 for a in refused)
        assert {a["id"] for a in answers if a["type"] == "message"} == {"0", "1", "2", "quiet"}
        assert [len(a["messages"]) for a in answers if a["type"] == "history"] == [3]


@asynccontextmanager
async def turns_of_the_loop() -> AsyncIterator[list[int]]:
    """Its only element counts them."""
    turns = [0]

    async def count() -> None:
        while True:
            await asyncio.sleep(0)
            turns[0] += 1

    counting = asyncio.create_task(count())
    try:
        yield turns
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)


async def test_between_deliveries_the_gateway_sees_to_its_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    when: list[int] = []
    async with deployed(tmp_path) as home, home.client("olena") as olena, turns_of_the_loop() as turns:
        await olena.join("r")
        deliver = Deliver.body

        def noted(self: Deliver, data: bytes) -> None:
            when.append(turns[0])
            deliver(self, data)

        monkeypatch.setattr(Deliver, "body", noted)
        name = b"x" * (TURN_BYTES // 8)
        frame = b'{"type":"typing","room":"r","user":{"id":"u-taras","name":"%b"}}' % name
        body = encode("test", [pack(Fanout(room="r", first=None, sizes=[len(frame)]))], [frame])
        told = olena.events()
        for _ in range(100):
            home.broker.publish(home.gateway._started.forward.address, body)
        for _ in range(100):
            while not isinstance(await anext(told), Typing):
                pass
    assert max(Counter(when).values()) <= 10


async def test_what_comes_in_one_piece_is_handled_in_order_and_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the gateway takes at a time, with the end of the connection right behind it."""
    when: Counter[int] = Counter()
    async with (
        deployed(tmp_path, frames_per_s=0) as home,
        home.wire("olena") as olena,
        home.client("taras") as taras,
        turns_of_the_loop() as turns,
    ):
        forward = Hub.forward_frame

        def noted(self: Hub, *frame: Any) -> None:
            when[turns[0]] += 1
            forward(self, *frame)

        monkeypatch.setattr(Hub, "forward_frame", noted)
        await olena.send({"type": "join", "room": "r"})
        await olena.of("joined")
        await taras.join("r")
        for n in range(900):
            text = f"{n} " + "x" * 300
            olena._protocol.send_text(f'{{"type":"chat","room":"r","id":"{n}","text":"{text}"}}'.encode())
        data = b"".join(olena._protocol.data_to_send())
        assert len(data) > 10 * PIECE
        await olena.raw(data)
        await taras.caught_up("r", 800)
        olena._writer.write_eof()
        await taras.caught_up("r", 900)
        assert max(when.values()) < 150
        assert [m.text.split()[0] for m in taras.room("r").log.messages] == [str(n) for n in range(900)]


async def test_a_client_that_shows_no_life_is_closed(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, server_ping_s=1) as home,
        home.wire("dead", answers_pings=False) as dead,
        home.wire("alive") as alive,
    ):
        reading = asyncio.create_task(alive.close())
        assert await dead.close() == 4004
        assert not reading.done()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await alive.works()


async def test_a_gateway_that_was_stopped_reads_before_it_judges(tmp_path: Path) -> None:
    """The answer to its ping lies unread while it is stopped."""
    async with deployed(tmp_path, server_ping_s=1.0) as home, home.wire("olena") as olena:
        await olena.pong_unread()
        time.sleep(4)  # the whole process stands still, as under SIGSTOP
        await olena.works()


async def test_a_client_that_reads_nothing_is_closed_and_the_others_notice_nothing(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=0, gateway_send_bytes=128 << 10) as home,
        home.wire("slow", receive_bytes=4096) as slow,
        home.client("olena", in_flight=16, keep=10) as olena,
        home.client("taras", keep=10) as taras,
    ):
        await slow.send({"type": "join", "room": "r"})
        await slow.of("joined")
        await olena.join("r")
        await taras.join("r")
        connection = next(c for c in home.gateway._started.connections if c.user and c.user.name == "slow")
        most, sent = 0, 0
        async with asyncio.timeout(60):
            while connection.socket.closed_with is None:
                last = [olena.chat("r", "x" * 8_000) for _ in range(16)]
                await asyncio.gather(*last)
                sent += 16
                most = max(most, connection.socket._transport.get_write_buffer_size())
        assert connection.socket.closed_with == 4002
        # What may wait, one batch more, and no further: nothing is written to it after the close.
        assert most < (128 << 10) + 16 * 8_300 + 4_096
        await taras.caught_up("r", sent)
        assert taras.connection == olena.connection == 1
        # It can still read what was sent, and why it was closed.
        assert await slow.close() == 4002


async def test_presence_and_typing_are_the_first_that_a_slow_client_loses(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=0, gateway_send_bytes=512 << 10) as home,
        home.wire("slow", receive_bytes=4096) as slow,
        home.client("olena", in_flight=16, keep=10) as olena,
    ):
        await slow.send({"type": "join", "room": "r"})
        await slow.of("joined")
        await olena.join("r")
        connection = next(c for c in home.gateway._started.connections if c.user and c.user.name == "slow")
        sent = 0
        async with asyncio.timeout(60):
            while connection.socket._transport.get_write_buffer_size() <= 300 << 10:
                await olena.chat("r", "x" * 8_000)
                sent += 1
        waiting = connection.socket._transport.get_write_buffer_size()
        for _ in range(200):
            olena.typing("r")
        await olena.chat("r", "the last")
        assert connection.socket.closed_with is None
        assert connection.socket._transport.get_write_buffer_size() < waiting + 1_000
        seen: list[int] = []
        while len(seen) <= sent:
            frame = await slow.frame()
            assert frame["type"] != "typing"
            if frame["type"] == "message":
                seen.append(frame["seq"])
        assert seen == list(range(1, sent + 2))


async def test_a_slow_client_that_has_caught_up_knows_who_is_there(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path, frames_per_s=0, gateway_send_bytes=512 << 10) as home,
        home.wire("slow", receive_bytes=4096) as slow,
        home.client("olena", in_flight=16, keep=10) as olena,
    ):
        async with home.client("taras") as taras:
            await taras.join("r")
            await slow.send({"type": "join", "room": "r"})
            await slow.of("joined")
            await olena.join("r")
            connection = next(c for c in home.gateway._started.connections if c.user and c.user.name == "slow")
            async with asyncio.timeout(60):
                while connection.socket._transport.get_write_buffer_size() <= 300 << 10:
                    await olena.chat("r", "x" * 8_000)
        async with asyncio.timeout(20):
            await olena.until(lambda: "u-taras" not in olena.room("r").online)
        online = {"u-slow", "u-taras"}
        while online != {"u-slow", "u-olena"}:
            told = await slow.of("presence")
            if "present" in told:
                online = {user["id"] for user in told["present"]}
            else:
                (online.add if told["online"] else online.discard)(told["user"]["id"])


async def drained(home: Deployment, *wires: Wire) -> None:
    for wire in wires:
        notice = await wire.of("reconnect")
        assert notice["after_ms"] >= 0
        assert await wire.close() == 4001


async def test_a_gateway_that_closes_sends_its_clients_elsewhere(tmp_path: Path) -> None:
    async with (
        deployed(tmp_path) as home,
        home.wire("a") as a,
        home.wire("b") as b,
        home.client("olena") as olena,
    ):
        await olena.join("r")
        told = olena.events()
        sent = [olena.chat("r", str(n)) for n in range(10)]
        draining = asyncio.create_task(home.gateway.drain())
        await drained(home, a, b)
        while not isinstance(lost := await anext(told), Lost):
            pass
        assert lost.code == 4001
        assert lost.retry_in_s is not None
        await draining
        assert not home.gateway._started.connections
        stored = [each.result().seq for each in sent if each.done()]
        assert stored == list(range(1, len(stored) + 1))


async def test_a_gateway_that_closes_takes_no_new_connections(tmp_path: Path) -> None:
    async with deployed(tmp_path, gateway_drain_s=2) as home, home.wire("a") as a, home.wire("b") as b:
        draining = asyncio.create_task(home.gateway.drain())
        await a.of("reconnect")
        with pytest.raises(InvalidStatus, match="503") as refused:
            await Wire.connect(home.ws)
        assert b'"code":"unavailable"' in bytes(refused.value.response.body or b"")
        await asyncio.gather(draining, a.close(), b.close())


async def test_clients_of_a_gateway_whose_mailbox_is_lost_lack_nothing(tmp_path: Path) -> None:
    async with deployed(tmp_path) as home, home.client("olena") as olena, home.client("taras") as taras:
        await olena.join("r")
        await taras.join("r")
        await olena.chat("r", "before")
        await home.bus.cut()
        await olena.chat("r", "after")
        await taras.caught_up("r", 2)
        assert [m.text for m in taras.room("r").log.messages] == ["before", "after"]
        assert taras.connection == olena.connection == 1
        for client in (olena, taras):
            room = client.room("r")
            await client.until(lambda: room.members == 2 and len(room.online) == 2)  # noqa: B023 (awaited here)
