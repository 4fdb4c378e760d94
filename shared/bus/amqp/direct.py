"""The hot path past aiormq: the byte stream beneath it, with the frames of every batch taken out of it (frames.py).

aiormq connects, speaks the handshake, keeps the heartbeat, opens the channel and declares. Publishing, deliveries,
acknowledgements and confirms go past it, straight between the socket and who uses them. What that rests on is looked at
before the first connection (assumptions.py); `HOMIN_AMQP_DIRECT=false` goes without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import takewhile
from typing import Any

import aiormq
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

from shared.bus.amqp import frames
from shared.bus.amqp.frames import Closed, Confirmed, Cutter, Event, Message, Returned
from shared.bus.amqp.line import CLOSE_S, OPEN_S, OnDelivered
from shared.bus.port import BusError, Overloaded, Unavailable, Unroutable

ALIVE_S = 1.0


class Direct:
    """A line (line.py) whose batches go past aiormq. `on_delivered` is called for each delivery, in order."""

    def __init__(self, on_delivered: OnDelivered) -> None:
        self._stream = Stream(on_delivered)
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    @property
    def closed_by(self) -> Closed | None:
        return self._stream.closed

    async def open(self, url: URL) -> AbstractChannel:
        self._connection = aiormq.Connection(url, transport_factory=self._stream)
        async with asyncio.timeout(OPEN_S):
            await self._connection.connect()
            self._channel = await self._connection.channel(publisher_confirms=True)
        self._stream.use(self._channel.number, self._connection.connection_tune.frame_max)
        return self._channel

    @property
    def taken(self) -> Callable[[DeliveredMessage], Coroutine[Any, Any, None]]:
        return _unused

    async def ended(self) -> None:
        assert self._connection is not None
        assert self._channel is not None
        closing = [self._connection.closing, self._channel.closing]
        await asyncio.wait(closing, return_when=asyncio.FIRST_COMPLETED)
        _retrieve(closing)

    async def publish(self, message: Message, timeout_s: float) -> None:
        await self._stream.publish(message, timeout_s)

    def ack(self, tag: int) -> None:
        self._stream.ack(tag)

    async def close(self) -> None:
        self._stream.lost()
        if self._connection is not None:
            # What is wrong with it now is no concern of anybody's: it is let go of.
            with suppress(Exception):
                await asyncio.wait_for(self._connection.close(), CLOSE_S)


async def _unused(_: DeliveredMessage) -> None:
    """Deliveries do not come this way, and aiormq wants a callback."""


def _retrieve(closing: list[asyncio.Future[Any]]) -> None:
    """Marks why they ended as seen: the log says it once, where it matters."""
    for future in closing:
        future.cancel()
        if future.done() and not future.cancelled():
            future.exception()


class Stream(aiormq.TransportFactory):
    """One connection's bytes. `on_delivered` is called for each delivery, in order. `use` names the channel once it
    is open.
    """

    def __init__(self, on_delivered: OnDelivered | None = None) -> None:
        self._on_delivered = on_delivered
        self._channel, self._frame_bytes = 0, 0
        # Asked for once: on CPython 3.11 every `get_running_loop` is a system call.
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._out: list[bytes] = []
        self._tag = 0
        self._confirms: dict[int, asyncio.Future[None]] = {}
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed: Closed | None = None
        """How the broker has ended the connection."""

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects, as aiormq's own factories do."""
        context = kwargs.pop("ssl_context_provider", None)
        loop = self._loop
        assert url.host is not None
        assert url.port is not None  # aiormq fills in the default port
        reader = asyncio.StreamReader(loop=loop)
        try:
            transport, protocol = await loop.create_connection(
                lambda: _Tap(reader, self),
                url.host,
                url.port,
                ssl=await context.get_context() if url.scheme == "amqps" else None,
                **kwargs,
            )
        except OSError as why:
            raise AMQPConnectionError(*why.args) from why
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def use(self, channel: int, frame_bytes: int) -> None:
        """The channel that is published on, fresh and in confirm mode, and the largest frame agreed on."""
        self._channel, self._frame_bytes = channel, frame_bytes

    async def publish(self, message: Message, timeout_s: float) -> None:
        """Returns when the broker has confirmed. Raises `BusError`."""
        try:
            async with asyncio.timeout(timeout_s):
                # Blocked by an alarm the broker stops reading: then what is refused here is not left in any buffer.
                await self._writable.wait()
                await self._send(message)
        except TimeoutError:
            raise Overloaded(f"the broker does not take bodies for {message.key or message.exchange}") from None

    def ack(self, tag: int) -> None:
        """`tag` and all deliveries before it are done with."""
        self._write(frames.ack(self._channel, tag))

    def lost(self) -> None:
        """The connection or the channel is gone: what was not confirmed may or may not have been taken."""
        confirms, self._confirms = self._confirms, {}
        for confirm in confirms.values():
            _end(confirm, Unavailable("the connection was lost before the confirm"))
        self._writable.set()
        self._writer = self._on_delivered = None

    def _send(self, message: Message) -> asyncio.Future[None]:
        if self._writer is None:
            raise Unavailable("the broker is not reached")
        self._tag += 1
        confirm = self._confirms[self._tag] = self._loop.create_future()
        self._write(*frames.publish(self._channel, message, str(self._tag), self._frame_bytes))
        return confirm

    def _write(self, *pieces: bytes) -> None:
        """At the end of this turn of the loop, in one go with all that its other tasks have to write."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += pieces

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._writer is not None and not self._writer.transport.is_closing():
            self._writer.transport.write(b"".join(out))

    # ── called by the tap ──

    def paused(self, paused: bool) -> None:
        if paused:
            self._writable.clear()
        else:
            self._writable.set()

    def happened(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, frames.Delivered):
                if self._on_delivered is not None:
                    self._on_delivered(event)
            elif isinstance(event, Confirmed):
                self._confirmed(event)
            elif isinstance(event, Closed):
                self.closed = event
            else:
                self._returned(event)

    def _confirmed(self, event: Confirmed) -> None:
        # They stand in the order of publishing.
        tags = list(takewhile(event.tag.__ge__, self._confirms)) if event.multiple else [event.tag]
        for tag in tags:
            confirm = self._confirms.pop(tag, None)
            if confirm is not None:
                _end(confirm, None if event.taken else Overloaded("the queue is full"))

    def _returned(self, event: Returned) -> None:
        confirm = self._confirms.pop(int(event.message_id or 0), None)
        if confirm is not None:
            _end(confirm, Unroutable("there is no such queue"))


class _Tap(asyncio.StreamReaderProtocol):
    def __init__(self, reader: asyncio.StreamReader, stream: Stream) -> None:
        super().__init__(reader)
        self._stream, self._cutter = stream, Cutter()
        self._told = 0.0
        self._loop_time = asyncio.get_running_loop().time

    def data_received(self, data: bytes) -> None:
        events, others = self._cutter.feed(data)
        if events:
            self._stream.happened(events)
            # aiormq takes a connection for dead when it sees no frame for long: it is told that there was one.
            if not others and self._loop_time() - self._told > ALIVE_S:
                others = frames.HEARTBEAT_FRAME
        if others:
            self._told = self._loop_time()
            super().data_received(others)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stream.paused(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stream.paused(False)

    def connection_lost(self, why: Exception | None) -> None:
        self._stream.lost()
        super().connection_lost(why)


def _end(confirm: asyncio.Future[None], error: BusError | None) -> None:
    if confirm.done():
        return  # whoever published has given up waiting
    if error is None:
        confirm.set_result(None)
    else:
        confirm.set_exception(error)
