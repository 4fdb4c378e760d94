"""The WebSocket that a client speaks over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

FRAME_BYTES = 16 << 20


class Closed(Exception):
    """The connection has ended. `code`: 1006 where there was no close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Socket(Protocol):
    """An open connection."""

    async def send(self, text: str) -> None:
        """Raises `Closed`."""

    async def receive(self) -> str | bytes:
        """The next frame, whole. Raises `Closed`."""

    async def close(self) -> None:
        """Says goodbye (1000)."""

    def cut(self) -> None:
        """Ends it without a word, as a broken cable would."""


Dial = Callable[[str], Awaitable[Socket]]
"""Opens a connection to a `ws://…/ws` address. Raises `Closed`: refused, unreachable, or no WebSocket there."""


class WebSocket:
    """A `Socket` over the network."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, text: str) -> None:
        try:
            await self.connection.send(text)
        except ConnectionClosed as why:
            raise _closed(why) from None

    async def receive(self) -> str | bytes:
        try:
            return await self.connection.recv(decode=False)
        except ConnectionClosed as why:
            raise _closed(why) from None

    async def close(self) -> None:
        await self.connection.close()

    def cut(self) -> None:
        self.connection.transport.abort()


async def dial(url: str) -> Socket:
    try:
        connection = await connect(
            url,
            compression=None,
            open_timeout=None,  # the client has a time-out for everything up to the welcome
            close_timeout=2,
            ping_interval=None,  # and a way of its own to tell that a connection is dead
            max_size=FRAME_BYTES,
            max_queue=(1024, 256),
            proxy=None,
            user_agent_header=None,
        )
    except (OSError, InvalidHandshake, InvalidMessage, EOFError) as why:
        raise Closed(1006, str(why) or type(why).__name__) from None
    return WebSocket(connection)


def _closed(why: ConnectionClosed) -> Closed:
    return Closed(why.rcvd.code, why.rcvd.reason) if why.rcvd is not None else Closed(1006, str(why))
