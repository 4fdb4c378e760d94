"""From a delivery to the items that a partition worker handles. What cannot be handled becomes a dead letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from services.router.core.changes import Item
from services.router.reads import Reads
from services.router.watch import Watch
from shared.bus.consuming import BodyReader
from shared.bus.port import Consumer, Delivery
from shared.runtime.metrics import counter

DEAD = counter("router_dead_letters", "Bodies given up as poison")


@dataclass(slots=True)
class Taken:
    """A delivery that waits for its turn, since `at` (Unix milliseconds). Once it has been read: `items`, what is left
    of it to be handled; `source` and `sequence`, as its sender has numbered it."""

    delivery: Delivery
    at: float
    items: list[Item] | None = None
    source: str = ""
    sequence: int = 0


class Intake:
    def __init__(self, consumer: Consumer, reads: Reads, watch: Watch) -> None:
        self._bodies, self._reads, self._watch = BodyReader(consumer, DEAD), reads, watch

    async def items(self, taken: Taken) -> list[Item]:
        """The items of a delivery, which is read once."""
        if taken.items is None:
            taken.items = await self._read(taken)
        return taken.items

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Keeps a body that cannot be handled, with the reason; it is still to be acknowledged."""
        await self._bodies.give_up(delivery, reason)

    async def _read(self, taken: Taken) -> list[Item]:
        """What is not about a room is seen to here."""
        delivery = taken.delivery
        envelope = await self._bodies.read(delivery)
        if envelope is None:
            return []
        taken.source, taken.sequence = envelope.source, envelope.sequence
        items = []
        for message in envelope.messages:
            # By `type`: asking a model for its class costs a third of a microsecond each time that the answer is no.
            if message.type == "submit" and message.frame.scope == "person":
                if message.frame.type == "rooms":
                    self._reads.rooms(message)
                elif message.frame.type == "people":
                    self._reads.people(message, message.frame)
                else:
                    assert_never(message.frame)
            elif message.type == "submit" and message.frame.scope == "rooms":
                items += [Item(message, delivery.redelivered, room) for room in message.frame.rooms]
            elif message.type == "beat":
                self._watch.beat(delivery.queue, message.address)
            elif message.type == "tick":
                self._watch.tick(delivery.queue)
            else:
                items.append(Item(message, delivery.redelivered))
        return items
