"""A crowd over whole gateways and routers, on a simulated clock: what is owed to it is said whoever dies meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from shared.bus.memory import Broker
from shared.client import Client, Options, Socket, fixed
from tests.flow.bus import Faults
from tests.flow.clock import simulate
from tests.flow.message_store import Tables
from tests.flow.processes import GatewayProcess, RouterProcess
from tests.flow.world import token_of

PEOPLE = 112
SETTLED_S = 60.0
ROOM = "r"


class Hall:
    """A room with `PEOPLE` in it, over one gateway and two routers."""

    def __init__(self) -> None:
        broker, tables, faults = Broker(), Tables(), Faults(Random(7))
        faults.heal()
        self.gateway = GatewayProcess(broker, faults, "gateway-1")
        self.routers = [RouterProcess(broker, faults, tables, f"router-{n}") for n in (1, 2)]
        self.people = [self._client(n) for n in range(PEOPLE)]

    def _client(self, n: int) -> Client:
        async def dial(url: str) -> Socket:
            return await self.gateway.dial(url)

        return Client(["ws://gateway-1/ws"], fixed(token_of(f"p{n}")), name=f"p{n}", options=Options(), dial=dial)

    def names(self, client: Client) -> set[str]:
        return set(client.room(ROOM).online)

    async def sees(self, client: Client, people: list[Client]) -> None:
        """Waits until `client` sees these, and how many they are."""
        there = {person.session.user_id for person in people}
        async with asyncio.timeout(SETTLED_S):
            await client.until(lambda: (self.names(client), client.room(ROOM).members) == (there, len(there)))

    async def owner(self) -> RouterProcess:
        """The router whose is the room's shard."""
        return next(r for r in self.routers if any(worker.decider.cache.get(ROOM) for worker in r.service._workers))  # type: ignore[union-attr]


@asynccontextmanager
async def hall() -> AsyncIterator[Hall]:
    hall = Hall()
    await asyncio.gather(hall.gateway.start(), *(router.start() for router in hall.routers))
    for client in hall.people:
        client.start()
        await client.join(ROOM)
    yield hall
    for client in hall.people:
        await client.stop()


@pytest.mark.parametrize("killed", [False, True])
def test_when_a_crowd_has_gone_those_who_stayed_see_each_other(killed: bool) -> None:
    async def main() -> None:
        async with hall() as there:
            first, last = there.people[0], there.people[-1]
            going = there.people[1:-1]
            for n, client in enumerate(going):
                await client.stop()
                if killed and n % 25 == 10:
                    router = await there.owner()
                    await router.kill()
                    await router.start()
            for client in (first, last):
                await there.sees(client, [first, last])

    simulate(main())


def test_a_crowd_is_told_its_number_though_the_router_that_owed_it_died() -> None:
    async def main() -> None:
        async with hall() as there:
            onlooker = there.people[0]
            await asyncio.sleep(SETTLED_S)
            for client in there.people[1:6]:
                await client.stop()
            await asyncio.sleep(0.5)  # it has handled that, and does not say so before a second has passed
            router = await there.owner()
            await router.kill()
            async with asyncio.timeout(SETTLED_S):
                await onlooker.until(lambda: onlooker.room(ROOM).members == PEOPLE - 5)
            gone = {client.session.user_id for client in there.people[1:6]}
            async with asyncio.timeout(SETTLED_S):
                await onlooker.until(lambda: not there.names(onlooker) & gone)

    simulate(main())
