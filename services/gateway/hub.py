"""The gateway's middle: where connections come and go, and from where their frames go on to the bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any, assert_never

import structlog
from prometheus_client import Counter

from services.gateway.connection import Connection
from services.gateway.core.parsing import Bounds
from services.gateway.core.parts import parts
from services.gateway.core.subscriptions import Subscriptions
from services.gateway.deliver import Deliver
from services.gateway.entry import Entry
from services.gateway.forward import Forward
from services.gateway.framing import Framing
from services.gateway.questions import Part, Questions
from services.gateway.settings import Settings
from services.gateway.websocket import WebSocket
from shared.core.bucket import Buckets
from shared.protocol import client
from shared.protocol.bus import Retell, Submit
from shared.protocol.codec import pack
from shared.protocol.errors import ErrorCode
from shared.runtime.metrics import counter, gauge
from shared.tokens.verifier import Verifier

log = structlog.stdlib.get_logger("homin.gateway")
ROOMS = 10_000
"""So many rooms, those in which somebody spoke last, have their rate counted at least."""
CONNECTIONS = gauge("gateway_connections", "Open WebSocket connections")
FRAMES = counter("gateway_frames", "Frames of clients that were forwarded", ("type",))
REFUSED = counter("gateway_refused", "Frames that were refused", ("code",))
CLOSED = counter("gateway_closed", "Connections that the gateway closed", ("code",))
ROOM_RETRY_MS = 500
UPGRADE_RETRY_MS = 2_000


class Hub:
    """`clock`: Unix seconds."""

    def __init__(self, settings: Settings, forward: Forward, verifier: Verifier, clock: Callable[[], float]) -> None:
        self.settings, self.forward = settings, forward
        self.bounds = Bounds(settings.text_chars, settings.inline_file_bytes)
        self.framing = Framing(settings.gateway_compress_bytes)
        self.connections: dict[Connection, None] = {}  # in the order in which they came, which is that of a drain
        self.empty = asyncio.Event()
        self.empty.set()
        self.entry = Entry(settings, verifier, forward, self.connections, clock)
        self._room_buckets = Buckets(settings.room_frames_per_s, settings.room_frames_burst, ROOMS)
        self._subscriptions: Subscriptions[Connection] = Subscriptions()
        self.questions = Questions(settings.gateway_questions, settings.gateway_answer_s)
        self.deliver = Deliver(self.entry, self._subscriptions, self.questions, self.framing, forward)
        self._loop = asyncio.get_running_loop()
        self._turn = 0

    # ── connections come and go ──

    def new_connection(self, **_uvicorn: Any) -> WebSocket:
        self._turn += 1
        return Connection(self, self._turn).socket  # the turns spread the pings

    def arrived(self, connection: Connection) -> None:
        self.connections[connection] = None
        self.empty.clear()
        CONNECTIONS.set(len(self.connections))

    def left(self, connection: Connection) -> None:
        self.connections.pop(connection, None)
        if not self.connections:
            self.empty.set()
        CONNECTIONS.set(len(self.connections))
        if (code := connection.socket.closed_with) is not None:
            CLOSED.labels(int(code)).inc()
            log.info("closed", session=connection.session, code=int(code))
        if self.entry.left(connection):
            # Also where it may be subscribed only now: should what says so be lost, nobody else would ever end it.
            for room in {*self._subscriptions.clear(connection.session), *connection.joining}:
                self.forward.unsubscribe(room, connection.session)

    def drained(self, connection: Connection, rooms: frozenset[str]) -> None:
        for room in sorted(rooms & self._subscriptions.rooms(connection.session)):
            self.forward.own(room, Retell(address=self.forward.address, room=room, session=connection.session))

    def refused(self, connection: Connection, code: ErrorCode, text: str) -> None:
        REFUSED.labels(code).inc()
        log.debug("refused", session=connection.session, code=code, why=text)

    # ── frames ──

    def forward_frame(self, connection: Connection, frame: client.ForwardedFrame, ref: str | None, said: bytes) -> None:
        """Sends a checked frame on to where its class says."""
        assert connection.user is not None
        if frame.scope == "rooms":
            self._forward_parts(connection, frame, ref)
            return
        about = connection.session if frame.scope == "person" else client.room_of(frame, connection.user.id)
        if self.forward.owners.mixed and not self._is_read(frame, about):
            text = "The server is being upgraded. Try again in a moment."
            connection.refuse(ErrorCode.UNAVAILABLE, text, ref, UPGRADE_RETRY_MS)
            return
        sender: Connection | None = connection
        question = None
        if frame.kind == "entry":
            wait = self._room_buckets.take(about, self._loop.time())
            if wait:
                text = "Room rate limit reached. Wait a moment."
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
            if frame.type == "join" or frame.type == "create" or frame.type == "direct":
                connection.joins(about)
            self.forward.to_room(about, part, sender, ref, question)
        elif frame.scope == "person":
            self.forward.to_any_router(about, part, sender, ref, question)
        elif frame.scope == "files":
            connection.await_file(frame)
            self.forward.to_files(part, sender, ref, question)
        else:
            assert_never(frame)

    def _forward_parts(self, connection: Connection, frame: client.Resume, ref: str | None) -> None:
        """Sends the rooms of each shard to it together. For its sender it is one frame, however many parts it has."""
        assert connection.user is not None
        if self.forward.owners.mixed and not all(self._is_read(frame, each.room) for each in frame.rooms):
            # As an older gateway would: what it asks for can be had by other frames, and nobody needs to wait.
            connection.refuse(ErrorCode.INVALID_FRAME, "Not every router knows `resume` yet. Join each room.", ref)
            return
        question = self.questions.ask(connection, ref, (each.room for each in frame.rooms))
        if question is None:
            return
        _forwarded(frame.type).inc()
        sender: Connection | None = connection
        for part in parts(frame, self.forward.shards):
            rooms = [each.room for each in part.rooms]
            for room in rooms:
                connection.joins(room)
            submit = Submit.model_construct(
                address=self.forward.address, session=connection.session, user=connection.user, frame=part,
                question=question.n, among=len(frame.rooms),
            )  # fmt: skip
            self.forward.to_room(rooms[0], pack(submit), sender, ref, Part(question, rooms))
            sender = None

    def _is_read(self, frame: client.ForwardedFrame, about: str) -> bool:
        """Whether the routers are new enough for it: an older one would give it up, with all that came in its body."""
        since = client.read_since(frame)
        return since == 1 or self.forward.is_read(about, since)


@cache
def _forwarded(kind: str) -> Counter:
    """Looked up once: finding a label's counter costs more than counting."""
    return FRAMES.labels(kind)
