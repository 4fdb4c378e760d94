"""The bus while RabbitMQ is away, blocked or restarted: nobody waits for ever, what was confirmed is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import aiormq
import pytest

from shared.bus.amqp import AmqpBus
from shared.bus.port import BusError, Overloaded, Reopened, Unavailable
from shared.bus.topology import shard_queue
from shared.runtime.log import configure_log
from shared.runtime.settings import BaseSettings
from tests.contract.sites import LIMITS, AmqpSite
from tests.contract.test_bus import PATIENCE_S, receive, take, told
from tests.servers.rabbitmq import RabbitMQ

SHARD = shard_queue(0)
BACK_S = 60.0  # a broker that starts takes some seconds


async def eventually(holds: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - an adapter tells nobody that it is up
            await asyncio.sleep(0.01)


async def publish_until_taken(bus: AmqpBus, to: str, body: bytes) -> None:
    async with asyncio.timeout(BACK_S):
        while True:
            try:
                return await bus.publish(to, body)
            except BusError:
                await asyncio.sleep(0.02)


async def in_a_thread(work: Callable[[], object]) -> None:
    """The loop goes on meanwhile, as a service's would."""
    await asyncio.to_thread(work)


# ── the line to the broker ──


async def test_while_the_broker_is_away_publishing_is_refused_at_once_and_works_again_after(
    amqp_site: AmqpSite,
) -> None:
    bus = await amqp_site.bus("a")
    relay = amqp_site.relay(bus)
    await relay.down()
    await eventually(lambda: not bus.connected)
    async with asyncio.timeout(LIMITS.publish_timeout_s):
        with pytest.raises(Unavailable):
            await bus.publish(SHARD, b"lost")
        with pytest.raises(Unavailable):
            await bus.broadcast(b"lost")
    await relay.up()
    await eventually(lambda: bus.connected)
    await bus.publish(SHARD, b"kept")
    assert told(await take(await bus.consume([SHARD], "a", 10), 1)) == [(b"kept", False)]


@pytest.mark.usefixtures("log_as_it_was")
async def test_a_lost_line_is_told_in_a_line(amqp_site: AmqpSite, capsys: pytest.CaptureFixture[str]) -> None:
    bus = await amqp_site.bus("a")
    relay = amqp_site.relay(bus)
    configure_log(BaseSettings(log_format="json"))
    await relay.down()
    lines: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while not any("bus.link_failed" in line for line in lines):
            await asyncio.sleep(0.01)
            lines += capsys.readouterr().err.splitlines()
    await relay.up()
    await eventually(lambda: bus.connected)
    lines += capsys.readouterr().err.splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events.count("bus.link_lost") == 1
    assert set(events) == {"bus.link_lost", "bus.link_failed"}


async def test_a_publish_whose_confirm_is_lost_with_the_line_is_unavailable(amqp_site: AmqpSite) -> None:
    bus = await amqp_site.bus("a")
    relay = amqp_site.relay(bus)
    relay.hold()
    publishing = asyncio.create_task(bus.publish(SHARD, b"half-way"))
    await relay.held.wait()
    await relay.cut()
    async with asyncio.timeout(LIMITS.publish_timeout_s):
        with pytest.raises(Unavailable):
            await publishing


async def test_a_confirm_that_does_not_come_is_overloaded_within_the_time_out(amqp_site: AmqpSite) -> None:
    bus = await amqp_site.bus("a")
    relay = amqp_site.relay(bus)
    relay.hold()
    started = asyncio.get_running_loop().time()
    with pytest.raises(Overloaded):
        await bus.publish(SHARD, b"half-way")
    assert asyncio.get_running_loop().time() - started < 2 * LIMITS.publish_timeout_s
    relay.release()
    await bus.publish(SHARD, b"next")
    # What was overdue was not lost, and it comes in its place.
    assert told(await take(await bus.consume([SHARD], "a", 10), 2)) == [(b"half-way", False), (b"next", False)]


async def test_a_caller_who_gives_up_is_cancelled_and_the_bus_goes_on(amqp_site: AmqpSite) -> None:
    bus = await amqp_site.bus("a")
    relay = amqp_site.relay(bus)
    relay.hold()
    publishing = asyncio.create_task(bus.publish(SHARD, b"given up"))
    await relay.held.wait()
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    relay.release()
    await bus.publish(SHARD, b"next")
    assert (await take(await bus.consume([SHARD], "a", 10), 2))[-1].body == b"next"


async def test_a_subscription_asked_for_while_the_broker_is_away_begins_when_it_is_back(amqp_site: AmqpSite) -> None:
    bus = await amqp_site.bus("a")
    await bus.publish(SHARD, b"waiting")
    relay = amqp_site.relay(bus)
    await relay.down()
    await eventually(lambda: not bus.connected)
    consuming = asyncio.create_task(bus.consume([SHARD], "a", 10))
    opening = asyncio.create_task(bus.mailbox("a"))
    await relay.up()
    async with asyncio.timeout(PATIENCE_S):
        assert told(await take(await consuming, 1)) == [(b"waiting", False)]
        mailbox = await opening
    await eventually(lambda: bus.connected)
    await bus.publish(mailbox.address, b"hello")
    assert await receive(mailbox, b"hello") == [b"hello"]


