"""From a delivery to the items that a lane handles. What cannot be handled is put aside as a dead letter."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from services.router.core.changes import Item
from services.router.reads import Reads
from services.router.watch import Watch
from shared.bus.port import BusError, Consumer, Delivery
from shared.protocol.codec import Malformed, decode
from shared.runtime.metrics import counter

log = structlog.stdlib.get_logger("homin.router")
DEAD = counter("router_dead_letters", "Bodies given up as poison")


@dataclass(slots=True)
class Taken:
    """A delivery that waits for its turn. Once it has been read: `items`, what is left of it to be handled; `source`
    and `n`, as its sender has numbered it."""

    delivery: Delivery
    items: list[Item] | None = None
    source: str = ""
    n: int = 0


class Intake:
    def __init__(self, consumer: Consumer, reads: Reads, watch: Watch) -> None:
        self._consumer, self._reads, self._watch = consumer, reads, watch

    async def items(self, taken: Taken) -> list[Item]:
        """The items of a delivery, which is read once."""
        if taken.items is None:
            taken.items = await self._read(taken)
        return taken.items

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Keeps a body that cannot be handled, with the reason; it is still to be acknowledged."""
        DEAD.inc()
        log.error("dead letter", queue=delivery.queue, reason=reason, bytes=len(delivery.body))
        try:
            await self._consumer.reject(delivery, reason)
        except BusError as why:
            log.error("the dead letter could not be kept", why=str(why))

    async def _read(self, taken: Taken) -> list[Item]:
        """What is not about a room is seen to here."""
        delivery = taken.delivery
        try:
            body, _ = decode(delivery.body)
        except Malformed as why:
            await self.bury(delivery, str(why))
            return []
        taken.source, taken.n = body.source, body.n
        items = []
        for message in body.messages:
            # By `type`: asking a model for its class costs a third of a microsecond each time that the answer is no.
            if message.type == "submit" and message.frame.type == "rooms":
                self._reads.rooms(message)
            elif message.type == "beat":
                self._watch.beat(delivery.queue, message.address)
            elif message.type == "tick":
                self._watch.tick(delivery.queue)
            else:
                items.append(Item(message, delivery.redelivered))
        return items
