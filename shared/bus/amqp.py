"""The bus over RabbitMQ (AMQP 0-9-1). The only file that knows aio-pika; aiormq, its lower layer, carries the hot path.

Every link (the publisher, each subscription, each mailbox) has a connection of its own and one loop: connect, set up,
run until lost, wait, again. So a blocked publisher never stops a consumer, and there is one way to come back, not two.
Queues: shards are quorum queues with a single active consumer, a delivery limit and a dead-letter queue
(https://www.rabbitmq.com/docs/quorum-queues); mailboxes are exclusive, bounded and named anew in each life.
"""
# long: AMQP is spoken in one file, so that there is one place to look when the broker behaves oddly

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import uniform
from secrets import token_hex
from typing import Any

import aio_pika
import aiormq
import structlog
from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp.commands import Basic
from yarl import URL

from shared.bus.port import Delivery, Overloaded, Reopened, Unavailable, Unroutable
from shared.bus.topology import ACCOUNTS, BROADCAST, DEAD, FILES, MAILBOX, priority, shard_queues, single_active

log = structlog.get_logger("bus")


@dataclass(frozen=True)
class AmqpLimits:
    """The bounds and times of the bus; each has a setting in shared/runtime/settings.py."""

    shards: int = 16
    publish_timeout_s: float = 10.0
    heartbeat_s: int = 10
    reconnect_min_s: float = 0.1
    reconnect_max_s: float = 5.0
    mailbox_bytes: int = 64 << 20
    mailbox_prefetch: int = 64
    delivery_limit: int = 50
    dead_bodies: int = 10_000


class _Link(ABC):
    """One connection that comes back by itself. Subclasses set their channel up and say what its loss means."""

    def __init__(self, url: str, limits: AmqpLimits, name: str) -> None:
        self._url = URL(url).update_query(heartbeat=limits.heartbeat_s, name=name)
        self._limits, self._name = limits, name
        self._channel: AbstractChannel | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @abstractmethod
    async def _set_up(self, channel: AbstractChannel) -> None:
        """Declares and consumes on a fresh channel."""

    def _lost(self) -> None:  # noqa: B027 (not every link has something to let go)
        """The channel is gone; what it held is not ours any more."""

    async def open(self) -> None:
        """Returns once the link is up. Keeps trying until it is, or is closed."""
        up = asyncio.Event()
        self._task = asyncio.create_task(self._run(up), name=f"bus:{self._name}")
        rising = asyncio.create_task(up.wait())
        await asyncio.wait([rising, self._task], return_when=asyncio.FIRST_COMPLETED)
        rising.cancel()

    async def _run(self, up: asyncio.Event) -> None:
        pause = self._limits.reconnect_min_s
        while not self._stop.is_set():
            # Made here and closed below even where connecting fails: one that is left to the garbage collector closes
            # itself, which cannot be done on whatever thread it is collected.
            connection = aio_pika.Connection(self._url)
            try:
                await connection.connect(timeout=10)
                comfortable = connection.channel(on_return_raises=True)
                await comfortable.initialize(timeout=10)
                channel = await comfortable.get_underlay_channel()
                await asyncio.wait_for(self._set_up(channel), 30)
                self._channel = channel
                up.set()
                pause = self._limits.reconnect_min_s
                stopped = asyncio.create_task(self._stop.wait())
                closed = [asyncio.ensure_future(comfortable.closed()), asyncio.ensure_future(connection.closed())]
                await asyncio.wait([stopped, *closed], return_when=asyncio.FIRST_COMPLETED)
                stopped.cancel()
            except asyncio.CancelledError:
                raise
            except Exception as why:
                log.warning("bus.link_failed", link=self._name, error=str(why) or type(why).__name__)
            finally:
                was_up, self._channel = self._channel is not None, None
                if was_up:
                    self._lost()
                await _close(connection)
            if not self._stop.is_set():
                if was_up:
                    log.warning("bus.link_lost", link=self._name)
                await asyncio.sleep(uniform(pause / 2, pause))  # noqa: S311 (jitter is no secret)
                pause = min(pause * 2, self._limits.reconnect_max_s)

    async def close(self) -> None:
        self._stop.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=5)
            if not done:
                self._task.cancel()


