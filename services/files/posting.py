"""Has the router write the message of a file that is stored."""

from __future__ import annotations

import structlog

from services.files.index import Index, Kept, StoreDown
from shared.bus.port import Bus
from shared.bus.topology import shard_queue
from shared.protocol.bus import Post, Submit
from shared.protocol.codec import encode, pack
from shared.protocol.names import shard_of

log = structlog.stdlib.get_logger("homin.files")


class Posting:
    """Posts go through a durable queue: what the bus has taken will be a message, once and once only."""

    def __init__(self, bus: Bus, source: str, shards: int, index: Index) -> None:
        self._bus, self._source, self._shards, self._index = bus, source, shards, index

    async def post(self, file: Kept, by: Submit | None = None) -> None:
        """Posts `file`; doing it again does no harm. `by`: the frame that the router is to answer. Raises BusError."""
        post = Post(room=file.room, user=file.sender, id=file.message_id, file=file.file)
        if by is not None:
            post = post.model_copy(update={"session": by.session, "address": by.address, "ref": by.frame.ref})
        await self._bus.publish(shard_queue(shard_of(file.room, self._shards)), encode(self._source, [pack(post)]))
        try:
            await self._index.posted(file.id)
        except StoreDown as why:
            log.warning("a file was posted and could not be marked; it is posted again", id=file.id, why=str(why))
