"""RabbitMQ as somebody has left it: which start goes on, which ends in a sentence, and what it tells the operator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiormq
import pytest
from aiormq.abc import AbstractChannel
from structlog.testing import capture_logs

from shared.bus.amqp import AmqpBus
from shared.bus.limits import AmqpLimits
from shared.bus.port import Unusable
from shared.bus.topology import BROADCAST, DEAD, DEPLOYMENT, FILES, shard_queue, shard_queues
from tests.contract.sites import LIMITS, AmqpSite
from tests.contract.test_bus import PATIENCE_S, publish_all, take, told
from tests.contract.test_bus_outage import eventually, publish_until_taken
from tests.servers.rabbitmq import RabbitMQ

SHARD = shard_queue(0)
Start = Callable[..., Awaitable[AmqpBus]]
Lines = Callable[[], list[MutableMapping[str, Any]]]


@pytest.fixture
async def start(amqp_vhost: str) -> AsyncIterator[Start]:
    """Opens a bus as a process does at its start; fails where it has not started, or given up, in time."""
    buses: list[AmqpBus] = []

    async def start(limits: AmqpLimits = LIMITS, url: str = amqp_vhost) -> AmqpBus:
        buses.append(AmqpBus(url, limits, "a"))
        async with asyncio.timeout(PATIENCE_S):
            await buses[-1].open()
        return buses[-1]

    yield start
    for bus in buses:
        await bus.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the bus has logged since the last call."""
    with capture_logs() as logged:

        def since() -> list[MutableMapping[str, Any]]:
            found = [line for line in logged if str(line["event"]).startswith("bus.")]
            logged.clear()
            return found

        yield since


async def on_broker(url: str, work: Callable[[AbstractChannel], Awaitable[object]]) -> None:
    """What somebody else does there."""
    connection = await aiormq.connect(url)
    try:
        await work(await connection.channel())
    finally:
        await connection.close()


def as_homin_makes_it(**other: object) -> dict[str, Any]:
    """A shard's arguments under `LIMITS`, some of them otherwise; None: without it."""
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": LIMITS.delivery_limit,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": DEAD,
        "x-single-active-consumer": True,
        **{name.replace("_", "-"): value for name, value in other.items()},
    }
    return {name: value for name, value in arguments.items() if value is not None}


# ── what a queue keeps for its life ──


async def test_another_delivery_limit_stops_no_start_and_is_told_in_one_line(start: Start, lines: Lines) -> None:
    first = await start()
    await publish_all(first, SHARD, [b"from before"])
    await first.close()
    lines()
    second = await start(replace(LIMITS, delivery_limit=7))
    consumer = await second.consume([SHARD], "a", 10)
    await second.mailbox("a")
    assert told(await take(consumer, 1)) == [(b"from before", False)]
    (line,) = lines()
    assert line["log_level"] == "warning"
    for word in ("HOMIN_DELIVERY_LIMIT", "7", str(LIMITS.delivery_limit), SHARD, FILES, "set_policy", "delete"):
        assert word in line["why"], (word, line["why"])


async def test_queues_as_this_process_would_make_them_are_nothing_to_tell(start: Start, lines: Lines) -> None:
    await start()
    bus = await start()
    await bus.consume([SHARD], "a", 10)
    assert lines() == []


async def test_a_policy_lowers_the_delivery_limit_of_queues_that_are_there(
    start: Start, rabbitmq: RabbitMQ, amqp_vhost: str, amqp_site: AmqpSite
) -> None:
    """The advice of the line holds: the broker goes by the lower of argument and policy (3.10.8)."""
    await start()
    policy: dict[str, object] = {"delivery-limit": 2}
    await asyncio.to_thread(rabbitmq.set_policy, amqp_vhost, "homin-delivery-limit", r"^(frames|work)\.", policy)
    bus = await start(replace(LIMITS, delivery_limit=2))
    await bus.publish(SHARD, b"poison")
    for _ in range(3):
        consumer = await bus.consume([SHARD], "a", 10)
        assert [d.body for d in await take(consumer, 1)] == [b"poison"]
        await consumer.close()
    (letter,) = await amqp_site.letters(1)
    assert letter.body == b"poison"


