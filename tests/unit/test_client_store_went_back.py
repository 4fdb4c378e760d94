"""A store that went back (a copied folder, a snapshot, a replica that lagged) has the same epoch and less than the
client knows: the client drops the room and knows it anew. What merely came early or late is no sign of it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from shared.client.core import events
from shared.client.core.events import Message, Refused
from tests.unit.test_client_session import World, calm, joined


def talked(count: int, after: int | None = 0) -> World:
    world = calm()
    joined(world, "r", after)
    for n in range(count):
        world.say("r", "you", f"old-{n}")
    world.settle()
    return world


def go_back(world: World, seq: int) -> None:
    world.server.rooms["r"] = world.server.rooms["r"][:seq]


def held(world: World) -> list[str]:
    return [m.id for m in world.session.rooms["r"].log.messages]


def stored(world: World) -> list[str]:
    return [m["id"] for m in world.server.rooms["r"] if m["type"] == "message"]


def went_back(world: World) -> int:
    return world.events.count(events.WentBack("r"))


def test_a_room_with_less_than_was_known_is_known_anew_and_what_is_said_then_appears() -> None:
    world = talked(11)
    world.cut()
    go_back(world, 5)
    world.connect()
    world.settle()
    assert went_back(world) == 1
    world.say("r", "you", "new")
    world.session.outbox.write({"type": "chat", "room": "r", "id": "mine", "text": "mine"})
    world.settle()
    assert held(world) == stored(world)
    assert stored(world)[5:] == ["new", "mine"]
    assert isinstance(world.outcomes["mine"], Message)


def test_what_was_not_acknowledged_goes_to_the_store_that_is_there_now() -> None:
    world = talked(11)
    world.cut()
    go_back(world, 5)
    world.session.outbox.write({"type": "chat", "room": "r", "id": "mine", "text": "mine"})
    world.connect()
    world.settle()
    assert held(world) == stored(world)
    assert stored(world)[5:] == ["mine"]


def test_another_message_under_a_number_that_is_held_is_a_store_that_went_back() -> None:
    world = talked(11)
    go_back(world, 5)
    world.say("r", "you", "new")
    world.settle()
    assert went_back(world) == 1
    assert held(world) == stored(world)


def test_one_s_own_copy_under_a_number_that_is_held_is_acknowledged_and_stands_in_the_log() -> None:
    world = talked(11)
    go_back(world, 5)
    world.session.outbox.write({"type": "chat", "room": "r", "id": "mine", "text": "mine"})
    world.settle()
    assert isinstance(world.outcomes["mine"], Message)
    assert held(world) == stored(world)


def test_who_asks_for_more_than_there_ever_was_is_told_and_hears_what_comes() -> None:
    world = calm()
    world.say("r", "you", "one")
    joined(world, "r", 300)
    assert went_back(world) == 1
    world.say("r", "you", "two")
    world.settle()
    assert held(world) == ["two"]


def test_messages_that_overtake_the_answer_to_a_join_are_no_sign_of_it() -> None:
    world = talked(3)
    world.cut()
    world.connect()
    world.handle(world.up.popleft())  # the join; its answer is on its way
    world.say("r", "you", "early")
    world.down.rotate(1)
    world.settle()
    assert went_back(world) == 0
    assert held(world) == stored(world)


def test_a_change_that_waits_does_not_happen_to_another_message_of_the_store_that_is_there_now() -> None:
    world = talked(11)
    world.cut()
    go_back(world, 5)
    world.server.append("r", "me", "other", "mine, and another")
    world.session.outbox.write({"type": "delete", "room": "r", "id": "w-1", "of": 6})
    world.session.outbox.write({"type": "chat", "room": "r", "id": "w-2", "text": "w-2"})
    world.connect()
    world.settle()
    assert isinstance(world.outcomes["w-1"], Refused)
    assert isinstance(world.outcomes["w-2"], Message)
    assert stored(world)[5:] == ["other", "w-2"]


def test_a_change_under_the_number_of_a_message_is_a_store_that_went_back() -> None:
    world = talked(11)
    go_back(world, 5)
    world.meddle("r", "you", "new")
    world.settle()
    assert went_back(world) == 1
    assert held(world) == stored(world)


@given(st.integers(0, 2**32), st.floats(0, 0.5))
def test_a_network_that_does_its_worst_is_no_sign_of_it(seed: int, bad: float) -> None:
    chance = random.Random(seed)
    world = World(chance, bad)
    world.session.join("r", 0, lambda _: None)
    for n in range(100):
        match chance.random():
            case x if x < 0.15:
                world.session.outbox.write({"type": "chat", "room": "r", "id": f"w-{n}", "text": f"w-{n}"})
            case x if x < 0.25:
                world.say("r", "you", f"o-{n}")
            case x if x < 0.35:
                world.meddle("r", "you", f"c-{n}")
            case x if x < 0.38:
                world.cut()
            case x if x < 0.5:
                world.connect()
            case _:
                world.turn()
    world.settle()
    assert went_back(world) == 0


@given(st.integers(0, 2**32), st.floats(0, 0.5))
def test_however_often_it_goes_back_in_the_end_all_is_as_it_is_stored(seed: int, bad: float) -> None:
    chance = random.Random(seed)
    world = World(chance, bad)
    world.session.join("r", 0, lambda _: None)
    for n in range(100):
        match chance.random():
            case x if x < 0.3:
                world.say("r", "you", f"o-{n}")
            case x if x < 0.34 and "r" in world.server.rooms:
                # As a process ends and begins again over an older folder: the connection goes with it, and everybody is
                # back before as much has been said as was lost.
                world.cut()
                go_back(world, chance.randrange(len(world.server.rooms["r"]) + 1))
                bad_before, world.bad = world.bad, 0.0
                world.connect()
                world.settle()
                world.bad = bad_before
            case x if x < 0.4:
                world.connect()
            case _:
                world.turn()
    world.settle()
    world.say("r", "you", "the last")
    world.settle()
    assert held(world) == stored(world)
