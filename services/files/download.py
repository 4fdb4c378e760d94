"""A download: whole or a part of it, only for who may read the room, and never so that a browser runs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from services.files.access import RoomAccess
from services.files.core import disposition
from services.files.core.names import is_file_id, object_key
from services.files.core.ranges import Span, Unsatisfiable, Verdict, http_date, parse_range, range_applies, verdict
from services.files.core.sniff import INLINE, TEXT
from services.files.file_store import FileStore, Kept
from services.files.objects import Missing, Objects, ObjectsDown
from shared.protocol.errors import ErrorCode, Refused
from shared.runtime.metrics import counter
from shared.runtime.outage import StoreDown
from shared.runtime.problem import problem
from shared.tokens.verifier import Identity

log = structlog.stdlib.get_logger("homin.files")
DOWNLOADS = counter("files_downloads", "Requests for files, by what became of them", ("outcome",))
BYTES = counter("files_served_bytes", "Bytes of files handed to clients")
PIECE_BYTES: Final = 32 << 10
"""Sent at a time, so that a slow line that moves is told from one that stands still (1 KiB/s for `idle_s` = 30)."""

SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Every use is asked for, and answered 304 where the browser has the bytes: who has left the room gets them no more.
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Cookie",
    "Accept-Ranges": "bytes",
}


class Download:
    """`places`: downloads at once. `idle_s`: the longest that a client may leave one standing still."""

    def __init__(self, store: FileStore, objects: Objects, access: RoomAccess, *, places: int, idle_s: float) -> None:
        self._store, self._objects, self._access = store, objects, access
        self._places = asyncio.Semaphore(places)
        self._idle_s = idle_s

    async def __call__(self, request: Request, identity: Identity, id: str) -> Response:
        """200, 206, 304, 404, 412 or 416. Raises Refused."""
        try:
            file = await self._find(id, identity.user_id)
            if file is not None:
                try:
                    return await self._answer(request, file)
                except Missing:
                    if await self._store.find(id) is not None:
                        raise  # else it was deleted just now
            DOWNLOADS.labels("refused").inc()
            # One answer for both, so that nobody learns which ids there are.
            text = "There is no such file, or you may not read the room that it is in."
            return problem(ErrorCode.NO_SUCH_FILE, text)
        except StoreDown:
            DOWNLOADS.labels("unavailable").inc()
            raise Refused(ErrorCode.UNAVAILABLE, "Files cannot be looked up right now. Try again.", 1_000) from None
        except (Missing, ObjectsDown) as why:
            DOWNLOADS.labels("unavailable").inc()
            log.error("the bytes of a file cannot be read", id=id, why=str(why), missing=isinstance(why, Missing))
            raise Refused(ErrorCode.UNAVAILABLE, "The file cannot be read right now. Try again.", 1_000) from None

    async def _find(self, id: str, user_id: str) -> Kept | None:
        file = await self._store.find(id) if is_file_id(id) else None
        if file is None:
            return None
        access = await self._access.ask(file.room, user_id)
        # Looked for again: it may have been deleted while the router was asked.
        return await self._store.find(id) if access.allowed else None

    async def _answer(self, request: Request, file: Kept) -> Response:
        etag, modified_s = f'"{file.sha256}"', file.stored_at_ms // 1000
        headers = {**SAFE, "ETag": etag, "Last-Modified": http_date(modified_s)}
        match verdict(request.headers, etag, modified_s):
            case Verdict.NOT_MODIFIED:
                DOWNLOADS.labels("not_modified").inc()
                return Response(status_code=304, headers=headers)
            case Verdict.FAILED:
                DOWNLOADS.labels("precondition").inc()
                return problem(ErrorCode.PRECONDITION_FAILED, "The file is not the one that you have.")
        headers["Content-Disposition"] = disposition.write(file.name, file.mime in INLINE)
        headers["Content-Type"] = "text/plain; charset=utf-8" if file.mime == TEXT else file.mime
        whole, span = Span(0, file.size), None
        if request.method == "GET" and range_applies(request.headers.get("if-range"), etag, modified_s):
            try:
                span = parse_range(request.headers.get("range"), file.size)
            except Unsatisfiable:
                DOWNLOADS.labels("beyond").inc()
                unsatisfied = {"Content-Range": f"bytes */{file.size}", "Accept-Ranges": "bytes"}
                text = f"The file has {file.size} bytes."
                return problem(ErrorCode.INVALID_REQUEST, text, status=416, headers=unsatisfied)
        start, stop = span or whole
        headers["Content-Length"] = str(stop - start)
        if span is not None:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        if request.method == "HEAD" or start == stop:
            DOWNLOADS.labels("head" if request.method == "HEAD" else "whole").inc()
            return Response(status_code=200, headers=headers)
        if self._places.locked():
            DOWNLOADS.labels("overloaded").inc()
            raise Refused(ErrorCode.OVERLOADED, "Too many files are being read. Try again in a moment.", 2_000)
        # Taken before the bytes are opened, which takes a while: others who come meanwhile must find it taken.
        await self._places.acquire()
        try:
            chunks = await self._objects.open(object_key(file.id), start, stop)
        except BaseException:
            self._places.release()
            raise
        DOWNLOADS.labels("whole" if span is None else "part").inc()
        return Stream(206 if span else 200, headers, chunks, self._places.release, self._idle_s, file.id)


class Stream(Response):
    """Sends `chunks` as fast as the client takes them: the next is read once the server has room for it. `ended` is
    called at the end, whatever it is."""

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        chunks: AsyncIterator[bytes],
        ended: Callable[[], None],
        idle_s: float,
        id: str,
    ) -> None:
        super().__init__(status_code=status, headers=headers)
        self._chunks, self._ended, self._idle_s, self._id = chunks, ended, idle_s, id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ends without completing the answer when the bytes cannot be read or the client does not take them: the server
        then closes the connection, and the client sees that something is missing."""
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for chunk in self._chunks:
                for start in range(0, len(chunk), PIECE_BYTES):
                    if gone.done():
                        return
                    piece = chunk[start : start + PIECE_BYTES]
                    async with asyncio.timeout(self._idle_s):
                        await send(_part(piece, more=True))
                    BYTES.inc(len(piece))
            await send(_part(b"", more=False))
        except ObjectsDown as why:
            log.error("a download broke off", id=self._id, why=str(why))
        except TimeoutError:
            log.info("a client stopped taking its download", id=self._id)
        finally:
            self._ended()
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


def _part(chunk: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
