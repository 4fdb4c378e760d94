"""Sign-outs, told to everyone who verifies tokens.

A sign-out is in the database before anything is said. It is then broadcast; should the bus be away, as soon as it is
back. Who was away itself asks (`RevocationsWanted`, on the queue work.accounts) and gets all that are still in force.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from services.accounts.accounts import Revocation
from services.accounts.store import AccountStore
from shared.bus.consuming import BodyReader
from shared.bus.port import Bus, BusError, Unroutable
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import Revocations, RevocationsWanted, Revoked
from shared.protocol.codec import encode, pack
from shared.runtime.metrics import counter
from shared.runtime.outage import StoreDown, outages_as_store_down

log = structlog.stdlib.get_logger("homin.accounts")
DEAD = counter("accounts_dead_letters", "Bodies given up as poison")

AT_ONCE: Final = 5_000
"""Revocations in one body, some 80 bytes each: well under what a broker takes."""
PENDING: Final = 100_000
"""Revocations that wait for the bus; older ones are then left to whoever asks."""
AGAIN_S: Final = 1.0


class Broadcast:
    """Tells every mailbox what was revoked, in the order in which it was, and tries until the bus has taken it."""

    def __init__(self, bus: Bus, source: str) -> None:
        self._bus = bus
        self._source = source
        self._pending: deque[Revocation] = deque(maxlen=PENDING)
        self._something = asyncio.Event()
        self._nothing = asyncio.Event()
        self._nothing.set()

    def soon(self, revoked: Sequence[Revocation]) -> None:
        """Puts `revoked` in line. Does not wait: the sign-out is stored, and does not fail because the bus is away."""
        if revoked:
            self._pending.extend(revoked)
            self._nothing.clear()
            self._something.set()

    async def settled(self) -> None:
        """Returns once the bus has taken everything."""
        await self._nothing.wait()

    async def run(self) -> None:
        """Sends until cancelled."""
        while True:
            await self._something.wait()
            batch = [self._pending[i] for i in range(min(AT_ONCE, len(self._pending)))]
            try:
                await self._bus.broadcast(_body(self._source, batch))
            except BusError as why:
                log.warning("sign-outs wait for the bus", waiting=len(self._pending), why=str(why))
                await asyncio.sleep(AGAIN_S)
                continue
            for _ in batch:
                self._pending.popleft()
            if not self._pending:
                self._something.clear()
                self._nothing.set()


class Answers:
    """Answers, on the queue work.accounts, who asks which tokens are revoked. Several processes share the queue."""

    def __init__(self, bus: Bus, source: str, store: AccountStore, now: Callable[[], float]) -> None:
        self._bus = bus
        self._source = source
        self._store = store
        self._now = now

    async def run(self) -> None:
        """Answers until cancelled."""
        consumer = await self._bus.consume([ACCOUNTS], self._source, prefetch=16)
        try:
            bodies = BodyReader(consumer, DEAD)
            while True:
                for delivery in await consumer.get():
                    for wanted in await bodies.messages(delivery, RevocationsWanted):
                        await self._answer(wanted.reply_to)
                    consumer.ack(delivery)
        finally:
            await consumer.close()

    async def _answer(self, reply_to: str) -> None:
        while True:
            try:
                async with outages_as_store_down():
                    in_force = await self._store.revocations(int(self._now()))
                # Also when there are none: who asks waits for the answer.
                for start in range(0, max(1, len(in_force)), AT_ONCE):
                    await self._bus.publish(reply_to, _body(self._source, in_force[start : start + AT_ONCE]))
                return
            except Unroutable:
                return  # Whoever asked is gone, and asks again when it is back.
            except (StoreDown, BusError) as why:
                log.warning("an answer about sign-outs waits", why=str(why))
                await asyncio.sleep(AGAIN_S)


def _body(source: str, revoked: Iterable[Revocation]) -> bytes:
    tokens = [Revoked(token_id=token_id, expires_at=expires_at) for token_id, expires_at in revoked]
    if len(tokens) == 1:
        return encode(source, [pack(tokens[0])])
    return encode(source, [pack(Revocations(tokens=tokens))])
