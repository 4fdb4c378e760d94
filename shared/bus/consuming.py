"""What every consumer does with its deliveries: it decodes them, gives up those that cannot be handled, and
acknowledges all of them in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter

from shared.bus.port import BusError, Consumer, Delivery
from shared.protocol.bus import Envelope
from shared.protocol.client import Frame
from shared.protocol.codec import Malformed, decode

log = structlog.get_logger("bus")
Message = TypeVar("Message", bound=Frame)


class BodyReader:
    """Decodes what `consumer` gives. `given_up` counts the dead letters.

    A delivery that was given up is still to be acknowledged, in its turn."""

    def __init__(self, consumer: Consumer, given_up: Counter) -> None:
        self._consumer, self._given_up = consumer, given_up

    async def read(self, delivery: Delivery) -> Envelope | None:
        """The head of its body; None for one that cannot be read, which is given up."""
        try:
            return decode(delivery.body)[0]
        except Malformed as why:
            await self.give_up(delivery, str(why))
            return None

    async def messages(self, delivery: Delivery, kind: type[Message]) -> list[Message]:
        """All its messages, where only `kind` is this queue's work; none of a body with others, which is given up."""
        envelope = await self.read(delivery)
        if envelope is None:
            return []
        messages: Sequence[Frame] = envelope.messages
        fitting = [message for message in messages if isinstance(message, kind)]
        if len(fitting) == len(messages):
            return fitting
        other = next(message.type for message in envelope.messages if not isinstance(message, kind))
        await self.give_up(delivery, f"`{other}` is not the work of this queue")
        return []

    async def give_up(self, delivery: Delivery, reason: str) -> None:
        """Keeps a body that cannot be handled as a dead letter, with the reason."""
        self._given_up.inc()
        log.error("dead letter", queue=delivery.queue, reason=reason, bytes=len(delivery.body))
        try:
            await self._consumer.reject(delivery, reason)
        except BusError as why:
            log.error("the dead letter could not be kept", why=str(why))


class Acknowledgements:
    """Acknowledges deliveries in order, each when all that came of it is done. `behind`: so many may wait."""

    def __init__(self, consumer: Consumer, behind: int) -> None:
        self._consumer = consumer
        self._waiting: asyncio.Queue[tuple[Delivery, Collection[asyncio.Future[Any]]]] = asyncio.Queue(behind)

    async def put(self, delivery: Delivery, work: Collection[asyncio.Future[Any]]) -> None:
        """`delivery`, and all before it, are done with when `work` is, however that ends. Waits while too many wait."""
        await self._waiting.put((delivery, work))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            delivery, work = await self._waiting.get()
            if work:
                await asyncio.wait(work)
            self._consumer.ack(delivery)
            self._waiting.task_done()

    async def settled(self) -> None:
        """Returns when all that was put is acknowledged."""
        await self._waiting.join()
