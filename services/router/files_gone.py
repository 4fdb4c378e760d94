"""Tells the files service which files' messages were deleted: before the batch is acknowledged, however often that has
to be tried, so that a router which dies in between leaves it to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from shared.bus.port import Bus, BusError, Unroutable
from shared.bus.topology import FILES
from shared.protocol.bus import FileGone
from shared.protocol.codec import encode, pack

log = structlog.stdlib.get_logger("homin.router")


class FilesGone:
    """`source`: the router's name. `retry_s`: pause while the broker does not take it."""

    def __init__(self, bus: Bus, source: str, retry_s: float) -> None:
        self._bus, self._source, self._retry_s = bus, source, retry_s

    async def gone(self, files: Sequence[str]) -> None:
        """Returns when the broker has it. Cancelled with its router, it is said by the next one."""
        body = encode(self._source, [pack(FileGone(file=file)) for file in files])
        while True:
            try:
                await self._bus.publish(FILES, body)
                return
            except Unroutable:
                return  # a deployment without the files service has no files
            except BusError as why:
                log.warning("files that were deleted could not be told; trying again", why=str(why))
            await asyncio.sleep(self._retry_s)
