"""One client's way to its gateways: a relay on loopback, which can be cut, stand still, or run slowly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

from shared.client import Closed, Socket, dial

PIECE = 1 << 16
SMALL_BUFFER = 4 << 10  # of a slow reader's socket: what is not read stays with the gateway


class _Pair:
    """One connection through the line, in both directions."""

    def __init__(self, line: Line, client: asyncio.StreamWriter) -> None:
        self.flows = asyncio.Event()
        self.flows.set()
        self._line, self._client = line, client
        self._server: asyncio.StreamWriter | None = None

    async def carry(self, reader: asyncio.StreamReader) -> None:
        sock = socket.socket()
        try:
            sock.setblocking(False)
            slow = self._line.bytes_per_s is not None
            if slow:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
            await asyncio.get_running_loop().sock_connect(sock, self._line.target)
            back, self._server = await asyncio.open_connection(sock=sock, limit=SMALL_BUFFER if slow else PIECE)
            ways = [
                asyncio.ensure_future(self._pump(reader, self._server)),
                asyncio.ensure_future(self._pump(back, self._client, slowly=True)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                await self.flows.wait()  # while the line stands still, neither end learns of the other's end
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # the gateway is away: the client sees its connection end
        finally:
            sock.close()
            self.end()

    def end(self) -> None:
        for side in (self._client, self._server):
            if side is not None:
                side.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, slowly: bool = False) -> None:
        while True:
            rate = self._line.bytes_per_s if slowly else None
            data = await source.read(PIECE if rate is None else 1024)
            await self.flows.wait()
            if not data:
                return
            sink.write(data)
            await sink.drain()
            if rate is not None:
                await asyncio.sleep(len(data) / rate)


class Line:
    """`dial` is what a client is given; `target` is whom it dialled last. `bytes_per_s`: how fast it reads, None: as
    fast as it can."""

    def __init__(self) -> None:
        self.target = ("127.0.0.1", 0)
        self.bytes_per_s: float | None = None
        self._server: asyncio.Server | None = None
        self._pairs: dict[asyncio.Task[None], _Pair] = {}

    async def dial(self, url: str) -> Socket:
        parts = urlsplit(url)
        self.target = (parts.hostname or "", parts.port or 80)
        if self._server is None:
            self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        try:
            return await dial(parts._replace(netloc=f"127.0.0.1:{port}").geturl())
        except ConnectionError as why:
            raise Closed(1006, str(why)) from None

    def cut(self) -> None:
        """Ends what goes through it, without a word."""
        for pair in self._pairs.values():
            pair.flows.set()
            pair.end()

    def freeze(self) -> Callable[[bool], None]:
        """From now on nothing passes, and neither side is told; connections that are made later are fine. What it
        gives ends that: with True it all goes on, with False the connections end."""
        frozen = list(self._pairs.values())
        for pair in frozen:
            pair.flows.clear()

        def end(goes_on: bool) -> None:
            for pair in frozen:
                pair.flows.set()
                if not goes_on:
                    pair.end()

        return end

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for pair in self._pairs.values():
            pair.end()
        for task in list(self._pairs):
            task.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not a coroutine: a cancelled one would be reported by asyncio as an error of the server's.
        pair = _Pair(self, writer)
        task = asyncio.get_running_loop().create_task(pair.carry(reader))
        self._pairs[task] = pair
        task.add_done_callback(lambda _: self._pairs.pop(task, None))
