"""One client's conversation over its WebSocket: it answers what concerns only this connection, and leaves every frame
that it has checked to its host, the gateway.
"""

from __future__ import annotations

from typing import Literal, Protocol, assert_never

import structlog
from websockets.http11 import Request

from services.gateway.core.intake import Bad, Bounds, parse
from services.gateway.framing import Framing
from services.gateway.settings import Settings
from services.gateway.websocket import WebSocket
from shared.core.bucket import Bucket
from shared.protocol import client
from shared.protocol.codec import render
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.server import Pong, User, error
from shared.runtime.problem import ProblemResponse

log = structlog.stdlib.get_logger("homin.gateway")
Hold = Literal["auth", "file", "rate"]  # why a connection is not read: each is let go by itself
NOTHING: frozenset[Hold] = frozenset()  # the one that thousands of quiet connections share
HELD_FRAMES = 256
REFUSALS_PER_S, REFUSALS_BURST = 20, 40  # beyond that a client does not listen


class Host(Protocol):
    """What a connection wants of its gateway."""

    settings: Settings
    bounds: Bounds
    framing: Framing

    def admit(self, request: Request) -> ProblemResponse | None:
        """None, or the answer to a handshake that is refused."""

    def arrived(self, connection: Connection) -> None:
        """Its handshake is done."""

    def drained(self, connection: Connection, rooms: frozenset[str]) -> None:
        """It has room again for what notices have said in these rooms, and it has not heard."""

    def left(self, connection: Connection) -> None:
        """It is no more."""

    def authenticate(self, connection: Connection, frame: client.Auth) -> None:
        """Answers with a welcome, or an error and a close, and then releases what was held for it."""

    def forward_frame(self, connection: Connection, frame: client.ForwardedFrame, ref: str | None, data: bytes) -> None:
        """Sends a checked frame on; `data` is how it came, `ref` what its answer bears."""

    def refused(self, connection: Connection, code: ErrorCode, text: str) -> None:
        """Counts what the client is told."""


class Connection(WebSocket):
    """A client's connection. `session`, `user`, `token_id` are there after the welcome; `rooms`: where it is
    subscribed, `joining`: where it has asked to; `overlooked`: where notices for it were dropped."""

    __slots__ = (
        "_awaited", "_bucket", "_held", "_holding", "_host", "_refusals", "expires_at", "joining", "overlooked",
        "prefix", "rooms", "session", "token_id", "user", "waiting", "wheel",
    )  # fmt: skip

    def __init__(self, host: Host) -> None:
        settings = host.settings
        super().__init__(host.framing, max_bytes=settings.auth_frame_bytes, send_bytes=settings.gateway_send_bytes)
        self._host = host
        now = self._loop.time()
        self._bucket = Bucket(settings.frames_per_s, settings.frames_burst, now)
        self._refusals = Bucket(REFUSALS_PER_S, REFUSALS_BURST, now)
        self._held: list[bytes | None] = []  # None: a binary frame
        self._holding: frozenset[Hold] = NOTHING
        self._awaited: tuple[str, str | None] | None = None
        self.waiting = 0
        self.rooms: set[str] = set()
        self.joining: frozenset[str] = frozenset()
        self.overlooked: frozenset[str] = frozenset()
        self.session = ""
        self.user: User | None = None
        self.token_id = ""
        self.expires_at = 0
        self.prefix = b""
        self.wheel = 0

    # ── the socket's side ──

    def admit(self, request: Request) -> ProblemResponse | None:
        return self._host.admit(request)

    def opened(self) -> None:
        self._host.arrived(self)
        self.set_timer(self._host.settings.auth_timeout_s, self._nothing_heard)

    def received(self, text: bytes | None) -> None:
        if self.reading_paused:
            self._held.append(text)
            if len(self._held) > HELD_FRAMES:
                self.close(CloseCode.OVERLOADED, "Too much was sent at once.")
            return
        self._handle(text)

    def drained(self) -> None:
        if self.overlooked and self.open:
            rooms, self.overlooked = self.overlooked, frozenset()
            self._host.drained(self, rooms)

    def ended(self) -> None:
        self._held.clear()
        self._host.left(self)

    # ── out ──

    def send(self, payload: bytes) -> None:
        self.write(self._host.framing.framed(payload))

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None:
        self._host.refused(self, code, text)
        self.send(render(error(code, text, ref, retry_after_ms)))
        if self._awaited is not None and ref == self._awaited[1]:
            self.settled(self._awaited[0])
        if code in (ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED):
            self._throttle_reads()

    # ── in ──

    def _nothing_heard(self) -> None:
        # If it was the process that slept, what the client has sent waits in the socket, and is read before this.
        self.set_timer(0.2, self._not_authenticated)

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
                self.set_timer(0, None)
            self.hold("auth")
            self._host.authenticate(self, frame)
        elif self.user is None:
            self.refuse(ErrorCode.UNAUTHORIZED, "The first frame must be `auth`.", ref)
            self.close(CloseCode.NOT_AUTHENTICATED, "The first frame must be `auth`.")
        elif frame.scope == "connection":
            if frame.type == "ping":
                self.send(render(Pong(ref=ref)))
            else:
                assert_never(frame)
        else:
            self._host.forward_frame(self, frame, ref, data)

    def _within_rate(self, ref: str | None, quietly: bool = False) -> bool:
        wait = self._bucket.take(self._loop.time())
        if not wait:
            return True
        if quietly:
            self._throttle_reads()
        else:
            ms = max(1, round(wait * 1000))
            self.refuse(ErrorCode.RATE_LIMITED, "You send faster than you may. Wait a moment.", ref, ms)
        return False

    def _throttle_reads(self) -> None:
        """Who does not listen to refusals is not told any more: the rest waits in its own socket."""
        if "rate" not in self._holding and self._refusals.take(self._loop.time()):
            self.hold("rate")
            self._loop.call_later(1.0, self.release, "rate")

    def hold(self, why: Hold) -> None:
        """Reads no further for now; what has been read already waits."""
        self._holding |= {why}
        self.reading_paused = True
        self.pause()

    def release(self, why: Hold) -> None:
        """Goes on where `hold` stopped, until the next one, unless something else still holds."""
        self._holding = self._holding - {why} or NOTHING
        self.reading_paused = bool(self._holding)
        while self._held and not self.reading_paused and self.open:
            self._handle(self._held.pop(0))
        self.read_on()

    def welcomed(self) -> None:
        """Authenticated: larger frames may come now."""
        self.allow(self._host.settings.frame_bytes)
        self.set_timer(0, None)

    # ── files: what follows a `file` frame on this connection waits until it is settled, so the order is kept ──

    def await_file(self, frame: client.File) -> None:
        self._awaited = frame.id, client.answer_ref(frame)
        self.hold("file")
        self.set_timer(self._host.settings.file_settle_s, self._file_overdue)

    def settled(self, id: str) -> None:
        """The `file` frame `id` is answered."""
        if self._awaited is not None and id == self._awaited[0]:
            self._awaited = None
            if self.open:
                self.set_timer(0, None)
            self.release("file")

    def _file_overdue(self) -> None:
        if self._awaited is not None:
            text = "The file could not be stored in time. Send it again."
            self.refuse(ErrorCode.UNAVAILABLE, text, self._awaited[1], 1_000)
