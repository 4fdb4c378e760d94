"""Which bus: RabbitMQ where an address is set, else the one within this process."""

from __future__ import annotations

from shared.bus.amqp import AmqpBus, AmqpLimits
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Bus

MEMORY = "memory:"
_broker = Broker()


async def open_bus(url: str, name: str, limits: AmqpLimits | None = None) -> Bus:
    """A participant named `name` (a gateway's or a router's instance). With "memory:" all participants of this
    process meet.
    """
    if url == MEMORY:
        return MemoryBus(_broker)
    bus = AmqpBus(url, limits or AmqpLimits(), name)
    await bus.open()
    return bus
