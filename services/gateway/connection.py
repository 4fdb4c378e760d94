"""One client's conversation over its WebSocket. It answers what concerns only this connection, and leaves every frame
that it has checked to its host, the gateway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, Protocol, assert_never

import structlog
from websockets.http11 import Request

from services.gateway.core.parsing import Bad, Bounds, parse
from services.gateway.framing import Framing
from services.gateway.settings import Settings
from services.gateway.websocket import WebSocket
from shared.core.bucket import Bucket
from shared.protocol import client
from shared.protocol.codec import render, submit_prefix
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.server import Pong, RefusedRoom, Resumed, RoomError, User, error
from shared.runtime.problem import ProblemResponse

log = structlog.stdlib.get_logger("homin.gateway")
Hold = Literal["auth", "file", "rate"]  # why a connection is not read: each is let go by itself
NOTHING: frozenset[Hold] = frozenset()  # the one that thousands of quiet connections share
HELD_FRAMES = 256
REFUSALS_PER_S, REFUSALS_BURST = 20, 40  # beyond that a client does not listen


class Gatekeeper(Protocol):
    """Who may come in."""

    def admit(self, request: Request) -> ProblemResponse | None:
        """None, or the answer to a handshake that is refused."""

    def authenticate(self, connection: Connection, frame: client.Auth) -> None:
        """Answers with a welcome, or an error and a close, and then releases what was held for it."""


class Host(Protocol):
    """What a connection wants of its gateway."""

    settings: Settings
    bounds: Bounds
    framing: Framing

    @property
    def entry(self) -> Gatekeeper: ...

    def arrived(self, connection: Connection) -> None:
        """Its handshake is done."""

    def drained(self, connection: Connection, rooms: frozenset[str]) -> None:
        """It has room again for what notices have said in these rooms, and it has not heard."""

    def left(self, connection: Connection) -> None:
        """It is no more."""

    def forward_frame(self, connection: Connection, frame: client.ForwardedFrame, ref: str | None, said: bytes) -> None:
        """Sends a checked frame on. `ref` is what its answer bears; `said` the frame as it came, after who sent it
        (`submit_prefix`)."""

    def refused(self, connection: Connection, code: ErrorCode, text: str) -> None:
        """Counts what the client is told."""


class Connection:
    """A client's connection, on the other side of its `socket`. `session`, `user`, `token_id`, `expires_at` (Unix
    seconds) are there after the welcome; `joining`: the rooms in which it has asked to be subscribed, and is not yet;
    `wheel`: when its turn is to be looked after. Only its own methods change any of this."""

    __slots__ = (
        "_awaited", "_bucket", "_held", "_holding", "_host", "_loop", "_overlooked", "_prefix", "_refusals",
        "expires_at", "joining", "session", "socket", "token_id", "user", "wheel",
    )  # fmt: skip

    def __init__(self, host: Host, wheel: int) -> None:
        settings = host.settings
        self.socket = WebSocket(
            self, host.framing, max_bytes=settings.auth_frame_bytes, send_bytes=settings.gateway_send_bytes
        )
        self._host = host
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._bucket = Bucket(settings.frames_per_s, settings.frames_burst, now)
        self._refusals = Bucket(REFUSALS_PER_S, REFUSALS_BURST, now)
        self._held: list[bytes | None] = []  # None: a binary frame
        self._holding: frozenset[Hold] = NOTHING
        self._awaited: tuple[str, str | None] | None = None
        self._overlooked: frozenset[str] = frozenset()  # rooms of which notices for it were dropped
        self._prefix = b""
        self.joining: frozenset[str] = frozenset()
        self.session = ""
        self.user: User | None = None
        self.token_id = ""
        self.expires_at = 0
        self.wheel = wheel

    @property
    def open(self) -> bool:
        """From the handshake to either side's close."""
        return self.socket.open

    # ── the socket's side ──

    def admit(self, request: Request) -> ProblemResponse | None:
        return self._host.entry.admit(request)

    def opened(self) -> None:
        self._host.arrived(self)
        self.socket.set_timer(self._host.settings.auth_timeout_s, self._nothing_heard)

    def received(self, text: bytes | None) -> None:
        if self._holding:
            self._held.append(text)
            if len(self._held) > HELD_FRAMES:
                self.close(CloseCode.OVERLOADED, "Too many frames at once.")
            return
        self._handle(text)

    def drained(self) -> None:
        if self._overlooked and self.open:
            rooms, self._overlooked = self._overlooked, frozenset()
            self._host.drained(self, rooms)

    def ended(self) -> None:
        self._held.clear()
        self._host.left(self)

    # ── out ──

    def send(self, payload: bytes) -> None:
        self.socket.write(self._host.framing.framed(payload))

    def overlooks(self, room: str) -> None:
        """A notice of `room` was dropped: once the client has read what waits, it is told how things stand."""
        self._overlooked |= {room}

    def close(self, code: int, reason: str) -> None:
        self.socket.close(code, reason)

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None:
        self._host.refused(self, code, text)
        self.send(render(error(code, text, ref, retry_after_ms)))
        if self._awaited is not None and ref == self._awaited[1]:
            self.settled(self._awaited[0])
        if code in (ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED):
            self._throttle_reads()

    def refuse_rooms(self, rooms: Sequence[str], code: ErrorCode, text: str, ref: str | None) -> None:
        """What it has resumed of these rooms cannot be answered."""
        self._host.refused(self, code, text)
        why = RoomError(code=code, text=text)
        self.send(render(Resumed(rooms=[RefusedRoom(room=room, error=why) for room in rooms], ref=ref)))

    # ── in ──

    def _nothing_heard(self) -> None:
        # If it was the process that slept, what the client has sent waits in the socket, and is read before this.
        self.socket.set_timer(0.2, self._not_authenticated)

    def _not_authenticated(self) -> None:
        self.close(CloseCode.NOT_AUTHENTICATED, "The first frame must be `auth`, within a few seconds.")

    def _handle(self, data: bytes | None) -> None:
        if data is None:
            if self._within_rate(None):
                self.refuse(ErrorCode.INVALID_FRAME, "Frames are JSON text; a binary frame says nothing here.", None)
            return
        try:
            frame = parse(data, self._host.bounds)
        except Bad as why:
            if self._within_rate(why.ref):
                self.refuse(why.code, why.text, why.ref)
            return
        ref = client.answer_ref(frame)
        if not self._within_rate(ref, quietly=frame.kind == "notice"):
            return
        if frame.type == "auth":
            if self.user is None:  # in time; how long the answer takes is not the client's doing
                self.socket.set_timer(0, None)
            self.hold("auth")
            self._host.entry.authenticate(self, frame)
        elif self.user is None:
            self.refuse(ErrorCode.UNAUTHORIZED, "The first frame must be `auth`.", ref)
            self.close(CloseCode.NOT_AUTHENTICATED, "The first frame must be `auth`.")
        elif frame.scope == "connection":
            if frame.type == "ping":
                self.send(render(Pong(ref=ref)))
            else:
                assert_never(frame)
        else:
            self._host.forward_frame(self, frame, ref, self._prefix + data)

    def _within_rate(self, ref: str | None, quietly: bool = False) -> bool:
        wait = self._bucket.take(self._loop.time())
        if not wait:
            return True
        if quietly:
            self._throttle_reads()
        else:
            ms = max(1, round(wait * 1000))
            self.refuse(ErrorCode.RATE_LIMITED, "Rate limit reached. Wait a moment.", ref, ms)
        return False

    def _throttle_reads(self) -> None:
        """Who does not listen to refusals is not told any more: the rest waits in its own socket."""
        if "rate" not in self._holding and self._refusals.take(self._loop.time()):
            self.hold("rate")
            self._loop.call_later(1.0, self.release, "rate")

    def hold(self, why: Hold) -> None:
        """Reads no further for now; what has been read already waits."""
        self._holding |= {why}
        self.socket.pause_reading()

    def release(self, why: Hold) -> None:
        """Goes on where `hold` stopped, until the next one, unless something else still holds."""
        self._holding = self._holding - {why} or NOTHING
        while self._held and not self._holding and self.open:
            self._handle(self._held.pop(0))
        if not self._holding:
            self.socket.resume_reading()

    # ── what becomes of it ──

    def authenticated(self, user: User, session: str, address: str) -> None:
        """It is `user`'s from now on: larger frames may come, and go on as said by `session` of `address`."""
        self.user, self.session = user, session
        self.readdressed(address)
        self.socket.allow(self._host.settings.frame_bytes)
        self.socket.set_timer(0, None)

    def readdressed(self, address: str) -> None:
        """Answers to its frames come to `address`, our present one."""
        assert self.user is not None
        self._prefix = submit_prefix(address, self.session, self.user)

    def renewed(self, token_id: str, expires_at: int) -> None:
        """It speaks with this token from now on."""
        self.token_id, self.expires_at = token_id, expires_at

    def joins(self, room: str) -> None:
        """It has asked to be subscribed."""
        self.joining |= {room}

    def joined(self, room: str) -> None:
        """It is subscribed."""
        self.joining -= {room}

    # ── files: what follows a `file` frame on this connection waits until it is settled, so the order is kept ──

    def await_file(self, frame: client.File) -> None:
        self._awaited = frame.id, client.answer_ref(frame)
        self.hold("file")
        self.socket.set_timer(self._host.settings.file_settle_s, self._file_overdue)

    def settled(self, id: str) -> None:
        """The `file` frame `id` is answered."""
        if self._awaited is not None and id == self._awaited[0]:
            self._awaited = None
            if self.open:
                self.socket.set_timer(0, None)
            self.release("file")

    def _file_overdue(self) -> None:
        if self._awaited is not None:
            text = "The file could not be stored in time. Send it again."
            self.refuse(ErrorCode.UNAVAILABLE, text, self._awaited[1], 1_000)
