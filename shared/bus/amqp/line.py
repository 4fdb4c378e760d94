"""One connection to RabbitMQ, as a link uses it. There are two kinds: `Direct` (direct.py), whose batches go past
aiormq, and `Ordinary` (ordinary.py), whose go through aio-pika. tests/contract holds both to the same promises.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from aiormq.abc import AbstractChannel, DeliveredMessage
from yarl import URL

from shared.bus.amqp.frames import Closed, Delivered, Message

OPEN_S = 10.0
CLOSE_S = 2.0
OnDelivered = Callable[[Delivered], None]


class Line(Protocol):
    @property
    def closed_by(self) -> Closed | None:
        """How the broker has ended the connection, where it is known."""

    async def open(self, url: URL) -> AbstractChannel:
        """Connects; gives a channel in confirm mode, to declare and consume on."""

    @property
    def taken(self) -> Callable[[DeliveredMessage], Coroutine[Any, Any, None]]:
        """What `basic_consume` on that channel is to be given."""

    async def ended(self) -> None:
        """Returns when the connection or the channel is gone."""

    async def publish(self, message: Message, timeout_s: float) -> None:
        """Returns when the broker has confirmed. Raises `BusError`."""

    def ack(self, tag: int) -> None:
        """`tag` and all deliveries before it are done with."""

    async def close(self) -> None:
        """Lets go of everything; what was not confirmed may or may not have been taken."""
