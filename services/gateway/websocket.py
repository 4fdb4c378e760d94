"""The bytes of one WebSocket, around websockets' sans-I/O `ServerProtocol` (RFC 6455 is all its work).

uvicorn hands a connection over with its upgrade request. From then on this is the transport's protocol: it feeds the
library piece by piece, reassembles fragments, and bounds what waits to be written.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import cast

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from services.gateway.framing import Framed, Framing
from shared.protocol.errors import CloseCode
from shared.runtime.problem import ProblemResponse

_LIBRARY = logging.getLogger("websockets.server")
_LIBRARY.setLevel(logging.WARNING)  # it tells of each connection that opens and closes
PING = Frame(Opcode.PING, b"").serialize(mask=False)
CLOSE_S = 10.0  # from our close frame to the end of the connection
HIGH_WATER = 64 << 10
PIECE = 4 << 10  # bytes that are handled at a time: who sends a lot at once waits for the others in between


class WebSocket(asyncio.Protocol, ABC):
    """`open`: from the handshake to either side's close. `alive`: something was heard since the last ping.
    `closed_with`: our close code. `reading_paused`: it is not read for now. `max_bytes`: of a message, at first;
    `send_bytes`: what may wait to be written."""

    __slots__ = (
        "_deflates", "_fragments", "_framing", "_loop", "_max_bytes", "_paused", "_send_bytes", "_timer", "_transport",
        "_unread", "_ws", "alive", "closed_with", "open", "reading_paused",
    )  # fmt: skip

    def __init__(self, framing: Framing, *, max_bytes: int, send_bytes: int) -> None:
        self._framing, self._max_bytes, self._send_bytes = framing, max_bytes, send_bytes
        self._loop = asyncio.get_running_loop()
        self._ws = self._protocol(State.CONNECTING)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made, before all else
        self._fragments: list[bytes] | None = None
        self._paused = self._deflates = False
        self._unread = b""
        self._timer: asyncio.TimerHandle | None = None
        self.open = self.reading_paused = False
        self.alive = True
        self.closed_with: int | None = None

    # ── what is made of it ──

    @abstractmethod
    def admit(self, request: Request) -> ProblemResponse | None:
        """None, or the answer to a handshake that is refused."""

    @abstractmethod
    def opened(self) -> None:
        """The handshake is done."""

    @abstractmethod
    def received(self, text: bytes | None) -> None:
        """A whole message, valid UTF-8; None for a binary one."""

    @abstractmethod
    def drained(self) -> None:
        """A client that did not read has read: little waits to be written now."""

    @abstractmethod
    def ended(self) -> None:
        """The connection is no more."""

    # ── the transport's side ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        self.alive = True
        if len(data) > PIECE or self._unread:
            self._unread += data
            self._read_on()
        else:
            self._receive(data)

    def _read_on(self) -> None:
        """The next piece of what was read in one go; the socket is asked for more only after the last."""
        if not self._unread or self.reading_paused:
            return
        piece, self._unread = self._unread[:PIECE], self._unread[PIECE:]
        self._receive(piece)
        if self._unread and not self._transport.is_closing():
            self.pause()
        self.read_on()

    def pause(self) -> None:
        """Reads no further until `read_on`."""
        self._transport.pause_reading()

    def allow(self, max_bytes: int) -> None:
        """From now on a message may have so many bytes."""
        self._ws.max_message_size = max_bytes

    def read_on(self) -> None:
        """Reads again, unless reading is paused: first what came already."""
        if self.reading_paused or self._transport.is_closing():
            return
        if self._unread:
            self._loop.call_soon(self._read_on)
        else:
            self._transport.resume_reading()

    def _receive(self, data: bytes) -> None:
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Frame):
                self._frame(event)
            elif isinstance(event, Request):
                self._handshake(event)
                if self.open and data.endswith(b"\r\n\r\n"):
                    self._forget_handshake()
        self._flush()

    def eof_received(self) -> None:
        rest, self._unread = self._unread, b""
        self._receive(rest)
        self._ws.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        self.set_timer(0, None)
        self._unread = b""
        self.ended()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.drained()

    # ── out ──

    def write(self, framed: Framed, droppable: bool = False) -> bool:
        """A client that does not read what is written is closed with 4002. False: this was dropped, and `drained`
        follows."""
        if not self.open:
            return True
        data = framed.deflated if self._deflates else framed.plain
        if self._paused:
            waiting = self._transport.get_write_buffer_size()
            bound = self._send_bytes
            if droppable and waiting > bound // 2:
                return False
            if waiting + len(data) > bound:
                self.close(CloseCode.TOO_SLOW, "You read too slowly. Come back and resume.")
                return True
        self._transport.write(data)
        return True

    def close(self, code: int, reason: str) -> None:
        """Says goodbye; the connection ends when the client has answered, or after a while."""
        if self.closed_with is not None or self._transport.is_closing():
            return  # it is gone, or on its way
        self.closed_with = code
        self.open = False
        try:
            self._ws.send_close(code, reason)
        except InvalidState:
            self._transport.abort()
            return
        self._flush()
        self.set_timer(CLOSE_S, self._transport.abort)

    def ping(self) -> None:
        """Called every `server_ping_s`: asks for a sign of life, or gives up one that showed none.

        A gateway that was stopped accuses nobody: asyncio, and libuv from 1.45 on, read sockets before they fire
        timers.
        """
        if not self.alive and not self.reading_paused:
            self.close(CloseCode.SILENT, "Nothing was heard of you.")
        elif self.open:
            self.alive = False
            self._transport.write(PING)

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._ws.state is not State.OPEN and self.open:
            # The client's close, or a breach of RFC 6455 that the library answers.
            self.open = False
            self.set_timer(CLOSE_S, self._transport.abort)

    def set_timer(self, seconds: float, then: Callable[[], None] | None) -> None:
        """The one thing that this connection waits for, in place of what it waited for before; None: for nothing."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if then is None else self._loop.call_later(seconds, then)

    # ── in ──

    def _protocol(self, state: State) -> ServerProtocol:
        return ServerProtocol(
            extensions=self._framing.extensions, state=state, max_size=self._max_bytes, logger=_LIBRARY
        )

    def _handshake(self, request: Request) -> None:
        refusal = self.admit(request)
        self._ws.send_response(self._ws.accept(request) if refusal is None else self._reject(refusal))
        if self._ws.state is State.OPEN:
            self.open = True
            self._deflates = self._framing.reads_deflated(self._ws)
            self.opened()

    def _reject(self, refusal: ProblemResponse) -> Response:
        # No browser shows it to its page (WHATWG WebSockets, 3): it is for other programs, and for people.
        response = self._ws.reject(refusal.status_code, bytes(refusal.body).decode())
        for name, value in refusal.headers.items():
            response.headers.pop(name, None)
            response.headers[name] = value
        return response

    def _forget_handshake(self) -> None:
        """Goes on with a protocol that begins open: one that has read a request holds it for as long as it lives,
        some 3 KiB.
        """
        self._flush()
        greeted, self._ws = self._ws, self._protocol(State.OPEN)
        self._ws.extensions = greeted.extensions

    def _frame(self, frame: Frame) -> None:
        if not self.open:
            return
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY if frame.fin:
                self._message(frame.opcode, bytes(frame.data))
            case Opcode.TEXT | Opcode.BINARY:
                self._fragments = [bytes([frame.opcode]), bytes(frame.data)]
            case Opcode.CONT if self._fragments is not None:
                self._fragments.append(bytes(frame.data))
                if frame.fin:
                    (opcode, *parts), self._fragments = self._fragments, None
                    self._message(opcode[0], b"".join(parts))

    def _message(self, opcode: int, data: bytes) -> None:
        text = None if opcode == Opcode.BINARY else data
        try:
            # RFC 6455, 8.1: text that is not UTF-8 fails the connection. Plain ASCII, the usual case, costs next to
            # nothing.
            text is None or text.isascii() or text.decode()
        except UnicodeDecodeError:
            self.close(1007, "A text frame must be UTF-8.")
            return
        self.received(text)
