"""More and fewer gateways and routers on running traffic; the broker spreads the shards as rendezvous hashing says."""

from __future__ import annotations

from collections import Counter

from shared.bus.topology import owner, shard_queues
from tests.stack.conftest import Told
from tests.stack.stack import Stack, eventually
from tests.stack.traffic import Traffic

SHARDS = shard_queues(16)


async def shards_are_spread_over(stack: Stack, routers: int) -> Counter[str]:
    """Waits until the broker shows each shard with the router that hashing names; how many each then has."""
    owners: dict[str, str] = {}

    async def as_hashed() -> bool:
        nonlocal owners
        consumers = await stack.shard_consumers()
        instances = sorted({consumer.router for consumer in consumers})
        owners = {consumer.queue: consumer.router for consumer in consumers if consumer.active}
        return len(instances) == routers and owners == {queue: owner(instances, queue) for queue in SHARDS}

    await eventually(as_hashed, f"the shards are with the {routers} routers that hashing names", pause_s=1)
    return Counter(owners.values())


async def test_shards_are_spread_over_both_routers_and_anew_over_three(stack: Stack) -> None:
    both = await shards_are_spread_over(stack, 2)
    assert len(both) == 2
    await stack.scale(gateways=2, routers=3)
    three = await shards_are_spread_over(stack, 3)
    assert set(both) < set(three)
    # Only what the new one took has moved.
    assert all(three[router] <= both[router] for router in both)
    await stack.scale(gateways=2, routers=2)
    assert await shards_are_spread_over(stack, 2) == both


async def test_gateways_and_routers_come_and_go_under_traffic(stack: Stack, told: Told) -> None:
    async with Traffic(stack) as traffic:
        await traffic.flows()
        await stack.scale(gateways=4, routers=3)
        await shards_are_spread_over(stack, 3)
        await traffic.flows()
        assert len(await stack.connections()) == 4
        await stack.scale(gateways=1, routers=1)
        await shards_are_spread_over(stack, 1)
        await traffic.flows()
        assert list((await stack.connections()).values()) == [13]
        await stack.scale(gateways=2, routers=2)
        await shards_are_spread_over(stack, 2)
        await traffic.flows()
        told("scaled to 4 gateways and 3 routers, to 1 and 1, to 2 and 2", await traffic.count())
