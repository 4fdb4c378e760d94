"""A gateway among routers of today's build and of an older one, which does not say its version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from shared.bus.memory import Broker, MemoryBus
from shared.bus.topology import owner, shard_queue
from shared.protocol.bus import Acknowledged
from shared.protocol.codec import decode, encode, pack
from shared.protocol.names import shard_of
from tests.integration.gateway_deployment import Deployment, deployed, eventually
from tests.integration.wire import Wire

ROOM = "r"


@asynccontextmanager
async def older_router(broker: Broker, shard: int) -> AsyncIterator[None]:
    """Owns one shard, and acknowledges what comes there; meant for gateways alone that send nothing else than beats."""
    queue, bus = shard_queue(shard), MemoryBus(broker)
    others = [consumer.instance for consumer in broker.queue(queue).consumers]
    names = (f"old-{n}" for n in count())
    name = next(name for name in names if owner([*others, name], queue) == name)
    consumer = await bus.consume([queue], name, 100)

    async def work() -> None:
        numbers = count(1)
        while True:
            for delivery in await consumer.get():
                head, _ = decode(delivery.body)
                if head.sequence:
                    said = pack(Acknowledged(queue=queue, sequence=head.sequence))
                    await bus.publish(head.source, encode(f"router.{name}", [said], sequence=next(numbers)))
                consumer.ack(delivery)

    working = asyncio.create_task(work())
    try:
        yield
    finally:
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        await bus.close()


async def joined(wire: Wire) -> None:
    await wire.send({"type": "join", "room": ROOM})
    await wire.of("joined")


async def edited(wire: Wire, id: str) -> dict[str, Any]:
    """What a change of one's first message is answered."""
    await wire.send({"type": "edit", "room": ROOM, "id": id, "of": 1, "text": id})
    return await wire.of("change", "error")


def mixed(home: Deployment) -> bool:
    return home.gateway._started.forward.owners.mixed


async def test_a_gateway_has_heard_every_shard_by_its_first_beat(tmp_path: Path) -> None:
    async with deployed(tmp_path, beat_s=1_000.0, silent_s=3_000.0) as home, home.wire("olena") as olena:
        await joined(olena)
        await olena.send({"type": "chat", "room": ROOM, "id": "m-1", "text": "x"})
        assert (await olena.of("message"))["seq"] == 1
        await eventually(lambda: not mixed(home))
        assert (await edited(olena, "m-2"))["kind"] == "edit"


async def test_a_gateway_that_was_cut_off_has_heard_every_shard_again_by_the_beat_that_follows(tmp_path: Path) -> None:
    async with deployed(tmp_path, beat_s=1_000.0, silent_s=3_000.0) as home:
        await eventually(lambda: not mixed(home))
        address = home.gateway._started.forward.address
        await home.bus.cut()
        await eventually(lambda: home.gateway._started.forward.address != address)
        await eventually(lambda: not mixed(home))


async def test_while_an_older_router_has_a_shard_changes_are_refused_and_chats_are_not(tmp_path: Path) -> None:
    async with deployed(tmp_path, beat_s=0.1) as home, home.wire("olena") as olena:
        await joined(olena)
        await olena.send({"type": "chat", "room": ROOM, "id": "m-1", "text": "x"})
        await olena.of("message")
        elsewhere = shard_of(ROOM, home.settings.shards) ^ 1
        async with older_router(home.broker, elsewhere):
            await eventually(lambda: mixed(home))
            error = await edited(olena, "m-2")
            assert (error["code"], error["ref"], error["retry_after_ms"]) == ("unavailable", "m-2", 2_000)
            await olena.send({"type": "chat", "room": ROOM, "id": "m-3", "text": "x"})
            assert (await olena.of("message"))["id"] == "m-3"
        await eventually(lambda: not mixed(home))
        assert (await edited(olena, "m-2"))["text"] == "m-2"
        assert not home.broker.dead
