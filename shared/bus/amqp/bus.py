"""Publishing, consumers and mailboxes over RabbitMQ."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import count
from secrets import token_hex
from typing import Any

from aiormq.abc import AbstractChannel

from shared.bus.amqp import assumptions
from shared.bus.amqp.declaration import Declaration
from shared.bus.amqp.frames import Delivered, Message
from shared.bus.amqp.line import Line
from shared.bus.amqp.link import Link
from shared.bus.limits import AmqpLimits
from shared.bus.port import REASON_CHARS, Delivery, Reopened, Unavailable, bounded
from shared.bus.topology import BROADCAST, DEAD, MAILBOX, priority, single_active


class _Publisher(Link):
    async def _set_up(self, channel: AbstractChannel, line: Line) -> None:
        """It consumes nothing."""

    async def publish(self, message: Message) -> None:
        if self._line is None:
            raise Unavailable("the broker is not reached")
        await self._line.publish(message, self._limits.publish_timeout_s)


class _Consumer(Link):
    def __init__(self, bus: AmqpBus, queues: Sequence[str], instance: str, prefetch: int) -> None:
        super().__init__(bus.url, bus.limits, bus.declaration, f"{instance}:consumer")
        self._bus, self._queues, self._instance, self._prefetch = bus, queues, instance, prefetch
        self._lives = count(1)
        self._life = 0
        self._gathered: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._acked = 0

    async def _set_up(self, channel: AbstractChannel, line: Line) -> None:
        self._life = next(self._lives)
        self._acked = 0
        # Per instance, not per channel: quorum queues do not know the global kind.
        await channel.basic_qos(prefetch_count=self._prefetch)
        # The first deliveries come, and may be acknowledged, while the other queues are still being asked for.
        self._line = line
        for queue in self._queues:
            arguments: dict[str, Any] | None = (
                {"x-priority": priority(self._instance, queue)} if single_active(queue) else None
            )
            await channel.basic_consume(queue, line.taken, arguments=arguments)

    def _delivered(self, delivered: Delivered) -> None:
        tag, redelivered, queue, body = delivered
        self._gathered.append(Delivery(body, queue, redelivered, self._life, tag))
        self._arrived.set()

    def _lost(self) -> None:
        self._life = -1
        self._gathered.clear()

    async def get(self) -> list[Delivery]:
        while not self._gathered:
            self._arrived.clear()
            await self._arrived.wait()
        gathered = list(self._gathered)
        self._gathered.clear()
        return gathered

    def ack(self, last: Delivery) -> None:
        if self._line is not None and last.life == self._life and last.tag > self._acked:
            self._acked = last.tag
            self._line.ack(last.tag)

    async def close(self) -> None:
        await super().close()
        self._bus.forget(self)

    async def reject(self, delivery: Delivery, reason: str) -> None:
        await self._bus.dead_letter(delivery, reason)


class _Mailbox(Link):
    def __init__(self, bus: AmqpBus, owner: str) -> None:
        super().__init__(bus.url, bus.limits, bus.declaration, f"{owner}:mailbox")
        self._owner = owner
        self._lives = count(1)
        self._boot = token_hex(4)
        self.address = ""
        self._gathered: deque[bytes | Reopened] = deque()
        self._arrived = asyncio.Event()
        self._unacked = 0

    async def _set_up(self, channel: AbstractChannel, line: Line) -> None:
        life = next(self._lives)
        address = f"{MAILBOX}{self._owner}.{self._boot}.{life}"
        arguments: dict[str, Any] = {"x-max-length-bytes": self._limits.mailbox_bytes, "x-overflow": "drop-head"}
        await channel.queue_declare(address, exclusive=True, auto_delete=True, arguments=arguments)
        await channel.queue_bind(address, BROADCAST)
        await channel.basic_qos(prefetch_count=self._limits.mailbox_prefetch)
        self._line = line
        self._gathered.clear()
        self._unacked = 0
        self.address = address
        if life > 1:
            self._gathered.append(Reopened(address))
            self._arrived.set()
        await channel.basic_consume(address, line.taken)

    def _delivered(self, delivered: Delivered) -> None:
        self._gathered.append(delivered.body)
        self._unacked = delivered.tag
        self._arrived.set()

    async def get(self) -> list[bytes | Reopened]:
        while not self._gathered:
            self._arrived.clear()
            await self._arrived.wait()
        gathered = list(self._gathered)
        self._gathered.clear()
        if self._unacked and self._line is not None:
            tag, self._unacked = self._unacked, 0
            self._line.ack(tag)
        return gathered


class AmqpBus:
    """One process's side of the bus. `url`: amqp://user:password@host:port/vhost."""

    def __init__(self, url: str, limits: AmqpLimits, name: str) -> None:
        self.url, self.limits, self.declaration = url, limits, Declaration(limits)
        self._publisher = _Publisher(url, limits, self.declaration, f"{name}:publisher")
        self._links: list[Link] = [self._publisher]

    async def open(self) -> None:
        """Returns once the broker is reached, however long that takes. Raises `Unusable`."""
        if self.limits.direct:
            assumptions.check()
        await self._publisher.open(whatever_happens=False)

    @property
    def connected(self) -> bool:
        return self._publisher.up

    async def publish(self, to: str, body: bytes) -> None:
        bounded(body, self.limits.body_bytes)
        await self._publisher.publish(Message("", to, body, durable=not to.startswith(MAILBOX)))

    async def broadcast(self, body: bytes) -> None:
        bounded(body, self.limits.body_bytes)
        await self._publisher.publish(Message(BROADCAST, "", body, durable=False))

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        headers = {"x-reason": reason[:REASON_CHARS], "x-queue": delivery.queue}
        await self._publisher.publish(Message("", DEAD, delivery.body, durable=True, headers=headers))

    async def consume(self, queues: Sequence[str], instance: str, prefetch: int) -> _Consumer:
        consumer = _Consumer(self, queues, instance, prefetch)
        self._links.append(consumer)
        await consumer.open()
        return consumer

    async def mailbox(self, owner: str) -> _Mailbox:
        mailbox = _Mailbox(self, owner)
        self._links.append(mailbox)
        await mailbox.open()
        return mailbox

    def forget(self, link: Link) -> None:
        """A link that was closed by its owner."""
        if link in self._links:
            self._links.remove(link)

    async def close(self) -> None:
        for link in reversed(self._links[:]):
            await link.close()
