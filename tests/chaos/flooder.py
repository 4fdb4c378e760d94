"""Clients that send as much as they can, in a process of their own: `python -m tests.chaos.flooder` reads its plan as
one line of JSON, floods until its input closes, and prints what it was answered as one line of JSON.

Frames are written as bytes that were put together once, and answers are only looked through for errors: so one process
has ten times as much to say as the system can take.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
from collections import Counter
from dataclasses import dataclass, field
from secrets import token_hex
from typing import cast
from urllib.parse import urlsplit

import uvloop

TICK_S = 0.05
BACK_S = 1.0
ERROR = re.compile(rb'\{"type":"error"[^{}]*\}')
CLOSE = 0x88
FOR_NOW = ("rate_limited", "overloaded", "unavailable")


@dataclass
class Flooder:
    """`rate`: frames a second that it would like to send, into `room`."""

    url: str
    token: str
    room: str
    rate: float
    text: str


@dataclass
class Told:
    """`wanted`: frames that were due; `sent`: those that the socket took. `codes`: errors by code. `unkind`: errors
    for now without `retry_after_ms`. `closed`: ends of connections, by close code."""

    wanted: int = 0
    sent: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    unkind: int = 0
    closed: Counter[str] = field(default_factory=Counter)


class Line(asyncio.Protocol):
    """One connection. Frames are masked with zeros (RFC 6455, 5.3 wants a mask and leaves its choice to the client)."""

    def __init__(self, flooder: Flooder, told: Told) -> None:
        self._flooder, self._told = flooder, told
        self._name = token_hex(4).encode()
        self._transport: asyncio.Transport | None = None
        self._paused = self._joined = False
        self._rest = b""
        self._next = 0
        self._due = 0.0
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=64 << 10)
        # The kernel would take some megabytes for each connection, and send them long after.
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
        where = urlsplit(self._flooder.url)
        handshake = (
            f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self._transport.write(handshake.encode())

    def data_received(self, data: bytes) -> None:
        seen = self._rest + data
        if not self._joined:
            self._enter(seen)
            return
        end = 0
        if b'{"type":"error"' in seen:
            for found in ERROR.finditer(seen):
                self._refused(json.loads(found[0]))
                end = found.end()
        self._rest = seen[max(end, len(seen) - 600) :]
        if len(data) < 200 and data[0] == CLOSE:
            self._told.closed[str(int.from_bytes(data[2:4]))] += 1

    def _enter(self, seen: bytes) -> None:
        """The handshake's answer, the welcome, the `joined`, one after the other."""
        self._rest = seen
        assert self._transport is not None
        if seen.endswith(b"\r\n\r\n") and b" 101 " in seen:
            self._transport.write(framed(json.dumps({"type": "auth", "token": self._flooder.token}).encode()))
            self._rest = b""
        elif b'"type":"welcome"' in seen:
            self._transport.write(framed(json.dumps({"type": "join", "room": self._flooder.room}).encode()))
            self._rest = b""
        elif b'"type":"joined"' in seen:
            self._joined, self._rest = True, b""
        elif b'"type":"error"' in seen:
            self._transport.close()  # not now: once more

    def _refused(self, error: dict[str, object]) -> None:
        code = str(error["code"])
        self._told.codes[code] += 1
        if code in FOR_NOW and not isinstance(error.get("retry_after_ms"), int):
            self._told.unkind += 1

    def tick(self) -> None:
        """What has become due since the last one; what the socket does not take is not kept."""
        if not self._joined or self._transport is None or self._transport.is_closing():
            return
        self._due += self._flooder.rate * TICK_S
        count, self._due = int(self._due), self._due % 1
        self._told.wanted += count
        if not self._paused and count:
            first, self._next = self._next, self._next + count
            self._told.sent += count
            self._transport.write(b"".join(self._chat(first + n) for n in range(count)))

    def _chat(self, number: int) -> bytes:
        return framed(
            b'{"type":"chat","room":"%b","id":"%b-%x","text":"%b"}'
            % (self._flooder.room.encode(), self._name, number, self._flooder.text.encode())
        )

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()


def framed(payload: bytes) -> bytes:
    """A client's text frame (RFC 6455, 5.2)."""
    if len(payload) < 126:
        return b"\x81" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload
    return b"\x81\xfe" + len(payload).to_bytes(2) + b"\0\0\0\0" + payload


async def flood(flooders: list[Flooder], told: Told, done: asyncio.Event) -> None:
    lines: dict[int, Line] = {}

    async def keep(number: int, flooder: Flooder) -> None:
        """Comes back as often as it is thrown out."""
        where = urlsplit(flooder.url)
        host, port = where.hostname or "", where.port or 80
        while True:
            line = Line(flooder, told)
            try:
                await asyncio.get_running_loop().create_connection(lambda one=line: one, host, port)  # type: ignore[misc]
                lines[number] = line
                await line.ended.wait()
            except OSError:
                pass
            await asyncio.sleep(BACK_S)

    async def pour() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for line in lines.values():
                line.tick()

    async with asyncio.TaskGroup() as tasks:
        under_way = [tasks.create_task(keep(n, flooder)) for n, flooder in enumerate(flooders)]
        under_way.append(tasks.create_task(pour()))
        await done.wait()
        for task in under_way:
            task.cancel()


async def main() -> None:
    flooders = [Flooder(**one) for one in json.loads(sys.stdin.readline())]
    told, done = Told(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def closed() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            done.set()

    loop.add_reader(sys.stdin.fileno(), closed)
    await flood(flooders, told, done)
    print(json.dumps(vars(told)))


if __name__ == "__main__":
    uvloop.run(main())
