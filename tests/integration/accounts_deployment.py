"""Accounts as a deployment has them: the real application, a real database, a bus, and a clock that tests may move."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.accounts.settings import Settings
from services.accounts.wiring import build
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Mailbox
from shared.protocol.bus import BusMessage, Revocations, Revoked
from shared.protocol.codec import decode
from shared.runtime.app import application
from shared.runtime.health import Readiness
from shared.tokens.jwks import Fetch

QUICK: dict[str, Any] = {"hash_memory_kib": 8, "hash_passes": 1}
"""Argon2 as cheap as it gets: the tests that use it are not about its cost."""


class Deployment:
    """One accounts process. `ahead_s` moves its clock; `client` is a browser with its own cookies."""

    def __init__(self, settings: Settings, broker: Broker, fetch_outside_keys: Fetch | None = None) -> None:
        self.settings = settings
        self.broker = broker
        self.ahead_s = 0
        self.bus = MemoryBus(broker)
        self.service = build(
            settings, self.bus, fetch_outside_keys=fetch_outside_keys, now=lambda: time.time() + self.ahead_s
        )
        self.readiness = Readiness([("accounts", self.service.checks)])
        self.application = application(self.service.routes, self.readiness)

    def client(self, base_url: str = "http://chat.test", address: str = "192.0.2.1", **more: Any) -> httpx.AsyncClient:
        """A browser at `address`."""
        transport = httpx.ASGITransport(self.application, raise_app_exceptions=False, client=(address, 50_000))
        return httpx.AsyncClient(transport=transport, base_url=base_url, **more)

    async def mailbox(self) -> Mailbox:
        """What a gateway would have."""
        return await MemoryBus(self.broker).mailbox("gateway-test")


@asynccontextmanager
async def deployed(
    database_url: str, *, broker: Broker | None = None, outside: Fetch | None = None, **settings: Any
) -> AsyncIterator[Deployment]:
    """A started process."""
    chosen = Settings.model_validate({"database_url": database_url, **QUICK, **settings})
    deployment = Deployment(chosen, broker or Broker(), outside)
    await deployment.service.start()
    try:
        yield deployment
    finally:
        await deployment.service.stop()


def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the kind that the test's parameter names."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/homin.db"
    return str(request.getfixturevalue("postgres_url"))


async def heard(mailbox: Mailbox) -> list[BusMessage]:
    """The next messages that come to `mailbox`."""
    async with asyncio.timeout(10):
        bodies = await mailbox.get()
    return [message for body in bodies if isinstance(body, bytes) for message in decode(body)[0].messages]


def tokens_of(messages: list[BusMessage]) -> set[str]:
    """The tokens that `messages` revoke."""
    revoked = {message.token_id for message in messages if isinstance(message, Revoked)}
    lists = [message.tokens for message in messages if isinstance(message, Revocations)]
    return revoked | {token.token_id for tokens in lists for token in tokens}
