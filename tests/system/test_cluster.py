"""The six promises of docs/protocol.md over real parts: 2 gateways, 2 routers and accounts as processes, RabbitMQ and
PostgreSQL."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from shared.client import Client, Closed, Message, PresenceChanged, Socket, dial, fixed
from tests.recording import Record
from tests.system.cluster import Cluster, Process, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
_names = count(1)
PATIENCE_S = 90
STORED = "homin_router_messages_total"


@asynccontextmanager
async def people(cluster: Cluster, number: int, **how: Any) -> AsyncIterator[list[Client]]:
    """Clients of new users, on the gateways in turn."""
    clients = await cluster.clients([f"user-{next(_names)}" for _ in range(number)], **how)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield clients
    finally:
        await asyncio.gather(*(client.stop() for client in clients))


def a_room() -> str:
    return f"room-{next(_names)}"


def log_of(client: Client, room: str) -> list[Message]:
    return list(client.room(room).log.messages)


async def caught_up(clients: Sequence[Client], room: str, seq: int) -> None:
    await asyncio.gather(*(client.caught_up(room, seq) for client in clients))


def in_order_of_sending(log: Sequence[Message]) -> bool:
    """Whether each sender's texts, which are numbers, come in their order."""
    last: dict[str, int] = {}
    for message in log:
        if int(message.text) <= last.get(message.sender_name, -2):
            return False
        last[message.sender_name] = int(message.text)
    return True


async def test_ten_thousand_messages_reach_everyone_once_in_order_and_without_a_gap(whole: Cluster) -> None:
    copies: Counter[tuple[str, str, str]] = Counter()
    opened: Counter[str] = Counter()

    def recorder(record: Record) -> None:
        if record.kind == "receive":
            copies[record.client, record.fields["room"], record.fields["via"]] += 1
        elif record.kind == "open":
            opened[record.fields["url"]] += 1

    rooms = [a_room() for _ in range(10)]
    async with people(whole, 50, keep=None, in_flight=20, ack_s=60.0, recorder=recorder) as clients:
        assert opened == {gateway.ws: 25 for gateway in whole.of("gateway")}
        for room in rooms:
            await asyncio.gather(*(client.join(room, after=0) for client in clients))
        sent = [client.chat(room, str(n)) for n in range(20) for client in clients for room in rooms]
        assert len(sent) == 10_000
        acknowledged = await asyncio.gather(*sent)
        for room in rooms:
            await caught_up(clients, room, 1_000)
            reference = log_of(clients[0], room)
            assert [m.seq for m in reference] == list(range(1, 1_001))
            assert in_order_of_sending(reference)
            assert {(m.seq, m.id) for m in acknowledged if m.room == room} == {(m.seq, m.id) for m in reference}
            for client in clients:
                assert log_of(client, room) == reference
        # Each came by itself, and came once; nothing had to be asked for.
        assert copies == {(client.name, room, "live"): 1_000 for client in clients for room in rooms}
        assert {client.connection for client in clients} == {1}


async def talk_while(
    clients: Sequence[Client], room: str, each: int, happens: Callable[[], Any], pause_s: float = 0.02
) -> list[Message]:
    """Everyone writes `each` messages; a third of the way, `happens`. Gives what was acknowledged: all of it."""
    sent: list[asyncio.Future[Message]] = []
    for n in range(each):
        sent += [client.chat(room, str(n)) for client in clients]
        if n == each // 3:
            result = happens()
            if asyncio.iscoroutine(result):
                await result
        await asyncio.sleep(pause_s)
    return await asyncio.gather(*sent)


async def all_is_well(clients: Sequence[Client], room: str, acknowledged: Sequence[Message]) -> None:
    """Everything acknowledged is there, once, in one order for all, and in the order in which it was sent."""
    newest = max(message.seq for message in acknowledged)
    await caught_up(clients, room, newest)
    reference = log_of(clients[0], room)
    assert [m.seq for m in reference] == list(range(1, newest + 1))
    assert {(m.seq, m.id) for m in reference} == {(m.seq, m.id) for m in acknowledged}
    assert in_order_of_sending(reference)
    for client in clients:
        assert log_of(client, room) == reference


async def test_when_a_gateway_is_killed_its_clients_go_on_at_the_other(whole: Cluster) -> None:
    room, at = a_room(), dict[str, str]()

    def recorder(record: Record) -> None:
        if record.kind == "open":
            at[record.client] = record.fields["url"]

    async with people(whole, 20, keep=None, ack_s=3.0, recorder=recorder) as clients:
        await asyncio.gather(*(client.join(room, after=0) for client in clients))
        acknowledged = await talk_while(clients, room, 60, whole["gateway-1"].kill)
        await all_is_well(clients, room, acknowledged)
        assert [client.connection > 1 for client in clients] == [True, False] * 10
        assert set(at.values()) == {whole["gateway-2"].ws}


async def owner_of(cluster: Cluster, client: Client, room: str) -> tuple[Process, Process, Message]:
    """The router that stores what is written into `room`, and another; and what was written to find out."""
    routers = cluster.of("router")
    before = [await router.metric(STORED) for router in routers]
    message = await client.chat(room, "-1")
    after = [await router.metric(STORED) for router in routers]
    [owner] = [router for router, b, a in zip(routers, before, after, strict=True) if a > b]
    return owner, next(router for router in routers if router is not owner), message


