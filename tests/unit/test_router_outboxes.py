"""What goes to each gateway is numbered, so that what is lost shows, and shows soon."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from services.router import outboxes as module
from services.router.core.audience import one
from services.router.core.outgoing import Answer, Out, Outgoing
from services.router.outboxes import Outboxes
from shared.bus.batching import Linger
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import BusError, Overloaded, Unroutable
from shared.protocol.bus import Direct, Envelope
from shared.protocol.codec import decode

ADDRESS = "mailbox.gateway.g1.1"


class Line(MemoryBus):
    """A bus that fails as often as it is told, and keeps what it took, while it is `open`."""

    def __init__(self, *fails: BusError) -> None:
        super().__init__(Broker())
        self.fails, self.taken, self.bodies = list(fails), asyncio.Queue[int](), list[tuple[Envelope, bytes]]()
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.open.set()

    async def publish(self, to: str, body: bytes) -> None:
        assert to == ADDRESS
        self.asked.set()
        await self.open.wait()
        if self.fails:
            raise self.fails.pop(0)
        head, payload = decode(body)
        self.bodies.append((head, bytes(payload)))
        self.taken.put_nowait(head.sequence)


def outboxes(bus: Line, gone: list[str]) -> Outboxes:
    return Outboxes(
        bus, "router.r1", bound=1_000, refusals=100, batch_bytes=100, new_linger=lambda: Linger(0, 1),
        on_gone=gone.append,
    )  # fmt: skip


async def test_a_loss_shows_though_nothing_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOW_LOSS_S", 0.01)
    bus = Line(Overloaded("an alarm"), Overloaded("still"), Overloaded("still"))
    outboxes(bus, []).send([Out(one(ADDRESS), b"", (b"{}",))])
    async with asyncio.timeout(20):
        assert await bus.taken.get() == 4, "the numbers of the three that were lost are used up"


async def test_who_is_gone_is_reported_and_not_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOW_LOSS_S", 0.01)
    gone: list[str] = []
    bus = Line(Overloaded("an alarm"), Unroutable("gone"))
    boxes = outboxes(bus, gone)
    (sent,) = boxes.send([Out(one(ADDRESS), b"", (b"{}",))])
    await sent
    (sent,) = boxes.send([Out(one(ADDRESS), b"", (b"{}",))])
    await sent
    assert gone == [ADDRESS]
    (sent,) = boxes.send([Out(one(ADDRESS), b"", (b"{}",))])
    await sent
    assert await bus.taken.get() == 1, "a new life is numbered anew"


def answer(number: int, size: int, question: bool = True) -> Out:
    out = Outgoing("r")
    asked = Answer(f"session-{number}", f"ref-{number}", question=number if question else None)
    out.answer(ADDRESS, asked, b'"%b"' % (b"x" * size))
    return out.done()[0]


def refusals(bus: Line) -> list[tuple[str, int | None, dict[str, Any]]]:
    """Whom the bodies tell to ask again, of which question, and how."""
    found = []
    for head, payload in bus.bodies:
        at = 0
        for message in head.messages:
            assert isinstance(message, Direct)
            frame = json.loads(payload[at : at + message.sizes[0]])
            at += message.sizes[0]
            if isinstance(frame, dict):
                found.append((message.session, message.question, frame))
    return found


async def test_an_answer_that_finds_no_room_is_refused_and_nothing_else_is_lost() -> None:
    bus = Line()
    sent = outboxes(bus, []).send([answer(n, 400) for n in range(5)])
    await asyncio.wait(sent)
    assert [(session, question) for session, question, _ in refusals(bus)] == [
        (f"session-{n}", n) for n in range(2, 5)
    ], "two of them fit"
    for n, (_, _, frame) in enumerate(refusals(bus), 2):
        assert (frame["code"], frame["retryable"], frame["ref"]) == ("overloaded", True, f"ref-{n}")
        assert frame["retry_after_ms"] > 0
    assert [head.sequence for head, _ in bus.bodies] == list(range(1, len(bus.bodies) + 1)), "no number is used up"


async def test_an_answer_that_was_lost_with_its_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOW_LOSS_S", 0.01)
    bus = Line(Overloaded("an alarm"), Overloaded("still"))
    outboxes(bus, []).send([answer(1, 10), answer(2, 10, question=False)])
    async with asyncio.timeout(20):
        await bus.taken.get()
    assert [session for session, _, _ in refusals(bus)] == ["session-1"], "what was written is sent again by its writer"


async def test_refusals_have_a_bound_and_what_is_beyond_shows_as_a_loss() -> None:
    bus = Line()
    sent = outboxes(bus, []).send([answer(n, 900) for n in range(103)])
    await asyncio.wait(sent)
    assert len(refusals(bus)) == 100
    (first, _), *_ = bus.bodies
    assert first.sequence == 3, "two numbers are used up"


async def test_what_found_no_room_behind_a_body_on_its_way_shows_though_nothing_else_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SHOW_LOSS_S", 0.01)
    bus = Line()
    bus.open.clear()
    boxes = outboxes(bus, [])
    boxes.send([Out(one(ADDRESS), b"", (b"x" * 2_000,))])
    await asyncio.wait_for(bus.asked.wait(), 20)  # the body has its number, and is on its way
    boxes.send([Out(one(ADDRESS), b"", (b"{}",))])
    bus.open.set()
    async with asyncio.timeout(20):
        assert [await bus.taken.get(), await bus.taken.get()] == [1, 3]
