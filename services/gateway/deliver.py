"""From the bus to the clients: each message is framed once here, and written to every connection that is
subscribed to its room, together with all else that has come for the room in one go: a write costs far more than what it
carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import structlog

from services.gateway.connection import Connection
from services.gateway.core.subscriptions import Feed, Subscriptions
from services.gateway.entry import Entry
from services.gateway.forward import Forward
from services.gateway.framing import Framing
from services.gateway.notices import Notices
from services.gateway.questions import Questions
from shared.protocol.bus import (
    Acknowledged,
    Direct,
    Fanout,
    Holder,
    Lapsed,
    Removed,
    Revocations,
    Revoked,
    Rewound,
    Subscribed,
    Takeover,
    Unsubscribed,
    spoken,
)
from shared.protocol.codec import Malformed, decode, render
from shared.protocol.errors import CloseCode
from shared.protocol.server import Left
from shared.runtime.metrics import counter

log = structlog.stdlib.get_logger("homin.gateway")
DELIVERIES = counter("gateway_deliveries", "Messages written, one for each connection")
LOST = counter("gateway_gaps", "Times that something sent to this gateway was found missing")
RESUME_S = 0.2
AT_ONCE = 5_000
"""Subscriptions that are taken over at once, up to some 350 bytes each. Whoever answers a further piece says again what
the room has got meanwhile, which is then dropped as late: so the pieces are large.
"""


class Deliver:
    """Carries out what the routers say, in the order in which they say it."""

    def __init__(
        self,
        entry: Entry,
        subscriptions: Subscriptions[Connection],
        questions: Questions,
        framing: Framing,
        forward: Forward,
    ) -> None:
        self._entry, self._sessions, self._subscriptions = entry, entry.sessions, subscriptions
        self._questions, self._framing, self._forward = questions, framing, forward
        self._seen: dict[str, int] = {}
        self._unwritten: dict[str, list[bytes]] = {}
        self._notices = Notices(subscriptions, framing)
        self._resuming: asyncio.TimerHandle | None = None
        self._doubted: set[str] | None = set()  # None: all rooms

    def body(self, data: bytes) -> None:
        """One body of our mailbox; `write` follows. One that cannot be read is logged, and counts as lost."""
        try:
            envelope, payload = decode(data)
        except Malformed as why:
            log.error("a body cannot be read", why=str(why), bytes=len(data))
            return
        if envelope.epoch is not None:
            self._entry.store_is(envelope.epoch)
        if envelope.sequence:
            expected, self._seen[envelope.source] = self._seen.get(envelope.source, 0) + 1, envelope.sequence
            if envelope.sequence != expected:
                log.warning(
                    "something was lost; asking for it again",
                    source=envelope.source,
                    expected=expected,
                    got=envelope.sequence,
                )
                LOST.inc()
                self.resume()
        at = 0
        for message in envelope.messages:
            if isinstance(message, Fanout):
                frames = _cut(payload, at, message.sizes)
                at += sum(message.sizes)
                self._fan_out(message, frames)
                continue
            if isinstance(message, Acknowledged):
                self._forward.acknowledged(message.queue, message.sequence, spoken(envelope.source))
                continue
            self.write()  # whatever else is said holds from here on
            if isinstance(message, Direct):
                frames = _cut(payload, at, message.sizes)
                at += sum(message.sizes)
                self._direct(message, frames)
            elif isinstance(message, Subscribed):
                self._subscribe(message)
            elif isinstance(message, Unsubscribed):
                for session in message.sessions:
                    self._subscriptions.remove(message.room, session)
            elif isinstance(message, Removed):
                self._removed(message)
            elif isinstance(message, Rewound):
                self._rewound(message)
            elif isinstance(message, Lapsed):
                self.resume()
            elif isinstance(message, Revoked):
                self._entry.revoke(message.token_id, message.expires_at)
            elif isinstance(message, Revocations):
                self._entry.told_revoked(message.tokens)

    def reopened(self, address: str) -> None:
        """Our mailbox is new: what was on the way to the old one is lost, and the routers know only the old one."""
        self.write()
        self._seen.clear()
        self._forward.reopened(address)
        for connection in self._sessions.values():
            connection.readdressed(address)
        self._questions.lost()
        self.resume()

    def resume(self) -> None:
        """Takes over all subscriptions for our present address and asks for what each room got since; soon, and once
        for many losses.
        """
        self._doubted = None
        for _, feed in self._subscriptions.feeds():
            feed.lost()
        self._resume_soon()

    def _doubt(self, room: str) -> None:
        """Asks whether the log still holds what was written out here."""
        if self._doubted is not None:
            self._doubted.add(room)
        self._resume_soon()

    def _resume_soon(self) -> None:
        if self._resuming is None:
            self._resuming = asyncio.get_running_loop().call_later(RESUME_S, self._resume)

    def _resume(self) -> None:
        self._resuming = None
        doubted, self._doubted = self._doubted, set()
        for room, feed in self._subscriptions.feeds():
            if doubted is not None and room not in doubted:
                continue
            holders = [Holder(session=s, user=c.user) for s, c in feed.subscribers.items() if c.user is not None]
            parts = list(resumes(self._forward.address, room, feed.last, holders))
            feed.ask(len(parts))
            for resume in parts:
                # Sent late, it would subscribe who has left meanwhile: behind the `Unsubscribe` nobody would ever end
                # that.
                self._forward.own(room, resume, again=self.resume)

    def _fan_out(self, message: Fanout, frames: list[bytes]) -> None:
        room, feed = message.room, self._subscriptions.feed(message.room)
        if feed is None:
            return
        if message.first is not None:
            frames = frames[feed.fresh(message.first, len(frames)) :]
            if feed.doubted:
                self._doubt(room)
        elif feed.withheld:
            return
        if message.first is None and message.skip is None:
            DELIVERIES.inc(len(frames) * len(feed.subscribers))
            self._notices.put(room, frames)
        elif message.first is None or message.skip is not None:
            self._write(room)
            self._write_to(room, feed, frames, message.skip, droppable=message.first is None)
        else:
            self._unwritten.setdefault(room, []).extend(frames)

    def write(self) -> None:
        """Writes out what the bodies brought, each room's messages together; and notices, if it is time for them."""
        for room in list(self._unwritten):
            self._write(room)
        self._notices.write()

    def _write(self, room: str) -> None:
        frames, feed = self._unwritten.pop(room, None), self._subscriptions.feed(room)
        if frames and feed is not None:
            self._write_to(room, feed, frames, None, droppable=False)

    def _write_to(
        self, room: str, feed: Feed[Connection], frames: list[bytes], skip: str | None, droppable: bool
    ) -> None:
        if frames:
            framed = self._framing.framed(*frames)
            for connection in list(feed.subscribers.values()):
                if connection.session != skip and not connection.socket.write(framed, droppable):
                    connection.overlooks(room)
            DELIVERIES.inc(len(frames) * len(feed.subscribers))

    def _direct(self, message: Direct, frames: list[bytes]) -> None:
        if message.question is not None and not self._questions.answered(message.question, message.rooms):
            return
        connection = self._sessions.get(message.session)
        if connection is not None:
            framed = self._framing.framed(*frames)
            written = connection.socket.write(framed, droppable=message.notice is not None)
            if not written and message.notice is not None:
                connection.overlooks(message.notice)
            if message.answers is not None:
                connection.settled(message.answers)

    def _subscribe(self, message: Subscribed) -> None:
        for session in message.sessions:
            connection = self._sessions.get(session)
            if connection is None:
                self._forward.unsubscribe(message.room, session)  # it left while its `join` was on the way
            else:
                connection.joined(message.room)
                if self._subscriptions.add(message.room, connection, message.seq).doubted:
                    self._doubt(message.room)

    def _removed(self, message: Removed) -> None:
        feed = self._subscriptions.feed(message.room)
        if feed is None:
            return
        by = message.by if message.by.id != message.user else None
        left = self._framing.framed(render(Left(room=message.room, by=by)))
        for session, connection in list(feed.subscribers.items()):
            if connection.user is not None and connection.user.id == message.user:
                self._subscriptions.remove(message.room, session)
                connection.socket.write(left)

    def _rewound(self, message: Rewound) -> None:
        feed = self._subscriptions.feed(message.room)
        if feed is None:
            return
        log.warning("the message store went back; clients start anew", room=message.room, to=message.seq)
        feed.rewind(message.seq)
        for connection in list(feed.subscribers.values()):
            connection.close(CloseCode.SERVICE_RESTART, "The message store was restored.")


def resumes(address: str, room: str, after: int, holders: Sequence[Holder]) -> Iterator[Takeover]:
    """What takes the subscriptions of `room` for `address`: so many at a time that each finds room in a body."""
    for start in range(0, len(holders), AT_ONCE):
        yield Takeover(address=address, room=room, after=after, subscriptions=list(holders[start : start + AT_ONCE]))


def _cut(payload: memoryview, at: int, sizes: list[int]) -> list[bytes]:
    frames = []
    for size in sizes:
        frames.append(bytes(payload[at : at + size]))
        at += size
    return frames
