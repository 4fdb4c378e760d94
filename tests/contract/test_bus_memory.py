"""What only the in-memory bus can be asked about."""

from __future__ import annotations

import pytest

from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import Overloaded
from shared.bus.topology import shard_queue


async def test_a_full_work_queue_is_overloaded_and_keeps_what_it_has() -> None:
    bus = MemoryBus(Broker(queue_bytes=100))
    await bus.publish(shard_queue(0), b"." * 60)
    with pytest.raises(Overloaded):
        await bus.publish(shard_queue(0), b"." * 60)
    await bus.publish(shard_queue(1), b"the others are not full")
    consumer = await bus.consume([shard_queue(0)], "a", 1)
    assert [len(d.body) for d in await consumer.get()] == [60]
    await bus.publish(shard_queue(0), b"." * 60)


async def test_what_was_closed_before_a_cut_stays_closed() -> None:
    bus = MemoryBus(Broker())
    closed, mailbox = await bus.consume([shard_queue(0)], "a", 10), await bus.mailbox("a")
    await closed.close()
    await mailbox.close()
    address = mailbox.address
    await bus.cut()
    await bus.publish(shard_queue(0), b"work")
    assert [d.body for d in await (await bus.consume([shard_queue(0)], "a", 10)).get()] == [b"work"]
    assert mailbox.address == address
