"""What a gateway does with what the routers say, for a client that does not read."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from services.gateway import notices
from services.gateway.core.subscriptions import Subscriptions
from services.gateway.deliver import Deliver
from services.gateway.framing import Framed, Framing
from services.router.core.audience import one
from services.router.core.outgoing import Answer, Out, Outgoing
from shared.protocol.codec import encode


class Slow:
    """A connection; whether it is `full` decides what becomes of notices."""

    def __init__(self) -> None:
        self.session, self.overlooked, self.socket = "s", set[str](), self
        self.full = False
        self.heard: list[bytes] = []

    def write(self, framed: Framed, droppable: bool = False) -> bool:
        if self.full and droppable:
            return False
        self.heard.append(framed.plain[2:])
        return True

    def overlooks(self, room: str) -> None:
        self.overlooked.add(room)


def gateway() -> tuple[Deliver, Slow, set[int]]:
    """With one connection, which sits in the room `r`; and the questions that are open."""
    connection, asked = Slow(), {7}
    entry: Any = SimpleNamespace(sessions={"s": connection})
    subscriptions: Any = Subscriptions()

    def answered(n: int, rooms: list[str] | None) -> bool:
        open_ = n in asked
        asked.discard(n)
        return open_

    questions: Any = SimpleNamespace(answered=answered)
    forward: Any = SimpleNamespace()
    subscriptions.add("r", connection, 0)
    return Deliver(entry, subscriptions, questions, Framing(0), forward), connection, asked


def said(deliver: Deliver, out: Outgoing) -> None:
    outs: list[Out] = out.done()
    deliver.body(encode("router", (o.part for o in outs), (frame for o in outs for frame in o.payload)))
    deliver.write()


async def test_a_notice_that_is_dropped_is_remembered_by_its_room_and_no_message_is() -> None:
    deliver, connection, _ = gateway()
    connection.full = True
    out = Outgoing("r")
    out.entry(one("here"), 1, b"{message}")
    out.notice(one("here"), b"{presence}")
    said(deliver, out)
    assert (connection.heard, connection.overlooked) == ([b"{message}"], {"r"})


async def test_what_is_told_anew_may_be_dropped_as_well_and_is_asked_for_again() -> None:
    deliver, connection, _ = gateway()
    connection.full = True
    out = Outgoing("r")
    out.notice_to("here", "s", b"{present}")
    said(deliver, out)
    assert (connection.heard, connection.overlooked) == ([], {"r"})
    connection.full = False
    said(deliver, out)
    assert connection.heard == [b"{present}"]


async def test_of_two_answers_to_one_question_the_first_is_passed_on() -> None:
    deliver, connection, _ = gateway()
    for frame in (b"{joined}", b"{error}"):
        out = Outgoing("r")
        out.answer("here", Answer("s", "x", question=7), frame)
        said(deliver, out)
    assert connection.heard == [b"{joined}"]


async def test_notices_are_written_at_once_while_there_is_little_of_them() -> None:
    deliver, connection, _ = gateway()
    for n in range(3):
        out = Outgoing("r")
        out.notice(one("here"), b"{presence %d}" % n)
        said(deliver, out)
        assert connection.heard == [b"{presence %d}" % m for m in range(n + 1)]


async def test_where_there_is_much_of_them_they_are_gathered_and_the_last_comes_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "LEAST_S", -1.0)
    monkeypatch.setattr(notices, "PAUSE", 0)
    deliver, connection, _ = gateway()
    for n in range(3):
        out = Outgoing("r")
        out.notice(one("here"), b"{presence %d}" % n)
        said(deliver, out)
    assert connection.heard == [b"{presence 0}"]
    await asyncio.sleep(0.01)
    assert connection.heard[1] == framed_without_head(b"{presence 1}", b"{presence 2}")


async def test_a_message_does_not_wait_for_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "LEAST_S", -1.0)
    deliver, connection, _ = gateway()
    out = Outgoing("r")
    out.notice(one("here"), b"{presence 0}")
    out.notice(one("here"), b"{presence 1}")
    out.entry(one("here"), 1, b"{message}")
    said(deliver, out)
    out = Outgoing("r")
    out.notice(one("here"), b"{presence 2}")
    out.entry(one("here"), 2, b"{another}")
    said(deliver, out)
    assert connection.heard[-1] == b"{another}"
    assert not any(b"presence 2" in heard for heard in connection.heard)


def framed_without_head(*frames: bytes) -> bytes:
    return Framing(0).framed(*frames).plain[2:]
