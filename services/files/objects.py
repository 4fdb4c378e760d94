"""Where the bytes lie: a folder, or S3 and its like, through obstore."""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from shared.runtime.service import CannotStart

if TYPE_CHECKING:
    from obstore.store import ClientConfig

FILE = "file:"
PARTS_AT_ONCE = 2
CONNECT_S = 5


class ObjectsDown(Exception):
    """The object store cannot be reached, is full, or refuses."""


class Missing(Exception):
    """There are no such bytes."""


class Objects(Protocol):
    """A store of byte strings by their keys."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        """Stores what `chunks` gives: all of it, durably, or nothing. What `chunks` raises is raised. `ObjectsDown`."""

    async def open(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to `stop`, not empty, in chunks, read as they are taken. Raises `Missing`, and
        `ObjectsDown`, that also on the way."""

    async def delete(self, key: str) -> None:
        """Removes the bytes, and what a broken `put` may have left of them. Fine if there are none. `ObjectsDown`."""


class RemoteObjects:
    """`part_bytes` are sent at a time. `chunk_bytes`: how much a reader gets at a time, about."""

    def __init__(self, store: ObjectStore, part_bytes: int, chunk_bytes: int) -> None:
        self._store, self._part_bytes, self._chunk_bytes = store, part_bytes, chunk_bytes

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        source = _Source(chunks)
        sending = asyncio.ensure_future(
            obstore.put_async(self._store, key, source, chunk_size=self._part_bytes, max_concurrency=PARTS_AT_ONCE)
        )
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            # obstore takes back the parts that it has sent when the source raises; cancelled, it leaves them there.
            source.break_off()
            await asyncio.wait({sending})
            raise
        except (BaseError, OSError) as why:
            if source.raised is not None:
                raise source.raised from None
            raise ObjectsDown(_first_line(why)) from why

    async def open(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        try:
            found = await obstore.get_async(self._store, key, options={"range": (start, stop)})
        except FileNotFoundError:
            raise Missing(key) from None
        except (BaseError, OSError) as why:
            raise ObjectsDown(_first_line(why)) from why
        return _read(found.stream(min_chunk_size=self._chunk_bytes))

    async def delete(self, key: str) -> None:
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as why:
            raise ObjectsDown(_first_line(why)) from why


class LocalObjects(RemoteObjects):
    """In `folder`, which is made. Does what the library leaves out for a folder: syncs, and clears up after a crash."""

    def __init__(self, folder: Path, part_bytes: int, chunk_bytes: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(LocalStore(prefix=folder), part_bytes, chunk_bytes)
        self._folder = folder

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> None:
        await super().put(key, chunks)
        try:
            await asyncio.to_thread(self._sync, self._folder / key)
        except OSError as why:
            raise ObjectsDown(_first_line(why)) from why

    async def delete(self, key: str) -> None:
        await super().delete(key)
        await asyncio.to_thread(self._clear, self._folder / key)

    def _sync(self, path: Path) -> None:
        """A message is promised for ever once it is seen, and so are the bytes that it names."""
        for place in (path, path.parent, self._folder):
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _clear(self, path: Path) -> None:
        # obstore writes to `<key>#<number>` and renames; a process that was killed leaves that behind.
        for part in glob.glob(f"{glob.escape(str(path))}#*"):
            Path(part).unlink(missing_ok=True)


def open_objects(url: str, *, part_bytes: int, chunk_bytes: int, request_s: float) -> Objects:
    """The store at `url`: `file:<folder>`, `s3://<bucket>/…` or another that obstore knows; its keys and endpoint come
    from the variables that each kind has (AWS_ACCESS_KEY_ID …). Raises CannotStart.

    `request_s`: the longest that one request to a remote store may take, its body included.
    """
    try:
        if url.startswith(FILE):
            folder = url.removeprefix(FILE).removeprefix("//")
            if not folder:
                raise ValueError("it names no folder")
            return LocalObjects(Path(folder), part_bytes, chunk_bytes)
        patience: ClientConfig = {
            "timeout": timedelta(seconds=request_s),
            "connect_timeout": timedelta(seconds=CONNECT_S),
            "allow_http": True,  # where the operator gives an http:// endpoint, a MinIO beside us, he means it
        }
        return RemoteObjects(from_url(url, client_options=patience), part_bytes, chunk_bytes)
    except (BaseError, OSError, ValueError) as why:
        raise CannotStart(f"The files cannot be kept where HOMIN_OBJECTS_URL says: {_first_line(why)}.") from why


class _Source:
    """Remembers what the chunks raised: obstore raises it too, but so it might an error of the same kind of its own."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._waiting: asyncio.Task[Any] | None = None
        self._broken_off = False
        self.raised: BaseException | None = None

    def break_off(self) -> None:
        """Makes whoever waits for the next chunk, or asks for another, get an error."""
        self._broken_off = True
        if self._waiting is not None:
            self._waiting.cancel()

    def __aiter__(self) -> _Source:
        return self

    async def __anext__(self) -> bytes:
        if self._broken_off:
            raise asyncio.CancelledError
        self._waiting = asyncio.current_task()
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            raise
        except BaseException as why:
            self.raised = why
            raise
        finally:
            self._waiting = None


async def _read(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for chunk in stream:
            yield chunk
    except (BaseError, OSError) as why:
        raise ObjectsDown(_first_line(why)) from why


def _first_line(why: BaseException) -> str:
    return (str(why) or type(why).__name__).splitlines()[0]
