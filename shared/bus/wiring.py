"""Which bus: RabbitMQ where an address is set, else the one within this process."""

from __future__ import annotations

from shared.bus.amqp import AmqpBus, AmqpLimits
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Bus, Unusable
from shared.runtime.service import CannotStart

MEMORY = "memory:"
_broker = Broker()


async def open_bus(url: str, name: str, limits: AmqpLimits | None = None) -> Bus:
    """A participant named `name` (a gateway's or a router's instance). With "memory:" all participants of this
    process meet. CannotStart where the broker cannot be used as it is set up; one that is not there is waited for.
    """
    if url == MEMORY:
        return MemoryBus(_broker)
    bus = AmqpBus(url, limits or AmqpLimits(), name)
    try:
        await bus.open()
    except Unusable as why:
        await bus.close()
        raise CannotStart(str(why)) from why
    return bus
