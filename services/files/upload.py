"""An upload over HTTP: the form streams into the object store, then the file is a row, then a message."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import structlog
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from services.files.access import RoomAccess
from services.files.core.names import file_url
from services.files.file_store import Kept
from services.files.form import OVERHEAD_BYTES, UploadForm
from services.files.ingest import Ingest
from services.files.posting import Posting
from services.files.work import UPLOADS
from shared.bus.port import BusError
from shared.protocol.errors import ErrorCode, Refused
from shared.protocol.names import MessageId, Room
from shared.protocol.server import User
from shared.runtime.problem import problem
from shared.tokens.verifier import Identity

log = structlog.stdlib.get_logger("homin.files")
_ROOM: TypeAdapter[str] = TypeAdapter(Room)
_MESSAGE_ID: TypeAdapter[str] = TypeAdapter(MessageId)


class Upload:
    """`limit`: bytes of a file. `places`: uploads at once, of which one user may take `places_each`. `idle_s`: the
    longest pause between two pieces. `whole_s`: the longest that an upload may take. `new_id`: of a message."""

    def __init__(
        self,
        access: RoomAccess,
        ingest: Ingest,
        posting: Posting,
        new_id: Callable[[], str],
        *,
        limit: int,
        places: int,
        places_each: int,
        idle_s: float,
        whole_s: float,
    ) -> None:
        self._access, self._ingest, self._posting, self._new_id = access, ingest, posting, new_id
        self._limit, self._places, self._places_each = limit, places, places_each
        self._idle_s, self._whole_s = idle_s, whole_s
        self._taken: Counter[str] = Counter()

    async def __call__(self, request: Request, identity: Identity) -> Response:
        """201 with the stored file. Raises Refused."""
        try:
            with self._place(identity.user_id):
                async with asyncio.timeout(self._whole_s):
                    kept = await self._receive(request, identity)
        except Refused as refused:
            UPLOADS.labels("http", refused.code).inc()
            raise
        except TimeoutError:
            UPLOADS.labels("http", "slow").inc()
            return problem(ErrorCode.TIMED_OUT, "The upload took too long.")
        except ClientDisconnect:
            UPLOADS.labels("http", "cut").inc()
            return Response(status_code=400)  # which nobody reads
        UPLOADS.labels("http", "stored").inc()
        body = {"file": kept.file.model_dump(exclude_none=True)}
        return JSONResponse(body, 201, headers={"Location": file_url(kept.id), "Cache-Control": "no-store"})

    async def _receive(self, request: Request, identity: Identity) -> Kept:
        room = _checked(_ROOM, request.query_params.get("room"), "Name the room: POST /api/files?room=…")
        form = UploadForm(request.headers.get("content-type", ""), self._pieces(request))
        if int(request.headers.get("content-length", "0")) > self._limit + OVERHEAD_BYTES:
            raise Refused(ErrorCode.TOO_LARGE, f"A file may have at most {self._limit} bytes.")
        # Before the first byte is read, so a client that asked for `100 Continue` need not send any.
        await self._access.require(room, identity.user_id)
        arrived = await self._ingest.receive(form.chunks(), self._limit)
        try:
            message_id = self._message_id(request.query_params.get("id"), form.fields.get("id"))
        except Refused:
            await self._ingest.discard(arrived.id)
            raise
        assert form.name is not None
        sender = User(id=identity.user_id, name=identity.name)
        kept = await self._ingest.keep(arrived, room, sender, message_id, form.name)
        try:
            await self._posting.confirm(kept)
        except BusError as why:
            # It is stored, and the upkeep posts it: the message appears, only later.
            log.warning("a file is stored and could not be posted yet", id=kept.id, why=str(why))
        return kept

    def _message_id(self, asked: str | None, field: str | None) -> str:
        if asked is not None and field is not None and asked != field:
            raise Refused(ErrorCode.INVALID_REQUEST, "The upload has two different ids.")
        given = asked if asked is not None else field
        if given is None:
            return self._new_id()
        return _checked(_MESSAGE_ID, given, "An id has 1 to 64 visible ASCII characters.")

    async def _pieces(self, request: Request) -> AsyncIterator[bytes]:
        stream = request.stream()
        while True:
            async with asyncio.timeout(self._idle_s):
                piece = await anext(stream, None)
            if piece is None:
                return
            yield piece

    @contextmanager
    def _place(self, user_id: str) -> Iterator[None]:
        if self._taken.total() >= self._places:
            raise Refused(ErrorCode.OVERLOADED, "Too many files are on the way. Try again in a moment.", 2_000)
        if self._taken[user_id] >= self._places_each:
            raise Refused(ErrorCode.RATE_LIMITED, "Too many of your files are on the way. Wait for one of them.", 1_000)
        self._taken[user_id] += 1
        try:
            yield
        finally:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]


def _checked(rule: TypeAdapter[str], value: str | None, text: str) -> str:
    try:
        return rule.validate_python(value)
    except ValidationError:
        raise Refused(ErrorCode.INVALID_REQUEST, text) from None
