"""What goes to each gateway, gathered and numbered. A gateway that is gone is reported; one that lost something can
see it; whose answer was lost is told to ask again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import structlog

from services.router.core.audience import one
from services.router.core.deliveries import overloaded
from services.router.core.outgoing import Out
from shared.bus.batching import Batcher, Full, Linger
from shared.bus.port import Bus, BusError, Unroutable
from shared.protocol.codec import encode
from shared.runtime.metrics import counter

log = structlog.stdlib.get_logger("homin.router")
SHOW_LOSS_S = 1.0
"""How soon a loss is shown when nothing else is to be said."""
REFUSALS = 500
"""How many answers that were lost are refused in one body."""
WORK_OF_A_BODY = 8
"""What a frame costs a gateway before it is written to anybody, in deliveries."""
BODIES = counter("router_bodies", "Bodies sent to mailboxes", ("outcome",))


class _Outbox:
    def __init__(self, owner: Outboxes, address: str) -> None:
        self.address = address
        self._owner = owner
        self._sequence = self._lost = 0
        self._refusals: deque[Out] = deque()
        self._showing: asyncio.TimerHandle | None = None
        self.batcher: Batcher[Out] = Batcher(
            self._send, bound=owner.bound, batch_bytes=owner.batch_bytes, linger=owner.new_linger()
        )

    @property
    def owes(self) -> bool:
        """Whether the gateway has something to learn: that something was lost, or whose answer was."""
        return bool(self._lost or self._refusals)

    async def _send(self, outs: list[Out]) -> None:
        self._sequence += 1
        sequence = self._sequence
        outs = outs + [self._refusals.popleft() for _ in range(min(REFUSALS, len(self._refusals)))]
        payload = (frame for out in outs for frame in out.payload)
        body = encode(self._owner.source, (out.part for out in outs if out.part), payload, sequence, self._owner.epoch)
        try:
            await self._owner.bus.publish(self.address, body)
        except Unroutable:
            BODIES.labels("unroutable").inc()
            self._owner.forget(self.address)
            self._owner.on_gone(self.address)
        except BusError as why:
            # The number is used up, so the next body that arrives shows the gateway that one is missing.
            BODIES.labels("lost").inc()
            self._lost = max(self._lost, sequence)
            log.warning("a delivery was lost; its gateway will ask again", address=self.address, why=str(why))
            for out in outs:
                # Perhaps it has arrived all the same. Of two answers to a question the gateway passes on the first.
                if out.answer is not None and out.answer.question is not None:
                    self._refuse(out)
            self._show_soon()
        else:
            BODIES.labels("sent").inc()
            if sequence > self._lost:
                self._lost = 0
            if self._refusals:
                self._show_soon()

    def drop(self, out: Out) -> None:
        """`out` finds no room: an answer is refused, for anything else a number is used up."""
        if not self._refuse(out):
            self._sequence += 1
            self._lost = self._sequence
        self._show_soon()

    def _refuse(self, out: Out) -> bool:
        """Whether `out` is an answer, and will be refused. The gateway does so itself where there are too many."""
        refusal = overloaded(out) if len(self._refusals) < self._owner.refusals else None
        if refusal is not None:
            self._refusals.append(refusal)
        return refusal is not None

    def end(self) -> None:
        if self._showing is not None:
            self._showing.cancel()

    def _show_soon(self) -> None:
        """Perhaps nothing more is said to this gateway, nor does it beat here again: another router has its shards."""
        if self._showing is None:
            self._showing = asyncio.get_running_loop().call_later(SHOW_LOSS_S, self._show)

    def _show(self) -> None:
        self._showing = None
        if self.owes:
            self._owner.answer_beat(self.address)


class Outboxes:
    """`bound`: bytes that may wait for one gateway; what is beyond is dropped, and the gateway asks for it by `seq`.
    `refusals`: answers beyond it that may wait to be refused."""

    def __init__(
        self,
        bus: Bus,
        source: str,
        *,
        bound: int,
        refusals: int,
        batch_bytes: int,
        new_linger: Callable[[], Linger],
        on_gone: Callable[[str], None],
    ) -> None:
        self.bus, self.source, self.bound, self.batch_bytes, self.new_linger = (
            bus,
            source,
            bound,
            batch_bytes,
            new_linger,
        )
        self.refusals, self.on_gone = refusals, on_gone
        self.epoch: str | None = None
        self._outboxes: dict[str, _Outbox] = {}

    def send(self, outs: Iterable[Out]) -> set[asyncio.Future[None]]:
        """Queues `outs`, in order. The futures end when what they stand for was sent or given up; none of them
        fails.
        """
        sent = set()
        for out in outs:
            size = out.size
            frames = len(out.payload)
            for address, subscriptions in zip(*out.to, strict=True):
                outbox = self._outboxes.get(address)
                if outbox is None:
                    outbox = self._outboxes[address] = _Outbox(self, address)
                try:
                    sent.add(outbox.batcher.put(out, size, frames * (subscriptions + WORK_OF_A_BODY)))
                except Full:
                    outbox.drop(out)
        return sent

    def answer_beat(self, address: str) -> None:
        """Answers a gateway's beat when it has something to learn: the epoch, or what was lost."""
        outbox = self._outboxes.get(address)
        if outbox is None or outbox.owes:
            self.send([Out(one(address), b"", ())])

    def forget(self, address: str) -> None:
        outbox = self._outboxes.pop(address, None)
        if outbox is not None:
            outbox.end()

    async def flush(self) -> None:
        for outbox in list(self._outboxes.values()):
            await outbox.batcher.flush()
