"""A gateway with what stands behind it, in one process: accounts, router and gateway over the in-memory bus and
SQLite, and real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from structlog.testing import capture_logs

from services.accounts.settings import Settings as AccountsSettings
from services.accounts.wiring import build as build_accounts
from services.files.settings import Settings as FilesSettings
from services.files.wiring import build as build_files
from services.gateway.service import Gateway
from services.gateway.settings import Settings
from services.gateway.wiring import build
from services.router.settings import Settings as RouterSettings
from services.router.wiring import build as build_router
from shared.bus.memory import Broker, MemoryBus
from shared.client import Client, Options, fixed
from shared.runtime.service import Service, serve
from tests.integration.wire import Wire
from tests.unit.tokens.issuers import Issuer

PATIENCE_S = 20
ISSUER = Issuer()

Log = list[MutableMapping[str, Any]]


class Deployment:
    """`bus` is the gateway's own connection, `log` what all services have logged."""

    def __init__(self, settings: Settings, broker: Broker, bus: MemoryBus, gateway: Gateway, log: Log) -> None:
        self.settings, self.broker, self.bus, self.gateway, self.log = settings, broker, bus, gateway, log
        self.address = ""

    @property
    def ws(self) -> str:
        return self.address.replace("http", "ws", 1) + "/ws"

    def token(self, user: str, **changed: Any) -> str:
        """A token of `user`, good for ten minutes unless `changed` says otherwise."""
        return ISSUER.token(**{"sub": f"u-{user}", "name": user, "jti": uuid4().hex, **changed})

    def client(self, user: str, **options: Any) -> Client:
        """A well-behaved client, not started yet."""
        return Client([self.ws], fixed(self.token(user)), name=user, options=Options(**options))

    @asynccontextmanager
    async def wire(self, user: str | None = None, **how: Any) -> AsyncIterator[Wire]:
        """A client that does what it is told, good or bad; welcomed where `user` is given."""
        wire = await Wire.connect(self.ws, **how)
        try:
            if user is not None:
                await wire.send({"type": "auth", "token": self.token(user)})
                assert (await wire.frame())["type"] == "welcome"
            yield wire
        finally:
            wire.abort()

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.address, timeout=PATIENCE_S, trust_env=False)

    def logged(self, event: str, **fields: Any) -> Log:
        """The lines of the log that say so."""
        return [e for e in self.log if e["event"] == event and fields.items() <= e.items()]


@asynccontextmanager
async def deployed(
    folder: Path, *, accounts: bool = False, files: bool = False, **changed: Any
) -> AsyncIterator[Deployment]:
    """Started, listening on a free port. `changed`: settings. `accounts`, `files`: whether these services run, too; the
    accounts' tokens count beside those of `ISSUER`."""
    broker = Broker()
    bus = MemoryBus(broker)
    common: dict[str, Any] = {
        "var": str(folder), "port": 0, "drain_s": 1.0, "instance": f"test-{uuid4().hex[:8]}", "gateway_drain_s": 0.5,
        **changed,
    }  # fmt: skip
    settings = Settings.model_validate(common)

    home = build_accounts(AccountsSettings.model_validate(common), MemoryBus(broker)) if accounts else None

    async def keys() -> bytes:
        issuers = await ISSUER.fetch()
        return issuers if home is None else (await home.fetch_keys()).replace(b'{"keys":[', issuers[:-2] + b",")

    with capture_logs() as log:
        gateway = build(settings, bus, fetch_keys=keys)
        services: list[Service] = [build_router(RouterSettings.model_validate(common), MemoryBus(broker)), gateway]
        if files:
            services.insert(0, build_files(FilesSettings.model_validate(common), MemoryBus(broker), fetch_keys=keys))
        if home is not None:
            services.insert(0, home)
        deployment = Deployment(settings, broker, bus, gateway, log)
        listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve(services, settings, listening=listening.set_result))
        serving.add_done_callback(lambda _: listening.done() or listening.cancel())
        try:
            async with asyncio.timeout(PATIENCE_S):
                deployment.address = await listening
                await eventually(lambda: not any(check() for check in gateway.checks.values()))
            yield deployment
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            # Of a client that went away while it was not being read, the server has not heard.
            for connection in list(gateway._started.connections):
                connection.socket._transport.abort()
            await eventually(lambda: not gateway._started.connections)


async def eventually(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Waits until it holds; fails where it does not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        await asyncio.sleep(0.005)