# ── the broker itself ──


async def test_connections_that_the_broker_closes_come_back(fragile_site: AmqpSite, fragile_rabbitmq: RabbitMQ) -> None:
    bus = await fragile_site.bus("a")
    consumer, mailbox = await bus.consume([SHARD], "a", 10), await bus.mailbox("a")
    await bus.publish(SHARD, b"held")
    held = await take(consumer, 1)
    await in_a_thread(fragile_rabbitmq.close_all_connections)
    assert told(await take(consumer, 1)) == [(held[0].body, True)]
    async with asyncio.timeout(PATIENCE_S):
        assert await mailbox.get() == [Reopened(mailbox.address)]
    await publish_until_taken(bus, mailbox.address, b"back")
    assert await receive(mailbox, b"back") == [b"back"]


async def test_while_the_memory_alarm_is_on_publishing_is_overloaded_and_then_flows(
    fragile_site: AmqpSite, fragile_rabbitmq: RabbitMQ
) -> None:
    bus, reader = await fragile_site.bus("a"), await fragile_site.bus("b")
    consumer = await reader.consume([SHARD], "b", 100)
    await bus.publish(SHARD, b"before")
    await in_a_thread(lambda: fragile_rabbitmq.set_memory_alarm(True))
    try:
        started = asyncio.get_running_loop().time()
        with pytest.raises(Overloaded):
            await bus.publish(SHARD, b"blocked")
        assert asyncio.get_running_loop().time() - started < 2 * LIMITS.publish_timeout_s
        # Who only takes is not held up: connections publish or consume, never both.
        taken = await take(consumer, 1)
        assert told(taken) == [(b"before", False)]
        consumer.ack(taken[-1])
    finally:
        await in_a_thread(lambda: fragile_rabbitmq.set_memory_alarm(False))
    await publish_until_taken(bus, SHARD, b"after")
    got: list[bytes] = []
    async with asyncio.timeout(PATIENCE_S):
        while b"after" not in got:
            got += [d.body for d in await consumer.get()]
    assert set(got) == {b"blocked", b"after"}


async def test_a_crash_of_the_broker_loses_nothing_that_publish_returned_for(
    fragile_site: AmqpSite, fragile_rabbitmq: RabbitMQ
) -> None:
    bus = await fragile_site.bus("a")
    consumer, mailbox = await bus.consume([SHARD], "a", 2), await bus.mailbox("a")
    old = mailbox.address
    for number in range(5):
        await bus.publish(SHARD, b"%d" % number)
    await take(consumer, 2)
    await in_a_thread(fragile_rabbitmq.kill)
    await eventually(lambda: not bus.connected)
    await in_a_thread(fragile_rabbitmq.start)
    async with asyncio.timeout(BACK_S):
        assert await mailbox.get() == [Reopened(mailbox.address)]
        assert mailbox.address != old
        bodies: list[bytes] = []
        while len(bodies) < 5:
            deliveries = await consumer.get()
            bodies += [d.body for d in deliveries]
            consumer.ack(deliveries[-1])
    assert bodies == [b"%d" % number for number in range(5)]
    await publish_until_taken(bus, mailbox.address, b"back")
    assert await receive(mailbox, b"back") == [b"back"]


async def test_a_body_that_is_never_acknowledged_ends_as_a_dead_letter(amqp_site: AmqpSite) -> None:
    """The delivery limit: what kills every consumer that takes it is not delivered for ever."""
    bus, publisher = await amqp_site.bus("a"), await amqp_site.bus("publisher")
    consumer = await bus.consume([SHARD], "a", 1)
    await publisher.publish(SHARD, b"poison")
    await publisher.publish(SHARD, b"good")
    deliveries = 0
    async with asyncio.timeout(BACK_S):
        while (await take(consumer, 1))[0].body == b"poison":
            deliveries += 1
            await amqp_site.cut(bus)
    assert LIMITS.delivery_limit <= deliveries <= LIMITS.delivery_limit + 1
    assert [letter.body for letter in await amqp_site.letters(1)] == [b"poison"]


async def test_whatever_outlives_a_process_is_durable(amqp_site: AmqpSite) -> None:
    """A second declaration with other properties would be refused, and so says how the first was."""
    bus = await amqp_site.bus("a")
    connection = await aiormq.connect(amqp_site.relay(bus).url)
    try:
        with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
            await (await connection.channel()).queue_declare(SHARD, durable=False)
        assert (await (await connection.channel()).queue_declare(SHARD, passive=True)).queue == SHARD
    finally:
        await connection.close()