async def test_when_a_router_is_killed_nobody_loses_anything_nor_his_connection(whole: Cluster) -> None:
    rooms = [a_room() for _ in range(8)]
    async with people(whole, 10, keep=None, ack_s=10 * PATIENCE_S) as clients:  # so nobody sends anything again
        for room in rooms:
            await asyncio.gather(*(client.join(room, after=0) for client in clients))
        owner, _, first = await owner_of(whole, clients[0], rooms[0])
        talks = [talk_while(clients, room, 40, lambda: None) for room in rooms[1:]]
        acknowledged = await asyncio.gather(talk_while(clients, rooms[0], 40, owner.kill), *talks)
        for room, messages in zip(rooms, acknowledged, strict=True):
            await all_is_well(clients, room, [first, *messages] if room == rooms[0] else messages)
        assert {client.connection for client in clients} == {1}


async def test_when_a_router_is_paused_and_comes_back_nothing_is_doubled(whole: Cluster) -> None:
    room = a_room()
    async with people(whole, 10, keep=None) as clients:
        await asyncio.gather(*(client.join(room, after=0) for client in clients))
        owner, other, first = await owner_of(whole, clients[0], room)
        before = await other.metric(STORED)

        async def pause() -> None:
            """Until the broker has given its shards to the other."""

            async def taken() -> bool:
                return await other.metric(STORED) > before

            owner.pause()
            try:
                await eventually(taken)
            finally:
                owner.resume()

        acknowledged = await talk_while(clients, room, 60, pause)
        await all_is_well(clients, room, [first, *acknowledged])
        # The shard goes back to it, and it still has the room in memory as it was before the pause.
        other.kill()
        last = await clients[0].chat(room, "1000")
        await all_is_well(clients, room, [first, *acknowledged, last])


async def until_presence(client: Client, room: str, users: set[str]) -> None:
    await client.until(lambda: set(client.room(room).online.values()) == users)


async def test_the_users_of_a_killed_gateway_are_shown_as_gone(whole: Cluster) -> None:
    room = a_room()
    gateways = [process.ws for process in whole.of("gateway")]
    async with people(whole, 4, urls=[[gateways[0]], [gateways[0]], [gateways[1]], [gateways[1]]]) as clients:
        for client in clients:
            await client.join(room)
        everyone = {client.name for client in clients}
        await until_presence(clients[3], room, everyone)
        told = clients[2].events()
        whole["gateway-1"].kill()
        await until_presence(clients[3], room, {clients[2].name, clients[3].name})
        gone = {f"{e.user_id}" for e in [await anext(told), await anext(told)] if isinstance(e, PresenceChanged)}
        assert len(gone) == 2
        await whole["gateway-1"].start()
        for client in clients[:2]:
            client.hurry()
        for client in clients:
            await until_presence(client, room, everyone)


async def test_the_users_of_a_paused_gateway_are_gone_and_come_back_with_it(whole: Cluster) -> None:
    room = a_room()
    gateway = whole["gateway-1"]
    async with people(whole, 4, keep=None) as clients:
        for client in clients:
            await client.join(room, after=0)
        everyone = {client.name for client in clients}
        here = {clients[1].name, clients[3].name}
        await until_presence(clients[1], room, everyone)
        gateway.pause()
        try:
            await until_presence(clients[1], room, here)
            await clients[1].chat(room, "while it slept")
        finally:
            gateway.resume()
        for client in clients:
            await until_presence(client, room, everyone)
            await client.caught_up(room, 1)
            assert [m.text for m in log_of(client, room)] == ["while it slept"]


async def test_a_session_that_returns_after_thousands_of_messages_lacks_none(whole: Cluster) -> None:
    room = a_room()
    away = False

    async def perhaps(url: str) -> Socket:
        if away:
            raise Closed(1006, "the lid is closed")
        return await dial(url)

    async with people(whole, 2, keep=None, in_flight=100) as (olena, taras):
        [token] = await whole.tokens([f"user-{next(_names)}"])
        returning = Client([p.ws for p in whole.of("gateway")], fixed(token), options=taras.options, dial=perhaps)
        async with returning:
            for client in (olena, taras, returning):
                await client.join(room, after=0)
            await asyncio.gather(*(olena.chat(room, str(n)) for n in range(100)))
            await returning.caught_up(room, 100)
            away = True
            returning.cut()
            await asyncio.gather(*(client.chat(room, str(n)) for n in range(100, 2_600) for client in (olena, taras)))
            away = False
            returning.hurry()
            await asyncio.gather(*(olena.chat(room, str(n)) for n in range(2_600, 2_700)))
            await caught_up([olena, taras, returning], room, 5_200)
            assert [m.seq for m in log_of(returning, room)] == list(range(1, 5_201))
            assert log_of(returning, room) == log_of(taras, room)


async def test_a_gateway_that_is_asked_to_end_shows_no_client_an_error(whole: Cluster) -> None:
    room, errors, gateway = a_room(), list[Record](), whole["gateway-2"]

    def recorder(record: Record) -> None:
        if record.kind in ("error", "refused"):
            errors.append(record)

    async with people(whole, 10, keep=None, ack_s=3.0, recorder=recorder) as clients:
        await asyncio.gather(*(client.join(room, after=0) for client in clients))
        acknowledged = await talk_while(clients, room, 100, gateway.terminate, pause_s=0.03)
        await all_is_well(clients, room, acknowledged)
        assert not errors
    assert await gateway.ended() == 0


async def test_a_router_that_is_asked_to_end_leaves_nothing_behind(whole: Cluster) -> None:
    room, router = a_room(), whole["router-1"]
    said_before = len(router.log.read_text())
    async with people(whole, 10, keep=None) as clients:
        await asyncio.gather(*(client.join(room, after=0) for client in clients))
        acknowledged = await talk_while(clients, room, 60, router.terminate)
        await all_is_well(clients, room, acknowledged)
    assert await router.ended() == 0
    said = router.log.read_text()[said_before:]
    assert not [line for line in said.splitlines() if "[error" in line or "Traceback" in line]
