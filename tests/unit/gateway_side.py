"""A gateway's hub without a network: clients are fed bytes, and what goes to the bus lies in its queues."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from websockets.frames import Frame, Opcode

from services.gateway.forward import Forward
from services.gateway.hub import Hub
from services.gateway.settings import Settings
from shared.bus.batching import Linger
from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import FILES, shard_queue
from shared.protocol.bus import Acknowledged, BusMessage, named
from shared.protocol.codec import decode, encode, pack
from shared.tokens.verifier import Identity

SHARDS = 4
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def framed(text: bytes) -> bytes:
    """A client's text frame as it goes over the wire."""
    return Frame(Opcode.TEXT, text).serialize(mask=True)


class Transport(asyncio.Transport):
    """A socket of which only what is written to it is known."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self._wrote = asyncio.Event()

    async def hears(self, text: bytes) -> None:
        """Returns when it has been written."""
        async with asyncio.timeout(5):
            while text not in b"".join(self.written):
                self._wrote.clear()
                await self._wrote.wait()

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))
        self._wrote.set()

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class AnyToken:
    """In place of the verifier: the token is the user's id."""

    async def verify(self, token: str) -> Identity:
        return Identity(token, token, f"token of {token}", int(time.time()) + 3_600)


class Side:
    """One gateway; its shards are read by nobody. `heard`: whether a router of today's has said that they are its."""

    def __init__(self, *, heard: bool = True, **settings: Any) -> None:
        self.broker = Broker()
        forward = Forward(
            MemoryBus(self.broker), "mailbox.gateway", shards=SHARDS, bound=1 << 30, body_bytes=256 << 10,
            linger=Linger(0.0, 1.0), files_bound=1 << 30,
        )  # fmt: skip
        verifier: Any = AnyToken()
        self.hub = Hub(Settings.model_validate(settings), forward, verifier, time.time)
        self.hub.entry.store_is("e")
        for shard in range(SHARDS) if heard else ():
            self.acknowledge(shard, named("router.r"))

    def acknowledge(self, shard: int, source: str, sequence: int = 0) -> None:
        """The router `source` says that it has handled what came to `shard`, up to `sequence`."""
        said = Acknowledged(queue=shard_queue(shard), sequence=sequence)
        self.hub.deliver.body(encode(source, [pack(said)]))

    async def client(self, user: str) -> tuple[asyncio.Protocol, Transport]:
        """A connection that has been welcomed."""
        connection, transport = self.hub.new_connection(), Transport()
        connection.connection_made(transport)
        connection.data_received(HANDSHAKE)
        connection.data_received(framed(b'{"type":"auth","token":"%b"}' % user.encode()))
        await transport.hears(b'"welcome"')
        transport.written.clear()
        return connection, transport

    async def sent(self) -> dict[str, list[BusMessage]]:
        """All that has gone to the bus, by queue."""
        await self.hub.forward.flush()
        queues = [FILES, *(shard_queue(n) for n in range(SHARDS))]
        bodies = {queue: [body for body, _ in self.broker.queue(queue).ready] for queue in queues}
        return {queue: [m for body in found for m in decode(body)[0].messages] for queue, found in bodies.items()}
