"""How bytes become a file: counted, hashed and looked at while they stream into the object store, then a row; and how
they go again.

    begin (arrival) → object → keep (row; the arrival is gone) → Post → posted
    end (arrival, condemned; the row says nothing any more) → no object → forget (no arrival)

What a crash leaves behind at each arrow: an arrival without bytes, an arrival with bytes (both are condemned and swept
later, see upkeep), a row that is not posted (posted at the next start; the router drops what it has), a row that is
posted and not marked (posted again, and dropped); an end whose bytes are still there (swept). So no bytes lie in the
store that no row knows of.

A file that the router refuses in the end (its sender has just left) stays as a row without a message: a retry may have
got it posted at the same moment, and bytes that a message may name are never removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import NamedTuple

import structlog

from services.files.core.names import object_key
from services.files.core.pictures import Dimensions
from services.files.core.sniff import Sniffer
from services.files.file_store import Condemned, FileStore, Kept
from services.files.objects import Objects, ObjectsDown
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.server import User
from shared.runtime.metrics import counter
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.files")
BYTES = counter("files_stored_bytes", "Bytes of files taken in and kept")
DELETED = counter("files_deleted", "Files that are gone since their messages were deleted")


class Arrived(NamedTuple):
    """Bytes that lie in the object store and are not yet a file."""

    id: str
    size: int
    mime: str
    sha256: str
    dimensions: Dimensions | None
    """Of a picture, as far as its bytes say them."""


class Ingest:
    """`new_id`: 128 random bits in hexadecimal. `clock`: Unix milliseconds."""

    def __init__(
        self, store: FileStore, objects: Objects, new_id: Callable[[], str], clock: Callable[[], float]
    ) -> None:
        self._store, self._objects, self._new_id, self._clock = store, objects, new_id, clock

    async def receive(self, chunks: AsyncIterator[bytes], limit: int) -> Arrived:
        """Stores what `chunks` gives, at most `limit` bytes. To be followed by `keep` or `discard`.

        Raises Refused (`too_large`, `unavailable`) and what `chunks` raises; nothing is left then."""
        id, sniffer, digest, size = self._new_id(), Sniffer(), sha256(), 0

        async def looked_at() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise Refused(ErrorCode.TOO_LARGE, f"A file may have at most {limit} bytes.")
                sniffer.feed(chunk)
                digest.update(chunk)
                yield chunk

        try:
            await self._store.begin(id, int(self._clock()))
            await self._objects.put(object_key(id), looked_at())
        except (StoreDown, ObjectsDown) as why:
            await self.discard(id)
            raise _unavailable(why) from why
        except BaseException:
            await self.discard(id)
            raise
        return Arrived(id, size, sniffer.mime, digest.hexdigest(), sniffer.dimensions)

    async def keep(self, arrived: Arrived, room: str, sender: User, message_id: str, name: str) -> Kept:
        """Makes a file of it. Sent again with the same id and content, it is the file that there is; its own bytes go.
        Where that is gone, it is what that was, as far as its bytes say: the router knows whether its message was the
        same, and what has become of it.

        Raises Refused: `id_reused`, `unavailable`; the bytes are gone then."""
        wanted = Kept(
            arrived.id, room, sender.id, sender.name, message_id, name, arrived.size, arrived.mime, arrived.sha256,
            int(self._clock()), *(arrived.dimensions or (None, None)),
        )  # fmt: skip
        try:
            kept = await self._store.keep(wanted)
        except StoreDown as why:
            # The row may have been written all the same: then `discard` finds no arrival, and leaves the bytes alone.
            await self.discard(arrived.id)
            raise _unavailable(why) from why
        except Condemned as why:
            await self.discard(arrived.id)
            raise _unavailable(why) from why
        if kept.id == arrived.id:
            BYTES.inc(arrived.size)
            return kept
        await self.discard(arrived.id)
        if kept.gone:
            return wanted._replace(id=kept.id)
        if (kept.sha256, kept.name) != (arrived.sha256, name):
            text = "This id was already used for another file of yours in this room. Send it under a new id."
            raise Refused(ErrorCode.ID_REUSED, text)
        return kept

    async def end(self, id: str) -> bool:
        """The file `id` is gone, and its bytes with it, by now or as soon as the object store lets go of them. False:
        there is no such file any more. Raises StoreDown: it is to be ended again."""
        ended = await self._store.end(id, int(self._clock()))
        if ended:
            DELETED.inc()
            await self.discard(id)
        return ended

    async def discard(self, id: str) -> None:
        """Removes what has arrived under `id`, unless it has become a file. Never raises: the upkeep tries again."""
        # Shielded, because this is what runs when a sender goes away in the middle.
        await asyncio.shield(self._discard(id))

    async def sweep(self, before_ms: int, limit: int) -> int:
        """Removes arrivals that began before `before_ms` and were never finished; says how many. Raises StoreDown."""
        gone = 0
        for id in await self._store.overdue(before_ms, limit):
            try:
                await self._objects.delete(object_key(id))
            except ObjectsDown as why:
                log.warning("what is left of an upload cannot be removed yet", id=id, why=str(why))
                continue
            await self._store.forget(id)
            gone += 1
        return gone

    async def _discard(self, id: str) -> None:
        try:
            if await self._store.condemn(id):
                await self._objects.delete(object_key(id))
                await self._store.forget(id)
        except (StoreDown, ObjectsDown) as why:
            log.warning("an upload that came to nothing is removed later", id=id, why=str(why))
        except Exception:
            log.exception("an upload that came to nothing could not be removed", id=id)


def _unavailable(why: Exception) -> Refused:
    log.warning("a file cannot be stored now", why=str(why) or type(why).__name__)
    return Refused(ErrorCode.UNAVAILABLE, "The file cannot be stored right now. Try again in a moment.", 1_000)