@pytest.mark.parametrize(
    "other",
    [
        {"x_delivery_limit": None},
        {"x_dead_letter_routing_key": "elsewhere"},
        {"x_dead_letter_exchange": None, "x_dead_letter_routing_key": None},
        {"x_max_length_bytes": 1 << 30, "x_overflow": "reject-publish"},
        {"x_delivery_limit": 300, "x_max_in_memory_length": 5, "x_expires": 3_600_000},
    ],
    ids=str,
)
async def test_what_may_differ_between_queues_is_taken_as_it_is(
    start: Start, lines: Lines, amqp_vhost: str, other: dict[str, object]
) -> None:
    arguments = as_homin_makes_it(**other)

    async def make(channel: AbstractChannel) -> None:
        for queue in shard_queues(LIMITS.shards):
            made = arguments if queue == SHARD else as_homin_makes_it()
            await channel.queue_declare(queue, durable=True, arguments=made)

    await on_broker(amqp_vhost, make)
    bus = await start()
    await bus.publish(SHARD, b"hello")
    assert told(await take(await bus.consume([SHARD], "a", 10), 1)) == [(b"hello", False)]
    told_of = lines()
    assert len(told_of) == len(other)
    for name in other:
        assert any(name.replace("_", "-") in line["why"] or name == "x_delivery_limit" for line in told_of)
    assert not any(shard_queue(1) in line["why"] for line in told_of)


@pytest.mark.parametrize(
    ("other", "durable"),
    [
        ({"x_single_active_consumer": None}, True),
        ({"x_queue_type": "classic", "x_delivery_limit": None}, True),
        ({"x_queue_type": None, "x_delivery_limit": None}, False),
    ],
    ids=["shared between consumers", "classic", "transient"],
)
async def test_a_queue_that_breaks_a_promise_ends_the_start_in_a_sentence(
    start: Start, amqp_vhost: str, other: dict[str, object], durable: bool
) -> None:
    """One writer at a time, and what was confirmed is kept: without these it would run, and lose."""
    arguments = as_homin_makes_it(**other)
    await on_broker(amqp_vhost, lambda channel: channel.queue_declare(SHARD, durable=durable, arguments=arguments))
    with pytest.raises(Unusable, match=rf"{SHARD}.*delete"):
        await start(replace(LIMITS, shards=1))


async def test_a_dead_letter_queue_of_another_size_stops_no_start(start: Start, lines: Lines) -> None:
    first = await start()
    await first.close()
    lines()
    await start(replace(LIMITS, dead_bodies=5))
    (line,) = lines()
    assert "x-max-length" in line["why"]
    assert DEAD in line["why"]


# ── the number of shards ──


@pytest.mark.parametrize("other", [LIMITS.shards - 1, LIMITS.shards + 1])
async def test_another_number_of_shards_ends_the_start_in_a_sentence(start: Start, other: int) -> None:
    await (await start()).close()
    with pytest.raises(Unusable) as refused:
        await start(replace(LIMITS, shards=other))
    sentence = str(refused.value)
    assert f"HOMIN_SHARDS is {other}" in sentence
    assert f"set HOMIN_SHARDS={LIMITS.shards}" in sentence
    await start()


@pytest.mark.parametrize("other", [LIMITS.shards - 1, LIMITS.shards + 1])
async def test_queues_from_before_the_number_was_kept_are_counted(start: Start, amqp_vhost: str, other: int) -> None:
    async def as_before(channel: AbstractChannel) -> None:
        for queue in shard_queues(LIMITS.shards):
            await channel.queue_declare(queue, durable=True, arguments=as_homin_makes_it())

    await on_broker(amqp_vhost, as_before)
    with pytest.raises(Unusable, match=f"set HOMIN_SHARDS={LIMITS.shards}"):
        await start(replace(LIMITS, shards=other))
    await start()
    with pytest.raises(Unusable):
        await start(replace(LIMITS, shards=other))


async def test_processes_that_start_at_once_on_an_empty_broker_all_start(start: Start) -> None:
    await asyncio.gather(*(start() for _ in range(6)))


async def test_of_processes_that_start_at_once_with_two_numbers_one_number_wins(start: Start) -> None:
    numbers = [2, 3] * 3
    begun = await asyncio.gather(*(start(replace(LIMITS, shards=n)) for n in numbers), return_exceptions=True)
    running = {n for n, bus in zip(numbers, begun, strict=True) if isinstance(bus, AmqpBus)}
    assert len(running) == 1, begun
    refused = [why for n, why in zip(numbers, begun, strict=True) if n not in running]
    assert all(isinstance(why, Unusable) for why in refused), refused


