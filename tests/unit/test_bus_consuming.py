"""Deliveries are decoded, given up with a reason where they cannot be handled, and acknowledged in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import Counter

from shared.bus.consuming import Acknowledgements, BodyReader
from shared.bus.memory import Broker, MemoryBus, MemoryConsumer
from shared.bus.port import Delivery, Unavailable
from shared.bus.topology import ACCOUNTS
from shared.protocol.bus import Beat, RevocationsWanted
from shared.protocol.codec import encode, pack

WANTED = pack(RevocationsWanted(reply_to="mailbox.a"))
BEAT = pack(Beat(address="mailbox.a"))


class Site:
    """One queue and its consumer. `dead`: the bodies that were given up, and why."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.bus = MemoryBus(self.broker)
        self.count = Counter("dead_letters", "Given up", registry=None)
        self.consumer: MemoryConsumer
        self.reader: BodyReader

    async def open(self) -> None:
        self.consumer = await self.bus.consume([ACCOUNTS], "a", 10)
        self.reader = BodyReader(self.consumer, self.count)

    async def deliver(self, *bodies: bytes) -> list[Delivery]:
        for body in bodies:
            await self.bus.publish(ACCOUNTS, body)
        taken: list[Delivery] = []
        while len(taken) < len(bodies):
            taken += await self.consumer.get()
        return taken

    @property
    def dead(self) -> dict[bytes, str]:
        return {body: reason for _, reason, body in self.broker.dead}

    async def unacknowledged(self) -> list[bytes]:
        """What would come again."""
        await self.consumer.close()
        other = await self.bus.consume([ACCOUNTS], "b", 10)
        await self.bus.publish(ACCOUNTS, b"the end")
        left: list[bytes] = []
        while b"the end" not in left:
            left += [delivery.body for delivery in await other.get()]
        return left[:-1]


@pytest.fixture
async def site() -> Site:
    made = Site()
    await made.open()
    return made


async def test_a_body_gives_its_messages(site: Site) -> None:
    (delivery,) = await site.deliver(encode("s", [WANTED, BEAT], sequence=3))
    body = await site.reader.read(delivery)
    assert body is not None
    assert (body.source, body.sequence, [message.type for message in body.messages]) == (
        "s",
        3,
        ["revocations_wanted", "beat"],
    )
    assert site.dead == {}


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\x00\x00\x00\x02{}", encode("s", [b'{"type":"unheard_of"}'])])
async def test_what_is_malformed_is_counted_and_kept_with_its_reason(site: Site, rubbish: bytes) -> None:
    first, second = await site.deliver(rubbish, encode("s", [WANTED]))
    assert await site.reader.read(first) is None
    assert await site.reader.messages(second, RevocationsWanted) == [RevocationsWanted(reply_to="mailbox.a")]
    assert list(site.dead) == [rubbish]
    assert site.dead[rubbish]
    assert site.count._value.get() == 1


async def test_a_body_with_other_work_is_given_up_whole_and_names_it(site: Site) -> None:
    mixed = encode("s", [WANTED, BEAT])
    (delivery,) = await site.deliver(mixed)
    assert await site.reader.messages(delivery, RevocationsWanted) == []
    assert site.dead == {mixed: "`beat` is not the work of this queue"}


async def test_what_was_given_up_is_still_to_be_acknowledged(site: Site) -> None:
    (delivery,) = await site.deliver(b"rubbish")
    await site.reader.read(delivery)
    assert await site.unacknowledged() == [b"rubbish"]


async def test_a_dead_letter_that_the_bus_does_not_take_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_delivery: Delivery, _reason: str) -> None:
        raise Unavailable("the broker is away")

    monkeypatch.setattr(site.consumer, "reject", away)
    (delivery,) = await site.deliver(b"rubbish")
    assert await site.reader.read(delivery) is None
    assert site.count._value.get() == 1


# ── in order ──


@pytest.fixture
async def acknowledgements(site: Site) -> AsyncIterator[Acknowledgements]:
    made = Acknowledgements(site.consumer, behind=2)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def pending() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def test_nothing_is_acknowledged_before_what_came_before_it(
    site: Site, acknowledgements: Acknowledgements
) -> None:
    first, second = await site.deliver(b"1", b"2")
    slow, quick = pending(), pending()
    await acknowledgements.put(first, [slow])
    await acknowledgements.put(second, [quick])
    quick.set_result(None)
    settled = asyncio.create_task(acknowledgements.settled())
    await asyncio.wait([settled], timeout=0.01)
    assert not settled.done()
    assert await site.unacknowledged() == [b"1", b"2"]


async def test_work_that_fails_is_done_too(site: Site, acknowledgements: Acknowledgements) -> None:
    first, second = await site.deliver(b"1", b"2")
    failed = pending()
    failed.set_exception(ValueError("the work handles its own errors"))
    await acknowledgements.put(first, [failed])
    await acknowledgements.put(second, [])
    await acknowledgements.settled()
    failed.exception()
    assert await site.unacknowledged() == []


async def test_who_takes_waits_while_too_many_are_under_way(site: Site, acknowledgements: Acknowledgements) -> None:
    deliveries, works = await site.deliver(b"1", b"2", b"3", b"4"), [pending() for _ in range(4)]
    # One is being waited for, two wait behind it.
    putting = [
        asyncio.create_task(acknowledgements.put(delivery, [work]))
        for delivery, work in zip(deliveries, works, strict=True)
    ]
    await asyncio.wait(putting, timeout=0.01)
    assert [task.done() for task in putting] == [True, True, True, False]
    for work in works:
        work.set_result(None)
    await asyncio.gather(*putting)
    await acknowledgements.settled()
    assert await site.unacknowledged() == []
