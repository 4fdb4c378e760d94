"""A TCP relay between one participant and its server: the line that a test cuts."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Carries bytes between those who connect to `url` and the server of `target`, until it is cut or taken down."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.held = asyncio.Event()
        """Set once something is kept back."""

    @property
    def url(self) -> str:
        """`target`, by way of the relay."""
        login, at, _ = self._target.netloc.rpartition("@")
        return urlunsplit(self._target._replace(netloc=f"{login}{at}127.0.0.1:{self._port}"))

    async def up(self) -> None:
        """Takes connections, always on the same port."""
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Ends every connection and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Ends every connection without a word, as a cable that is pulled and a reset that follows."""
        lines, self._lines = self._lines, set()
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)

    def hold(self) -> None:
        """Keeps back whatever the clients send, as a network does that loses every packet."""
        self._flows.clear()
        self.held.clear()

    def release(self) -> None:
        self._flows.set()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: a cancelled one would be reported by asyncio as an error of the server's.
        line = asyncio.get_running_loop().create_task(self._carry(reader, writer))
        self._lines.add(line)
        line.add_done_callback(self._lines.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there: asyncio.StreamWriter | None = None
        try:
            back, there = await asyncio.open_connection(self._target.hostname, self._target.port)
            ways = [asyncio.ensure_future(self._send(reader, there)), asyncio.ensure_future(_pump(back, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # the server is away: the client sees its connection end
        finally:
            for side in (writer, there):
                if side is not None:
                    side.transport.abort()

    async def _send(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if not self._flows.is_set():
                self.held.set()
                await self._flows.wait()
            sink.write(data)
            await sink.drain()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
