"""The gateway as a service: its mailbox, its beat, the regular look after every connection, and a gentle end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.gateway.entry import PATH
from services.gateway.hub import Hub
from shared.bus.port import Bus, Mailbox, Reopened
from shared.protocol.bus import Beat
from shared.protocol.codec import render
from shared.protocol.errors import CloseCode, ErrorCode
from shared.protocol.server import Reconnect
from shared.runtime.health import Check
from shared.runtime.origin import TOLD_EVERY_S
from shared.runtime.problem import problem
from shared.tokens.verifier import Verifier

log = structlog.stdlib.get_logger("homin.gateway")
SLICE_S = 0.25
TURN_BYTES = 64 << 10  # of bodies that are delivered in one go


class Gateway:
    name = "gateway"

    def __init__(
        self,
        bus: Bus,
        instance: str,
        verifier: Verifier,
        new_hub: Callable[[str], Hub],
        *,
        beat_s: float,
        drain_s: float,
    ) -> None:
        self._bus, self._instance, self._verifier, self._new_hub = bus, instance, verifier, new_hub
        self._beat_s, self._drain_s = beat_s, drain_s
        self._hub: Hub | None = None
        self._mailbox: Mailbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._told_of_upgrade_at = float("-inf")

    @property
    def websocket(self) -> Callable[..., asyncio.Protocol]:
        return self._new_connection

    @property
    def routes(self) -> Sequence[BaseRoute]:
        return [Route(PATH, self._no_upgrade, methods=["GET"])]

    @property
    def checks(self) -> Mapping[str, Check]:
        return {
            "bus": lambda: None if self._bus.connected else "The broker cannot be reached.",
            "router": lambda: None if self._hub and self._hub.entry.epoch else "No router has answered yet.",
            "keys": self._verifier.check,
        }

    async def start(self) -> None:
        self._mailbox = await self._bus.mailbox(f"gateway.{self._instance}")
        self._hub = self._new_hub(self._mailbox.address)
        await self._verifier.start()
        for work in (
            self._receive(self._mailbox, self._hub),
            self._beat(self._hub),
            self._ask(self._hub),
            self._look_after(self._hub),
        ):
            self._tasks.append(asyncio.create_task(work))

    async def drain(self) -> None:
        """Sends the clients elsewhere, a slice at a time, so that they do not all arrive there at once."""
        hub = self._started
        hub.entry.draining = True
        waiting = list(hub.connections)
        slices = max(1, int(self._drain_s / SLICE_S))
        size = max(1, -(-len(waiting) // slices))
        told = render(Reconnect(after_ms=500))
        for start in range(0, len(waiting), size):
            for connection in waiting[start : start + size]:
                connection.send(told)
            await hub.forward.flush()
            await asyncio.sleep(SLICE_S)
            for connection in waiting[start : start + size]:
                connection.close(CloseCode.DRAINING, "This gateway is closing. Reconnect.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await hub.empty.wait()
        await hub.forward.flush()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._hub is not None:
            for connection in list(self._hub.connections):
                connection.close(CloseCode.GOING_AWAY, "The server is closing.")
        if self._mailbox is not None:
            await self._mailbox.close()
        await self._verifier.stop()

    @property
    def _started(self) -> Hub:
        if self._hub is None:
            raise RuntimeError("the gateway has not been started")
        return self._hub

    def _new_connection(self, **uvicorn: object) -> asyncio.Protocol:
        return self._started.new_connection(**uvicorn)

    async def _no_upgrade(self, _request: Request) -> Response:
        """What comes here has lost its upgrade on the way, and no browser says so to its page."""
        now = asyncio.get_running_loop().time()
        if now - self._told_of_upgrade_at >= TOLD_EVERY_S:
            self._told_of_upgrade_at = now
            advice = "The proxy must pass the headers Upgrade and Connection on, over HTTP/1.1 (deploy/README.md)."
            log.warning("a request for the WebSocket came without an upgrade", advice=advice)
        # RFC 9110, 15.5.22 and 7.8.
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        return problem(ErrorCode.UPGRADE_REQUIRED, "This address speaks WebSocket.", headers=headers)

    async def _receive(self, mailbox: Mailbox, hub: Hub) -> None:
        deliver = hub.deliver
        while True:
            gathered = 0
            for got in await mailbox.get():
                try:
                    if isinstance(got, Reopened):
                        deliver.reopened(got.address)
                        hub.entry.revocations.missed()
                        hub.forward.to_all(Beat(address=hub.forward.address))
                    else:
                        deliver.body(got)
                except Exception:
                    log.exception("a body could not be delivered")
                if not isinstance(got, Reopened) and (gathered := gathered + len(got)) > TURN_BYTES:
                    # A flood of deliveries leaves room for what clients send.
                    deliver.write()
                    await asyncio.sleep(0)
                    gathered = 0
            deliver.write()
            await asyncio.sleep(0)

    async def _beat(self, hub: Hub) -> None:
        """Says to every shard that we live."""
        while True:
            hub.forward.to_all(Beat(address=hub.forward.address))
            await asyncio.sleep(self._beat_s)

    async def _ask(self, hub: Hub) -> None:
        """Which tokens are revoked; where people sign in elsewhere nobody would answer."""
        if not hub.settings.outside_issuer:
            await hub.entry.revocations.run(self._bus, lambda: hub.forward.address)

    async def _look_after(self, hub: Hub) -> None:
        """Visits every connection once in `server_ping_s`, a slice each second, with one task for all."""
        turns = max(1, round(hub.settings.server_ping_s))
        pause = hub.settings.server_ping_s / turns
        turn = 0
        while True:
            await asyncio.sleep(pause)
            turn = (turn + 1) % turns
            for connection in [c for c in hub.connections if c.wheel % turns == turn]:
                connection.socket.ping()
                hub.entry.expire_in_time(connection, hub.settings.server_ping_s + 1)
