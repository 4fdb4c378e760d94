"""However a client hears of a room, live, late, twice, in pages that are newer or say less than they hold: it ends with
what the changes, one after the other, make of the messages. docs/protocol.md, "The room is a log of entries".

The cases are shared with the browser's client: web/test/client/conversation.test.ts reads them as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import permutations
from math import factorial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.core.events import Arrived, Changed, Message, entry_of
from shared.client.core.room_log import RoomLog, Told
from tests.unit.room_server import RoomServer

FILES = [Path(__file__).parents[1] / "cases" / f"{name}.json" for name in ("conversation", "threads", "mentions")]
CASES: list[dict[str, Any]] = [case for file in FILES for case in json.loads(file.read_text())["cases"]]
ALL_ORDERS_UP_TO = 5
ORDERS = 200


def joined(start: dict[str, Any]) -> RoomLog:
    log = RoomLog()
    log.joined_fresh([Message.of(m) for m in start["messages"]], start["seq"], start.get("as_of", start["seq"]))
    return log


def take(log: RoomLog, arrival: dict[str, Any]) -> None:
    [(how, said)] = arrival.items()
    if how == "live":
        log.receive(entry_of(said))
        return
    entries = [entry_of(m) for m in said["messages"]]
    if how == "page_after":
        log.page(said["after"], said["up_to"], entries, said["more"], said["seq"])
    else:
        messages = [entry for entry in entries if isinstance(entry, Message)]
        log.start_anew(said["before"] - 1, messages, said["seq"])


def orders(case: dict[str, Any], chance: Random) -> Iterator[list[dict[str, Any]]]:
    """All that are to be tried: the given one, or all, or a sample of them."""
    arrivals: list[dict[str, Any]] = case["arrivals"]
    yield arrivals
    if case["any_order"] and len(arrivals) <= ALL_ORDERS_UP_TO:
        yield from map(list, permutations(arrivals))
    elif case["any_order"]:
        for _ in range(min(ORDERS, factorial(len(arrivals)))):
            yield chance.sample(arrivals, len(arrivals))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_case_that_all_clients_share(case: dict[str, Any], seed: int) -> None:
    expected = case["expected"]
    for arrivals in orders(case, Random(seed)):
        log = joined(case["start"])
        for arrival in arrivals:
            take(log, arrival)
        assert log.messages == [Message.of(m) for m in expected["messages"]], arrivals
        assert log.whole == expected["whole"], arrivals


class Conversation:
    """A room's log, and what it was like after each of its entries. `understated`: answers hold more than they say."""

    def __init__(self, chance: Random, length: int, understated: bool) -> None:
        self._chance, self._understated = chance, understated
        self.server = RoomServer()
        self._after: list[list[dict[str, Any]]] = [[]]
        for n in range(length):
            who = chance.choice(["you", "they", "others"])
            if chance.random() < 0.3 or self.server.any_change(chance, "r", who, f"e-{n}") is None:
                self.server.any_message(chance, "r", who, f"e-{n}")
            self._after.append([self.server.shown("r", seq) for seq in range(1, len(self.server.rooms["r"]) + 1)])

    @property
    def newest(self) -> int:
        return len(self._after) - 1

    def stored(self, start: int) -> list[Message]:
        return [Message.of(m) for m in self._after[-1] if m["seq"] >= start and m["type"] == "message"]

    def message(self, seq: int, after: int) -> Message:
        """As it was after that entry."""
        return Message.of(self._after[after][seq - 1])

    def live(self, seq: int) -> dict[str, Any]:
        """As it was sent at once; or later once more, as it was then."""
        return self._after[self._chance.randint(seq, self.newest) if self._understated else seq][seq - 1]

    def page_after(self, after: int, limit: int) -> dict[str, Any]:
        seen = self._chance.randint(after, self.newest)
        listed = self._after[seen][after : after + limit]
        said = self._chance.randint(after, seen) if self._understated else seen
        up_to = after + len(listed)
        return {"after": after, "up_to": up_to, "seq": said, "messages": listed, "more": False}

    def page_before(self, before: int, limit: int) -> dict[str, Any]:
        seen = self._chance.randint(before - 1, self.newest)
        listed = [m for m in self._after[seen][: before - 1] if m["type"] == "message"][-limit:]
        said = self._chance.randint(before - 1, seen) if self._understated else seen
        return {"before": before, "seq": said, "messages": listed, "more": True}

    def start(self, seen: int, limit: int) -> dict[str, Any]:
        page = self.page_before(seen + 1, limit)
        messages = [m for m in self._after[seen] if m["type"] == "message"][-limit:]
        as_of = self._chance.randint(0, seen) if self._understated else seen
        return {**page, "seq": seen, "as_of": as_of, "messages": messages}


def told(log_told: list[Told]) -> list[int]:
    return [each.message.seq if isinstance(each, Arrived) else each.change.seq for each in log_told]


@given(st.integers(0, 2**32), st.booleans())
def test_in_whatever_order_and_through_whatever_door_all_is_as_the_changes_leave_it(
    seed: int, understated: bool
) -> None:
    chance = Random(seed)
    room = Conversation(chance, chance.randint(1, 60), understated)
    log = joined(room.start(chance.randint(0, room.newest), chance.randint(1, 20)))
    for _ in range(chance.randint(0, 80)):
        match chance.random():
            case x if x < 0.7:
                take(log, {"live": room.live(chance.randint(1, room.newest))})
            case x if x < 0.95:
                page = room.page_after(chance.randint(0, room.newest), chance.randint(1, 10))
                take(log, {"page_after": page})
            case _ if log.target > log.whole:
                take(log, {"page_before": room.page_before(log.target + 1, chance.randint(1, 20))})
    log.expect(room.newest)
    while (hole := log.hole) is not None:
        page = room.page_after(hole.first - 1, min(10, hole.last - hole.first + 1))
        take(log, {"page_after": {**page, "more": True}})
    assert log.start is not None
    assert log.messages == room.stored(log.start)


@given(st.integers(0, 2**32))
def test_every_entry_is_told_once_and_in_order_and_with_its_message_as_it_is_then(seed: int) -> None:
    chance = Random(seed)
    room = Conversation(chance, chance.randint(1, 40), understated=False)
    log, seen = RoomLog(), list[Told]()
    log.begin_after(0)
    arrivals = chance.sample(range(1, room.newest + 1), room.newest)
    for seq in arrivals:
        seen += log.receive(entry_of(room.live(seq)))
    assert told(seen) == list(range(1, room.newest + 1))
    for each in seen:
        if isinstance(each, Changed):
            assert each.message == room.message(each.change.of, after=each.change.seq)
        elif isinstance(each, Arrived) and each.message.thread is not None:
            assert each.root == room.message(each.message.thread, after=each.message.seq)
