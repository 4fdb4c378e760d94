"""Peers that stand still, and more at once than there is room for."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.protocol.server import User
from tests.integration.files_deployment import (
    OLENA,
    TARAS,
    Deployment,
    deployed,
    form,
    streamed,
    streamed_headers,
    token,
)
from tests.unit.files import samples

ROOM = "room"
BIG = 16 << 20
"""More than the sockets between the two hold."""


class SlowUpload:
    """An upload by hand: what it writes and when is the test's."""

    BODY = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(5000) + b"\r\n--b--\r\n"

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def begin(self, user: User) -> None:
        """Sends the head and half the body; the server is then reading the form (RFC 9110, 10.1.1)."""
        head = (
            f"POST /api/files?room={ROOM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(user)}\r\n"
            f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(self.BODY)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        self._writer.write(head.encode())
        assert await self.status() == 100
        self._writer.write(self.BODY[:2500])

    def finish(self) -> None:
        self._writer.write(self.BODY[2500:])

    async def answer(self) -> tuple[int, str]:
        """Status and code of a refusal."""
        async with asyncio.timeout(20):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            assert length is not None
            body = await self._reader.readexactly(int(length[1]))
        return int(head.split(b" ", 2)[1]), json.loads(body)["code"]

    async def status(self) -> int:
        """Of the next answer."""
        async with asyncio.timeout(20):
            head = await self._reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1])


@asynccontextmanager
async def slow_upload(deployment: Deployment, user: User) -> AsyncIterator[SlowUpload]:
    host, port = deployment.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        upload = SlowUpload(reader, writer)
        await upload.begin(user)
        yield upload
    finally:
        writer.close()
        await writer.wait_closed()


async def upload(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(f"/api/files?room={ROOM}", **form(samples.PNG))


@pytest.mark.parametrize("limit", ["files_idle_s", "files_upload_s"])
async def test_an_upload_that_stands_still_is_ended_and_leaves_nothing(tmp_path: Path, limit: str) -> None:
    changed: dict[str, Any] = {limit: 0.3}
    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", **changed) as deployment:
        await deployment.gateway.join(OLENA, ROOM)
        async with slow_upload(deployment, OLENA) as slow, deployment.client() as client:
            assert await slow.answer() == (408, "timed_out")
            assert deployment.objects() == []
            assert (await upload(client)).status_code == 201


@pytest.mark.parametrize(
    ("limits", "user", "refused"),
    [
        ({"files_uploads": 1}, TARAS, (503, "overloaded")),
        ({"files_uploads_per_user": 1}, OLENA, (429, "rate_limited")),
    ],
)
async def test_more_uploads_than_there_is_room_for_are_refused_until_one_ends(
    tmp_path: Path, limits: dict[str, Any], user: User, refused: tuple[int, str]
) -> None:
    async with deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", **limits) as deployment:
        for member in (OLENA, TARAS):
            await deployment.gateway.join(member, ROOM)
        async with deployment.client(user) as client:
            async with slow_upload(deployment, OLENA) as slow:
                answer = await upload(client)
                assert (answer.status_code, answer.json()["code"]) == refused
                assert answer.json()["retryable"] is True
                assert int(answer.headers["retry-after"]) >= 1
                slow.finish()
                assert await slow.status() == 201
            assert (await upload(client)).status_code == 201


async def big_file(deployment: Deployment, client: httpx.AsyncClient) -> str:
    await deployment.gateway.join(OLENA, ROOM)
    answer = await client.post(f"/api/files?room={ROOM}", content=streamed([bytes(BIG)]), headers=streamed_headers())
    return str(answer.json()["file"]["url"])


async def until_served(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """Asks again for as long as there is no room; every question waits for its answer."""
    while (answer := await client.get(url)).status_code == 503:
        pass
    return answer


async def test_a_download_that_nobody_takes_is_ended(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"files_idle_s": 0.3, "files_downloads": 1}
    async with (
        deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", **limits) as deployment,
        deployment.client() as client,
    ):
        url = await big_file(deployment, client)
        host, port = deployment.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as still:
            still.setblocking(False)
            loop = asyncio.get_running_loop()
            head = f"GET {url} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token(OLENA)}\r\n\r\n"
            await loop.sock_sendall(still, head.encode())
            assert await loop.sock_recv(still, 15) == b"HTTP/1.1 200 OK"
            assert (await client.get(url)).json()["code"] == "overloaded"
            # The client neither reads nor leaves, and its place is free again all the same.
            assert (await until_served(client, url)).content == bytes(BIG)


async def test_a_client_that_leaves_in_the_middle_frees_its_place(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"files_downloads": 1}
    async with (
        deployed(f"sqlite:///{tmp_path}/homin.db", tmp_path / "files", **limits) as deployment,
        deployment.client() as client,
    ):
        url = await big_file(deployment, client)
        async with client.stream("GET", url) as download:
            await anext(download.aiter_bytes(1000))
        assert (await until_served(client, url)).content == bytes(BIG)
