"""The ordinary way, through aio-pika: `HOMIN_AMQP_DIRECT=false`. Some ten times dearer for each batch, and the way out
where a new version of aiormq no longer bears the direct one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import ChannelInvalidStateError, DeliveryError, PublishError
from aiormq.abc import AbstractChannel, DeliveredMessage
from yarl import URL

from shared.bus.amqp.frames import Closed, Delivered, Message
from shared.bus.amqp.line import CLOSE_S, OPEN_S, OnDelivered
from shared.bus.port import Overloaded, Unavailable, Unroutable


class Ordinary:
    """A line (line.py) through aio-pika. `on_delivered` is called for each delivery, in order."""

    def __init__(self, on_delivered: OnDelivered) -> None:
        self._on_delivered = on_delivered
        self._connection: AbstractConnection | None = None
        self._channel: Any = None
        self._underlay: AbstractChannel | None = None
        self._acking: set[asyncio.Task[Any]] = set()
        self._lost = asyncio.Event()

    @property
    def closed_by(self) -> Closed | None:
        return None  # aiormq keeps it to itself

    async def open(self, url: URL) -> AbstractChannel:
        # Made here and closed by `close` even where connecting fails: one that is left to the garbage collector closes
        # itself, which cannot be done on whatever thread it is collected.
        self._connection = aio_pika.Connection(url)
        await self._connection.connect(timeout=OPEN_S)
        self._channel = self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await self._channel.initialize(timeout=OPEN_S)
        self._underlay = await self._channel.get_underlay_channel()
        return self._underlay

    @property
    def taken(self) -> Callable[[DeliveredMessage], Coroutine[Any, Any, None]]:
        return self._taken

    async def ended(self) -> None:
        assert self._connection is not None
        closed = [asyncio.ensure_future(self._channel.closed()), asyncio.ensure_future(self._connection.closed())]
        await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)
        for future in closed:
            future.cancel()
        await asyncio.gather(*closed, return_exceptions=True)

    async def publish(self, message: Message, timeout_s: float) -> None:
        if self._channel is None or self._lost.is_set():
            raise Unavailable("the broker is not reached")
        mode = aio_pika.DeliveryMode.PERSISTENT if message.durable else aio_pika.DeliveryMode.NOT_PERSISTENT
        sent = aio_pika.Message(message.body, delivery_mode=mode, headers=dict(message.headers or {}))
        exchange = self._channel.default_exchange
        if message.exchange:
            exchange = await self._channel.get_exchange(message.exchange, ensure=False)
        lost = asyncio.ensure_future(self._lost.wait())
        sending = asyncio.ensure_future(
            exchange.publish(sent, message.key, mandatory=not message.exchange, timeout=timeout_s)
        )
        try:
            await asyncio.wait([lost, sending], return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise Unavailable("the connection was lost before the confirm")
            sending.result()
        except PublishError:
            raise Unroutable("there is no such queue") from None
        except DeliveryError:
            raise Overloaded("the queue is full") from None
        except TimeoutError:
            raise Overloaded(f"the broker does not take bodies for {message.key or message.exchange}") from None
        except (aio_pika.exceptions.AMQPError, ChannelInvalidStateError, OSError, RuntimeError) as why:
            raise Unavailable("the connection was lost before the confirm") from why
        finally:
            for future in (lost, sending):
                future.cancel()
            await asyncio.gather(lost, sending, return_exceptions=True)

    def ack(self, tag: int) -> None:
        if self._underlay is not None and not self._lost.is_set():
            task = asyncio.ensure_future(self._ack(self._underlay, tag))
            self._acking.add(task)
            task.add_done_callback(self._acking.discard)

    async def close(self) -> None:
        self._lost.set()
        for task in list(self._acking):
            task.cancel()
        if self._connection is not None:
            with suppress(Exception):
                await asyncio.wait_for(self._connection.close(), CLOSE_S)

    async def _taken(self, message: DeliveredMessage) -> None:
        # No `await` in it: callbacks run side by side, and would lose their order at the first.
        deliver: Any = message.delivery
        if not self._lost.is_set():
            self._on_delivered(
                Delivered(deliver.delivery_tag, bool(deliver.redelivered), deliver.routing_key, message.body)
            )

    async def _ack(self, channel: AbstractChannel, tag: int) -> None:
        # A channel that is gone has nothing to acknowledge: its deliveries come again.
        with suppress(aio_pika.exceptions.AMQPError, ChannelInvalidStateError, OSError, RuntimeError):
            await channel.basic_ack(tag, multiple=True)
