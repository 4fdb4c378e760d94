"""What is too old goes although the router that removes it dies: on a simulated clock."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from services.router.retention import DAY_MS
from services.router.retention_store import Leftover
from shared.bus.memory import Broker
from tests.contract.routing import Writer, chat, join, settings, user
from tests.flow.bus import Faults
from tests.flow.clock import simulate
from tests.flow.message_store import MemoryMessageStore, Tables
from tests.flow.processes import SHARDS, UNIX_S, RouterProcess

ANNA = user(1)
NOW_MS = int(UNIX_S * 1000)
LOOKED_S = 90.0
"""Until a router that has got a shard has looked there."""


def test_a_router_that_dies_while_it_removes_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    removing, remove = asyncio.Event(), MemoryMessageStore.remove

    async def hangs(self: MemoryMessageStore, room: str, leftover: Leftover) -> None:
        removing.set()
        await asyncio.Event().wait()

    async def main() -> None:
        tables, faults = Tables(), Faults(Random(7))
        faults.heal()
        await Writer(MemoryMessageStore(tables, SHARDS)).handle(
            join("r", ANNA), settings("r", ANNA, "s", keep_days=30), *(chat("r", ANNA, f"m{n}") for n in range(5)),
            now_ms=NOW_MS - 31 * DAY_MS,
        )  # fmt: skip
        await Writer(MemoryMessageStore(tables, SHARDS)).handle(chat("r", ANNA, "new"), now_ms=NOW_MS)
        row, broker = tables.rooms["r"], Broker()
        one, other = (
            RouterProcess(broker, faults, tables, "router-1"),
            RouterProcess(broker, faults, tables, "router-2"),
        )
        monkeypatch.setattr(MemoryMessageStore, "remove", hangs)
        await one.start()
        await removing.wait()
        assert (row.first, row.removed) == (7, 0), "nobody sees it any more, and it is there yet"
        await one.kill()
        monkeypatch.setattr(MemoryMessageStore, "remove", remove)
        await other.start()
        await asyncio.sleep(LOOKED_S)
        assert (row.first, row.removed) == (7, 6)
        await other.kill()

    simulate(main())
