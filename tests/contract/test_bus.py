"""Every promise of shared/bus/port.py, over the in-memory bus and over RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from shared.bus.port import (
    MAILBOX_BODIES,
    Bus,
    Consumer,
    Delivery,
    Mailbox,
    Overloaded,
    Reopened,
    TooLarge,
    Unavailable,
    Unroutable,
)
from shared.bus.topology import FILES, MAILBOX, owner, shard_queue
from tests.contract.sites import LIMITS, Site

SHARD, OTHER_SHARD = shard_queue(0), shard_queue(1)
PATIENCE_S = 10.0


def bodies(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


async def publish_all(bus: Bus, to: str, parts: Sequence[bytes]) -> None:
    for part in parts:
        await bus.publish(to, part)


async def take(consumer: Consumer, count: int) -> list[Delivery]:
    """The next `count` deliveries, not acknowledged; more than that is a failure."""
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            taken += await consumer.get()
    assert len(taken) == count, taken
    return taken


async def receive(mailbox: Mailbox, last: bytes) -> list[bytes | Reopened]:
    """What the mailbox gets, up to `last`."""
    received: list[bytes | Reopened] = []
    async with asyncio.timeout(PATIENCE_S):
        while last not in received:
            received += await mailbox.get()
    return received


def told(deliveries: Sequence[Delivery]) -> list[tuple[bytes, bool]]:
    return [(d.body, d.redelivered) for d in deliveries]


async def until_unroutable(bus: Bus, address: str) -> None:
    """A broker notices that a line is cut when it next looks at it; then nobody is at `address`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await bus.publish(address, b"is anybody there?")
            except Unroutable:
                return


# ── publishing to work queues ──


async def test_what_publish_returned_for_waits_for_a_subscriber_to_come(site: Site) -> None:
    bus = await site.bus("a")
    await bus.publish(SHARD, b"early")
    consumer = await bus.consume([SHARD], "a", 10)
    assert told(await take(consumer, 1)) == [(b"early", False)]


async def test_one_publisher_s_bodies_arrive_in_the_order_of_its_calls(site: Site) -> None:
    sender, receiver = await site.bus("sender"), await site.bus("receiver")
    consumer = await receiver.consume([SHARD], "receiver", 1_000)
    await publish_all(sender, SHARD, bodies(200))
    assert [d.body for d in await take(consumer, 200)] == bodies(200)


async def test_a_delivery_names_its_queue(site: Site) -> None:
    bus = await site.bus("a")
    consumer = await bus.consume([SHARD, OTHER_SHARD], "a", 10)
    await bus.publish(SHARD, b"one")
    await bus.publish(OTHER_SHARD, b"two")
    assert {(d.queue, d.body) for d in await take(consumer, 2)} == {(SHARD, b"one"), (OTHER_SHARD, b"two")}


async def test_a_body_of_any_bytes_and_of_a_mebibyte_arrives_as_it_was(site: Site) -> None:
    bus = await site.bus("a", replace(LIMITS, body_bytes=1 << 20, mailbox_bytes=8 << 20))
    consumer = await bus.consume([SHARD], "a", 10)
    sent = [b"", bytes(range(256)), bytes(range(256)) * 4096]
    await publish_all(bus, SHARD, sent)
    assert [d.body for d in await take(consumer, 3)] == sent


async def test_a_closed_bus_is_unavailable(site: Site) -> None:
    bus = await site.bus("a")
    assert bus.connected
    await bus.close()
    assert not bus.connected
    with pytest.raises(Unavailable):
        await bus.publish(SHARD, b"late")
    with pytest.raises(Unavailable):
        await bus.broadcast(b"late")


# ── acknowledging and redelivery ──


