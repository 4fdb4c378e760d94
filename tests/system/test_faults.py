"""The rows of docs/architecture.md's fault table that break a server or a neighbour, each with a test of its own that
fails when its mechanism is switched off (each docstring says how that was tried). Gateways and routers that are
killed, paused or asked to end are in test_cluster.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count

import asyncpg
import pytest
import pytest_asyncio

from shared.bus.amqp import AmqpBus
from shared.bus.limits import AmqpLimits
from shared.bus.topology import DEAD, shard_queue
from shared.client import Client, Refused
from shared.protocol.names import shard_of
from tests.integration.wire import Wire
from tests.recording import Record
from tests.servers import postgres as postgreses
from tests.servers import rabbitmq as rabbits
from tests.servers.postgres import Postgres
from tests.servers.rabbitmq import RabbitMQ
from tests.system.cluster import Cluster, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHARDS = 16
PARTITION_WORKERS = 4
PATIENCE_S = 240
_names = count(1)


@pytest.fixture(scope="module")
def broker() -> Iterator[RabbitMQ]:
    """This module's own, to be stopped and blocked."""
    found = rabbits.find(own=True)
    yield found
    found.close()


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    found = postgreses.find(own=True)
    yield found
    found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fragile(
    broker: RabbitMQ, database: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Cluster]:
    """2 gateways, 2 routers, on servers of its own. A publisher waits longer for the broker than any of these tests
    does, and little may wait in a gateway."""
    settings = {
        "HOMIN_FRAMES_PER_S": "0", "HOMIN_BEAT_S": "0.5", "HOMIN_SILENT_S": "3", "HOMIN_PUBLISH_TIMEOUT_S": "30",
        "HOMIN_GATEWAY_FORWARD_BYTES": str(64 << 10), "HOMIN_GATEWAY_SEND_BYTES": str(64 << 10),
        "HOMIN_ROUTER_PARTITION_WORKERS": str(PARTITION_WORKERS), "HOMIN_LOG_FORMAT": "json",
    }  # fmt: skip
    urls = broker.make_vhost(), database.make_database()
    async with Cluster(*urls, tmp_path_factory.mktemp("fragile"), settings=settings) as running:
        yield running


@asynccontextmanager
async def people(
    cluster: Cluster, number: int, *rooms: str, errors: list[str] | None = None
) -> AsyncIterator[list[Client]]:
    """Clients of new users, on the gateways in turn, in these rooms. `errors` gets the codes that they are told."""

    def recorder(record: Record) -> None:
        if record.kind == "error" and errors is not None:
            errors.append(str(record.fields["code"]))

    names = [f"fault-{next(_names)}" for _ in range(number)]
    clients = await cluster.clients(names, recorder=recorder, keep=None, ack_s=PATIENCE_S)
    try:
        async with asyncio.timeout(PATIENCE_S):
            for room in rooms:
                await asyncio.gather(*(client.join(room, after=0) for client in clients))
            yield clients
    finally:
        await asyncio.gather(*(client.stop() for client in clients))


def a_room(shard: int | None = None) -> str:
    """A new room; of this shard, where one is named."""
    names = (f"fault-room-{next(_names)}" for _ in range(10_000))
    return next(name for name in names if shard is None or shard_of(name, SHARDS) == shard)


async def all_have(clients: list[Client], room: str, texts: list[str]) -> None:
    for client in clients:
        await client.caught_up(room, len(texts))
        assert sorted(m.text for m in client.room(room).log.messages) == sorted(texts)


async def test_a_broker_that_restarts_costs_no_client_its_connection_nor_its_rooms(
    fragile: Cluster, broker: RabbitMQ
) -> None:
    """Tried with `Deliver._resume` taking no subscriptions: nobody hears of "after"."""
    room = a_room()
    async with people(fragile, 2, room) as clients:
        await clients[0].chat(room, "before")
        await asyncio.to_thread(broker.stop)
        during = clients[0].chat(room, "during")
        await asyncio.to_thread(broker.start)
        await during
        await clients[0].chat(room, "after")
        await all_have(clients, room, ["before", "during", "after"])
        assert [client.connection for client in clients] == [1, 1]


