"""Gateways and routers as simulated processes: they start, die, stand still, and end in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from services.gateway.service import Gateway
from services.gateway.settings import Settings as GatewaySettings
from services.gateway.wiring import build
from services.router.core.changes import Changes
from services.router.service import Router
from services.router.settings import Settings as RouterSettings
from services.router.wiring import assemble
from shared.bus.memory import Broker
from shared.client import Closed
from shared.runtime.outage import StoreDown
from tests.flow.bus import Faults, FaultyBus
from tests.flow.line import Line
from tests.flow.message_store import Latency, MemoryMessageStore, Tables
from tests.unit.tokens.issuers import Issuer

SHARDS = 2
ISSUER = Issuer()
UNIX_S = 1_700_000_000.0
S = TypeVar("S", GatewaySettings, RouterSettings)


@cache
def settings(kind: type[S], instance: str) -> S:
    """The same for all seeds: reading the environment would take a tenth of each."""
    changed = {"instance": instance, "shards": SHARDS, "frames_per_s": 0, "gateway_drain_s": 1.0}
    return kind.model_validate(changed)


class GatewayProcess:
    def __init__(self, broker: Broker, faults: Faults, name: str) -> None:
        self._broker, self._faults, self.name = broker, faults, name
        self.service: Gateway | None = None
        self.bus = FaultyBus(broker, faults, name)
        self._lines: list[Line] = []

    @property
    def running(self) -> bool:
        return self.service is not None

    async def start(self) -> None:
        self.bus, self._lines = FaultyBus(self._broker, self._faults, self.name), []
        service = build(settings(GatewaySettings, self.name), self.bus, fetch_keys=ISSUER.fetch)
        await service.start()
        self.service = service

    async def dial(self, url: str) -> Line:
        """A client's connection. Raises `Closed`."""
        await asyncio.sleep(self._faults.delay())
        if self.service is None:
            raise Closed(1006, "connection refused")
        line = Line(url, self.service.websocket(), self._faults.delay)
        self._lines.append(line)
        await line.open()
        return line

    def lines(self) -> list[Line]:
        """The connections that are open at the gateway's end."""
        self._lines = [line for line in self._lines if not line.end.is_closing()]
        return self._lines

    async def kill(self) -> None:
        if (service := self.service) is not None:
            self.service = None
            await self.bus.kill()
            for line in self._lines:
                line.end.die()
                line.lose(1006, "the gateway was killed")
            for task in service._tasks:
                task.cancel()
            await asyncio.gather(*service._tasks, return_exceptions=True)
            await service._verifier.stop()

    async def end(self) -> None:
        """SIGTERM. It may be killed before it has come to its end."""
        service, bus = self.service, self.bus
        if service is not None and await bus.unless_killed(service.drain()):
            self.service = None
            await service.stop()
            await bus.kill()


class _Store(MemoryMessageStore):
    """`noted` is called, and may not return, once something is stored that is to be told in other logs."""

    def __init__(self, tables: Tables, hop: Latency, noted: Callable[[], Awaitable[None]]) -> None:
        super().__init__(tables, SHARDS, hop, hop)
        self._noted = noted

    async def commit(self, batch: Sequence[Changes]) -> set[str]:
        stale = await super().commit(batch)
        if any(changes.notices for changes in batch if changes.room not in stale):
            await self._noted()
        return stale


class RouterProcess:
    """`dies`: is told that it dies between two commits, and restarts it."""

    def __init__(
        self,
        broker: Broker,
        faults: Faults,
        tables: Tables,
        name: str,
        dies: Callable[[RouterProcess], None] = lambda _: None,
    ) -> None:
        self._broker, self._faults, self._tables, self.name, self._dies = broker, faults, tables, name, dies
        self._lives = 0
        self.service: Router | None = None
        self.bus = FaultyBus(broker, faults, name)

    @property
    def running(self) -> bool:
        return self.service is not None

    async def start(self) -> None:
        bus = self.bus = FaultyBus(self._broker, self._faults, self.name)
        self._lives += 1
        # Under a new name in each life, as in most deployments, or under the same.
        instance = f"{self.name}-{self._lives}" if self._faults.renames else self.name

        async def hop() -> None:
            await bus.hop()
            if self._faults.happens(self._faults.store):
                raise StoreDown("the database is away")

        async def noted() -> None:
            if self.running and self.bus is bus and self._faults.happens(self._faults.between):
                self._dies(self)
                await self._faults.never.wait()

        async def nothing() -> None: ...

        loop = asyncio.get_running_loop()
        service = assemble(
            settings(RouterSettings, instance),
            bus,
            _Store(self._tables, hop, noted),
            workers=2,
            now=lambda: UNIX_S + loop.time(),
            monotonic=loop.time,
            prepare=nothing,
            dispose=nothing,
        )
        while True:
            try:
                await service.start()
                break
            except StoreDown:
                await asyncio.sleep(0.5)
        self.service = service

    async def kill(self) -> None:
        if (service := self.service) is not None:
            self.service = None
            await self.bus.kill()
            await service.stop()

    async def end(self) -> None:
        """SIGTERM. It may be killed before it has come to its end."""
        service, bus = self.service, self.bus
        if service is not None and await bus.unless_killed(self._drain(service)):
            self.service = None
            await service.stop()
            await bus.kill()

    @staticmethod
    async def _drain(service: Router) -> None:
        with contextlib.suppress(TimeoutError):
            await service.drain()

    async def stand_still(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after a while: the broker has given its shards away meanwhile, and gives them back."""
        service, bus = self.service, self.bus
        if service is None:
            return
        bus.stand_still()
        for worker in service._workers:
            await worker._consumer.close()
        await asyncio.sleep(seconds)
        bus.go_on()
        if not bus.dead and service is self.service:
            for worker in service._workers:
                consumer: Any = worker._consumer
                if not consumer._life:
                    consumer._open()
