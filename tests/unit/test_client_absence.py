"""A client that comes back fetches what it missed, up to a bound. After a longer absence a room starts anew at its
newest messages, says what it passed over, and asks for nothing that nobody wants to see.
web/test/client/absence.test.ts has the same cases."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.core import events
from shared.client.core.events import Arrived, Changed, JsonFrame, Message, RoomChanged, Skipped
from tests.unit.test_client_session import World, calm, joined, same


def absent(missed: int, after: int | None = None, **options: Any) -> World:
    """Ten messages were seen, `missed` were not, and the connection is there again."""
    world = calm(**options)
    joined(world, "r", after)
    talk(world, 10)
    world.settle()
    world.cut()
    talk(world, missed)
    world.handled.clear()
    world.connect()
    return world


def talk(world: World, count: int) -> None:
    """Somebody says so much, to whoever is there."""
    log = world.server.rooms["r"]
    for seq in range(len(log) + 1, len(log) + count + 1):
        log.append(chat(seq))
        if "r" in world.sat:
            world.down.append(log[-1])


def chat(seq: int) -> JsonFrame:
    sender = {"id": "you", "name": "you"}
    common = {"type": "message", "room": "r", "kind": "chat", "from": sender, "at": "", "text": "x"}
    return {**common, "seq": seq, "id": f"o-{seq}"}


def histories(world: World) -> list[JsonFrame]:
    return [frame for frame in world.handled if frame["type"] == "history"]


def skipped(world: World) -> list[Skipped]:
    return [event for event in world.events if isinstance(event, Skipped)]


def held(world: World) -> list[int]:
    return [message.seq for message in world.session.rooms["r"].log.messages]


def test_after_ten_thousand_messages_one_page_is_asked_for_and_the_room_starts_anew() -> None:
    world = absent(10_000)
    world.settle()
    assert len(histories(world)) == 1
    assert held(world) == list(range(9_961, 10_011))
    assert world.shown("r") == [*range(1, 11), *range(9_961, 10_011)]
    assert skipped(world) == [Skipped("r", 11, 9_960, 10_010)]
    log = world.session.rooms["r"].log
    assert (log.start, log.is_whole, log.resume_after) == (9_961, True, 10_010)
    assert world.events[-1] == events.CaughtUp("r", 10_010)


def test_what_was_passed_over_is_told_before_what_follows_it() -> None:
    world = absent(2_000)
    world.settle()
    told = [event for event in world.events if isinstance(event, Arrived | Skipped)]
    assert told.index(Skipped("r", 11, 1_960, 2_010)) == 10


@pytest.mark.parametrize(("missed", "starts"), [(1_000, 1), (1_001, 962)])
def test_up_to_the_bound_everything_is_fetched(missed: int, starts: int) -> None:
    world = absent(missed)
    world.settle()
    assert held(world) == list(range(starts, missed + 11))
    assert world.shown("r") == [n for n in range(1, missed + 11) if n <= 10 or n >= starts]
    assert len(skipped(world)) == (starts > 1)


def test_a_client_without_a_bound_fetches_everything() -> None:
    world = absent(3_000, catch_up=None)
    world.settle()
    assert world.shown("r") == list(range(1, 3_011))
    assert not skipped(world)


def test_a_room_that_is_wanted_from_a_number_on_is_fetched_whole() -> None:
    world = absent(3_000, after=0)
    world.settle()
    assert world.shown("r") == list(range(1, 3_011))
    assert not skipped(world)


def test_what_is_said_meanwhile_follows() -> None:
    world = absent(5_000)
    world.handle(world.up.popleft())
    talk(world, 3)  # these come by themselves, between the answer to the join and the newest page
    world.session.receive(world.down.popleft())
    world.settle()
    assert len(histories(world)) == 1
    assert held(world) == list(range(4_961, 5_014))
    assert skipped(world) == [Skipped("r", 11, 4_960, 5_010)]


def test_a_connection_that_breaks_meanwhile_loses_nothing() -> None:
    world = absent(5_000)
    world.handle(world.up.popleft())
    world.session.receive(world.down.popleft())
    assert [frame["type"] for frame in world.up] == ["history"]
    world.cut()
    talk(world, 100)
    world.connect()
    world.settle()
    assert held(world) == list(range(5_061, 5_111))
    assert skipped(world) == [Skipped("r", 11, 5_060, 5_110)]


def test_a_jump_beyond_the_bound_on_a_live_connection_starts_anew_too() -> None:
    world = absent(0)
    world.settle()
    world.sat.clear()  # the server has lost us
    talk(world, 4_000)
    world.sat.add("r")
    talk(world, 1)
    world.settle()
    assert len(histories(world)) == 1
    assert held(world) == list(range(3_962, 4_012))


def test_what_was_passed_over_comes_when_it_is_asked_for() -> None:
    world = absent(5_000)
    world.settle()
    start = world.session.rooms["r"].log.start
    pages: list[Any] = []
    world.session.ask({"type": "history", "room": "r", "before": start, "limit": 50}, pages.append)
    world.settle()
    assert [message["seq"] for message in pages[0]["messages"]] == list(range(4_911, 4_961))
    assert held(world) == list(range(4_961, 5_011)), "the log is as it was"


def test_what_was_written_before_and_passed_over_is_acknowledged_all_the_same() -> None:
    world = absent(0)
    world.settle()
    world.session.outbox.write({"type": "chat", "room": "r", "id": "mine", "text": "mine"})
    world.handle(world.up.popleft())  # it is stored, and its acknowledgement is lost
    world.cut()
    talk(world, 5_000)
    world.connect()
    world.settle()
    outcome = world.outcomes["mine"]
    assert isinstance(outcome, Message)
    assert outcome.seq == 11
    assert held(world) == list(range(4_962, 5_012))


def test_a_small_bound_is_the_size_of_the_page_as_well() -> None:
    world = absent(30, catch_up=20)
    world.settle()
    assert held(world) == list(range(21, 41))
    assert skipped(world) == [Skipped("r", 11, 20, 40)]


def test_a_newest_page_that_reaches_what_is_held_takes_its_place_since_it_lists_no_changes() -> None:
    world = absent(0, catch_up=20)
    world.settle()
    world.cut()
    talk(world, 2)
    for n in range(25):
        world.server.change("r", "you", f"c-{n}", "edit", 10 - n % 3, text=f"text {n}")
    world.server.change("r", "you", "c-pin", "pin", 2, on=True)
    world.connect()
    world.settle()
    assert len(histories(world)) == 1
    assert histories(world)[0]["limit"] == 20
    assert skipped(world) == [Skipped("r", 11, 10, 38)]
    assert world.told("r") == list(range(1, 13)), "what was shown already is not shown again"
    assert held(world) == list(range(1, 13))
    same(world, "r")
    world.meddle("r", "you", "one more")
    world.settle()
    assert world.told("r")[-1] == len(world.server.rooms["r"])
    same(world, "r")


def test_a_page_that_comes_when_nothing_is_missing_any_more_changes_nothing() -> None:
    world = absent(0, catch_up=0)
    world.settle()
    talk(world, 2)
    late = world.down.popleft()
    world.session.receive(world.down.popleft())
    assert [frame["type"] for frame in world.up] == ["history"]
    world.session.receive(late)
    world.settle()
    assert world.told("r") == list(range(1, 13))
    assert not skipped(world)


@given(st.integers(0, 2**32), st.floats(0, 0.5), st.sampled_from([0, 3, 10]))
def test_whatever_the_network_does_what_is_shown_has_no_gap_but_those_that_were_told(
    seed: int, bad: float, catch_up: int
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
            case x if x < 0.35:
                world.cut()
            case x if x < 0.5:
                world.connect()
            case _:
                world.turn()
    world.settle()
    world.say("r", "you", "the last")
    world.settle()
    told = [e for e in world.events if isinstance(e, Arrived | Changed | RoomChanged | Skipped)]
    log = world.session.rooms["r"].log
    newest = through = 0
    for event in told:
        if isinstance(event, Skipped):
            assert event.first == max(newest, through) + 1
            newest, through = max(newest, event.last), event.through
            continue
        seq = event.message.seq if isinstance(event, Arrived) else event.change.seq
        assert seq > newest
        between = world.server.rooms["r"][newest : seq - 1]
        passed = [entry["type"] == "change" and entry["seq"] <= through for entry in between]
        assert all(passed), "but changes that were passed over"
        newest = seq
    assert newest == len(world.server.rooms["r"])
    assert log.start is not None
    assert held(world) == [m["seq"] for m in world.server.messages("r") if m["seq"] >= log.start]
    same(world, "r")
