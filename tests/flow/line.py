"""The wire between a client and a gateway, simulated: RFC 6455 frames over a pair of pipes that have delays and can
break."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.uri import parse_uri

from shared.client import Closed

Delay = Callable[[], float]
TICK_S = 1e-6  # what follows on one pipe arrives later, if only just


class _Pipe:
    """One direction: bytes arrive in order, each after a delay."""

    def __init__(self, deliver: Callable[[bytes], None], delay: Delay) -> None:
        self._deliver, self._delay = deliver, delay
        self._last = 0.0
        self.waiting = 0
        self.broken = False

    def put(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._last = max(loop.time() + self._delay(), self._last + TICK_S)
        self.waiting += len(data)
        loop.call_at(self._last, self._arrive, data)

    def _arrive(self, data: bytes) -> None:
        self.waiting -= len(data)
        if not self.broken:
            self._deliver(data)


class _Socket:
    """No kernel holds what is written here."""

    def setsockopt(self, *_: object) -> None: ...


class ServerEnd(asyncio.Transport):
    """What the gateway's connection writes to."""

    def __init__(self, line: Line) -> None:
        super().__init__({"socket": _Socket()})
        self._line = line
        self._closing = False
        self._paused = False
        self._dead = self._lost = False
        self._held: deque[bytes] = deque()

    def receive(self, data: bytes) -> None:
        if self._paused:
            self._held.append(data)
        elif not self._closing and not self._dead:
            self._line.server.data_received(data)

    def die(self) -> None:
        """The process at this end was killed: it is told nothing any more, and what it writes goes nowhere."""
        self._dead = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._lost:
            raise RuntimeError("a write to a transport that has told its end")  # as uvloop has it
        if not self._dead and not self._closing:
            self._line.down.put(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self._line.down.waiting

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing here is slow enough."""

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        while self._held and not self._paused:
            self.receive(self._held.popleft())

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing and not self._dead:
            self._closing = True
            self._line.down.put(b"")
            asyncio.get_running_loop().call_soon(self._tell_lost)

    def abort(self) -> None:
        if not self._closing and not self._dead:
            self._closing = True
            self._line.down.broken = self._line.up.broken = True
            asyncio.get_running_loop().call_soon(self._tell_lost)
            asyncio.get_running_loop().call_soon(self._line.lose)

    def _tell_lost(self) -> None:
        self._lost = True
        if not self._dead:
            self._line.server.connection_lost(None)


class Line:
    """A client's socket (`shared.client.Socket`) whose other end is `server`, a gateway's connection."""

    def __init__(self, url: str, server: asyncio.Protocol, delay: Delay) -> None:
        self.url = url
        self.server: Any = server
        self.end = ServerEnd(self)
        self.up, self.down = _Pipe(self._to_server, delay), _Pipe(self._to_client, delay)
        self._protocol = ClientProtocol(parse_uri(url), max_size=None)
        self._frames: asyncio.Queue[bytes | Closed] = asyncio.Queue()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed: Closed | None = None
        self._gone = asyncio.Event()

    async def open(self) -> None:
        """The handshake. Raises `Closed`."""
        self.server.connection_made(self.end)
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        await self._opened
        if self._protocol.handshake_exc is not None:
            raise Closed(1006, str(self._protocol.handshake_exc))

    async def send(self, text: str) -> None:
        if self._closed is not None:
            raise self._closed
        self._protocol.send_text(text.encode())
        self._flush()

    async def receive(self) -> bytes:
        frame = await self._frames.get()
        if isinstance(frame, Closed):
            self._frames.put_nowait(frame)
            raise frame
        return frame

    async def close(self) -> None:
        if self._closed is None:
            self._protocol.send_close(1000)
            self._flush()
            await self._gone.wait()

    def cut(self) -> None:
        """Both ends learn at once that the connection is gone."""
        self.lose()
        self.end.abort()

    def lose(self, code: int = 1006, reason: str = "cut") -> None:
        """The client's end is gone; the server's, if it does not know, finds out by itself."""
        if self._closed is None:
            self._closed = Closed(code, reason)
            self._gone.set()
            self.up.broken = self.down.broken = True
            self._frames.put_nowait(self._closed)
            if not self._opened.done():
                self._opened.set_exception(self._closed)

    def _to_server(self, data: bytes) -> None:
        if data:
            self.end.receive(data)
        else:
            self.end.close()

    def _to_client(self, data: bytes) -> None:
        if not data:
            self.lose(self._protocol.close_code or 1006, "ended")
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                if not self._opened.done():
                    self._opened.set_result(None)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._frames.put_nowait(bytes(event.data))
        self._flush()
        if self._protocol.close_code is not None and self._protocol.close_rcvd is not None:
            self.lose(self._protocol.close_rcvd.code, self._protocol.close_rcvd.reason)

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self.up.put(data)
