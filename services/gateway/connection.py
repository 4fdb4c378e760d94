"""One WebSocket connection: bytes in and out, around websockets' sans-I/O `ServerProtocol` (RFC 6455 is all its work).

uvicorn hands a connection over with its upgrade request. From then on this is the transport's protocol: it reassembles
fragments, answers what concerns only this connection, and leaves every frame that it has checked to the gateway.
"""
# long: a connection's life in one place; its parts would have to share all of its state

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Literal, cast

import structlog
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from services.gateway.core.bucket import Bucket
from services.gateway.core.intake import Bad, is_droppable, parse, ref_of
from services.gateway.framing import Framed
from shared.protocol import client
from shared.protocol.codec import render
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.server import Pong, User, error

if TYPE_CHECKING:
    from services.gateway.hub import Hub

log = structlog.stdlib.get_logger("homin.gateway")
_LIBRARY = logging.getLogger("websockets.server")
_LIBRARY.setLevel(logging.WARNING)  # it tells of each connection that opens and closes
PING = Frame(Opcode.PING, b"").serialize(mask=False)
CLOSE_S = 10.0  # from our close frame to the end of the connection
HIGH_WATER = 64 << 10
Hold = Literal["auth", "file", "rate"]  # why a connection is not read: each is let go by itself
NOTHING: frozenset[Hold] = frozenset()  # the one that thousands of quiet connections share
HELD_FRAMES = 256
PIECE = 4 << 10  # bytes that are handled at a time: who sends a lot at once waits for the others in between
REFUSALS_PER_S, REFUSALS_BURST = 20, 40  # beyond that a client does not listen