async def _close(connection: aio_pika.abc.AbstractConnection) -> None:
    try:
        await asyncio.wait_for(connection.close(), 2)
    except Exception as why:
        log.debug("bus.close_failed", error=str(why))


async def _declare(channel: AbstractChannel, limits: AmqpLimits) -> None:
    """Declares whatever outlives a process. Idempotent: everyone does it on every connection."""
    await channel.exchange_declare(BROADCAST, exchange_type="fanout", durable=True)
    await channel.queue_declare(
        DEAD,
        durable=True,
        arguments={"x-queue-type": "quorum", "x-max-length": limits.dead_bodies, "x-overflow": "drop-head"},
    )
    for queue in [*shard_queues(limits.shards), FILES, ACCOUNTS]:
        arguments: dict[str, Any] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": limits.delivery_limit,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": DEAD,
        }
        if single_active(queue):
            arguments["x-single-active-consumer"] = True
        await channel.queue_declare(queue, durable=True, arguments=arguments)


class _Publisher(_Link):
    async def _set_up(self, channel: AbstractChannel) -> None:
        await _declare(channel, self._limits)

    @property
    def up(self) -> bool:
        return self._channel is not None

    async def publish(self, exchange: str, key: str, body: bytes, headers: dict[str, Any] | None = None) -> None:
        channel = self._channel
        if channel is None:
            raise Unavailable("the broker is not reached")
        mailbox = key.startswith(MAILBOX) or exchange == BROADCAST
        properties = Basic.Properties(
            delivery_mode=1 if mailbox else 2,
            message_id=token_hex(8),
            headers=headers,
            content_type="application/x-homin",
        )
        try:
            confirmed = await channel.basic_publish(
                body,
                exchange=exchange,
                routing_key=key,
                properties=properties,
                mandatory=not exchange,
                timeout=self._limits.publish_timeout_s,
            )
        except aiormq.exceptions.PublishError:
            raise Unroutable(f"there is no queue {key}") from None
        except (TimeoutError, aiormq.exceptions.DeliveryError):
            # The connection is up and there is no confirm: an alarm blocks publishers, or the queue refuses more.
            raise Overloaded(f"the broker does not take bodies for {key or exchange}") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # aiormq cancels a publish whose channel is lost; that is not our caller's cancellation.
            raise Unavailable("the connection was lost before the confirm") from None
        except Exception as why:
            raise Unavailable(str(why) or type(why).__name__) from None
        if isinstance(confirmed, Basic.Nack):
            raise Overloaded(f"the queue {key} is full")


class _Subscription(_Link):
    def __init__(self, bus: AmqpBus, queues: Sequence[str], consumer: str, prefetch: int) -> None:
        super().__init__(bus.url, bus.limits, f"{consumer}:subscription")
        self._bus, self._queues, self._consumer, self._prefetch = bus, queues, consumer, prefetch
        self._lives = count(1)
        self._life = 0
        self._gathered: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._acked, self._to_ack = 0, 0
        self._acking: asyncio.Task[None] | None = None

    async def _set_up(self, channel: AbstractChannel) -> None:
        await _declare(channel, self._limits)
        life = self._life = next(self._lives)
        self._acked = self._to_ack = 0
        # Per consumer, not per channel: quorum queues do not know the global kind.
        await channel.basic_qos(prefetch_count=self._prefetch)
        # The first deliveries come, and may be acknowledged, while the other queues are still being asked for.
        self._channel = channel

        async def take(message: DeliveredMessage) -> None:
            if life != self._life:
                return
            delivery = message.delivery
            assert isinstance(delivery, Basic.Deliver)
            queue, tag = str(delivery.routing_key), int(delivery.delivery_tag or 0)
            self._gathered.append(Delivery(message.body, queue, bool(delivery.redelivered), life, tag))
            self._arrived.set()

        for queue in self._queues:
            arguments: dict[str, Any] | None = (
                {"x-priority": priority(self._consumer, queue)} if single_active(queue) else None
            )
            await channel.basic_consume(queue, take, arguments=arguments)

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
        if last.life == self._life:
            self._to_ack = max(self._to_ack, last.tag)
            if self._acking is None:
                self._acking = asyncio.create_task(self._send_acks())

    async def _send_acks(self) -> None:
        try:
            while (channel := self._channel) is not None and self._to_ack > self._acked:
                self._acked = self._to_ack
                await channel.basic_ack(self._acked, multiple=True)
        except Exception as why:
            log.debug("bus.ack_failed", error=str(why))  # the channel is gone: the deliveries come again
        finally:
            self._acking = None

    async def close(self) -> None:
        if self._acking is not None:
            await asyncio.wait([self._acking], timeout=1)
        await super().close()
        self._bus.forget(self)

    async def reject(self, delivery: Delivery, reason: str) -> None:
        await self._bus.dead_letter(delivery, reason)


