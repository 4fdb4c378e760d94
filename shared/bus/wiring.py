"""Which bus: RabbitMQ where an address is set, else the one within this process."""

from __future__ import annotations

from functools import cache

from shared.bus.limits import AmqpLimits
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Bus, Unusable
from shared.runtime.service import CannotStart

MEMORY = "memory:"


@cache
def _broker(mailbox_bytes: int) -> Broker:
    """This process's own; its participants share their settings."""
    return Broker(mailbox_bytes=mailbox_bytes)


async def open_bus(url: str, name: str, limits: AmqpLimits | None = None) -> Bus:
    """A participant named `name` (a gateway's or a router's instance). With "memory:" all participants of this
    process meet. CannotStart where the broker cannot be used as it is set up; one that is not there is waited for.
    """
    limits = limits or AmqpLimits()
    if url == MEMORY:
        return MemoryBus(_broker(limits.mailbox_bytes), limits.body_bytes)
    from shared.bus.amqp import AmqpBus  # one process needs neither aio-pika nor the time to load it

    bus = AmqpBus(url, limits, name)
    try:
        await bus.open()
    except Unusable as why:
        await bus.close()
        raise CannotStart(str(why)) from why
    return bus
