"""Compression on a connection (permessage-deflate, RFC 7692): agreed on without context, made once for everybody, and
only where it saves something."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame

from services.gateway.framing import WINDOW_BITS, Framing
from tests.integration.gateway_deployment import Deployment, deployed

LONG = "Добрий ранок, я вже на місці. " * 100


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployed(tmp_path, frames_per_s=0) as deployment:
        yield deployment


class Counting(ClientPerMessageDeflateFactory):
    """An offer whose outcome counts the compressed messages that come."""

    compressed = 0

    def process_response_params(self, *arguments: Any) -> PerMessageDeflate:
        agreed = super().process_response_params(*arguments)
        decode, factory = agreed.decode, self

        def counted(frame: Frame, **options: Any) -> Frame:
            factory.compressed += frame.rsv1
            return decode(frame, **options)

        agreed.decode = counted  # type: ignore[method-assign]
        return agreed


async def welcomed(home: Deployment, user: str, offer: ClientPerMessageDeflateFactory | None) -> ClientConnection:
    line = await connect(home.ws, compression=None, extensions=[offer] if offer else None)
    await line.send(json.dumps({"type": "auth", "token": home.token(user)}))
    await line.recv()
    await line.send(json.dumps({"type": "join", "room": "hall"}))
    await until(line, "joined")
    return line


async def until(line: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(await line.recv())
        if frame["type"] == kind:
            return frame


async def test_a_long_message_is_compressed_for_who_asks_and_a_short_one_for_nobody(home: Deployment) -> None:
    offer = Counting(client_max_window_bits=True)
    olena, taras = await welcomed(home, "olena", offer), await welcomed(home, "taras", None)
    async with olena, taras:
        before = offer.compressed
        for n, text in enumerate(("short", LONG)):
            await taras.send(json.dumps({"type": "chat", "room": "hall", "id": f"m{n}", "text": text}))
            assert (await until(olena, "message"))["text"] == text
            assert (await until(taras, "message"))["text"] == text
            assert offer.compressed - before == n, "the second only"


async def test_what_a_client_compresses_is_read(home: Deployment) -> None:
    async with await welcomed(home, "olena", ClientPerMessageDeflateFactory()) as olena:
        await olena.send(json.dumps({"type": "chat", "room": "hall", "id": "1", "text": LONG}))
        assert (await until(olena, "message"))["text"] == LONG


async def test_a_small_frame_that_would_unpack_into_a_large_one_closes_with_1009(home: Deployment) -> None:
    async with await welcomed(home, "olena", ClientPerMessageDeflateFactory()) as olena:
        await olena.send("x" * (4 << 20))
        with pytest.raises(ConnectionClosed) as closed:
            await until(olena, "nothing")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_client_with_a_smaller_window_gets_plain_messages_that_it_can_read(home: Deployment) -> None:
    offer = Counting(server_max_window_bits=WINDOW_BITS - 2)
    async with await welcomed(home, "olena", offer) as olena:
        await olena.send(json.dumps({"type": "chat", "room": "hall", "id": "1", "text": LONG}))
        assert (await until(olena, "message"))["text"] == LONG
    assert offer.compressed == 0


async def test_it_can_be_switched_off(tmp_path: Path) -> None:
    async with deployed(tmp_path, gateway_compress_bytes=0) as home, connect(home.ws) as line:
        assert line.protocol.extensions == []


def test_many_frames_are_compressed_each_by_itself_and_once_for_all() -> None:
    framed = Framing(100).framed(b"a" * 1_000, b"short", b"b" * 1_000)
    assert framed.deflated is framed.deflated
    assert len(framed.deflated) < 100 < len(framed.plain)
    assert b"short" in framed.deflated
