"""When a batch cannot be handled: finds the message that is at fault and buries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from services.router.core.changes import Item
from shared.bus.port import Delivery
from shared.protocol.codec import encode, pack

log = structlog.stdlib.get_logger("homin.router")
T = TypeVar("T")


async def one_by_one(
    own: Sequence[Item],
    read: Sequence[tuple[Delivery, Sequence[Item]]],
    source: str,
    settle: Callable[[Sequence[Item]], Awaitable[set[T]]],
    bury: Callable[[Delivery, str], Awaitable[None]],
) -> set[T]:
    """Settles each item apart: the good ones are handled as if the bad one were not there. What `settle` gives,
    together. `own`: items of the router's own, which nobody sends again. `read`: deliveries with what they hold.
    `source`: who is named as the sender of what is buried."""
    settled: set[T] = set()
    for item in own:
        try:
            settled |= await settle([item])
        except Exception:
            log.exception("an item of the router's own cannot be handled", item=type(item.message).__name__)
    for delivery, items in read:
        for item in items:
            try:
                settled |= await settle([item._replace(redelivered=True)])
            except Exception as why:
                log.exception("a message cannot be handled")
                poison = delivery._replace(body=encode(source, [pack(item.message)]))
                await bury(poison, f"{type(why).__name__}: {why}"[:500])
    return settled
