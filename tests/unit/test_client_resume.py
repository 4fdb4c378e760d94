"""How the client comes back to many rooms."""

from __future__ import annotations

from typing import Any

from shared.client.core.events import JsonFrame
from tests.unit.test_client_session import World, calm, joined

MANY = [f"room-{n}" for n in range(150)]


def away(rooms: list[str]) -> World:
    """A client that has been in these rooms; in each something is said after its connection is gone."""
    world = calm()
    for room in rooms:
        joined(world, room, 0)
    world.settle()
    world.cut()
    for room in rooms:
        world.say(room, "you", "meanwhile")
    world.handled.clear()
    return world


def asked(world: World, kind: str) -> list[Any]:
    frames = [frame for frame in world.handled if frame["type"] == kind]
    return [frame.get("room") or [each["room"] for each in frame["rooms"]] for frame in frames]


def is_whole(world: World, rooms: list[str]) -> bool:
    return all(world.session.is_joined(room) and world.shown(room) == [1] for room in rooms)


def answer(world: World, *answers: JsonFrame) -> None:
    """The server answers the `resume` that has come with these frames, instead of its own."""
    frame = world.up.popleft()
    assert frame["type"] == "resume"
    world.handled.append(frame)
    world.down.extend({**each, "ref": frame["ref"]} for each in answers)


def resumed(world: World, *rooms: str) -> JsonFrame:
    world.sat.update(rooms)
    told = [{**world.server.joined({"room": room, "after": 0})} for room in rooms]
    for each in told:
        del each["type"]
    return {"type": "resumed", "rooms": told}


def error(code: str, retryable: bool) -> JsonFrame:
    return {"type": "error", "code": code, "text": "", "retryable": retryable}


def test_all_rooms_come_back_by_one_frame_for_a_hundred_of_them() -> None:
    world = away(MANY)
    world.connect()
    world.settle()
    assert asked(world, "resume") == [MANY[:100], MANY[100:]]
    assert asked(world, "join") == []
    assert is_whole(world, MANY)


def test_what_a_part_of_the_answer_leaves_open_is_asked_for_again_and_no_more() -> None:
    for last in ([], [error("unavailable", True)]):  # silence, or a refusal that ends by itself
        world = away(["a", "b", "c"])
        world.connect()
        answer(world, resumed(world, "b"), *last)
        world.settle()
        assert asked(world, "resume") == [["a", "b", "c"], ["a", "c"]]
        assert (asked(world, "join"), is_whole(world, ["a", "b", "c"])) == ([], True)


def test_a_server_that_does_not_know_it_is_asked_to_join_each_room() -> None:
    world = away(MANY)
    world.connect()
    answer(world, error("invalid_frame", False))
    world.settle()
    assert (len(asked(world, "resume")), sorted(asked(world, "join"))) == (1, sorted(MANY))
    assert is_whole(world, MANY)


def test_a_room_that_is_refused_alone_is_joined() -> None:
    world = away(["a", "b"])
    world.connect()
    refused = {"type": "resumed", "rooms": [{"room": "a", "error": {"code": "not_joined", "text": ""}}]}
    answer(world, refused, resumed(world, "b"))
    world.settle()
    assert (asked(world, "join"), is_whole(world, ["a", "b"])) == (["a"], True)


def test_a_room_that_was_never_joined_is_joined() -> None:
    world = away(["a"])
    world.session.join("new", 0, lambda _: None)
    world.connect()
    world.settle()
    assert (asked(world, "resume"), asked(world, "join")) == ([["a"]], ["new"])
