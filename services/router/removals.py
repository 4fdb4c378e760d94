"""Tells every gateway, whether it holds subscriptions in the room or not, that somebody is no member any more."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from shared.bus.port import Bus, BusError
from shared.protocol.bus import Removed
from shared.protocol.codec import encode, pack

log = structlog.stdlib.get_logger("homin.router")


class Removals:
    """`source`: the router's name."""

    def __init__(self, bus: Bus, source: str) -> None:
        self._bus, self._source = bus, source

    async def tell(self, removed: Sequence[Removed]) -> None:
        """Once: while the broker is away gateways lose their mailboxes, and ask anew who is subscribed."""
        try:
            await self._bus.broadcast(encode(self._source, map(pack, removed)))
        except BusError as why:
            log.warning("a removal could not be told to all gateways", why=str(why))
