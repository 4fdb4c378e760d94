"""A process with one service that says what happens to it, a line each: for test_runtime_serve.py."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from shared.runtime.health import Check
from shared.runtime.log import configure_log
from shared.runtime.service import run, serve
from shared.runtime.settings import HttpSettings


def say(what: str) -> None:
    """To the test."""
    print(what, flush=True)


class Upgraded(asyncio.Protocol):
    """Says what it was handed, and closes."""

    def __init__(self, **handed: Any) -> None:
        self.handed = sorted(handed)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        say(f"upgrade {data.split()[1].decode()} {','.join(self.handed)}")
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\nhanded over")
        self.transport.close()


class Demo:
    """`/slow` answers when it drains; draining ends when `/release` was asked, or never."""

    checks: Mapping[str, Check] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.draining = asyncio.Event()
        self.released = asyncio.Event()
        self.websocket = Upgraded if name == "first" else None

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Of the first service only."""
        return [Route("/slow", self._slow), Route("/release", self._release)] if self.name == "first" else []

    async def _slow(self, _request: Request) -> Response:
        say("slow")
        await self.draining.wait()
        return PlainTextResponse("answered while draining")

    async def _release(self, _request: Request) -> Response:
        self.released.set()
        return PlainTextResponse("released")

    async def start(self) -> None:
        """As Service says."""
        say(f"start {self.name}")
        if "hang" in sys.argv:
            await asyncio.Event().wait()

    async def drain(self) -> None:
        """As Service says."""
        say(f"drain {self.name}")
        self.draining.set()
        if self.name == "first":
            await self.released.wait()
            raise RuntimeError("a service that cannot drain")

    async def stop(self) -> None:
        """As Service says."""
        say(f"stop {self.name}")


async def main() -> None:
    """Two services."""
    settings = HttpSettings()
    configure_log(settings)
    services = [Demo("first"), Demo("second")]
    await serve(services, settings, listening=lambda address: say(f"listening {address}"))


if __name__ == "__main__":
    run(main)
