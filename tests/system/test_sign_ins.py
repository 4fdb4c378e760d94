"""A sign-in is in the person's own log as surely as its session, whatever dies in between: accounts, broker, routers.
Over RabbitMQ and PostgreSQL, each service a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import asyncpg
import httpx
import pytest
import pytest_asyncio

from shared.client import Client, Options, fixed
from shared.protocol.room_names import own_room
from tests.servers import rabbitmq as rabbits
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import Cluster, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
PATIENCE_S = 120
_names = count(1)


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    """This module's own, to be stopped."""
    found = rabbits.find(own=True)
    yield found
    found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(
    broker: RabbitMQ, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    """2 gateways, 2 routers, accounts; passwords as cheap as they get."""
    settings = {"HOMIN_HASH_MEMORY_KIB": "8", "HOMIN_HASH_PASSES": "1", "HOMIN_LOG_FORMAT": "json"}
    urls = broker.make_vhost(), postgres.make_database()
    async with Cluster(*urls, tmp_path_factory.mktemp("sign-ins"), settings=settings) as running:
        yield running
    postgres.remove_database(urls[1])


class Person:
    """Somebody who has registered, with a session on each gateway, both in their own log."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._form = {"name": f"Олена {next(_names)}", "password": "кобзар 1840"}
        self.sessions: list[Client] = []
        self.log = ""

    async def _ask(self, call: str) -> dict[str, object]:
        (accounts,) = self._cluster.of("accounts")
        async with httpx.AsyncClient(base_url=accounts.url, trust_env=False, timeout=PATIENCE_S) as http:
            answer = await http.post(f"/api/accounts/{call}", json=self._form)
        assert answer.status_code in (200, 201), answer.text
        body: dict[str, object] = answer.json()
        return body

    async def come(self, stack: AsyncExitStack) -> None:
        registered = await self._ask("register")
        self.log = own_room(registered["user"]["id"])  # type: ignore[index]
        for gateway in self._cluster.of("gateway"):
            client = Client([gateway.ws], fixed(str(registered["token"])), name=gateway.name, options=Options())
            stack.push_async_callback(client.stop)
            client.start()
            await client.connected()
            await client.join(self.log, after=0)
            self.sessions.append(client)

    async def sign_in(self) -> str:
        """The id of the entry that is to come."""
        return str((await self._ask("login"))["entry"])

    async def finds(self, *ids: str) -> None:
        """Each session has exactly these sign-ins, in whatever order, and no other entry."""
        async with asyncio.timeout(PATIENCE_S):
            for client in self.sessions:
                await client.caught_up(self.log, len(ids))
                entries = client.room(self.log).log.messages
                assert sorted(entry.id for entry in entries) == sorted(ids)
                assert {entry.kind for entry in entries} == {"signed_in"}


@asynccontextmanager
async def somebody(cluster: Cluster) -> AsyncIterator[Person]:
    await cluster.restart_the_dead()
    async with AsyncExitStack() as stack:
        person = Person(cluster)
        await person.come(stack)
        yield person


async def untold(cluster: Cluster, *, are: int) -> None:
    """Returns once so many sign-ins are noted that the bus has not taken."""
    db = await asyncpg.connect(cluster.database_url)

    async def so_many() -> bool:
        return bool(are == await db.fetchval("SELECT count(*) FROM sign_ins WHERE told_at IS NULL"))

    try:
        await eventually(so_many)
    finally:
        await db.close()


async def test_a_sign_in_is_heard_at_once_by_the_sessions_on_both_gateways(cluster: Cluster) -> None:
    async with somebody(cluster) as person:
        await person.finds(await person.sign_in())


async def test_a_sign_in_while_the_broker_is_away_comes_once_it_is_back_also_from_the_next_process(
    cluster: Cluster, broker: RabbitMQ
) -> None:
    """Accounts die between the row and what the bus would have taken. Tried with the notice kept in memory alone:
    nobody ever finds it."""
    (accounts,) = cluster.of("accounts")
    async with somebody(cluster) as person:
        await untold(cluster, are=0)
        await asyncio.to_thread(broker.stop)
        try:
            ids = [await person.sign_in() for _ in range(2)]
            accounts.kill()
        finally:
            await asyncio.to_thread(broker.start)
        await untold(cluster, are=2)
        await accounts.start()
        await person.finds(*ids)


async def test_a_sign_in_that_is_told_again_since_nobody_noted_that_it_was_told_is_one_entry(cluster: Cluster) -> None:
    (accounts,) = cluster.of("accounts")
    async with somebody(cluster) as person:
        first = await person.sign_in()
        await person.finds(first)
        await untold(cluster, are=0)
        accounts.kill()
        await accounts.start()  # tells again of all that it keeps
        await untold(cluster, are=0)
        await person.finds(first, await person.sign_in())


async def test_a_sign_in_while_no_router_is_there_waits_for_one(cluster: Cluster) -> None:
    async with somebody(cluster) as person:
        for router in cluster.of("router"):
            router.kill()
        ids = [await person.sign_in() for _ in range(2)]
        await untold(cluster, are=0)
        await cluster.restart_the_dead()
        await person.finds(*ids)


async def test_what_a_killed_router_had_in_hand_is_written_once_by_the_next(cluster: Cluster) -> None:
    """The log's row is locked from outside, so the entry is still uncommitted when its router dies. Tried with
    deliveries acknowledged as they arrive: the second entry is never written."""
    async with somebody(cluster) as person:
        first = await person.sign_in()
        await person.finds(first)
        db = await asyncpg.connect(cluster.database_url)
        try:
            async with db.transaction():
                await db.execute("SELECT * FROM rooms WHERE name = $1 FOR UPDATE", person.log)
                second = await person.sign_in()

                async def waits() -> bool:
                    return bool(await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

                await eventually(waits)
                for router in cluster.of("router"):
                    router.kill()
                await db.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
                await cluster.restart_the_dead()
        finally:
            await db.close()
        await person.finds(first, second)