async def test_an_acknowledged_delivery_never_comes_again(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    consumer = await bus.consume([SHARD], "a", 10)
    await publish_all(bus, SHARD, bodies(3))
    consumer.ack((await take(consumer, 3))[-1])
    await consumer.close()
    await bus.publish(SHARD, b"next")
    assert told(await take(await other.consume([SHARD], "b", 10), 1)) == [(b"next", False)]


async def test_an_acknowledgement_covers_all_before_it_and_nothing_after(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    consumer = await bus.consume([SHARD], "a", 10)
    await publish_all(bus, SHARD, bodies(5))
    consumer.ack((await take(consumer, 5))[2])
    await consumer.close()
    assert told(await take(await other.consume([SHARD], "b", 10), 2)) == [(b"3", True), (b"4", True)]


async def test_what_a_closed_subscriber_held_comes_again_first_in_order_and_marked(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    consumer = await bus.consume([SHARD], "a", 3)
    await publish_all(bus, SHARD, bodies(5))
    await take(consumer, 3)
    await consumer.close()
    again = told(await take(await other.consume([SHARD], "b", 10), 5))
    assert again == [(b"0", True), (b"1", True), (b"2", True), (b"3", False), (b"4", False)]


async def test_what_a_cut_subscriber_held_comes_again_first_in_order_and_marked(site: Site) -> None:
    bus, publisher = await site.bus("a"), await site.bus("publisher")
    consumer = await bus.consume([SHARD], "a", 3)
    await publish_all(publisher, SHARD, bodies(5))
    held = await take(consumer, 3)
    await site.cut(bus)
    again = await take(consumer, 3)
    assert told(again) == [(d.body, True) for d in held]
    consumer.ack(again[-1])
    assert told(await take(consumer, 2)) == [(b"3", False), (b"4", False)]


async def test_an_acknowledgement_from_before_a_cut_means_nothing_after_it(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    consumer = await bus.consume([SHARD], "a", 10)
    await publish_all(other, SHARD, bodies(2))
    old = await take(consumer, 2)
    await site.cut(bus)
    await take(consumer, 2)
    consumer.ack(old[-1])
    await consumer.close()
    assert told(await take(await other.consume([SHARD], "b", 10), 2)) == [(b"0", True), (b"1", True)]


async def test_work_goes_on_after_a_cut_even_when_one_body_at_a_time_is_held(site: Site) -> None:
    """Deliveries of the new life come while other queues are still being asked for; their acknowledgement counts."""
    bus, publisher = await site.bus("a"), await site.bus("publisher")
    consumer = await bus.consume([shard_queue(s) for s in range(LIMITS.shards)], "a", 1)
    await publish_all(publisher, SHARD, bodies(20))
    first = (await take(consumer, 1))[0]
    await site.cut(bus)
    done = {first.body}
    async with asyncio.timeout(PATIENCE_S):
        while len(done) < 20:
            for delivery in await consumer.get():
                done.add(delivery.body)
                consumer.ack(delivery)
    assert done == set(bodies(20))


async def test_prefetch_bounds_what_is_unacknowledged_of_a_queue_and_a_full_one_holds_up_no_other(site: Site) -> None:
    bus = await site.bus("a")
    consumer = await bus.consume([SHARD, OTHER_SHARD], "a", 2)
    await publish_all(bus, SHARD, bodies(5))
    await bus.publish(OTHER_SHARD, b"other")
    held = await take(consumer, 3)
    assert sorted(d.body for d in held) == [b"0", b"1", b"other"]
    consumer.ack(held[-1])
    assert [d.body for d in await take(consumer, 2)] == [b"2", b"3"]


async def test_a_rejected_body_is_kept_as_a_dead_letter_with_its_reason(site: Site) -> None:
    bus = await site.bus("a")
    consumer = await bus.consume([SHARD], "a", 10)
    await publish_all(bus, SHARD, [b"good", b"poison"])
    _, poison = await take(consumer, 2)
    await consumer.reject(poison, "this is no body")
    assert await site.dead(1) == [(SHARD, "this is no body", b"poison")]


async def test_a_rejected_delivery_is_still_to_be_acknowledged(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    consumer = await bus.consume([SHARD], "a", 10)
    await bus.publish(SHARD, b"poison")
    await consumer.reject((await take(consumer, 1))[0], "bad")
    await consumer.close()
    again = await other.consume([SHARD], "b", 10)
    delivery = (await take(again, 1))[0]
    assert told([delivery]) == [(b"poison", True)]
    again.ack(delivery)
    await again.close()
    await bus.publish(SHARD, b"next")
    assert told(await take(await bus.consume([SHARD], "a", 10), 1)) == [(b"next", False)]


# ── who gets what ──


async def test_a_shard_s_second_subscriber_gets_nothing_until_the_first_is_gone(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    first = await bus.consume([SHARD], "a", 10)
    await publish_all(bus, SHARD, bodies(2))
    await take(first, 2)
    second = await other.consume([SHARD, OTHER_SHARD], "b", 10)
    await bus.publish(OTHER_SHARD, b"a sign that whatever was for the second has reached it")
    assert [d.queue for d in await take(second, 1)] == [OTHER_SHARD]
    await first.close()
    assert told(await take(second, 2)) == [(b"0", True), (b"1", True)]


@pytest.mark.parametrize("joins_last", ["the owner", "the other"])
async def test_a_shard_is_its_rendezvous_owner_s_once_the_former_one_has_acknowledged(
    site: Site, joins_last: str
) -> None:
    named = owner(["a", "b"], SHARD)
    other = "b" if named == "a" else "a"
    early, late = (other, named) if joins_last == "the owner" else (named, other)
    early_bus, late_bus = await site.bus(early), await site.bus(late)
    first = await early_bus.consume([SHARD, OTHER_SHARD], early, 10)
    await early_bus.publish(SHARD, b"held")
    held = (await take(first, 1))[0]
    second = await late_bus.consume([SHARD], late, 10)
    first.ack(held)
    # RabbitMQ before 4.0 does not know the priority of single active consumers: there the first keeps the shard.
    owning = second if site.ranks and joins_last == "the owner" else first
    got: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while not got:
            await early_bus.publish(SHARD, b"to whom?")
            got = await owning.get()
    assert {d.body for d in got} == {b"to whom?"}
    assert not any(d.redelivered for d in got)


async def test_a_work_queue_is_shared_between_its_subscribers(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    one, two = await bus.consume([FILES], "a", 1), await other.consume([FILES], "b", 1)
    await publish_all(bus, FILES, bodies(2))
    got = [*await take(one, 1), *await take(two, 1)]
    assert sorted(d.body for d in got) == bodies(2)


async def test_a_shared_queue_s_work_goes_to_the_others_when_one_is_cut(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    one = await bus.consume([FILES], "a", 10)
    await publish_all(other, FILES, bodies(2))
    await take(one, 2)
    two = await other.consume([FILES], "b", 10)
    await one.close()
    assert told(await take(two, 2)) == [(b"0", True), (b"1", True)]


# ── mailboxes ──


async def test_a_mailbox_gets_what_is_sent_to_its_address_in_order(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("gateway.a")
    assert mailbox.address.startswith(f"{MAILBOX}gateway.a")
    await publish_all(other, mailbox.address, bodies(5))
    assert await receive(mailbox, b"4") == bodies(5)


async def test_two_mailboxes_of_one_owner_have_two_addresses(site: Site) -> None:
    bus = await site.bus("a")
    one, two = await bus.mailbox("gateway.a"), await bus.mailbox("gateway.a")
    await bus.publish(one.address, b"one")
    await bus.publish(two.address, b"two")
    assert (await receive(one, b"one"), await receive(two, b"two")) == ([b"one"], [b"two"])


async def test_to_an_address_where_nobody_is_a_body_is_unroutable(site: Site) -> None:
    bus = await site.bus("a")
    with pytest.raises(Unroutable):
        await bus.publish(f"{MAILBOX}nobody", b"hello")
    await bus.publish(SHARD, b"and the bus still works")


async def test_a_closed_mailbox_is_unroutable(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    await mailbox.close()
    await until_unroutable(other, mailbox.address)


async def test_a_broadcast_reaches_every_mailbox_and_no_work_queue(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    boxes = [await bus.mailbox("a"), await bus.mailbox("a"), await other.mailbox("b")]
    await other.broadcast(b"to all")
    assert [await receive(box, b"to all") for box in boxes] == [[b"to all"]] * 3
    await bus.publish(SHARD, b"alone")
    assert told(await take(await bus.consume([SHARD], "a", 10), 1)) == [(b"alone", False)]


async def test_a_broadcast_that_nobody_hears_is_no_error(site: Site) -> None:
    bus = await site.bus("a")
    await bus.broadcast(b"anybody?")
    mailbox = await bus.mailbox("a")
    await bus.broadcast(b"now?")
    assert await receive(mailbox, b"now?") == [b"now?"]


async def test_a_full_mailbox_drops_its_oldest(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    sent = [b"%03d" % number + b"." * 97 for number in range(50)]
    await publish_all(other, mailbox.address, sent)
    received = [sent.index(body) for body in await receive(mailbox, sent[-1]) if isinstance(body, bytes)]
    waited = LIMITS.mailbox_bytes // 100
    # What the adapter had fetched before the mailbox was full stays; of what waited, the newest that fit are left.
    fetched = received[:-waited]
    assert received[-waited:] == list(range(50 - waited, 50))
    assert fetched == list(range(len(fetched)))
    assert len(fetched) <= LIMITS.mailbox_prefetch


async def publish_to_all(bus: Bus, _: str, body: bytes) -> None:
    await bus.broadcast(body)


async def publish_to_one(bus: Bus, address: str, body: bytes) -> None:
    await bus.publish(address, body)


@pytest.mark.parametrize("say", [publish_to_one, publish_to_all])
async def test_a_body_that_is_too_large_empties_no_mailbox(
    site: Site, say: Callable[[Bus, str, bytes], Awaitable[None]]
) -> None:
    """A broker would drop all that waits for it, and itself, and confirm it."""
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    waiting = bodies(9)
    await publish_all(other, mailbox.address, waiting)
    for size in (LIMITS.body_bytes + 1, LIMITS.mailbox_bytes + 1):
        with pytest.raises(TooLarge, match=f"{size:,} bytes"):
            await say(other, mailbox.address, b"." * size)
    await say(other, mailbox.address, b"last")
    assert await receive(mailbox, b"last") == [*waiting, b"last"]


async def test_the_largest_body_finds_room_beside_others(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    largest = [b"%d" % n + b"." * (LIMITS.body_bytes - 1) for n in range(MAILBOX_BODIES)]
    await publish_all(other, mailbox.address, largest)
    assert await receive(mailbox, largest[-1]) == largest


async def test_a_body_that_is_too_large_for_a_shard_costs_the_others_nothing(site: Site) -> None:
    bus = await site.bus("a")
    consumer = await bus.consume([SHARD], "a", 10)
    await bus.publish(SHARD, b"before")
    with pytest.raises(TooLarge):
        await bus.publish(SHARD, b"." * (LIMITS.body_bytes + 1))
    await bus.publish(SHARD, b"after")
    assert told(await take(consumer, 2)) == [(b"before", False), (b"after", False)]
    assert bus.connected


async def test_a_dead_letter_is_kept_whatever_its_size(site: Site) -> None:
    """It has come through a queue, so the broker takes it; who sent it did not know our bound."""
    bus, stranger = await site.bus("a"), await site.bus("b", replace(LIMITS, body_bytes=1_000, mailbox_bytes=4_000))
    consumer = await bus.consume([SHARD], "a", 10)
    await stranger.publish(SHARD, b"." * 1_000)
    (poison,) = await take(consumer, 1)
    await consumer.reject(poison, "x" * 100_000)
    ((queue, reason, body),) = await site.dead(1)
    assert (queue, body) == (SHARD, poison.body)
    assert reason.startswith("xxx")
    assert len(reason) <= 1_000


async def test_a_mailbox_that_was_emptied_has_its_whole_room_again(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    for round_ in range(5):
        sent = [b"%d.%d" % (round_, number) + b"." * 97 for number in range(9)]
        await publish_all(other, mailbox.address, sent)
        assert await receive(mailbox, sent[-1]) == sent


async def test_a_mailbox_that_lost_its_connection_reopens_under_a_new_address_and_says_so(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("gateway.a")
    old = mailbox.address
    await site.cut(bus)
    async with asyncio.timeout(PATIENCE_S):
        said = await mailbox.get()
    assert said == [Reopened(mailbox.address)]
    assert mailbox.address != old
    assert mailbox.address.startswith(f"{MAILBOX}gateway.a")
    await other.publish(mailbox.address, b"welcome back")
    assert await receive(mailbox, b"welcome back") == [b"welcome back"]
    await until_unroutable(other, old)


async def test_broadcasts_reach_the_new_life_of_a_mailbox(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    await site.cut(bus)
    async with asyncio.timeout(PATIENCE_S):
        await mailbox.get()
    await other.broadcast(b"to all")
    assert await receive(mailbox, b"to all") == [b"to all"]


async def test_a_mailbox_says_that_it_reopened_however_much_came_after(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    mailbox = await bus.mailbox("a")
    old = mailbox.address
    await site.cut(bus)
    async with asyncio.timeout(PATIENCE_S):
        while mailbox.address == old:  # noqa: ASYNC110 - the address is all that shows it without taking the news
            await asyncio.sleep(0.005)
    sent = [b"%03d" % number + b"." * 97 for number in range(30)]
    await publish_all(other, mailbox.address, sent)
    received = await receive(mailbox, sent[-1])
    assert received[0] == Reopened(mailbox.address)
    assert Reopened(mailbox.address) not in received[1:]


async def test_a_bus_that_was_cut_publishes_again_by_itself(site: Site) -> None:
    bus, other = await site.bus("a"), await site.bus("b")
    consumer = await other.consume([SHARD], "b", 10)
    await site.cut(bus)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await bus.publish(SHARD, b"again")
                break
            except (Unavailable, Overloaded):
                await asyncio.sleep(0.005)
    # A body whose confirm was lost may have arrived, too.
    assert {d.body for d in await consumer.get()} == {b"again"}