async def test_a_gateway_that_slept_through_a_change_of_routers_resumes_its_subscriptions(fragile: Cluster) -> None:
    """Tried with routers that tell only those whose subscriptions they have freed themselves: who slept stays alone."""
    room, sleeper = a_room(), fragile["gateway-1"]
    async with people(fragile, 4, room) as clients:
        ids = {client.session.user_id for client in clients}
        awake = {clients[1].session.user_id, clients[3].session.user_id}
        sleeper.pause()
        try:
            await clients[1].until(lambda: clients[1].room(room).online.keys() == awake)
            for router in fragile.of("router"):
                router.kill()
                # A new name, as in most deployments: under the old one its numbers would show the gateway that it died.
                router.rename(f"{router.name}-anew")
            await fragile.restart_the_dead()
            await clients[1].chat(room, "while it slept")
        finally:
            sleeper.resume()
        await all_have(clients, room, ["while it slept"])
        for client in clients:
            await client.until(lambda c=client: c.room(room).online.keys() == ids)  # type: ignore[misc]
        await clients[0].chat(room, "awake")
        await all_have(clients, room, ["while it slept", "awake"])


async def test_while_the_memory_alarm_is_on_what_does_not_fit_is_refused_and_all_of_it_comes_afterwards(
    fragile: Cluster, broker: RabbitMQ
) -> None:
    """Tried with the bound of the gateway's batchers lifted: no `overloaded` comes before the time-out."""
    room, errors = a_room(), list[str]()
    texts = [f"{n} " + "x" * 6_000 for n in range(30)]
    async with people(fragile, 2, room, errors=errors) as clients:
        writer = clients[0]
        writer.session.outbox._in_flight = len(texts)  # all at once, as a client may
        await asyncio.to_thread(broker.set_memory_alarm, True)
        try:
            written = [writer.chat(room, text) for text in texts]
            async with asyncio.timeout(15):
                await writer.until(lambda: "overloaded" in errors)
        finally:
            await asyncio.to_thread(broker.set_memory_alarm, False)
        await asyncio.gather(*written)
        await all_have(clients, room, texts)


async def test_while_the_database_is_away_questions_are_refused_and_messages_wait(
    fragile: Cluster, database: Postgres
) -> None:
    """Tried with `Decider.decide` not catching `StoreDown`: the message becomes a dead letter, and the
    question is never answered. (So it was, too, as long as only questions were answered that had come before the first
    failure.)"""
    room, errors = a_room(), list[str]()
    async with people(fragile, 2, room, errors=errors) as clients:
        await clients[0].chat(room, "before")
        await asyncio.to_thread(database.stop)
        try:
            during = clients[0].chat(room, "during")
            question = asyncio.ensure_future(clients[1].history(room))
            await clients[1].until(lambda: "unavailable" in errors)
            assert not during.done()
        finally:
            await asyncio.to_thread(database.start)
        assert (await during).seq == 2
        assert (await question).messages[0].text == "before"
        await all_have(clients, room, ["before", "during"])


async def test_a_room_that_is_stuck_holds_up_no_other_worker(fragile: Cluster) -> None:
    """Its row is locked from outside, so its shard's worker waits, and no other. Tried with
    HOMIN_ROUTER_PARTITION_WORKERS=1: the others wait, too, wherever the shards lie."""
    stuck = a_room(0)
    others = [a_room(shard) for shard in range(SHARDS) if shard % PARTITION_WORKERS != 0]
    async with people(fragile, 2, stuck, *others) as clients:
        await clients[0].chat(stuck, "first")
        db = await asyncpg.connect(fragile.database_url)
        try:
            async with db.transaction():
                await db.execute("SELECT * FROM rooms WHERE name = $1 FOR UPDATE", stuck)
                waiting = clients[0].chat(stuck, "second")
                for room in others:
                    async with asyncio.timeout(10):
                        await clients[1].chat(room, "meanwhile")
                assert not waiting.done()
        finally:
            await db.close()
        assert (await waiting).seq == 2
        for room in others:
            await all_have(clients, room, ["meanwhile"])


