"""Where the bus suite runs: a broker of either kind, its participants, and what can befall them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

import aiormq
from aiormq.abc import DeliveredMessage

from shared.bus.amqp import AmqpBus
from shared.bus.limits import AmqpLimits
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Bus
from shared.bus.topology import DEAD
from tests.contract.relay import Relay

# A mailbox that holds some bodies of the tests only, and hands out one at a time, so that its bound is seen.
LIMITS = AmqpLimits(
    shards=4,
    publish_timeout_s=1.5,
    reconnect_min_s=0.02,
    reconnect_max_s=0.1,
    body_bytes=250,
    mailbox_bytes=1_000,
    mailbox_prefetch=1,
    delivery_limit=10,
)


class Site(Protocol):
    ranks: bool
    """Whether a shard goes to the consumer of the highest priority (RabbitMQ from 4.0 on), else to the first."""

    async def bus(self, name: str, limits: AmqpLimits = LIMITS) -> Bus:
        """A new participant."""

    async def cut(self, bus: Bus) -> None:
        """Ends all connections of `bus`; it may come back at once."""

    async def dead(self, count: int) -> list[tuple[str, str, bytes]]:
        """`count` dead letters: queue, reason, body."""

    async def close(self) -> None: ...


class MemorySite:
    ranks = True

    def __init__(self) -> None:
        self._broker = Broker(mailbox_bytes=LIMITS.mailbox_bytes)
        self._buses: list[MemoryBus] = []

    async def bus(self, name: str, limits: AmqpLimits = LIMITS) -> Bus:
        self._buses.append(MemoryBus(self._broker, limits.body_bytes))
        return self._buses[-1]

    async def cut(self, bus: Bus) -> None:
        assert isinstance(bus, MemoryBus)
        await bus.cut()

    async def dead(self, count: int) -> list[tuple[str, str, bytes]]:
        assert len(self._broker.dead) == count
        return list(self._broker.dead)

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()


class AmqpSite:
    """Each participant has a relay of its own between itself and the broker."""

    def __init__(self, url: str, version: tuple[int, ...], direct: bool = True) -> None:
        self.ranks = version >= (4,)
        self._direct = direct
        self._url = url
        self._buses: dict[AmqpBus, Relay] = {}

    async def bus(self, name: str, limits: AmqpLimits = LIMITS) -> AmqpBus:
        relay = Relay(self._url)
        await relay.up()
        bus = AmqpBus(relay.url, replace(limits, direct=self._direct), name)
        self._buses[bus] = relay
        await bus.open()
        return bus

    def relay(self, bus: Bus) -> Relay:
        assert isinstance(bus, AmqpBus)
        return self._buses[bus]

    async def cut(self, bus: Bus) -> None:
        await self.relay(bus).cut()

    async def dead(self, count: int) -> list[tuple[str, str, bytes]]:
        letters = []
        for letter in await self.letters(count):
            headers = letter.header.properties.headers or {}
            letters.append((str(headers["x-queue"]), str(headers["x-reason"]), letter.body))
        return letters

    async def letters(self, count: int) -> list[DeliveredMessage]:
        """`count` dead letters as the broker has them."""
        connection = await aiormq.connect(self._url)
        try:
            channel = await connection.channel()
            letters: asyncio.Queue[DeliveredMessage] = asyncio.Queue()
            await channel.basic_consume(DEAD, letters.put, no_ack=True)
            return [await asyncio.wait_for(letters.get(), 10) for _ in range(count)]
        finally:
            await connection.close()

    async def close(self) -> None:
        for bus, relay in self._buses.items():
            await bus.close()
            await relay.down()
