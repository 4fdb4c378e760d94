"""What the server keeps no longer is let go, and nothing of it is missed, however the client comes to hear of it.
web/test/client/retention.test.ts has the same cases."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.core.events import Arrived, Changed, Expired, RoomChanged, Skipped
from shared.client.core.room_log import Hole
from tests.unit.test_client_log import following, held, message, messages, seqs
from tests.unit.test_client_session import World, calm, joined, same


def test_what_is_held_of_it_goes_and_the_rest_stays() -> None:
    log = following(0)
    for n in range(1, 6):
        log.receive(message(n))
    assert log.begins(4) == []
    assert (held(log), log.start, log.whole) == ([4, 5], 4, 5)
    assert log.begins(4) is None
    assert log.begins(2) is None


def test_nothing_of_it_is_missing_and_what_follows_is_told() -> None:
    log = following(0)
    log.receive(message(1))
    for n in (3, 4, 7):
        assert log.receive(message(n)) == []
    told = log.begins(4)
    assert told is not None
    assert (seqs(told), log.hole) == ([4], Hole(5, 6))


def test_a_log_that_ends_before_it_goes_on_there() -> None:
    log = following(0)
    log.receive(message(1))
    assert log.begins(9) == []
    assert (held(log), log.is_whole, log.resume_after) == ([], True, 8)
    assert seqs(log.receive(message(9))) == [9]


def test_a_page_that_was_read_before_brings_nothing_of_it_back() -> None:
    log = following(0)
    log.expect(6)
    log.begins(4)
    assert seqs(log.page(0, 6, messages(1, 2, 3, 4), more=True, as_of=4)) == [4]
    assert (held(log), log.hole) == ([4], Hole(5, 6))


def begun(count: int = 20, **options: Any) -> World:
    """So much was said, and heard."""
    world = calm(**options)
    joined(world, "r", 0)
    for n in range(count):
        world.say("r", "you", f"o-{n}")
    world.settle()
    return world


def of(world: World, kind: type) -> list[Any]:
    return [event for event in world.events if isinstance(event, kind)]


def histories(world: World) -> int:
    return sum(frame["type"] == "history" for frame in world.handled)


@pytest.mark.parametrize("first", [5, 21, 25, 31])
def test_who_comes_back_goes_on_at_the_first_without_asking_for_what_is_gone(first: int) -> None:
    world = begun()
    world.cut()
    for n in range(20, 30):
        world.say("r", "you", f"o-{n}")
    world.server.expire("r", first)
    world.connect()
    world.settle()
    log = world.session.rooms["r"].log
    assert [m.seq for m in log.messages] == list(range(first, 31))
    assert (log.is_whole, log.first, histories(world)) == (True, first, 0)
    assert of(world, Expired) == [Expired("r", first)]
    assert world.shown("r") == [n for n in range(1, 31) if n <= 20 or n >= first]


def test_who_has_a_hole_there_asks_once() -> None:
    world = begun()
    world.bad = 1.0
    for n in range(20, 30):
        world.say("r", "you", f"o-{n}")  # nobody hears it
    world.bad = 0.0
    world.server.expire("r", 26)
    world.say("r", "you", "o-30")
    world.settle()
    log = world.session.rooms["r"].log
    assert (log.is_whole, log.first, histories(world)) == (True, 26, 1)
    assert [m.seq for m in log.messages] == list(range(26, 32))


@given(st.integers(0, 2**32), st.floats(0, 0.5), st.sampled_from([3, 10, None]))
def test_whatever_goes_in_between_everybody_ends_with_what_a_new_client_finds(
    seed: int, bad: float, catch_up: int | None
) -> None:
    chance = random.Random(seed)
    world = World(chance, bad, catch_up=catch_up)
    world.connect()
    joined(world, "r")
    world.bad = bad
    for n in range(150):
        match chance.random():
            case x if x < 0.2:
                world.say("r", "you", f"o-{n}")
            case x if x < 0.3:
                world.meddle("r", "you", f"c-{n}")
            case x if x < 0.33:
                world.server.expire("r", chance.randrange(len(world.server.rooms.get("r", [])) + 2))
            case x if x < 0.38:
                world.cut()
            case x if x < 0.5:
                world.connect()
            case _:
                world.turn()
    world.settle()
    world.say("r", "you", "the last")
    world.cut()
    world.settle()
    log, first = world.session.rooms["r"].log, world.server.first["r"]
    assert log.start is not None
    assert [m.seq for m in log.messages] == [m["seq"] for m in world.server.messages("r") if m["seq"] >= log.start]
    assert (log.first, log.is_whole) == (first, True)
    assert log.start >= first
    same(world, "r")
    newest = 0
    for event in world.events:
        if isinstance(event, Arrived | Changed | RoomChanged):
            seq = event.message.seq if isinstance(event, Arrived) else event.change.seq
            assert seq > newest
            newest = seq
        elif isinstance(event, Skipped):
            newest = max(newest, event.last)