class _Mailbox(_Link):
    def __init__(self, bus: AmqpBus, owner: str) -> None:
        super().__init__(bus.url, bus.limits, f"{owner}:mailbox")
        self._owner = owner
        self._lives = count(1)
        self._boot = token_hex(4)
        self.address = ""
        self._gathered: deque[bytes | Reopened] = deque()
        self._arrived = asyncio.Event()
        self._unacked = 0

    async def _set_up(self, channel: AbstractChannel) -> None:
        await _declare(channel, self._limits)
        life = next(self._lives)
        address = f"{MAILBOX}{self._owner}.{self._boot}.{life}"
        arguments: dict[str, Any] = {"x-max-length-bytes": self._limits.mailbox_bytes, "x-overflow": "drop-head"}
        await channel.queue_declare(address, exclusive=True, auto_delete=True, arguments=arguments)
        await channel.queue_bind(address, BROADCAST)
        await channel.basic_qos(prefetch_count=self._limits.mailbox_prefetch)
        self._channel = channel
        self._gathered.clear()
        self._unacked = 0
        self.address = address
        if life > 1:
            self._gathered.append(Reopened(address))
            self._arrived.set()

        async def take(message: DeliveredMessage) -> None:
            if self.address == address:
                self._gathered.append(message.body)
                self._unacked = int(message.delivery.delivery_tag or 0)  # type: ignore[union-attr]
                self._arrived.set()

        await channel.basic_consume(address, take)

    async def get(self) -> list[bytes | Reopened]:
        while not self._gathered:
            self._arrived.clear()
            await self._arrived.wait()
        gathered = list(self._gathered)
        self._gathered.clear()
        if self._unacked and self._channel is not None:
            tag, self._unacked = self._unacked, 0
            try:
                await self._channel.basic_ack(tag, multiple=True, wait=False)
            except Exception as why:
                log.debug("bus.ack_failed", error=str(why))
        return gathered


class AmqpBus:
    """One process's side of the bus. `url`: amqp://user:password@host:port/vhost."""

    def __init__(self, url: str, limits: AmqpLimits, name: str) -> None:
        self.url, self.limits = url, limits
        self._publisher = _Publisher(url, limits, f"{name}:publisher")
        self._links: list[_Link] = [self._publisher]

    async def open(self) -> None:
        await self._publisher.open()

    @property
    def connected(self) -> bool:
        return self._publisher.up

    async def publish(self, to: str, body: bytes) -> None:
        await self._publisher.publish("", to, body)

    async def broadcast(self, body: bytes) -> None:
        await self._publisher.publish(BROADCAST, "", body)

    async def dead_letter(self, delivery: Delivery, reason: str) -> None:
        await self._publisher.publish("", DEAD, delivery.body, {"x-reason": reason, "x-queue": delivery.queue})

    async def subscribe(self, queues: Sequence[str], consumer: str, prefetch: int) -> _Subscription:
        subscription = _Subscription(self, queues, consumer, prefetch)
        self._links.append(subscription)
        await subscription.open()
        return subscription

    async def mailbox(self, owner: str) -> _Mailbox:
        mailbox = _Mailbox(self, owner)
        self._links.append(mailbox)
        await mailbox.open()
        return mailbox

    def forget(self, link: _Link) -> None:
        """A link that was closed by its owner."""
        if link in self._links:
            self._links.remove(link)

    async def close(self) -> None:
        for link in reversed(self._links[:]):
            await link.close()
