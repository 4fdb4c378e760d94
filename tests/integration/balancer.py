"""deploy/Caddyfile in front of upstreams of which some are not well: what a balancer meets, without containers.

Every upstream has an address of its own in 127.0.0.0/8 and the one port that the Caddyfile names; a DNS server of three
dozen lines says which there are, as Docker's does.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from typing import cast

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.servers.process import ServerProcess, free_ports

CADDYFILE = Path(__file__).resolve().parents[2] / "deploy" / "Caddyfile"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def seconds(setting: str) -> float:
    """The largest that the Caddyfile gives to `setting`."""
    return max(
        [3.0] + [float(given) for given in re.findall(rf"^\s+{setting} (\d+)s$", CADDYFILE.read_text(), re.MULTILINE)]
    )


class Names(asyncio.DatagramProtocol):
    """A DNS server (RFC 1035, 4.1) that knows `addresses` by name and nothing else."""

    def __init__(self) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self._transport.sendto(self._answer(data), source)

    async def over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """So asks Caddy 2.6.2 wherever `resolvers` are given (RFC 1035, 4.2.2)."""
        with suppress(asyncio.IncompleteReadError):
            while True:
                length = struct.unpack(">H", await reader.readexactly(2))[0]
                answer = self._answer(await reader.readexactly(length))
                writer.write(struct.pack(">H", len(answer)) + answer)
        writer.close()

    def _answer(self, data: bytes) -> bytes:
        self.asked += 1
        end = data.index(b"\0", 12) + 5
        name = data[13 : 13 + data[12]].decode()
        of_type = struct.unpack(">H", data[end - 4 : end - 2])[0]
        found = self.addresses.get(name, []) if of_type == 1 else []
        answer = data[:2] + struct.pack(">5H", 0x8580, 1, len(found), 0, 0) + data[12:end]
        for address in found:
            answer += struct.pack(">HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(address)
        return answer


class Balancer:
    """`url`: of the WebSockets, through Caddy. `site`: of everything. `health`: what the container's own check asks.
    `service`: the name by which Caddy finds the upstreams that are added here."""

    def __init__(self, program: str, folder: Path, service: str = "gateway") -> None:
        self._program, self._folder, self._running = program, folder, AsyncExitStack()
        site, health, admin, self._port = free_ports(4)
        self._admin = f"127.0.0.1:{admin}"
        self.url, self.health = f"ws://127.0.0.1:{site}/ws", f"http://127.0.0.1:{health}/readyz"
        self.site, self._service = f"http://127.0.0.1:{site}", service
        self._environment = {"SITE": self.site, "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        self._names = Names()
        self._health = health

    async def __aenter__(self) -> Balancer:
        port = await self._resolve()
        resolver = f"127.0.0.1:{port}"
        text = CADDYFILE.read_text()
        text, count = re.subn(r"(?m)^(\s+)refresh 2s$", rf"\1refresh 2s\n\1resolvers {resolver}", text)
        assert count > 0
        text, count = re.subn(r"(?m)^(\s+)port 8080$", rf"\1port {self._port}", text)
        assert count > 0
        text, count = re.subn(r"(?m)^:8081 \{$", f":{self._health} {{", text)
        assert count == 1
        text, count = re.subn(r"(?m)^(\s+)admin off$", rf"\1admin {self._admin}", text)
        assert count == 1
        (self._folder / "Caddyfile").write_text(text)
        caddy = ServerProcess(
            [self._program, "run", "--config", "Caddyfile", "--adapter", "caddyfile"],
            self._folder,
            "serving initial configuration",
            self._environment,
        )
        await asyncio.to_thread(caddy.start)
        self._running.callback(caddy.kill)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _resolve(self) -> int:
        """The port on which `Names` answers, over UDP and TCP: what is free for the one may be taken for the other."""
        loop = asyncio.get_running_loop()
        while True:
            tcp = await asyncio.start_server(self._names.over_tcp, "127.0.0.1", 0)
            port = int(tcp.sockets[0].getsockname()[1])
            try:
                udp, _ = await loop.create_datagram_endpoint(lambda: self._names, local_addr=("127.0.0.1", port))
            except OSError:
                tcp.close()
                continue
            self._running.callback(tcp.close)
            self._running.callback(udp.close)
            return port

    async def reload(self) -> None:
        """The same settings anew: the connections that are open end."""
        await asyncio.to_thread(
            subprocess.run,
            [
                self._program,
                "reload",
                "--force",
                "--address",
                self._admin,
                "--config",
                "Caddyfile",
                "--adapter",
                "caddyfile",
            ],
            cwd=self._folder,
            env=self._environment,  # `caddy reload` reads the Caddyfile in its own environment, not in the server's
            check=True,
            capture_output=True,
        )

    def leads_to(self, address: str) -> None:
        """Instead of upstreams of ours: to a server at http://127.0.0.1:port."""
        self._port = int(address.rpartition(":")[2])
        self._names.addresses[self._service] = ["127.0.0.1"]

    def _new_address(self) -> str:
        known = self._names.addresses.setdefault(self._service, [])
        known.append(f"127.0.0.{11 + len(known)}")
        return known[-1]

    async def healthy(self) -> str:
        """Its name, which it says to whoever connects."""
        name = self._new_address()

        async def greet(connection: ServerConnection) -> None:
            await connection.send(name)
            await connection.wait_closed()

        def ready(connection: ServerConnection, request: Request) -> Response | None:
            return None if request.path == "/ws" else connection.respond(HTTPStatus.OK, name)

        await self._running.enter_async_context(serve(greet, name, self._port, process_request=ready))
        return name

    async def known(self) -> None:
        """Caddy has heard of all that were added: it asks again when somebody comes, at most every two seconds."""
        asked = self._names.asked
        while self._names.asked == asked:
            async with connect(self.url) as connection:
                await connection.recv()

    async def refuses(self) -> None:
        """It has a name and does not listen."""
        self._new_address()

    async def answers_503(self) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(UNAVAILABLE)
            writer.close()

        await self._serve(answer)

    async def is_silent(self) -> None:
        """It takes connections, as the kernel does for a process that is stopped, and says nothing."""

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        await self._serve(hear)

    async def drops(self) -> None:
        """Nothing comes back from its address: on Linux so it is with a listener whose queue is full."""
        address = self._new_address(), self._port
        listener = self._running.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(0)
        for _ in range(3):
            waiting = self._running.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)

    async def _serve(self, handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        server = await asyncio.start_server(handle, self._new_address(), self._port)
        self._running.callback(server.close)
