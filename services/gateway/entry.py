"""Who may come in, and for how long: handshakes, tokens and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from secrets import token_hex

import structlog
from websockets.http11 import Request

from services.gateway.connection import Connection
from services.gateway.forward import Forward
from services.gateway.settings import Settings
from shared.bus.revocations import RevocationsAsker
from shared.protocol import client
from shared.protocol.bus import Revoked
from shared.protocol.codec import render, timestamp
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.room_names import own_room
from shared.protocol.server import Limits, User, Welcome
from shared.runtime.origin import Pages
from shared.runtime.problem import ProblemResponse, problem
from shared.tokens.verifier import Identity, TokenRefused, Verifier

log = structlog.stdlib.get_logger("homin.gateway")
PATH = "/ws"


class Entry:
    """`connections`: all that there are. `sessions`: those that were welcomed, by session. `epoch`: the store's, as the
    routers last said it; before they have, nobody is welcomed. `draining`: nobody comes in any more. `clock`: Unix
    seconds."""

    def __init__(
        self,
        settings: Settings,
        verifier: Verifier,
        forward: Forward,
        connections: Collection[Connection],
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._verifier, self._forward = settings, verifier, forward
        self._connections, self._clock = connections, clock
        self.sessions: dict[str, Connection] = {}
        self.epoch: str | None = None
        self.draining = False
        self.revocations = RevocationsAsker()
        self._known_epoch = asyncio.Event()
        self._pages = Pages(settings.origins)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def admit(self, request: Request) -> ProblemResponse | None:
        """None, or the answer to a handshake that is refused."""
        if request.path.partition("?")[0] != PATH:
            return problem(ErrorCode.NOT_FOUND, f"The WebSocket is at {PATH}.")
        if self.draining:
            return problem(ErrorCode.UNAVAILABLE, "This gateway is closing. Try again in a moment.", retry_after_s=1)
        if len(self._connections) >= self._settings.gateway_connections:
            return problem(ErrorCode.OVERLOADED, "This gateway is full. Try again in a moment.", retry_after_s=1)
        refusal = self._pages.refusal(request.headers.get_all("Origin"), request.headers.get_all("Host"))
        return None if refusal is None else problem(refusal.code, refusal.text)

    def authenticate(self, connection: Connection, frame: client.Auth) -> None:
        """Answers with a welcome, or an error and a close; holds the connection's other frames meanwhile."""
        task = self._loop.create_task(self._authenticate(connection, frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _authenticate(self, connection: Connection, frame: client.Auth) -> None:
        try:
            async with asyncio.timeout(self._settings.auth_timeout_s):
                identity = await self._verifier.verify(frame.token)
                if connection.user is None:
                    await self._known_epoch.wait()
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
            connection.authenticated(user, session, self._forward.address)
            self.sessions[session] = connection
        else:
            user = connection.user
        connection.renewed(identity.token_id, identity.expires_at)
        settings = self._settings
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
            me=own_room(user.id),
            keep_days=settings.keep_days or None,
            ref=frame.ref,
        )
        connection.send(render(welcome))
        self.expire_in_time(connection, settings.server_ping_s + 1)

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

    def _expire(self, connection: Connection) -> None:
        """Closes a connection whose token has run out and was not renewed."""
        remaining = connection.expires_at - self._clock()
        if remaining > 1:
            return  # renewed meanwhile
        if remaining > 0:
            # The loop's timers count whole milliseconds and may be early; the next visit would be far too late.
            self.expire_in_time(connection, 1)
        elif connection.open:
            connection.refuse(ErrorCode.EXPIRED, "Your token has expired. Sign in again.", None)
            connection.close(CloseCode.TOKEN_EXPIRED, "The token has expired.")

    def expire_in_time(self, connection: Connection, until_next_s: float) -> None:
        """To be called on regular visits: sees to the token's end if it comes before the next."""
        remaining = connection.expires_at - self._clock()
        if connection.user is not None and remaining < until_next_s:
            self._loop.call_later(max(0.001, remaining), self._expire, connection)

    def left(self, connection: Connection) -> bool:
        """The connection is no more. Whether it had been welcomed."""
        return self.sessions.pop(connection.session, None) is not None

    def store_is(self, epoch: str) -> None:
        """The routers say that the store's epoch is `epoch`. With another than before, clients start anew."""
        if self.epoch is not None and epoch != self.epoch:
            log.warning("the message store was restored; clients start anew", epoch=epoch)
            for connection in list(self.sessions.values()):
                connection.close(CloseCode.SERVICE_RESTART, "The message store was restored.")
        self.epoch = epoch
        self._known_epoch.set()

    def told_revoked(self, tokens: Iterable[Revoked]) -> None:
        """The answer to what was asked: all tokens that are revoked by now."""
        self.revocations.told()
        for token in tokens:
            self.revoke(token.token_id, token.expires_at)
