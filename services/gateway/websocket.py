"""The bytes of one WebSocket, around websockets' sans-I/O `ServerProtocol` (RFC 6455 is all its work).

uvicorn hands a connection over with its upgrade request. From then on this is the transport's protocol: it feeds the
library piece by piece, reassembles fragments, and bounds what waits to be written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Final, Protocol, cast

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
RESET = pack("ii", 1, 0)  # what to linger for: nothing
HIGH_WATER = 64 << 10
PIECE = 4 << 10  # bytes that are handled at a time: who sends a lot at once waits for the others in between


class Phase(Enum):
    """`CLOSING`: a close was said, by us or to us, and nothing counts any more."""

    OPENING, OPEN, CLOSING, CLOSED = range(4)


_OPEN: Final = Phase.OPEN  # looking a member up in its class costs a good part of a write


class Listener(Protocol):
    """What is told of what happens on a WebSocket."""

    def admit(self, request: Request) -> ProblemResponse | None:
        """None, or the answer to a handshake that is refused."""

    def opened(self) -> None:
        """The handshake is done."""

    def received(self, text: bytes | None) -> None:
        """A whole message, valid UTF-8; None for a binary one. It may come although reading is paused: then it was read
        before."""

    def drained(self) -> None:
        """A client that did not read has read: little waits to be written now."""

    def ended(self) -> None:
        """The connection is no more."""


class WebSocket(asyncio.Protocol):
    """`closed_with`: our close code. `max_bytes`: of a message, at first; `send_bytes`: what may wait to be written."""

    __slots__ = (
        "_alive", "_deflates", "_fragments", "_framing", "_listener", "_loop", "_max_bytes", "_phase",
        "_reading_paused", "_send_bytes", "_timer", "_transport", "_unread", "_writing_paused", "_ws", "closed_with",
    )  # fmt: skip

    def __init__(self, listener: Listener, framing: Framing, *, max_bytes: int, send_bytes: int) -> None:
        self._listener = listener
        self._framing, self._max_bytes, self._send_bytes = framing, max_bytes, send_bytes
        self._loop = asyncio.get_running_loop()
        self._ws = self._protocol(State.CONNECTING)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made, before all else
        self._fragments: list[bytes] | None = None
        self._phase = Phase.OPENING
        self._reading_paused = self._writing_paused = self._deflates = False
        self._unread = b""
        self._timer: asyncio.TimerHandle | None = None
        self._alive = True
        self.closed_with: int | None = None

    @property
    def open(self) -> bool:
        """From the handshake to either side's close."""
        return self._phase is _OPEN

    # ── the transport's side ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        self._alive = True
        if len(data) > PIECE or self._unread:
            self._unread += data
            self._read_on()
        else:
            self._receive(data)

    def _read_on(self) -> None:
        """The next piece of what was read in one go; the socket is asked for more only after the last."""
        if not self._unread or self._reading_paused:
            return
        piece, self._unread = self._unread[:PIECE], self._unread[PIECE:]
        self._receive(piece)
        if self._unread and not self._transport.is_closing():
            self._transport.pause_reading()
        self._go_on()

    def pause_reading(self) -> None:
        """Reads no further until `resume_reading`."""
        self._reading_paused = True
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._reading_paused = False
        self._go_on()

    def allow(self, max_bytes: int) -> None:
        """From now on a message may have so many bytes."""
        self._ws.max_message_size = max_bytes

    def _go_on(self) -> None:
        """Reads again, unless reading is paused: first what came already."""
        if self._reading_paused or self._transport.is_closing():
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
                if self._phase is _OPEN and data.endswith(b"\r\n\r\n"):
                    self._forget_handshake()
        self._flush()

    def eof_received(self) -> None:
        rest, self._unread = self._unread, b""
        self._receive(rest)
        self._ws.receive_eof()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = Phase.CLOSED
        self.set_timer(0, None)
        self._unread = b""
        self._listener.ended()
        del self._listener  # each knows the other: so that the memory is free at once

    def pause_writing(self) -> None:
        self._writing_paused = True

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._listener.drained()

    # ── out ──

    def write(self, framed: Framed, droppable: bool = False) -> bool:
        """A client that does not read what is written is closed with 4002. False: this was dropped, and `drained`
        follows."""
        if self._phase is not _OPEN:
            return True
        data = framed.deflated if self._deflates else framed.plain
        if self._writing_paused:
            waiting = self._transport.get_write_buffer_size()
            bound = self._send_bytes
            if droppable and waiting > bound // 2:
                return False
            if waiting + len(data) > bound:
                self.close(CloseCode.TOO_SLOW, "Client too slow. Reconnect and resume.")
                return True
        self._transport.write(data)
        return True

    def close(self, code: int, reason: str) -> None:
        """Says goodbye; the connection ends when the client has answered, or after a while."""
        if self._phase in (Phase.CLOSING, Phase.CLOSED) or self._transport.is_closing():
            return
        self.closed_with = code
        self._phase = Phase.CLOSING
        try:
            self._ws.send_close(code, reason)
        except InvalidState:
            self._cut()
            return
        self._flush()
        self.set_timer(CLOSE_S, self._cut)

    def _cut(self) -> None:
        """Ends the connection by a reset (`socket(7)`, SO_LINGER). Otherwise the kernel would go on holding what a
        client does not read, up to 4 MB each, and ask it less and less often whether it reads now.
        """
        with suppress(OSError):  # some kernels say so where the other side has gone already
            self._transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, RESET)
        self._transport.abort()

    def ping(self) -> None:
        """Called every `server_ping_s`: asks for a sign of life, or gives up one that showed none.

        A gateway that was stopped accuses nobody: asyncio, and libuv from 1.45 on, read sockets before they fire
        timers.
        """
        if not self._alive and not self._reading_paused:
            self.close(CloseCode.SILENT, "No answer to pings.")
        elif self._phase is _OPEN:
            self._alive = False
            self._transport.write(PING)

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._ws.state is not State.OPEN and self._phase is _OPEN:
            # The client's close, or a breach of RFC 6455 that the library answers.
            self._phase = Phase.CLOSING
            self.set_timer(CLOSE_S, self._cut)

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
        refusal = self._listener.admit(request)
        self._ws.send_response(self._ws.accept(request) if refusal is None else self._reject(refusal))
        if self._ws.state is State.OPEN:
            self._phase = Phase.OPEN
            self._deflates = self._framing.reads_deflated(self._ws)
            self._listener.opened()

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
        if self._phase is not _OPEN:
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
        self._listener.received(text)