async def test_what_a_killed_router_had_in_hand_is_stored_once_by_the_next(fragile: Cluster) -> None:
    """The room's row is locked from outside, so the batch is still uncommitted when its router dies; nobody sends
    anything again. Tried with deliveries acknowledged as they arrive: the message is never stored."""
    room = a_room()
    async with people(fragile, 2, room) as clients:
        await clients[0].chat(room, "before")
        db = await asyncpg.connect(fragile.database_url)
        try:
            async with db.transaction():
                await db.execute("SELECT * FROM rooms WHERE name = $1 FOR UPDATE", room)
                during = clients[0].chat(room, "during")

                async def waits() -> bool:
                    return bool(await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))

                await eventually(waits)
                for router in fragile.of("router"):
                    router.kill()
                # The database would go on with what it was asked, and store it after all.
                await db.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
                await fragile.restart_the_dead()
        finally:
            await db.close()
        assert (await during).seq == 2
        await all_have(clients, room, ["before", "during"])


async def test_a_client_that_does_not_read_is_closed_and_the_others_notice_nothing(fragile: Cluster) -> None:
    """Tried with the bound of `Connection.write` lifted: it is never closed."""
    room = a_room()
    [token] = await fragile.tokens([f"fault-{next(_names)}"])
    slow = await Wire.connect(fragile.of("gateway")[0].ws, receive_bytes=4_096)
    try:
        await slow.send({"type": "auth", "token": token})
        await slow.of("welcome")
        await slow.send({"type": "join", "room": room})
        await slow.of("joined")
        async with people(fragile, 4, room) as clients:
            texts: list[str] = []
            gone = asyncio.ensure_future(clients[3].until(lambda: len(clients[3].room(room).online) == 4))
            # The kernel's own buffers come first, some megabytes of them; how many is each machine's own.
            while not gone.done() and len(texts) < 8_000:
                more = [f"{len(texts) + n} " + "x" * 7_900 for n in range(100)]
                texts += more
                await asyncio.gather(*(clients[n % 4].chat(room, text) for n, text in enumerate(more)))
            # Closed with 4002, it still does not read: its connection is cut when its time to answer is up.
            await gone
            await all_have(clients, room, texts)
            assert [client.connection for client in clients] == [1] * 4
        # It does not read the reason either: after a while the connection just ends.
        assert await slow.close() == 1006
        assert '"code": 4002' in fragile["gateway-1"].log.read_text()
    finally:
        slow.abort()


async def test_a_poisonous_body_is_put_aside_and_what_is_around_it_is_handled(fragile: Cluster) -> None:
    """Tried with `Intake._read` letting `Malformed` through: the worker fails, and again with each redelivery, until
    the broker gives the body up."""
    room = a_room()
    url = fragile["router-1"]._environment["HOMIN_AMQP_URL"]
    bus = AmqpBus(url, AmqpLimits(shards=SHARDS), "poisoner")
    await bus.open()
    try:
        async with people(fragile, 2, room) as clients:
            await clients[0].chat(room, "before")
            await bus.publish(shard_queue(shard_of(room, SHARDS)), b"\0\0\0\7poison!")
            await clients[0].chat(room, "after")
            await all_have(clients, room, ["before", "after"])
            dead = await bus.consume([DEAD], "undertaker", 1)
            async with asyncio.timeout(PATIENCE_S):
                [letter] = await dead.get()
            assert letter.body == b"\0\0\0\7poison!"
            dead.ack(letter)
            logs = "".join(router.log.read_text() for router in fragile.of("router"))
            assert '"dead letter"' in logs
            assert "a partition worker failed" not in logs
    finally:
        await bus.close()


async def test_a_frame_that_can_never_be_taken_is_refused_for_good(fragile: Cluster) -> None:
    """The other side of "retry": what is not retryable ends at once."""
    room = a_room()
    async with people(fragile, 1, room) as [client]:
        message = client.chat(room, "x" * 8_001)
        with pytest.raises(Refused) as refused:
            await message
        assert refused.value.code == "too_large"