class Connection(asyncio.Protocol):
    """A client's connection. `session`, `user`, `token_id` are there after the welcome; `rooms`: where it sits,
    `joining`: where it has asked to."""

    __slots__ = (
        "_awaited", "_bucket", "_deflates", "_fragments", "_held", "_holding", "_hub", "_loop", "_paused", "_refusals",
        "_timer", "_transport", "_unread", "_ws", "alive", "closed_with", "expires_at", "joining", "open", "prefix",
        "rooms", "session", "token_id", "user", "waiting", "wheel",
    )  # fmt: skip

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._ws = self._protocol(State.CONNECTING)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # set by connection_made, before all else
        self._bucket = Bucket(hub.settings.frames_per_s, hub.settings.frames_burst, self._loop.time())
        self._fragments: list[bytes] | None = None
        self._held: list[bytes | None] = []  # None: a binary frame
        self._holding: frozenset[Hold] = NOTHING
        self._paused = self._deflates = False
        self._refusals = Bucket(REFUSALS_PER_S, REFUSALS_BURST, self._loop.time())
        self._unread = b""
        self.waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self.open = False
        self.alive = True
        self.closed_with: int | None = None
        self._awaited: tuple[str, str | None] | None = None
        self.rooms: set[str] = set()
        self.joining: frozenset[str] = frozenset()
        self.session = ""
        self.user: User | None = None
        self.token_id = ""
        self.expires_at = 0
        self.prefix = b""
        self.wheel = 0

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
        if not self._unread or self._holding:
            return
        piece, self._unread = self._unread[:PIECE], self._unread[PIECE:]
        self._receive(piece)
        if self._unread and not self._transport.is_closing():
            self._transport.pause_reading()
        self._resume()

    def _resume(self) -> None:
        if self._holding or self._transport.is_closing():
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
        self._set_timer(0, None)
        self._held.clear()
        self._unread = b""
        self._hub.left(self)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    # ── out ──

    def write(self, framed: Framed, droppable: bool = False) -> None:
        """A client that does not read what is written is closed with 4002."""
        if not self.open:
            return
        data = framed.deflated if self._deflates else framed.plain
        if self._paused:
            waiting = self._transport.get_write_buffer_size()
            bound = self._hub.settings.gateway_send_bytes
            if droppable and waiting > bound // 2:
                return
            if waiting + len(data) > bound:
                self.close(CloseCode.TOO_SLOW, "You read too slowly. Come back and resume.")
                return
        self._transport.write(data)

    def send(self, payload: bytes) -> None:
        self.write(self._hub.framing.framed(payload))

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None:
        self._hub.refused(self, code, text)
        self.send(render(error(code, text, ref, retry_after_ms)))
        if self._awaited is not None and ref == self._awaited[1]:
            self.settled(self._awaited[0])
        if code in (ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED):
            self._weary()

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
        self._set_timer(CLOSE_S, self._transport.abort)

    def ping(self) -> None:
        """Called every `server_ping_s`: asks for a sign of life, or gives up one that showed none."""
        if not self.alive and not self._holding:
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
            self._set_timer(CLOSE_S, self._transport.abort)

    def _set_timer(self, seconds: float, then: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if then is None else self._loop.call_later(seconds, then)

    # ── in ──

    def _protocol(self, state: State) -> ServerProtocol:
        settings = self._hub.settings
        return ServerProtocol(
            extensions=self._hub.framing.extensions, state=state, max_size=settings.auth_frame_bytes, logger=_LIBRARY
        )

    def _handshake(self, request: Request) -> None:
        refusal = self._hub.admit(request)
        self._ws.send_response(self._ws.accept(request) if refusal is None else self._ws.reject(*refusal))
        if self._ws.state is State.OPEN:
            self.open = True
            self._deflates = self._hub.framing.reads_deflated(self._ws)
            self._hub.arrived(self)
            self._set_timer(self._hub.settings.auth_timeout_s, self._nothing_heard)

    def _forget_handshake(self) -> None:
        """Goes on with a protocol that begins open: one that has read a request holds it for as long as it lives,
        some 3 KiB.
        """
        self._flush()
        greeted, self._ws = self._ws, self._protocol(State.OPEN)
        self._ws.extensions = greeted.extensions

    def _nothing_heard(self) -> None:
        # If it was the process that slept, what the client has sent waits in the socket, and is read before this.
        self._set_timer(0.2, self._not_authenticated)

    def _not_authenticated(self) -> None:
        self.close(CloseCode.NOT_AUTHENTICATED, "The first frame must be `auth`, within a few seconds.")

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
        if self._holding:
            self._held.append(text)
            if len(self._held) > HELD_FRAMES:
                self.close(CloseCode.OVERLOADED, "Too much was sent at once.")
            return
        self._handle(text)

    def _handle(self, data: bytes | None) -> None:
        if data is None:
            if self._within_rate(None):
                self.refuse(ErrorCode.INVALID_FRAME, "Frames are JSON text; a binary frame says nothing here.", None)
            return
        try:
            frame = parse(data, self._hub.bounds)
        except Bad as why:
            if self._within_rate(why.ref):
                self.refuse(why.code, why.text, why.ref)
            return
        if not self._within_rate(ref_of(frame), quietly=is_droppable(frame)):
            return
        if frame.type == "auth":
            if self.user is None:  # in time; how long the answer takes is not the client's doing
                self._set_timer(0, None)
            self.hold("auth")
            self._hub.authenticate(self, frame)
        elif self.user is None:
            self.refuse(ErrorCode.UNAUTHORIZED, "The first frame must be `auth`.", ref_of(frame))
            self.close(CloseCode.NOT_AUTHENTICATED, "The first frame must be `auth`.")
        elif frame.type == "ping":
            self.send(render(Pong(ref=frame.ref)))
        else:
            self._hub.forward_frame(self, frame, data)

    def _within_rate(self, ref: str | None, quietly: bool = False) -> bool:
        wait = self._bucket.take(self._loop.time())
        if not wait:
            return True
        if quietly:
            self._weary()
        else:
            ms = max(1, round(wait * 1000))
            self.refuse(ErrorCode.RATE_LIMITED, "You send faster than you may. Wait a moment.", ref, ms)
        return False

    def _weary(self) -> None:
        """Who does not listen to refusals is not told any more: the rest waits in its own socket."""
        if "rate" not in self._holding and self._refusals.take(self._loop.time()):
            self.hold("rate")
            self._loop.call_later(1.0, self.release, "rate")

    def hold(self, why: Hold) -> None:
        """Reads no further for now; what has been read already waits."""
        self._holding |= {why}
        self._transport.pause_reading()

    def release(self, why: Hold) -> None:
        """Goes on where `hold` stopped, until the next one, unless something else still holds."""
        self._holding = self._holding - {why} or NOTHING
        while self._held and not self._holding and self.open:
            self._handle(self._held.pop(0))
        self._resume()

    def welcomed(self) -> None:
        """Authenticated: larger frames may come now."""
        self._ws.max_message_size = self._hub.settings.frame_bytes
        self._set_timer(0, None)

    # ── files: what follows a `file` frame on this connection waits until it is settled, so the order is kept ──

    def await_file(self, frame: client.File) -> None:
        self._awaited = frame.id, ref_of(frame)
        self.hold("file")
        self._set_timer(self._hub.settings.file_settle_s, self._file_overdue)

    def settled(self, id: str) -> None:
        """The `file` frame `id` is answered."""
        if self._awaited is not None and id == self._awaited[0]:
            self._awaited = None
            if self.open:
                self._set_timer(0, None)
            self.release("file")

    def _file_overdue(self) -> None:
        if self._awaited is not None:
            text = "The file could not be stored in time. Send it again."
            self.refuse(ErrorCode.UNAVAILABLE, text, self._awaited[1], 1_000)
