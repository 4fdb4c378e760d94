"""One lasting connection over many WebSockets: it authenticates each, notices when one is dead, and comes back as the
close codes of docs/protocol.md allow. What is said over it is the business of others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from pydantic_core import from_json, to_json

from shared.client.core.backoff import ABNORMAL, Reconnection
from shared.client.core.events import ClientError, JsonFrame
from shared.client.core.liveness import Liveness
from shared.client.core.timers import Timer, Timers
from shared.client.socket import Closed, Dial, Socket
from shared.client.tokens import SignInNeeded, Token, TokenSource
from shared.protocol.errors import CloseCode

RENEW_AT = 0.8
RENEW_AGAIN_S = 15.0


class ConnectionPorts(Protocol):
    """Who is told what happens."""

    def opened(self, welcome: JsonFrame, url: str) -> None:
        """A connection is welcomed."""

    def received(self, frame: JsonFrame) -> None:
        """Any frame, but not what concerns only the connection."""

    def sending(self, frame: JsonFrame) -> None:
        """The frame goes out now."""

    def disconnected(self) -> None:
        """The present connection is gone, welcomed or not."""

    def lost(self, closed: Closed, retry_in_s: float | None) -> None:
        """When the next attempt is due; None: never."""

    async def keep_up(self) -> None:
        """Waits where whoever reads is too far behind."""


class Connection:
    """`urls`: of one or more gateways, the next after each that was lost. `heartbeat_s`: None: what the server says.
    `connect_s`: from dialling to the welcome. `number` counts the attempts."""

    def __init__(
        self,
        urls: Sequence[str],
        token: TokenSource,
        dial: Dial,
        ports: ConnectionPorts,
        timers: Timers,
        random: Callable[[], float],
        *,
        connect_s: float,
        heartbeat_s: float | None,
    ) -> None:
        self.number = 0
        self.welcome: JsonFrame | None = None
        self._urls, self._token, self._dial, self._ports, self._timers = list(urls), token, dial, ports, timers
        self._connect_s, self._heartbeat_s = connect_s, heartbeat_s
        self._turn = 0
        self._reconnection = Reconnection(random)
        self._liveness: Liveness | None = None
        self._leaving: Timer | None = None
        self._renewing: Timer | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._socket: Socket | None = None
        self._outgoing: deque[JsonFrame] = deque()
        self._writable = asyncio.Event()
        self._hurry = asyncio.Event()
        self._armed: tuple[float, asyncio.Handle] | None = None

    async def run(self) -> None:
        """Until a close code says never to come back."""
        while True:
            closed = await self._converse(self._urls[self._turn % len(self._urls)])
            self._turn += 1
            self.wind()
            wait = self._reconnection.lost(closed.code, self._timers.now)
            self._ports.lost(closed, wait)
            if wait is None:
                return
            self._hurry.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), wait)

    async def close(self) -> None:
        """Says goodbye, if there is anybody; `run` is to be cancelled then."""
        if self._socket is not None:
            with suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 2)
        if self._armed is not None:
            self._armed[1].cancel()

    def send(self, frame: JsonFrame) -> bool:
        """Queues a frame; False where no connection is welcomed."""
        if self.welcome is None:
            return False
        self._put(frame)
        return True

    def cut(self) -> None:
        """Ends the present connection without a word."""
        if self._socket is not None:
            self._socket.cut()

    def hurry(self) -> None:
        """Does not wait for the next attempt any longer."""
        self._hurry.set()

    # ── time ──

    def wind(self) -> None:
        """It is now: what is due happens. To be called before anything that starts a timer."""
        self._timers.advance(asyncio.get_running_loop().time())

    def arm(self) -> None:
        """Sees to it that the timers are wound when the next one is due. To be called after."""
        deadline = self._timers.deadline
        if deadline is None or (self._armed is not None and self._armed[0] <= deadline):
            return
        if self._armed is not None:
            self._armed[1].cancel()
        # The time stands beside the handle: uvloop gives one without `when` where the time has come already.
        self._armed = deadline, asyncio.get_running_loop().call_at(deadline, self._due)

    def _due(self) -> None:
        # A loop's clock may fire a moment early; and what it was armed for may have been cancelled since.
        due = self._armed[0] if self._armed is not None else 0.0
        self._armed = None
        self._timers.advance(max(asyncio.get_running_loop().time(), due))
        self.arm()

    # ── one WebSocket ──

    async def _converse(self, url: str) -> Closed:
        """From dialling to the end."""
        self.number += 1
        writer: asyncio.Task[None] | None = None
        refused = False
        try:
            async with asyncio.timeout(self._connect_s) as patience:
                token = await self._token()
                socket = self._socket = await self._dial(url)
                writer = asyncio.create_task(self._write(socket))
                self._put({"type": "auth", "token": token.token})
                while True:
                    frame = self._read(await socket.receive())
                    if frame is not None and frame["type"] == "welcome" and self.welcome is None:
                        patience.reschedule(None)
                        self._welcomed(frame, url, token)
                    elif frame is not None:
                        refused = refused or frame["type"] == "error"
                        self._ports.received(frame)
                    self.arm()
                    await self._ports.keep_up()
        except Closed as closed:
            if closed.code == CloseCode.NOT_AUTHENTICATED and self.welcome is None and not refused:
                # Nothing was refused: the token came late. On a slow line it is good all the same.
                return Closed(ABNORMAL, closed.reason)
            return closed
        except TimeoutError:
            return Closed(ABNORMAL, "no welcome in time")
        except SignInNeeded as why:
            return Closed(CloseCode.NOT_AUTHENTICATED, str(why))
        except (OSError, ClientError) as why:  # of the token source
            return Closed(ABNORMAL, str(why) or type(why).__name__)
        finally:
            if writer is not None:
                writer.cancel()
            self._disconnected()

    def _read(self, data: str | bytes) -> JsonFrame | None:
        """The frame in `data`; None for what is none, since a newer server may say things that are unknown here."""
        self.wind()
        if self._liveness is not None:
            self._liveness.heard()
        try:
            frame = from_json(data)
        except ValueError:
            return None
        if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
            return None
        if frame["type"] == "reconnect" and self._leaving is None:
            # Until the server closes we stay; when its time is up and it has not, we go by ourselves.
            self._leaving = self._timers.after(
                self._reconnection.announced(frame["after_ms"], self._timers.now), self.cut
            )  # fmt: skip
        return frame

    async def _write(self, socket: Socket) -> None:
        with suppress(Closed):  # the reader learns of it, too
            while True:
                while self._outgoing:
                    frame = self._outgoing.popleft()
                    self._ports.sending(frame)
                    await socket.send(to_json(frame).decode())
                self._writable.clear()
                await self._writable.wait()

    def _put(self, frame: JsonFrame) -> None:
        self._outgoing.append(frame)
        self._writable.set()

    def _welcomed(self, frame: JsonFrame, url: str, token: Token) -> None:
        self.welcome = frame
        self._reconnection.opened(self._timers.now)
        heartbeat_s = self._heartbeat_s or frame["heartbeat_s"]
        self._liveness = Liveness(self._timers, heartbeat_s, self._ask, self.cut)
        self._plan_renewal(token)
        self._ports.opened(frame, url)

    def _ask(self) -> None:
        self.send({"type": "ping"})

    def _disconnected(self) -> None:
        self.wind()
        for timer in (self._leaving, self._renewing):
            if timer is not None:
                timer.cancel()
        if self._renewal is not None:
            self._renewal.cancel()
        if self._liveness is not None:
            self._liveness.stop()
        if self._socket is not None:
            self._socket.cut()
        self._liveness = self._leaving = self._renewing = self._renewal = self._socket = self.welcome = None
        self._outgoing.clear()
        self._ports.disconnected()

    # ── the token's renewal ──

    def _plan_renewal(self, token: Token) -> None:
        if token.expires_in_s is not None:
            self._renewing = self._timers.after(max(1.0, token.expires_in_s * RENEW_AT), self._renew)

    def _renew(self) -> None:
        self._renewal = asyncio.get_running_loop().create_task(self._renewed())

    async def _renewed(self) -> None:
        try:
            token = await self._token()
        except SignInNeeded:
            return  # the server ends the connection when the old one expires, and says so in its close code
        except Exception:
            token = Token("", RENEW_AGAIN_S / RENEW_AT)
        self.wind()
        if token.token:
            self.send({"type": "auth", "token": token.token})
        self._plan_renewal(token)
        self.arm()
