"""A client at the level of RFC 6455: it sends what it is told, in pieces or broken, reads when asked, and answers
pings only if it is meant to."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

PATIENCE_S = 20


class Wire:
    """`response`: the answer to the handshake. `closed`: the close code once there is one, 1006 where it just ended,
    `reset` where that was by a TCP reset. `pings`: the server's, so far."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    def __init__(self, url: str, answers_pings: bool, origin: str | None) -> None:
        self._protocol = ClientProtocol(parse_uri(url), origin=origin, max_size=None)  # type: ignore[arg-type]
        self._answers_pings = answers_pings
        self._frames: deque[dict[str, Any]] = deque()
        self.response: Response
        self.closed: int | None = None
        self.reset = False
        self.reason = ""
        self.pings = 0

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        answers_pings: bool = True,
        origin: str | None = None,
        receive_bytes: int | None = None,
    ) -> Self:
        """`receive_bytes`: of the socket's own buffer, for a client that is slow. Raises `InvalidStatus` where
        refused."""
        wire = cls(url, answers_pings, origin)
        sock = socket.socket()
        sock.setblocking(False)
        if receive_bytes is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await asyncio.get_running_loop().sock_connect(sock, (urlsplit(url).hostname, urlsplit(url).port))
        wire._reader, wire._writer = await asyncio.open_connection(sock=sock, limit=receive_bytes or 1 << 16)
        wire._protocol.send_request(wire._protocol.connect())
        wire._flush()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not hasattr(wire, "response"):
                    await wire._read()
            if wire._protocol.handshake_exc is not None:
                raise wire._protocol.handshake_exc
        except BaseException:
            wire.abort()
            raise
        return wire

    async def send(self, frame: object) -> None:
        """One JSON frame."""
        await self.text(json.dumps(frame, ensure_ascii=False).encode())

    async def text(self, data: bytes) -> None:
        """A text frame of these bytes, whatever they are."""
        self._protocol.send_text(data)
        await self._sent()

    async def binary(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        await self._sent()

    async def pieces(self, *parts: bytes, ping_between: bool = False) -> None:
        """A text frame in fragments (RFC 6455, 5.4), with control frames between them if wanted."""
        for position, part in enumerate(parts):
            fin = position == len(parts) - 1
            if position == 0:
                self._protocol.send_text(part, fin=fin)
            else:
                self._protocol.send_continuation(part, fin=fin)
            await self._sent()
            if ping_between:
                self._protocol.send_ping(b"between")
                await self._sent()

    async def raw(self, data: bytes) -> None:
        """Bytes, as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def frame(self) -> dict[str, Any]:
        """The next frame. Fails where the connection ends first."""
        async with asyncio.timeout(PATIENCE_S):
            while not self._frames:
                assert self.closed is None, f"closed: {self.closed} {self.reason}"
                await self._read()
        return self._frames.popleft()

    async def of(self, *types: str) -> dict[str, Any]:
        """The next frame of one of these types; the others on the way are dropped."""
        while (frame := await self.frame())["type"] not in types:
            pass
        return frame

    async def close(self) -> int:
        """Reads to the end; gives the close code. What came before it can still be read by `frame`."""
        async with asyncio.timeout(PATIENCE_S):
            while self.closed is None:
                await self._read()
        return self.closed

    async def works(self) -> None:
        """The next good frame works."""
        await self.send({"type": "ping", "ref": "works"})
        assert await self.of("pong") == {"type": "pong", "ref": "works"}

    async def pong_unread(self) -> None:
        """Answers the server's next ping, without letting the loop go on afterwards."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.pings:
                await self._read()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def _sent(self) -> None:
        self._flush()
        await self._writer.drain()

    async def _read(self) -> None:
        try:
            data = await self._reader.read(1 << 16)
        except ConnectionResetError:
            self.reset, data = True, b""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
            if self.closed is None and not hasattr(self, "response"):
                raise ConnectionError("the connection ended without an answer to the handshake")
            self.closed = self.closed or 1006
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self.response = event
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._frames.append(json.loads(bytes(event.data)))
            elif isinstance(event, Frame) and event.opcode is Opcode.PING:
                self.pings += 1
            elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                self.closed = int.from_bytes(bytes(event.data[:2]))
                self.reason = bytes(event.data[2:]).decode()
        out = self._protocol.data_to_send()
        if self._answers_pings and not self._writer.is_closing():
            self._writer.writelines(data for data in out if data)

    def _flush(self) -> None:
        self._writer.writelines(data for data in self._protocol.data_to_send() if data)
