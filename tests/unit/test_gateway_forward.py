"""What waits for a shard that does not answer: how much of it goes, who is refused, and when it goes after all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.gateway import forward
from services.gateway.forward import BODIES, SHARE, Forward
from shared.bus.batching import Linger
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import TooLarge
from shared.bus.topology import shard_queue
from shared.protocol.bus import WIRE, Beat
from shared.protocol.codec import decode
from shared.protocol.errors import ErrorCode

BODY = 10_000
SHARD = shard_queue(0)
FRAME = b'{"type":"beat","address":"%b"}' % (b"x" * 870)


class Speaker:
    """Remembers what it was refused."""

    def __init__(self) -> None:
        self.refused: list[tuple[ErrorCode, str | None, int | None]] = []

    def refuse(self, code: ErrorCode, text: str, ref: str | None, retry_after_ms: int | None = None) -> None:
        self.refused.append((code, ref, retry_after_ms))


class Side:
    """A gateway's side of one shard, whose queue nobody reads."""

    def __init__(self) -> None:
        self.broker = Broker()
        self.forward = Forward(
            MemoryBus(self.broker), "mailbox.gateway", shards=1, bound=1 << 20, body_bytes=BODY,
            linger=Linger(0.0, 1.0), files_bound=1 << 20,
        )  # fmt: skip

    def bodies(self) -> list[bytes]:
        return [body for body, _ in self.broker.queue(SHARD).ready]

    async def settles(self) -> None:
        """Nothing more happens by itself."""
        before = -1
        while len(self.bodies()) != before:
            before = len(self.bodies())
            for _ in range(20):
                await asyncio.sleep(0)

    async def flood(self, speaker: Speaker, frames: int) -> None:
        for n in range(frames):
            self.forward.to_room("r", FRAME, speaker, str(n))
            await asyncio.sleep(0)
        await self.settles()


@pytest_asyncio.fixture
async def side() -> AsyncIterator[Side]:
    made = Side()
    yield made
    await made.forward.flush()


async def test_no_more_than_the_window_is_on_its_way_to_a_shard_that_does_not_answer(side: Side) -> None:
    await side.flood(Speaker(), 200)
    assert BODY < sum(map(len, side.bodies())) <= 1.1 * BODIES * BODY  # the heads, too


async def test_who_floods_is_refused_and_the_quiet_are_not(side: Side) -> None:
    loud, quiet = Speaker(), Speaker()
    await side.flood(loud, 200)
    assert side.forward.waiting(loud) >= SHARE
    assert loud.refused
    assert {(code, retry) for code, _, retry in loud.refused} == {(ErrorCode.OVERLOADED, 1_000)}
    for n in range(SHARE):
        side.forward.to_room("r", FRAME, quiet, str(n))
    assert not quiet.refused


async def test_a_question_that_cannot_be_sent_is_told_to_itself_and_counts_as_its_askers(side: Side) -> None:
    loud, question = Speaker(), Speaker()
    for n in range(200):
        side.forward.to_room("r", FRAME, loud, str(n), question)
        await asyncio.sleep(0)
    assert (bool(question.refused), bool(loud.refused)) == (True, False)
    assert side.forward.waiting(loud) >= SHARE
    assert side.forward.waiting(question) == 0


async def test_an_answer_lets_what_waits_go_on_in_order(side: Side) -> None:
    speaker = Speaker()
    await side.flood(speaker, 60)
    gone = len(side.bodies())
    body, _ = decode(side.bodies()[-1])
    assert body.source == "mailbox.gateway"
    side.forward.acknowledged(SHARD, body.sequence, WIRE)
    await side.settles()
    assert len(side.bodies()) > gone
    assert [decode(body)[0].sequence for body in side.bodies()] == list(range(1, len(side.bodies()) + 1))


async def test_what_may_be_untrue_by_then_is_said_anew_and_not_sent_late(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "RETRY_S", 0.0)
    bus, said = side.forward._bus, asyncio.Event()
    assert isinstance(bus, MemoryBus)
    bus.connected = False
    side.forward.own("r", Beat(address="as it was"), again=said.set)
    await said.wait()
    bus.connected = True
    side.forward.own("r", Beat(address="as it is"))
    await side.settles()
    assert [m.address for body in side.bodies() for m in decode(body)[0].messages] == ["as it is"]  # type: ignore[union-attr]


async def test_a_gateway_that_ends_keeps_nothing_back(side: Side) -> None:
    speaker = Speaker()
    await side.flood(speaker, 100)
    await side.forward.flush()
    assert side.forward.waiting(speaker) == 0
    sent = sum(len(decode(body)[0].messages) for body in side.bodies())
    assert sent + len(speaker.refused) == 100


class Narrow(MemoryBus):
    """A bus whose bodies are smaller than its gateway believes."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker, body_bytes=1_000)
        self.refused = 0

    async def publish(self, to: str, body: bytes) -> None:
        try:
            await super().publish(to, body)
        except TooLarge:
            self.refused += 1
            raise


async def test_what_no_body_has_room_for_is_told_once_and_never_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "RETRY_S", 0.0)
    broker, speaker = Broker(), Speaker()
    bus = Narrow(broker)
    side = Forward(
        bus,
        "mailbox.gateway",
        shards=1,
        bound=1 << 20,
        body_bytes=BODY,
        linger=Linger(0.0, 1.0),
        files_bound=1 << 20,
    )
    async with asyncio.timeout(5):
        side.to_room("r", b"{" + b" " * 2_000 + b"}", speaker, "large")
        await side.flush()
        side.own("r", Beat(address="x" * 2_000))
        await side.flush()
        await asyncio.sleep(0)  # whatever is to be tried again is by now
        side.to_room("r", FRAME[:100], speaker, "small")
        await side.flush()
    assert speaker.refused == [(ErrorCode.TOO_LARGE, "large", None)]
    assert bus.refused == 2
    assert len(broker.queue(SHARD).ready) == 1
