"""A client connection that costs its machine next to nothing, and sees every byte: thousands of them fit beside what
they measure. It speaks docs/protocol.md over RFC 6455, believes what it reads, and checks no more than it needs.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any
from urllib.parse import urlsplit

DEFLATE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"  # RFC 7692, 7.1.1
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
TAIL = b"\x00\x00\xff\xff"  # what a compressed message is sent without (RFC 7692, 7.2.1)


class Line(asyncio.Protocol):
    """`received`: bytes from the socket, as they came. `frames`: text frames. `agreed`: the extensions of the server's
    answer. `reads`: whether it looks into every frame, and counts `messages`, or only into those it waits for."""

    def __init__(self, url: str, deflate: bool = False, reads: bool = False) -> None:
        self._url, self._deflate, self._reads = url, deflate, reads
        self._buffer = b""
        self._waiting: tuple[bytes, asyncio.Future[bytes]] | None = None
        self._counting: tuple[int, asyncio.Future[None]] | None = None
        self._shaken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = False
        self.received = self.frames = self.messages = 0
        self.agreed = ""
        self.closed: str | None = None

    async def open(self, token: str) -> None:
        """Connects, and returns when the server has welcomed the token. Raises `ConnectionError`."""
        place = urlsplit(self._url)
        assert place.hostname is not None
        await asyncio.get_running_loop().create_connection(lambda: self, place.hostname, place.port or 80)
        offer = f"Sec-WebSocket-Extensions: {DEFLATE}\r\n" if self._deflate else ""
        head = (
            f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
        )
        self._transport.write(head.encode())
        await self._shaken
        await self.ask({"type": "auth", "token": token}, b'"type":"welcome"')

    def send(self, frame: dict[str, Any]) -> None:
        self._write(TEXT, json.dumps(frame, ensure_ascii=False).encode())

    async def ask(self, frame: dict[str, Any], answer: bytes) -> bytes:
        """Sends a frame, and gives the first one that holds `answer`. Raises `ConnectionError`."""
        future = self.expect(answer)
        self.send(frame)
        return await future

    def expect(self, what: bytes) -> asyncio.Future[bytes]:
        """Of the frames from now on the first one that holds `what`; one thing at a time. Raises `ConnectionError`."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting = what, future
        return future

    def expect_messages(self, count: int) -> asyncio.Future[None]:
        """Done when so many messages have come in all, to a line that reads. Raises `ConnectionError`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._counting = count, future
        return future

    def close(self) -> None:
        self.closed = self.closed or "by ourselves"
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # what create_connection makes

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = self.closed or f"lost: {exc}"
        waits = (self._shaken, *(wait[1] for wait in (self._waiting, self._counting) if wait))
        for future in waits:
            if not future.done():
                future.set_exception(ConnectionError(self.closed))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        buffer = self._buffer + data if self._buffer else data
        if not self._open:
            head, end, buffer = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            self._shake(head.decode())
        position = 0
        while len(buffer) - position >= 2:
            opcode, size, begin = buffer[position], buffer[position + 1], position + 2
            if size >= 126:
                width = 2 if size == 126 else 8
                size, begin = int.from_bytes(buffer[begin : begin + width]), begin + width
            if len(buffer) < begin + size:
                break
            self._frame(opcode, buffer[begin : begin + size])
            position = begin + size
        self._buffer = buffer[position:]

    def _shake(self, head: str) -> None:
        status, *fields = head.split("\r\n")
        if " 101 " not in status:
            self._shaken.set_exception(ConnectionError(status))
            return
        self._open = True
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        self.agreed = headers.get("sec-websocket-extensions", "")
        self._shaken.set_result(None)

    def _frame(self, opcode: int, payload: bytes) -> None:
        compressed, kind = bool(opcode & 0x40), opcode & 0x0F
        if kind == TEXT:
            self.frames += 1
            if not self._reads and self._waiting is None:
                return
            text = zlib.decompressobj(-15).decompress(payload + TAIL) if compressed else payload
            if text.startswith(b'{"type":"message"'):
                self.messages += 1
                if self._counting is not None and self.messages == self._counting[0]:
                    (_, all_there), self._counting = self._counting, None
                    all_there.set_result(None)
            if self._waiting is not None and self._waiting[0] in text:
                (_, future), self._waiting = self._waiting, None
                future.set_result(text)
            elif b'"type":"error"' in text and self._waiting is not None:
                self._waiting[1].set_exception(ConnectionError(text.decode()))
                self._waiting = None
        elif kind == PING:
            self._write(PONG, payload)
        elif kind == CLOSE:
            self.closed = f"by the server: {int.from_bytes(payload[:2])} {payload[2:].decode()}"
            self._write(CLOSE, payload[:2])
            self._transport.close()

    def _write(self, opcode: int, payload: bytes) -> None:
        # The mask must be there (RFC 6455, 5.3); one of zeros changes nothing, and costs nothing to apply.
        size = len(payload)
        if size < 126:
            head = bytes([0x80 | opcode, 0x80 | size])
        elif size < 1 << 16:
            head = bytes([0x80 | opcode, 0xFE]) + size.to_bytes(2)
        else:
            head = bytes([0x80 | opcode, 0xFF]) + size.to_bytes(8)
        self._transport.write(head + bytes(4) + payload)
