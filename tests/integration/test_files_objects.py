"""Where bytes lie: a folder, and S3 as far as a small server here speaks it (objects, multipart uploads, ranges)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import md5
from itertools import count
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.files.objects import Missing, Objects, ObjectsDown, open_objects
from shared.runtime.listen import CannotStart, address_of, bind
from shared.runtime.service import Server

PART = 5 << 20


class S3:
    """One bucket. `parts`: of uploads that are neither complete nor aborted. `broken`: answers nothing but errors."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.broken = False
        self._numbers = count(1)

    async def answer(self, request: Request) -> Response:
        key, query, body = request.path_params["key"], request.query_params, await request.body()
        upload = query.get("uploadId", "")
        if self.broken:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403)
        match request.method:
            case "POST" if "uploads" in query:
                upload = str(next(self._numbers))
                self.parts[upload] = {}
                name = "InitiateMultipartUploadResult"
                return Response(f"<{name}><UploadId>{upload}</UploadId></{name}>")
            case "PUT" if upload:
                self.parts[upload][int(query["partNumber"])] = body
                return Response(headers={"ETag": f'"{md5(body).hexdigest()}"'})
            case "POST" if "delete" in query:
                names = re.findall("<Key>(.*?)</Key>", body.decode())
                for name in names:
                    self.objects.pop(name, None)
                # A key that was not there counts as deleted, as with Amazon.
                gone = "".join(f"<Deleted><Key>{name}</Key></Deleted>" for name in names)
                return Response(f"<DeleteResult>{gone}</DeleteResult>")
            case "POST" if upload:
                self.objects[key] = b"".join(part for _, part in sorted(self.parts.pop(upload).items()))
                return Response('<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>')
            case "DELETE" if upload:
                del self.parts[upload]
                return Response(status_code=204)
            case "PUT":
                self.objects[key] = body
                return Response(headers={"ETag": '"e"'})
            case "GET" if key in self.objects:
                return self._get(self.objects[key], request.headers["range"])
        return Response("<Error><Code>NoSuchKey</Code></Error>", 404)

    def _get(self, content: bytes, wanted: str) -> Response:
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        headers = {
            "ETag": '"e"',
            "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
            "Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(content)}",
        }
        return Response(part, 206, headers)


@asynccontextmanager
async def listening(s3: S3) -> AsyncIterator[str]:
    route = Route("/bucket/{key:path}", s3.answer, methods=["GET", "PUT", "POST", "DELETE"])
    sock = bind("127.0.0.1", 0)
    server = Server(uvicorn.Config(Starlette(routes=[route]), lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([sock]))
    await server.listening.wait()
    try:
        yield address_of(sock)
    finally:
        server.should_exit = True
        await serving
        sock.close()


@pytest.fixture
def s3() -> S3:
    return S3()


@pytest.fixture(params=["folder", "s3"])
async def objects(
    request: pytest.FixtureRequest, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Objects]:
    async with listening(s3) as address:
        for name, value in {
            "AWS_ENDPOINT": address, "AWS_ALLOW_HTTP": "true", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_REGION": "here", "NO_PROXY": "127.0.0.1",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        url = f"file:{tmp_path}/objects" if request.param == "folder" else "s3://bucket"
        yield open_objects(url, part_bytes=PART, chunk_bytes=64 << 10, request_s=20)


async def pieces(content: bytes, broken: bool = False) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]
    if broken:
        raise EOFError


async def read(objects: Objects, key: str, start: int, stop: int) -> bytes:
    return b"".join([chunk async for chunk in await objects.open(key, start, stop)])


@pytest.mark.parametrize("size", [1, 1000, PART, 2 * PART + 12_345])
async def test_what_is_put_is_read_whole_and_in_part(objects: Objects, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    await objects.put("ab/c", pieces(content))
    assert await read(objects, "ab/c", 0, size) == content
    assert await read(objects, "ab/c", size // 2, size) == content[size // 2 :]


async def test_an_empty_object_can_be_put(objects: Objects) -> None:
    await objects.put("ab/c", pieces(b""))
    await objects.delete("ab/c")


@pytest.mark.parametrize("size", [1000, 2 * PART + 12_345])
async def test_a_source_that_breaks_off_leaves_nothing(objects: Objects, s3: S3, tmp_path: Path, size: int) -> None:
    with pytest.raises(EOFError):
        await objects.put("ab/c", pieces(bytes(size), broken=True))
    assert (s3.objects, s3.parts) == ({}, {})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("size", [0, 1000, 2 * PART + 12_345])
async def test_a_put_that_is_cancelled_leaves_nothing(objects: Objects, s3: S3, tmp_path: Path, size: int) -> None:
    stalled = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        async for piece in pieces(bytes(size)):
            yield piece
        stalled.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(objects.put("ab/c", stalling()))
    await stalled.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert (s3.objects, s3.parts) == ({}, {})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_what_was_deleted_is_missing_and_may_be_deleted_again(objects: Objects) -> None:
    await objects.put("ab/c", pieces(b"x"))
    await objects.delete("ab/c")
    with pytest.raises(Missing):
        await objects.open("ab/c", 0, 1)
    await objects.delete("ab/c")


@pytest.mark.parametrize("objects", ["s3"], indirect=True)
async def test_a_store_that_refuses_is_down(objects: Objects, s3: S3) -> None:
    s3.broken = True
    with pytest.raises(ObjectsDown):
        await objects.put("ab/c", pieces(b"x"))
    with pytest.raises(ObjectsDown):
        await objects.open("ab/c", 0, 1)
    with pytest.raises(ObjectsDown):
        await objects.delete("ab/c")


@pytest.mark.parametrize("url", ["file:", "ftp://x", "nonsense", "", "file:/dev/null/x"])
def test_an_address_that_cannot_be_used_is_told_in_a_sentence(url: str) -> None:
    with pytest.raises(CannotStart, match="HOMIN_OBJECTS_URL"):
        open_objects(url, part_bytes=PART, chunk_bytes=4096, request_s=10)
