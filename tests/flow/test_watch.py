"""No subscription outlives its gateway, whoever has written it and when: on a simulated clock."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from shared.bus.memory import Broker
from shared.protocol.names import shard_of
from tests.contract.routing import Writer, join, user
from tests.flow.bus import Faults
from tests.flow.clock import simulate
from tests.flow.message_store import MemoryMessageStore, Tables
from tests.flow.processes import SHARDS, RouterProcess

ANNA = user(1)
DEAD = "mailbox.gateway.dead.1"
BEGUN_S, SILENT_S, ASKED_AGAIN_S = 20.0, 25.0, 60.0
"""Until a router knows its shards; until a gateway that it knows of and that never speaks is given up; until it knows
of what another has written."""


class Scene:
    """A router that owns all shards, and another that is not the owner any more and does not know it."""

    def __init__(self) -> None:
        self.tables, faults = Tables(), Faults(Random(7))
        faults.heal()
        self.router = RouterProcess(Broker(), faults, self.tables, "router-1")
        self.other = Writer(MemoryMessageStore(self.tables, SHARDS))

    async def subscribes_late(self) -> None:
        """The other has had a join in hand while it stood still; the gateway that brought it is dead by now."""
        await self.other.handle(join("r", ANNA, address=DEAD))
        assert self.held == {DEAD}

    @property
    def held(self) -> set[str]:
        return {subscription.address for subscription in self.tables.rooms["r"].subscriptions.values()}


def test_a_subscription_that_another_router_has_written_late_ends_with_its_gateway() -> None:
    async def main() -> None:
        scene = Scene()
        await scene.router.start()
        await asyncio.sleep(BEGUN_S)
        await scene.subscribes_late()
        await asyncio.sleep(ASKED_AGAIN_S)
        assert scene.held == set()
        await scene.router.kill()

    simulate(main())


def test_a_router_that_stood_still_while_it_asked_who_is_subscribed_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()
    addresses = MemoryMessageStore.addresses

    async def noticed(self: MemoryMessageStore, shard: int) -> list[str]:
        found = await addresses(self, shard)
        if shard == shard_of("r", SHARDS):
            asked.set()
        return found

    monkeypatch.setattr(MemoryMessageStore, "addresses", noticed)

    async def main() -> None:
        scene = Scene()
        await scene.router.start()
        await asked.wait()
        still = asyncio.create_task(scene.router.stand_still(BEGUN_S))
        await scene.subscribes_late()
        await still
        await asyncio.sleep(SILENT_S)
        assert scene.held == set()
        await scene.router.kill()

    simulate(main())
