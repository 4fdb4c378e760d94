"""The bus within one process. `Broker` is what the participants share; `MemoryBus` is one participant's connection to
it.

It keeps the promises of port.py, redelivery and hand-over of a shard included, so the services cannot tell.
What a process that dies loses is what RabbitMQ would have kept: frames nobody has been told of as stored.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from itertools import count

from shared.bus.port import BODY_BYTES, REASON_CHARS, Delivery, Overloaded, Reopened, Unavailable, Unroutable, bounded
from shared.bus.topology import MAILBOX, priority, single_active

QUEUE_BYTES = 256 << 20
MAILBOX_BYTES = 64 << 20


class _WorkQueue:
    def __init__(self, name: str, bound: int) -> None:
        self.name, self._bound = name, bound
        self.ready: deque[tuple[bytes, bool]] = deque()
        self.bytes = 0
        self.consumers: list[MemoryConsumer] = []
        self.active: MemoryConsumer | None = None

    def put(self, body: bytes) -> None:
        if self.bytes + len(body) > self._bound and self.ready:
            raise Overloaded(f"the queue {self.name} is full")
        self.ready.append((body, False))
        self.bytes += len(body)
        self.deal()

    def deal(self) -> None:
        """Hands out what waits: to the one active consumer of a shard, else to whoever has room."""
        while self.ready and (consumer := self._next()) is not None:
            body, redelivered = self.ready.popleft()
            self.bytes -= len(body)
            consumer.take(self, body, redelivered)

    def _next(self) -> MemoryConsumer | None:
        if not single_active(self.name):
            free = [s for s in self.consumers if s.has_room(self)]
            return min(free, key=lambda s: len(s.unacked), default=None)
        first = max(self.consumers, key=lambda s: priority(s.instance, self.name), default=None)
        if first is not self.active and not (self.active and self.active.holds(self)):
            self.active = first
        return first if first is not None and first is self.active and first.has_room(self) else None

    def give_back(self, bodies: list[bytes]) -> None:
        for body in reversed(bodies):
            self.ready.appendleft((body, True))
            self.bytes += len(body)


class Broker:
    """All queues. `dead` keeps the newest rejected bodies with their reasons. `queue_bytes`, `mailbox_bytes`:
    bounds.
    """

    def __init__(self, queue_bytes: int = QUEUE_BYTES, mailbox_bytes: int = MAILBOX_BYTES) -> None:
        self._queue_bytes, self.mailbox_bytes = queue_bytes, mailbox_bytes
        self.work: dict[str, _WorkQueue] = {}
        self.mailboxes: dict[str, MemoryMailbox] = {}
        self.dead: deque[tuple[str, str, bytes]] = deque(maxlen=1_000)
        self.lives = count(1)

    def queue(self, name: str) -> _WorkQueue:
        return self.work.setdefault(name, _WorkQueue(name, self._queue_bytes))

    def publish(self, to: str, body: bytes) -> None:
        if not to.startswith(MAILBOX):
            self.queue(to).put(body)
        elif (box := self.mailboxes.get(to)) is not None:
            box.put(body)
        else:
            raise Unroutable(f"nobody listens at {to}")


class MemoryConsumer:
    def __init__(self, broker: Broker, queues: Sequence[str], instance: str, prefetch: int) -> None:
        self.instance, self._broker, self._prefetch = instance, broker, prefetch
        self._life = 0
        self._tags = count(1)
        self._gathered: list[Delivery] = []
        self._arrived = asyncio.Event()
        self.unacked: dict[int, Delivery] = {}
        self._held: Counter[str] = Counter()
        self._queues = [broker.queue(name) for name in queues]
        self._open()

    def _open(self) -> None:
        self._life = next(self._broker.lives)
        for queue in self._queues:
            queue.consumers.append(self)
            queue.deal()

    def has_room(self, queue: _WorkQueue) -> bool:
        # For each queue by itself, as over AMQP: a busy shard must not keep the others waiting.
        return self._held[queue.name] < self._prefetch

    def holds(self, queue: _WorkQueue) -> bool:
        return self._held[queue.name] > 0

    def take(self, queue: _WorkQueue, body: bytes, redelivered: bool) -> None:
        delivery = Delivery(body, queue.name, redelivered, self._life, next(self._tags))
        self.unacked[delivery.tag] = delivery
        self._held[queue.name] += 1
        self._gathered.append(delivery)
        self._arrived.set()

    async def get(self) -> list[Delivery]:
        while not self._gathered:
            self._arrived.clear()
            await self._arrived.wait()
        gathered, self._gathered = self._gathered, []
        return gathered

    def ack(self, last: Delivery) -> None:
        if last.life != self._life:
            return
        for tag in [tag for tag in self.unacked if tag <= last.tag]:
            self._held[self.unacked.pop(tag).queue] -= 1
        for queue in self._queues:
            queue.deal()

    async def reject(self, delivery: Delivery, reason: str) -> None:
        self._broker.dead.append((delivery.queue, reason[:REASON_CHARS], delivery.body))

    async def close(self) -> None:
        self._life = 0
        held, self.unacked, self._gathered = list(self.unacked.values()), {}, []
        self._held.clear()
        for queue in self._queues:
            if self in queue.consumers:
                queue.consumers.remove(self)
            if queue.active is self:
                queue.active = None
            queue.give_back([d.body for d in held if d.queue == queue.name])
            queue.deal()

    async def cut(self) -> None:
        """Loses the connection, as a broker that restarts would have it: held deliveries come again, in a new life."""
        if self._life:
            await self.close()
            self._open()


class MemoryMailbox:
    def __init__(self, broker: Broker, owner: str) -> None:
        self._broker, self._owner = broker, owner
        self._gathered: deque[bytes] = deque()
        self._reopened: Reopened | None = None
        self._bytes = 0
        self._arrived = asyncio.Event()
        self.address = ""
        self._open()

    def _open(self) -> None:
        self.address = f"{MAILBOX}{self._owner}.{next(self._broker.lives)}"
        self._broker.mailboxes[self.address] = self

    def put(self, body: bytes) -> None:
        self._gathered.append(body)
        self._bytes += len(body)
        while self._bytes > self._broker.mailbox_bytes and len(self._gathered) > 1:
            self._bytes -= len(self._gathered.popleft())
        self._arrived.set()

    async def get(self) -> list[bytes | Reopened]:
        while not self._gathered and self._reopened is None:
            self._arrived.clear()
            await self._arrived.wait()
        # Kept apart from what may be dropped: an owner that never learns its new address is lost for good.
        reopened = [] if self._reopened is None else [self._reopened]
        gathered, self._gathered, self._bytes, self._reopened = list(self._gathered), deque(), 0, None
        return [*reopened, *gathered]

    async def close(self) -> None:
        self._broker.mailboxes.pop(self.address, None)

    async def cut(self) -> None:
        """Loses the connection: what waits is lost and the next life has a new address."""
        if self.address in self._broker.mailboxes:
            await self.close()
            self._gathered.clear()
            self._bytes = 0
            self._open()
            self._reopened = Reopened(self.address)
            self._arrived.set()


class MemoryBus:
    """One participant. `cut` does to it what a broken connection does over AMQP."""

    def __init__(self, broker: Broker, body_bytes: int = BODY_BYTES) -> None:
        self._broker, self._body_bytes = broker, body_bytes
        self._consumers: list[MemoryConsumer] = []
        self._mailboxes: list[MemoryMailbox] = []
        self.connected = True

    async def publish(self, to: str, body: bytes) -> None:
        self._check(body)
        self._broker.publish(to, body)
        await asyncio.sleep(0)  # as over a real bus, others get to run before the confirm is back

    async def broadcast(self, body: bytes) -> None:
        self._check(body)
        for box in list(self._broker.mailboxes.values()):
            box.put(body)
        await asyncio.sleep(0)

    def _check(self, body: bytes) -> None:
        if not self.connected:
            raise Unavailable("the bus is closed")
        bounded(body, self._body_bytes)

    async def consume(self, queues: Sequence[str], instance: str, prefetch: int) -> MemoryConsumer:
        consumer = MemoryConsumer(self._broker, queues, instance, prefetch)
        self._consumers.append(consumer)
        return consumer

    async def mailbox(self, owner: str) -> MemoryMailbox:
        box = MemoryMailbox(self._broker, owner)
        self._mailboxes.append(box)
        return box

    async def cut(self) -> None:
        for consumer in self._consumers:
            await consumer.cut()
        for box in self._mailboxes:
            await box.cut()

    async def close(self) -> None:
        self.connected = False
        for consumer in self._consumers:
            await consumer.close()
        for box in self._mailboxes:
            await box.close()
