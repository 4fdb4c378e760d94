"""A download's place is taken before its bytes are looked for, and given back whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from starlette.requests import Request

from services.files.access import RoomAccess
from services.files.download import Download
from services.files.file_store import FileStore, Kept
from services.files.objects import Missing, Objects
from shared.protocol.bus import Access
from shared.protocol.errors import ErrorCode, Refused
from shared.tokens.verifier import Identity

FILE = Kept("0" * 32, "room", "u1", "Олена", "m1", "a.txt", 3, "text/plain", "ab" * 32, 0)
OLENA = Identity("u1", "Олена", "t1", 0)


class OneFile:
    """A store with one file, whose room everyone may read; and its bytes, which come when `there` is set."""

    def __init__(self) -> None:
        self.asked, self.there = asyncio.Event(), asyncio.Event()
        self.missing = False

    async def find(self, id: str) -> Kept | None:
        return FILE

    async def ask(self, room: str, user_id: str) -> Access:
        return Access(ref="1", exists=True, allowed=True)

    async def open(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        self.asked.set()
        await self.there.wait()
        if self.missing:
            raise Missing(key)

        async def chunks() -> AsyncIterator[bytes]:
            yield b"abc"

        return chunks()


@pytest.fixture
async def one() -> OneFile:
    return OneFile()


@pytest.fixture
async def download(one: OneFile) -> Download:
    return Download(cast(FileStore, one), cast(Objects, one), cast(RoomAccess, one), places=1, idle_s=1)


async def asked(download: Download) -> bytes:
    """The body that a client gets."""
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    response = await download(Request(scope), OLENA, FILE.id)
    body = b""

    async def send(message: Any) -> None:
        nonlocal body
        body += message.get("body", b"")

    async def receive() -> Any:
        return await asyncio.get_running_loop().create_future()

    await response(scope, receive, send)
    return body


async def test_who_comes_while_bytes_are_looked_for_finds_the_place_taken(one: OneFile, download: Download) -> None:
    first = asyncio.create_task(asked(download))
    await one.asked.wait()
    with pytest.raises(Refused) as refused:
        await asked(download)
    assert refused.value.code == ErrorCode.OVERLOADED
    one.there.set()
    assert await first == b"abc"
    assert await asked(download) == b"abc"


async def test_bytes_that_are_missing_give_the_place_back(one: OneFile, download: Download) -> None:
    one.missing = True
    one.there.set()
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await asked(download)
        assert refused.value.code == ErrorCode.UNAVAILABLE
    one.missing = False
    assert await asked(download) == b"abc"
