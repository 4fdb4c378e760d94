"""What goes to each gateway is numbered, so that what is lost shows, and shows soon."""

from __future__ import annotations

import asyncio

import pytest

from services.router import outboxes as module
from services.router.core.outgoing import Out, one
from services.router.outboxes import Outboxes
from shared.bus.batching import Pace
from shared.bus.memory import Broker, MemoryBus
from shared.bus.port import BusError, Overloaded, Unroutable
from shared.protocol.codec import decode

ADDRESS = "mailbox.gateway.g1.1"


class Line(MemoryBus):
    """A bus that fails as often as it is told, and keeps what it took."""

    def __init__(self, *fails: BusError) -> None:
        super().__init__(Broker())
        self.fails, self.taken = list(fails), asyncio.Queue[int]()

    async def publish(self, to: str, body: bytes) -> None:
        assert to == ADDRESS
        if self.fails:
            raise self.fails.pop(0)
        self.taken.put_nowait(decode(body)[0].n)


def outboxes(bus: Line, gone: list[str]) -> Outboxes:
    return Outboxes(
        bus, "router.r1", bound=1_000, batch_bytes=100, new_pace=lambda: Pace(0, 1), on_gone=gone.append
    )  # fmt: skip


async def test_a_loss_shows_though_nothing_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOW_S", 0.01)
    bus = Line(Overloaded("an alarm"), Overloaded("still"), Overloaded("still"))
    outboxes(bus, []).send([Out(one(ADDRESS), b"", (b"{}",))])
    async with asyncio.timeout(20):
        assert await bus.taken.get() == 4, "the numbers of the three that were lost are used up"


async def test_who_is_gone_is_reported_and_not_sought(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOW_S", 0.01)
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
