"""The files' work queue. The `file` frames that gateways hand on: decoded, compared with their word, stored, posted; or
refused. And the files whose messages are deleted, as routers say: ended.

A gateway holds back what a connection sends after a `file` frame until that is settled, so every path ends in an
answer: the router's, once it has the post, or ours. A router says a deletion and is told nothing: so it stays in the
queue until it is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import structlog

from services.files.access import RoomAccess
from services.files.core.dataurl import parse
from services.files.core.sniff import Sniffer, agrees
from services.files.ingest import Ingest
from services.files.posting import Posting
from shared.bus.consuming import Acknowledgements, BodyReader
from shared.bus.port import Bus, BusError, Consumer, Delivery
from shared.protocol.bus import Direct, FileGone, Submit
from shared.protocol.client import File
from shared.protocol.codec import encode, pack, render
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.server import error
from shared.runtime.metrics import counter
from shared.runtime.outage import StoreDown

log = structlog.stdlib.get_logger("homin.files")
UPLOADS = counter("files_uploads", "Files sent, by how they came and what became of them", ("by", "outcome"))
DEAD = counter("files_dead_letters", "Bodies given up as poison")
RETRY_S = 1.0


class FrameWork:
    """`limit`: bytes of an inline file. `at_once`: files under way. `behind`: bodies whose files may be under way."""

    def __init__(
        self,
        consumer: Consumer,
        bus: Bus,
        source: str,
        access: RoomAccess,
        ingest: Ingest,
        posting: Posting,
        *,
        limit: int,
        at_once: int,
        behind: int,
    ) -> None:
        self._bus, self._source = bus, source
        self._access, self._ingest, self._posting, self._limit = access, ingest, posting, limit
        self._places = asyncio.Semaphore(at_once)
        self._consumer, self._bodies = consumer, BodyReader(consumer, DEAD)
        self._acknowledgements = Acknowledgements(consumer, behind)
        self._last: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._taking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until cancelled. Bodies are acknowledged in order, each when all its frames are settled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._taking = tasks.create_task(self._take())
                tasks.create_task(self._acknowledgements.run())
        finally:
            left = [*self._last.values(), *self._ending]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def drain(self) -> None:
        """Takes nothing more; returns when what was taken is settled and acknowledged."""
        if self._taking is not None:
            self._taking.cancel()
        await self._acknowledgements.settled()

    async def _take(self) -> None:
        while True:
            for delivery in await self._consumer.get():
                frames, gone = await self._read(delivery)
                tasks = [self._start(*each) for each in frames]
                if gone:
                    tasks.append(self._start_ending(delivery, gone))
                await self._acknowledgements.put(delivery, tasks)

    async def _read(self, delivery: Delivery) -> tuple[list[tuple[Submit, File]], list[str]]:
        """The frames, and the ids of the files that are gone; nothing of a body with anything else, which is given
        up."""
        frames: list[tuple[Submit, File]] = []
        gone: list[str] = []
        envelope = await self._bodies.read(delivery)
        for message in envelope.messages if envelope is not None else ():
            if isinstance(message, FileGone):
                gone.append(message.file)
            elif isinstance(message, Submit) and message.frame.scope == "files":
                frames.append((message, message.frame))
            else:
                what = message.frame.type if isinstance(message, Submit) else message.type
                await self._bodies.give_up(delivery, f"`{what}` is not the files' work")
                return [], []
        return frames, gone

    def _start(self, submit: Submit, frame: File) -> asyncio.Task[None]:
        """One session's frames are settled one after the other, in the order in which they came."""
        session = submit.session
        task = asyncio.create_task(self._settle(submit, frame, self._last.get(session)))
        self._last[session] = task
        task.add_done_callback(lambda _: self._last.get(session) is task and self._last.pop(session))
        return task

    async def _settle(self, submit: Submit, frame: File, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await asyncio.wait([after])
        async with self._places:
            try:
                await self._store(submit, frame)
            except Refused as refused:
                UPLOADS.labels("frame", refused.code).inc()
                await self._refuse(submit, frame, refused)
            except BusError as why:
                # Stored, so the upkeep posts it; meanwhile a retry with the same id is safe.
                UPLOADS.labels("frame", "unposted").inc()
                log.warning("a file is stored and could not be posted yet", why=str(why))
                await self._refuse(submit, frame, _LATER)
            except Exception:
                UPLOADS.labels("frame", "failed").inc()
                log.exception("a file frame cannot be handled", room=frame.room)
                await self._refuse(submit, frame, _LATER)
            else:
                UPLOADS.labels("frame", "stored").inc()

    def _start_ending(self, delivery: Delivery, gone: Sequence[str]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._end(delivery, gone))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _end(self, delivery: Delivery, gone: Sequence[str]) -> None:
        """Returns, and so lets `delivery` be acknowledged, once these files are gone."""
        try:
            for id in gone:
                await self._end_one(id)
        except Exception as why:
            log.exception("files cannot be deleted", files=gone)
            await self._bodies.give_up(delivery, f"{type(why).__name__}: {why}")

    async def _end_one(self, id: str) -> None:
        while True:
            try:
                await self._ingest.end(id)
                return
            except StoreDown as why:
                log.warning("the deletion of a file waits", id=id, why=str(why))
                await asyncio.sleep(RETRY_S)

    async def _store(self, submit: Submit, frame: File) -> None:
        declared, content = parse(frame.data, self._limit)
        sniffer = Sniffer()
        sniffer.feed(content)
        if not agrees(declared, sniffer):
            text = f"The file says that it is {declared}, but its bytes are {sniffer.mime}. Nothing was sent."
            raise Refused(ErrorCode.UNSUPPORTED_FILE, text)
        await self._access.require(frame.room, submit.user.id)
        arrived = await self._ingest.receive(_once(content), self._limit)
        kept = await self._ingest.keep(arrived, frame.room, submit.user, frame.id, frame.name)
        await self._posting.post(kept, submit)

    async def _refuse(self, submit: Submit, frame: File, refused: Refused) -> None:
        answer = render(error(refused.code, refused.text, frame.ref or frame.id, refused.retry_after_ms))
        direct = pack(Direct(session=submit.session, sizes=[len(answer)], answers=frame.id))
        try:
            await self._bus.publish(submit.address, encode(self._source, [direct], [answer]))
        except BusError as why:
            # The gateway is gone, and its connections with it; whoever comes back sends the frame again.
            log.info("nobody is there to be told", address=submit.address, code=refused.code, why=str(why))


_LATER = Refused(ErrorCode.UNAVAILABLE, "The file could not be sent right now. Try again in a moment.", 1_000)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
