"""Looks after some shards, beat by beat: a gateway that is gone loses its subscriptions, one that was away is told to
resume them, and what is too old goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from services.router.core.audience import one
from services.router.core.changes import CrowdDue, Gone, Item
from services.router.core.liveness import Liveness
from services.router.core.outgoing import Out
from services.router.core.presence import CROWD
from services.router.message_store import MessageStore
from services.router.outboxes import Outboxes
from services.router.reads import Reads
from services.router.retention import Retention
from shared.bus.topology import shard_queue
from shared.protocol.bus import Lapsed
from shared.protocol.codec import pack

log = structlog.stdlib.get_logger("homin.router")


class Watch:
    """`clock`: seconds. `add`: takes items of the router's own, to be handled in their turn."""

    def __init__(
        self,
        shards: Iterable[int],
        store: MessageStore,
        outboxes: Outboxes,
        reads: Reads,
        clock: Callable[[], float],
        add: Callable[[Item], None],
        new_liveness: Callable[[], Liveness],
        retention: Retention,
    ) -> None:
        self._retention = retention
        self._shards = {shard_queue(shard): shard for shard in shards}
        self._liveness = {queue: new_liveness() for queue in self._shards}
        self._store, self._outboxes, self._reads, self._clock, self._add = store, outboxes, reads, clock, add

    def beat(self, queue: str, address: str) -> None:
        """A gateway's beat has passed on this shard."""
        if self._liveness[queue].heard(address, self._clock()):
            log.debug("a gateway is new here, or back; it resumes its subscriptions", address=address)
            self._outboxes.send([Out(one(address), pack(Lapsed()), ())])
        self._outboxes.answer_beat(address)

    def subscribed(self, addresses: Iterable[str]) -> None:
        """These hold subscriptions here from now on, and may die before they were ever heard."""
        for address in addresses:
            for liveness in self._liveness.values():
                liveness.subscribed(address, self._clock())

    def tick(self, queue: str) -> None:
        """A router's beat has passed on this shard, which is therefore ours: who is silent, what is too old?"""
        now = self._clock()
        self._reads.start(self._look(queue, now, self._liveness[queue].tick(now)))
        self._retention.tick(self._shards[queue])

    def gone(self, address: str) -> None:
        """Nobody listens at `address`: it will not come back."""
        for shard in self._shards.values():
            self._reads.start(self._end_subscriptions(shard, address))

    async def _look(self, queue: str, passed: float, silent: Iterable[str]) -> None:
        """`passed`: when the tick did that has found these to be `silent`."""
        liveness, shard = self._liveness[queue], self._shards[queue]
        if liveness.asks:
            addresses = await self._store.addresses(shard)
            # Whoever had the shard before may have owed a large room its number.
            for room in await self._store.crowds(shard, CROWD) if liveness.begins else ():
                self._add(Item(CrowdDue(room=room, names=True)))
            liveness.learn(addresses, passed, self._clock())
        for address in silent:
            log.info("a gateway is silent; its subscriptions end", address=address, shard=shard)
            await self._end_subscriptions(shard, address)
            liveness.lapse(address)

    async def _end_subscriptions(self, shard: int, address: str) -> None:
        for room in await self._store.rooms_held(shard, address):
            self._add(Item(Gone(room=room, address=address)))
