"""The lean client sees every frame and every byte, compressed or not, however TCP cuts them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

from tests.bench.line import Line

SHARED = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)


async def room(connection: ServerConnection) -> None:
    """Welcomes `good`; repeats each chat; pings at a join, and says `joined` when the pong is there."""
    async for text in connection:
        frame = json.loads(text)
        match frame["type"]:
            case "auth" if frame["token"] == "good":
                await connection.send('{"type":"welcome"}')
            case "auth":
                await connection.send('{"type":"error","code":"unauthorized"}')
            case "join":
                await (await connection.ping(b"are you there"))
                await connection.send('{"type":"presence"}')
                await connection.send('{"type":"joined"}')
            case "chat":
                await connection.send(json.dumps({"type": "message", "text": frame["text"]}, separators=(",", ":")))
            case "leave":
                await connection.close(4003, "full")


@asynccontextmanager
async def served(deflates: bool) -> AsyncIterator[str]:
    extensions = [SHARED] if deflates else None
    async with serve(room, "127.0.0.1", 0, extensions=extensions, compression=None) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"


@pytest.mark.parametrize("deflate", [False, True])
async def test_every_frame_is_seen_whatever_its_size(deflate: bool) -> None:
    async with served(deflates=deflate) as url:
        line = Line(url, deflate, reads=True)
        await line.open("good")
        for size in (1, 125, 126, 200, 65_535, 65_536, 300_000):
            text = "гомін " * (size // 6) + "x" * (size % 6)
            answer = await line.ask({"type": "chat", "text": text}, b'"type":"message"')
            assert json.loads(answer)["text"] == text
        assert (line.frames, line.messages) == (8, 7)
        line.close()


async def test_a_ping_is_answered_and_other_frames_do_not_answer_a_question() -> None:
    async with served(deflates=False) as url:
        line = Line(url)
        await line.open("good")
        assert await line.ask({"type": "join"}, b'"type":"joined"') == b'{"type":"joined"}'
        assert line.frames == 3
        line.close()


async def test_compression_shows_in_the_bytes_and_only_where_both_sides_want_it() -> None:
    received = {}
    for server, client in ((False, False), (True, False), (False, True), (True, True)):
        async with served(deflates=server) as url:
            line = Line(url, deflate=client)
            await line.open("good")
            before = line.received
            await line.ask({"type": "chat", "text": "the same again, " * 500}, b'"type":"message"')
            received[server, client] = line.received - before
            assert ("permessage-deflate" in line.agreed) == (server and client)
            line.close()
    plain = received.pop((False, False))
    assert received.pop((True, True)) < plain / 20
    assert set(received.values()) == {plain}


async def test_a_refusal_and_an_end_are_errors_with_the_reason() -> None:
    async with served(deflates=False) as url:
        refused = Line(url)
        with pytest.raises(ConnectionError, match="unauthorized"):
            await refused.open("bad")
        refused.close()
        line = Line(url)
        await line.open("good")
        with pytest.raises(ConnectionError, match="4003 full"):
            await asyncio.wait_for(line.ask({"type": "leave"}, b"joined"), 10)