@pytest.mark.parametrize("name", [DEPLOYMENT, BROADCAST])
@pytest.mark.parametrize("kind", ["fanout", "direct"])
async def test_an_exchange_of_somebody_else_is_not_taken_for_ours(
    start: Start, amqp_vhost: str, name: str, kind: str
) -> None:
    arguments: dict[str, Any] = {"alternate-exchange": "amq.fanout"}
    await on_broker(
        amqp_vhost, lambda c: c.exchange_declare(name, exchange_type=kind, durable=True, arguments=arguments)
    )
    with pytest.raises(Unusable, match=rf"'{name}' that is not Homin's.*HOMIN_AMQP_URL"):
        await start()


# ── who is not let in ──


async def test_a_wrong_password_ends_the_start_in_a_sentence(start: Start, amqp_vhost: str) -> None:
    parts = urlsplit(amqp_vhost)
    wrong = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}"))
    with pytest.raises(Unusable) as refused:
        await start(url=wrong)
    assert "HOMIN_AMQP_PASSWORD" in str(refused.value)
    assert f"{parts.hostname}:{parts.port}" in str(refused.value)
    assert "wrong" not in str(refused.value), "a log is no place for a password"


async def test_a_missing_virtual_host_ends_the_start_in_a_sentence(start: Start, amqp_vhost: str) -> None:
    missing = urlunsplit(urlsplit(amqp_vhost)._replace(path="/no-such-host"))
    with pytest.raises(Unusable, match=r"'no-such-host'.*add_vhost"):
        await start(url=missing)


async def test_a_user_who_is_not_let_into_the_virtual_host_is_told_so(
    start: Start, rabbitmq: RabbitMQ, amqp_vhost: str
) -> None:
    url = await asyncio.to_thread(rabbitmq.make_user, amqp_vhost, None)
    try:
        with pytest.raises(Unusable, match="set_permissions"):
            await start(url=url)
    finally:
        await asyncio.to_thread(rabbitmq.remove_user, url)


async def test_a_user_who_may_make_no_queues_is_told_so(start: Start, rabbitmq: RabbitMQ, amqp_vhost: str) -> None:
    url = await asyncio.to_thread(rabbitmq.make_user, amqp_vhost, {"configure": "^$", "write": ".*", "read": ".*"})
    try:
        with pytest.raises(Unusable, match="set_permissions"):
            await start(url=url)
    finally:
        await asyncio.to_thread(rabbitmq.remove_user, url)


async def test_a_broker_that_is_not_there_yet_is_waited_for(amqp_site: AmqpSite) -> None:
    """It may just be starting: only what the broker itself refuses ends a start."""
    running = await amqp_site.bus("a")
    relay = amqp_site.relay(running)
    await relay.down()
    bus = AmqpBus(relay.url, LIMITS, "b")
    opening = asyncio.create_task(bus.open())
    await eventually(lambda: not running.connected)
    assert not opening.done()
    await relay.up()
    async with asyncio.timeout(PATIENCE_S):
        await opening
    await bus.close()


async def test_a_process_that_runs_is_not_ended_by_a_broker_that_refuses_it_for_a_while(
    start: Start, rabbitmq: RabbitMQ, amqp_vhost: str, lines: Lines
) -> None:
    """It has clients, and somebody who changes passwords or moves the broker is still at it."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    url = await asyncio.to_thread(rabbitmq.make_user, amqp_vhost, everything)
    bus = await start(url=url)
    await asyncio.to_thread(rabbitmq.remove_user, url)
    await eventually(lambda: not bus.connected)
    told: list[MutableMapping[str, Any]] = []
    async with asyncio.timeout(PATIENCE_S):
        while not any("HOMIN_AMQP_PASSWORD" in str(line.get("why")) for line in told):
            await asyncio.sleep(0.01)
            told += lines()
    await asyncio.to_thread(rabbitmq.put_user, url, everything)
    await publish_until_taken(bus, SHARD, b"back")
    await asyncio.to_thread(rabbitmq.remove_user, url)
