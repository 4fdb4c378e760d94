"""What is seen to now and then: files that were stored and not posted, and bytes that never became a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from services.files.file_store import FileStore
from services.files.ingest import Ingest
from services.files.posting import Posting
from shared.bus.port import BusError
from shared.runtime.metrics import counter
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.files")
REPOSTED = counter("files_reposted", "Files posted by the upkeep, since whoever stored them did not come to it")
SWEPT = counter("files_swept", "Unfinished uploads removed by the upkeep")
AT_ONCE = 200
"""Of each kind in one round, so that a round stays short after a long outage."""


class Upkeep:
    """`clock`: Unix milliseconds. `late_s`: an upload that takes longer than this is given up."""

    def __init__(
        self,
        store: FileStore,
        ingest: Ingest,
        posting: Posting,
        clock: Callable[[], float],
        *,
        every_s: float,
        late_s: float,
    ) -> None:
        self._store, self._ingest, self._posting, self._clock = store, ingest, posting, clock
        self._every_s, self._late_s = every_s, late_s

    async def run(self) -> None:
        """Until cancelled. Several services may do this side by side."""
        # At the start nobody of this process is at work, so what is not posted was left by one that died.
        grace_s = 0.0
        while True:
            try:
                await self.round(grace_s)
                grace_s = self._every_s
            except (StoreDown, BusError) as why:
                log.warning("the upkeep waits", why=str(why).splitlines()[0])
            except Exception:
                log.exception("the upkeep failed")
            await asyncio.sleep(self._every_s)

    async def round(self, grace_s: float) -> None:
        """Once. `grace_s`: what was stored since then is left to whoever stored it. Raises StoreDown, BusError."""
        now = self._clock()
        for file in await self._store.unposted(int(now - grace_s * 1000) + 1, AT_ONCE):
            await self._posting.post(file)
            REPOSTED.inc()
        SWEPT.inc(await self._ingest.sweep(int(now - self._late_s * 1000), AT_ONCE))
