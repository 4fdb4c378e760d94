"""From the clients to the bus: frames gather for each shard and go in batches; what could not be sent is told or
tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from typing import NamedTuple, Protocol

import structlog

from services.gateway.core.congestion_window import CongestionWindow
from services.gateway.core.owners import Owners
from shared.bus.batching import Batcher, Full, Linger
from shared.bus.port import Bus, BusError, TooLarge, Unavailable
from shared.bus.topology import FILES, shard_queue
from shared.protocol.bus import WIRE, Unsubscribe
from shared.protocol.client import Frame
from shared.protocol.codec import encode, pack
from shared.protocol.errors import ErrorCode
from shared.protocol.names import shard_of

log = structlog.stdlib.get_logger("homin.gateway")
RETRY_S = 1.0
RETRY_AFTER_MS = 1_000
LEAST_BYTES = 8 << 10
BODIES = 4
SHARE = 8
TEXT = {
    ErrorCode.UNAVAILABLE: "The message broker cannot be reached. Your message was not taken; try again in a moment.",
    ErrorCode.OVERLOADED: "The server is overloaded. Your message was not taken; try again in a moment.",
    ErrorCode.TOO_LARGE: "This is more than the server passes on in one piece. Your message was not taken.",
}


class Sender(Protocol):
    """Whoever is told when a frame could not be forwarded."""

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None: ...


class _Part(NamedTuple):
    """`told`: who is told when it cannot be sent, if not its `sender`. `sender` unset: a notice, or the gateway's own,
    which is tried again when `keep` is set, or said anew by `again`."""

    part: bytes
    sender: Sender | None = None
    ref: str | None = None
    told: Sender | None = None
    keep: bool = False
    again: Callable[[], None] | None = None


class Forward:
    """`bound`: bytes that may wait for one queue. `address`: the present one of our mailbox, in the head of each body.
    `linger` counts frames. `owners`: what the routers at the other end can read.

    Each shard has a congestion window. While more than two bodies wait for it, nobody may have more than `SHARE` frames
    here: so what a flood cannot get rid of is refused, and the quiet stand behind little."""

    def __init__(
        self,
        bus: Bus,
        address: str,
        *,
        shards: int,
        bound: int,
        body_bytes: int,
        linger: Linger,
        files_bound: int,
    ) -> None:
        self._bus, self.address, self.shards = bus, address, shards
        self._body_bytes = body_bytes
        self._loop = asyncio.get_running_loop()
        self.owners = Owners(shards, WIRE)
        self._windows = {
            shard_queue(s): (CongestionWindow(min(LEAST_BYTES, body_bytes), BODIES * body_bytes), asyncio.Event())
            for s in range(shards)
        }
        self._queues: dict[str, Batcher[_Part]] = {
            queue: self._batcher(queue, files_bound if queue == FILES else bound, body_bytes, linger)
            for queue in [*(shard_queue(s) for s in range(shards)), FILES]
        }
        self._by_room: dict[str, Batcher[_Part]] = {}
        self._waiting: dict[Sender, int] = {}  # frames of each that wait here

    def to_room(
        self, room: str, part: bytes, sender: Sender | None, ref: str | None, told: Sender | None = None
    ) -> None:
        """A client's frame about `room`, as a packed `Submit`. If it cannot be sent, `told` hears of it, else `sender`,
        now or later."""
        batcher = self._by_room.get(room)
        if batcher is None:
            if len(self._by_room) > 10_000:
                self._by_room.clear()
            batcher = self._by_room[room] = self._queues[shard_queue(shard_of(room, self.shards))]
        self._put(batcher, _Part(part, sender, ref, told))

    def to_any_router(
        self, session: str, part: bytes, sender: Sender | None, ref: str | None, told: Sender | None = None
    ) -> None:
        """Likewise a frame that is about no room: any router knows the answer. One session's all go to one shard, so
        that they stay in order, and the sessions are spread over all shards."""
        batcher = self._queues[shard_queue(shard_of(session, self.shards))]
        self._put(batcher, _Part(part, sender, ref, told))

    def to_files(self, part: bytes, sender: Sender | None, ref: str | None, told: Sender | None = None) -> None:
        self._put(self._queues[FILES], _Part(part, sender, ref, told))

    def waiting(self, sender: Sender) -> int:
        """How many of its frames wait here."""
        return self._waiting.get(sender, 0)

    def own(self, room: str, message: Frame, again: Callable[[], None] | None = None) -> None:
        """What the gateway itself has to say about a room. It is kept until it is sent; where it may not be true any
        more by then, `again` is called instead."""
        queue = shard_queue(shard_of(room, self.shards))
        self._put(self._queues[queue], _Part(pack(message), keep=True, again=again))

    def unsubscribe(self, room: str, session: str) -> None:
        """Tells the router that this subscription has ended."""
        self.own(room, Unsubscribe(address=self.address, room=room, session=session))

    def to_all(self, message: Frame) -> None:
        """To every shard, if it can be sent now."""
        part = _Part(pack(message))
        for queue, batcher in self._queues.items():
            if queue != FILES:
                self._put(batcher, part)

    def is_read(self, about: str, since: int) -> bool:
        """Whether a frame about this room, or of this session, may go: it is read from this version of the wire on."""
        return self.owners.read(shard_queue(shard_of(about, self.shards)), since)

    def acknowledged(self, queue: str, sequence: int, version: int) -> None:
        """A router that speaks `version` of the wire has handled what we sent to `queue`, up to the envelope
        `sequence`."""
        self.owners.heard(queue, sequence, version)
        window, answered = self._windows[queue]
        window.acknowledged(sequence, self._loop.time())
        self._queues[queue].batch_bytes = max(LEAST_BYTES, min(self._body_bytes, window.size // BODIES))
        answered.set()

    def reopened(self, address: str) -> None:
        """Answers come to `address` from now on; those to the former one are lost."""
        self.address = address
        self.owners.forget()
        for window, answered in self._windows.values():
            window.forget()
            answered.set()

    async def flush(self) -> None:
        """Sends what waits, as fast as the broker takes it: we are about to end."""
        for window, answered in self._windows.values():
            window.open()
            answered.set()
        for batcher in self._queues.values():
            await batcher.flush()

    def _batcher(self, queue: str, bound: int, body_bytes: int, linger: Linger) -> Batcher[_Part]:
        numbers = count(1)

        async def send(parts: list[_Part]) -> None:
            sequence = 0
            if queue in self._windows:
                sequence = next(numbers)
                await self._enter(queue, sequence, sum(len(p.part) for p in parts))
            self._wait_no_more(parts)
            try:
                await self._bus.publish(queue, encode(self.address, (p.part for p in parts), sequence=sequence))
            except BusError as why:
                log.warning("frames were not taken", queue=queue, frames=len(parts), why=str(why))
                self._failed(batcher, parts, _code(why))

        batcher: Batcher[_Part] = Batcher(send, bound=bound, batch_bytes=body_bytes, linger=linger)
        return batcher

    async def _enter(self, queue: str, sequence: int, size: int) -> None:
        """Returns once the window has room for the envelope `sequence`."""
        window, answered = self._windows[queue]
        while wait := window.wait(size, self._loop.time()):
            answered.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await answered.wait()
        window.sent(sequence, size, self._loop.time())

    def _put(self, batcher: Batcher[_Part], part: _Part) -> None:
        sender = part.sender
        waiting = 0 if sender is None else self._waiting.get(sender, 0)
        if waiting >= SHARE and batcher.bytes > 2 * batcher.batch_bytes:
            self._failed(batcher, [part], ErrorCode.OVERLOADED)
            return
        try:
            batcher.put(part, len(part.part))
        except Full:
            self._failed(batcher, [part], ErrorCode.OVERLOADED)
        else:
            if sender is not None:
                self._waiting[sender] = waiting + 1

    def _wait_no_more(self, parts: Iterable[_Part]) -> None:
        for part in parts:
            if (sender := part.sender) is not None:
                if left := self._waiting[sender] - 1:
                    self._waiting[sender] = left
                else:
                    del self._waiting[sender]

    def _failed(self, batcher: Batcher[_Part], parts: Iterable[_Part], code: ErrorCode) -> None:
        for part in parts:
            again_ms = None if code is ErrorCode.TOO_LARGE else RETRY_AFTER_MS
            if (told := part.told or part.sender) is not None:
                told.refuse(code, TEXT[code], part.ref, again_ms)
            elif part.keep and again_ms is not None:
                # Bounded by the subscriptions held here: each ends once.
                again = part.again or partial(self._put, batcher, part)
                self._loop.call_later(RETRY_S, again)


def _code(why: BusError) -> ErrorCode:
    if isinstance(why, Unavailable):
        return ErrorCode.UNAVAILABLE
    return ErrorCode.TOO_LARGE if isinstance(why, TooLarge) else ErrorCode.OVERLOADED
