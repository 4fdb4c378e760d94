"""The gateway's middle: connections on one side, the bus on the other, and who is subscribed to what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import cache
from secrets import token_hex
from typing import Any, assert_never

import structlog
from prometheus_client import Counter
from websockets.http11 import Request

from services.gateway.connection import Connection
from services.gateway.core.intake import Bounds
from services.gateway.core.subscriptions import Subscriptions
from services.gateway.forward import Forward
from services.gateway.framing import Framing
from services.gateway.questions import Questions
from services.gateway.settings import Settings
from services.gateway.websocket import WebSocket
from shared.bus.revocations import RevocationsAsker
from shared.core.bucket import Buckets
from shared.protocol import client
from shared.protocol.bus import Retell, Unsubscribe
from shared.protocol.codec import render, timestamp
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.server import Limits, User, Welcome
from shared.runtime.metrics import counter, gauge
from shared.runtime.origin import Pages
from shared.runtime.problem import ProblemResponse, problem
from shared.tokens.verifier import Identity, TokenRefused, Verifier

log = structlog.stdlib.get_logger("homin.gateway")
ROOMS = 10_000
"""So many rooms, those in which somebody spoke last, have their rate counted at least."""
CONNECTIONS = gauge("gateway_connections", "Open WebSocket connections")
FRAMES = counter("gateway_frames", "Frames of clients that were forwarded", ("type",))
REFUSED = counter("gateway_refused", "Frames that were refused", ("code",))
CLOSED = counter("gateway_closed", "Connections that the gateway closed", ("code",))
PATH = "/ws"
ROOM_RETRY_MS = 500


class Hub:
    """`address` is the present one of our mailbox, `epoch` the store's as the routers last said it; `clock`: Unix
    seconds.
    """

    def __init__(
        self, settings: Settings, forward: Forward, verifier: Verifier, address: str, clock: Callable[[], float]
    ) -> None:
        self.settings, self.forward, self.address = settings, forward, address
        self.bounds = Bounds(settings.text_chars, settings.inline_file_bytes)
        self.framing = Framing(settings.gateway_compress_bytes)
        self.questions = Questions(settings.gateway_questions, settings.gateway_answer_s)
        self.room_buckets = Buckets(settings.room_frames_per_s, settings.room_frames_burst, ROOMS)
        self.epoch: str | None = None
        self.known_epoch = asyncio.Event()
        self.draining = False
        self.revocations = RevocationsAsker()
        self.empty = asyncio.Event()
        self.empty.set()
        self.connections: set[Connection] = set()
        self.sessions: dict[str, Connection] = {}
        self.subscriptions: Subscriptions[Connection] = Subscriptions()
        self._verifier, self._clock = verifier, clock
        self._pages = Pages(settings.origins)
        self._loop = asyncio.get_running_loop()
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # ── connections come and go ──

    def new_connection(self, **_uvicorn: Any) -> WebSocket:
        self._turn += 1
        return Connection(self, self._turn).socket  # the turns spread the pings

    def admit(self, request: Request) -> ProblemResponse | None:
        """None, or the answer to a handshake that is refused."""
        if request.path.partition("?")[0] != PATH:
            return problem(ErrorCode.NOT_FOUND, f"The WebSocket is at {PATH}.")
        if self.draining:
            return problem(ErrorCode.UNAVAILABLE, "This gateway is closing. Come back.", retry_after_s=1)
        if len(self.connections) >= self.settings.gateway_connections:
            return problem(ErrorCode.OVERLOADED, "This gateway takes no more connections.", retry_after_s=1)
        refusal = self._pages.refusal(request.headers.get_all("Origin"), request.headers.get_all("Host"))
        return None if refusal is None else problem(refusal.code, refusal.text)

    def arrived(self, connection: Connection) -> None:
        self.connections.add(connection)
        self.empty.clear()
        CONNECTIONS.set(len(self.connections))

    def left(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self.empty.set()
        CONNECTIONS.set(len(self.connections))
        if (code := connection.socket.closed_with) is not None:
            CLOSED.labels(int(code)).inc()
            log.info("closed", session=connection.session, code=int(code))
        if self.sessions.pop(connection.session, None) is not None:
            # Also where it may be subscribed only now: should what says so be lost, nobody else would ever end it.
            for room in {*self.subscriptions.clear(connection.session), *connection.joining}:
                self.unsubscribe(room, connection.session)

    def drained(self, connection: Connection, rooms: frozenset[str]) -> None:
        for room in sorted(rooms & self.subscriptions.rooms(connection.session)):
            self.forward.own(room, Retell(address=self.address, room=room, session=connection.session))

    def unsubscribe(self, room: str, session: str) -> None:
        """Tells the router that this subscription has ended."""
        self.forward.own(room, Unsubscribe(address=self.address, room=room, session=session))

    def refused(self, connection: Connection, code: ErrorCode, text: str) -> None:
        REFUSED.labels(code).inc()
        log.debug("refused", session=connection.session, code=code, why=text)

    # ── tokens ──

    def authenticate(self, connection: Connection, frame: client.Auth) -> None:
        """Answers with a welcome, or an error and a close; holds the connection's other frames meanwhile."""
        self.run(self._authenticate(connection, frame))

    async def _authenticate(self, connection: Connection, frame: client.Auth) -> None:
        try:
            async with asyncio.timeout(self.settings.auth_timeout_s):
                identity = await self._verifier.verify(frame.token)
                if connection.user is None:
                    await self.known_epoch.wait()
        except TokenRefused as why:
            self._not_welcome(connection, frame, why)
        except TimeoutError:
            text = "The server is not ready yet. Come back in a moment."
            connection.refuse(ErrorCode.UNAVAILABLE, text, frame.ref, 1_000)
            if connection.user is None:
                connection.close(CloseCode.SERVICE_RESTART, text)
        else:
            if connection.open:
                self._welcome(connection, frame, identity)
        finally:
            connection.release("auth")

    def _welcome(self, connection: Connection, frame: client.Auth, identity: Identity) -> None:
        if connection.user is not None and identity.user_id != connection.user.id:
            connection.refuse(ErrorCode.FORBIDDEN, "This token is another user's.", frame.ref)
            return
        if connection.user is None:
            user, session = User(id=identity.user_id, name=identity.name), token_hex(12)
            connection.authenticated(user, session, self.address)
            self.sessions[session] = connection
        else:
            user = connection.user
        connection.renewed(identity.token_id, identity.expires_at)
        settings = self.settings
        limits = Limits(
            frame_bytes=settings.frame_bytes,
            text_chars=settings.text_chars,
            inline_file_bytes=settings.inline_file_bytes,
            frames_per_s=settings.frames_per_s,
            frames_burst=settings.frames_burst,
        )
        welcome = Welcome(
            user=user,
            session=connection.session,
            epoch=self.epoch or "",
            expires_at=timestamp(identity.expires_at * 1000),
            heartbeat_s=settings.server_ping_s,
            limits=limits,
            ref=frame.ref,
        )
        connection.send(render(welcome))
        self._expire_in_time(connection, settings.server_ping_s + 1)

    def _not_welcome(self, connection: Connection, frame: client.Auth, why: TokenRefused) -> None:
        connection.refuse(why.code, why.text, frame.ref, why.retry_after_ms)
        if connection.user is None:
            code = {
                ErrorCode.EXPIRED: CloseCode.TOKEN_EXPIRED,
                ErrorCode.UNAVAILABLE: CloseCode.SERVICE_RESTART,
            }.get(why.code, CloseCode.NOT_AUTHENTICATED)
            connection.close(code, why.text)

    def revoke(self, token_id: str, expires_at: int) -> None:
        """Nobody speaks with this token any more, live connections included."""
        self._verifier.revoke(token_id, expires_at)
        for connection in [c for c in self.sessions.values() if c.token_id == token_id]:
            connection.close(CloseCode.SIGNED_OUT, "You have signed out.")

    def expire(self, connection: Connection) -> None:
        """Closes a connection whose token has run out and was not renewed."""
        remaining = connection.expires_at - self._clock()
        if remaining > 1:
            return  # renewed meanwhile
        if remaining > 0:
            # The loop's timers count whole milliseconds and may be early; the next visit would be far too late.
            self._expire_in_time(connection, 1)
        elif connection.open:
            connection.refuse(ErrorCode.EXPIRED, "Your token has expired. Sign in again.", None)
            connection.close(CloseCode.TOKEN_EXPIRED, "The token has expired.")

    def look_after(self, connection: Connection, until_next_s: float) -> None:
        """The regular visit: a ping, and the token's end if it comes before the next visit."""
        connection.socket.ping()
        self._expire_in_time(connection, until_next_s)

    def _expire_in_time(self, connection: Connection, until_next_s: float) -> None:
        remaining = connection.expires_at - self._clock()
        if connection.user is not None and remaining < until_next_s:
            self._loop.call_later(max(0.001, remaining), self.expire, connection)

    # ── frames ──

    def forward_frame(self, connection: Connection, frame: client.ForwardedFrame, ref: str | None, said: bytes) -> None:
        """Sends a checked frame on to where its class says."""
        sender: Connection | None = connection
        question = None
        if frame.kind == "message":
            wait = self.room_buckets.take(frame.room, self._loop.time())
            if wait:
                text = "More is being said in this room than goes through. Wait a moment."
                ms = max(ROOM_RETRY_MS, round(wait * 1000))
                connection.refuse(ErrorCode.RATE_LIMITED, text, ref, ms)
                return
            part = said + b"}"
        elif frame.kind == "question":
            question = self.questions.ask(connection, ref)
            if question is None:
                return
            part = b'%b,"question":%d}' % (said, question.n)
        elif frame.kind == "notice":
            sender, part = None, said + b"}"
        else:
            assert_never(frame)
        _forwarded(frame.type).inc()
        if frame.scope == "room":
            if frame.type == "join":
                connection.joins(frame.room)
            self.forward.to_room(frame.room, part, sender, ref, question)
        elif frame.scope == "person":
            self.forward.to_any_router(connection.session, part, sender, ref, question)
        elif frame.scope == "files":
            connection.await_file(frame)
            self.forward.to_files(part, sender, ref, question)
        else:
            assert_never(frame)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@cache
def _forwarded(kind: str) -> Counter:
    """Looked up once: finding a label's counter costs more than counting."""
    return FRAMES.labels(kind)
