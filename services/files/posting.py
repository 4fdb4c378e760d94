"""Has the router write the message of a file that is stored."""

from __future__ import annotations

import structlog
from pydantic import TypeAdapter, ValidationError

from services.files.file_store import FileStore, Kept
from shared.bus.port import Bus
from shared.bus.requests import NoAnswer, Requests
from shared.bus.topology import shard_queue
from shared.protocol.bus import Post, Submit
from shared.protocol.codec import encode, pack
from shared.protocol.errors import Refused
from shared.protocol.names import shard_of
from shared.protocol.server import Error
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.files")
_ERROR: TypeAdapter[Error] = TypeAdapter(Error)


class Posting:
    """Posts go through a durable queue: what the bus has taken will be a message, once and once only, unless the router
    refuses it (the sender has left meanwhile, or has used the id for a chat).

    `requests`: posts of sessions of our own, each ref the name of one; the answer is a frame for it.
    """

    def __init__(self, bus: Bus, source: str, shards: int, store: FileStore, requests: Requests[bytes]) -> None:
        self._bus, self._source, self._shards, self._store, self._requests = bus, source, shards, store, requests

    async def post(self, file: Kept, by: Submit | None = None) -> None:
        """Posts `file`; doing it again does no harm. `by`: the frame that the router is to answer. Raises BusError."""
        if by is None:
            await self._send(file)
        else:
            await self._send(file, by.session, by.address, by.frame.ref)

    async def confirm(self, file: Kept) -> None:
        """Posts `file` as a session of our own and waits for the sender's copy, so who uploads learns of a refusal.

        Returns also when no answer comes in time, since the bus has the post. Raises Refused as the router, BusError.
        """
        try:
            frame = await self._requests.ask(lambda session, address: self._send(file, session, address))
        except NoAnswer:
            log.info("a file is posted; the router's answer has not come", id=file.id)
            return
        if (error := _error(frame)) is not None:
            raise Refused(error.code, error.text, error.retry_after_ms)

    async def _send(
        self, file: Kept, session: str | None = None, address: str | None = None, ref: str | None = None
    ) -> None:
        post = Post(
            room=file.room, user=file.sender, id=file.message_id, file=file.file,
            session=session, address=address, ref=ref,
        )  # fmt: skip
        await self._bus.publish(shard_queue(shard_of(file.room, self._shards)), encode(self._source, [pack(post)]))
        try:
            await self._store.posted(file.id)
        except StoreDown as why:
            log.warning("a file was posted and could not be marked; it is posted again", id=file.id, why=str(why))


def _error(frame: bytes) -> Error | None:
    """The frame, if it is an `error`; else it is the message."""
    try:
        return _ERROR.validate_json(frame, strict=False)
    except ValidationError:
        return None
