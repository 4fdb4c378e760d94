"""A download's place is taken before its bytes are looked for, and given back whatever becomes of it."""

from __future__ import annotations

import asyncio
import json
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
        self.deleted_while = ""
        self._gone = False

    async def find(self, id: str) -> Kept | None:
        return None if self._gone else FILE

    async def ask(self, room: str, user_id: str) -> Access:
        self._gone = self.deleted_while == "asked"
        return Access(ref="1", exists=True, allowed=True)

    async def open(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        self.asked.set()
        await self.there.wait()
        if self.missing:
            self._gone = self.deleted_while == "opened"
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


@pytest.mark.parametrize("deleted_while", ["asked", "opened"])
async def test_what_is_deleted_on_the_way_is_not_there(one: OneFile, download: Download, deleted_while: str) -> None:
    one.deleted_while = deleted_while
    one.missing = True
    one.there.set()
    assert json.loads(await asked(download))["code"] == ErrorCode.NO_SUCH_FILE
