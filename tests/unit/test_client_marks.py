"""What a session knows of what is one's own of a room: the mark, the level, and what is unread by these."""

from __future__ import annotations

from typing import Any

from shared.client.core import events
from shared.client.core.events import ClientError, JsonFrame
from shared.client.core.marks import Unread
from tests.unit.room_server import ME
from tests.unit.test_client_session import World, calm, joined, talked

YOU = {"id": "you", "name": "you"}


def unread(world: World) -> Unread | None:
    return world.session.rooms["r"].unread("me")


def read(world: World, seq: int, user: JsonFrame = ME) -> None:
    world.session.receive({"type": "read", "room": "r", "user": user, "seq": seq})


def summary(read_seq: int, **more: Any) -> JsonFrame:
    return {"type": "rooms", "rooms": [{"room": "r", "seq": 9, "read_seq": read_seq, **more}, {"room": "elsewhere"}]}


def ask(world: World, **frame: Any) -> JsonFrame:
    """The frame as it goes out."""
    answers: list[JsonFrame | ClientError] = []
    world.session.ask(frame, answers.append)
    return world.up.pop()


def called(world: World, id: str, *users: str, sender: str = "you") -> None:
    before = len(world.server.rooms["r"])
    world._tell("r", before, world.server.append("r", sender, id, id, mentions=sorted(users)))
    world.settle()


def test_messages_of_others_after_the_mark_are_unread_and_some_mention_one() -> None:
    world = talked(0)
    joined(world, "r", 0)
    read(world, 0)
    called(world, "a", "me", "they")
    called(world, "b", "they")
    called(world, "c", "me", sender="me")
    assert unread(world) == Unread(2, 1)
    read(world, 1)
    assert unread(world) == Unread(1, 0)
    read(world, 3, YOU)
    assert unread(world) == Unread(1, 0), "that is how far somebody else has read"


def test_an_edit_adds_and_takes_mentions_and_a_deletion_all() -> None:
    world = talked(0)
    joined(world, "r", 0)
    read(world, 0)
    called(world, "a")
    for id, kind, mentions, expected in (
        ("e1", "edit", {"text": "x", "mentions": ["me"]}, Unread(1, 1)),
        ("e2", "edit", {"text": "y"}, Unread(1, 0)),
        ("e3", "edit", {"text": "z", "mentions": ["me"]}, Unread(1, 1)),
        ("d", "delete", {}, Unread(0, 0)),
    ):
        before = len(world.server.rooms["r"])
        world._tell("r", before, world.server.change("r", "you", id, kind, 1, **mentions))
        world.settle()
        assert unread(world) == expected


def test_what_is_unread_cannot_be_told_before_the_mark_is_known_or_from_a_part_of_it() -> None:
    world = calm()
    for n in range(60):
        world.say("r", "you", f"o-{n}")
    joined(world, "r")
    assert unread(world) is None, "nobody has said how far it is read"
    read(world, 5)
    assert unread(world) is None, "its messages are here from 11 on"
    read(world, 10)
    assert unread(world) == Unread(50, 0)


def test_what_is_unread_cannot_be_told_of_what_was_let_go() -> None:
    world = calm()
    joined(world, "r", 0)
    world.session.rooms["r"].log._keep = 3
    read(world, 1)
    for n in range(4):
        world.say("r", "you", f"o-{n}")
    world.settle()
    assert unread(world) == Unread(3, 0)
    world.say("r", "you", "another")
    world.settle()
    assert unread(world) is None


def test_the_list_of_rooms_tells_the_mark_and_the_level() -> None:
    world = talked(2)
    marks = world.session.rooms["r"].marks
    asked = ask(world, type="rooms")
    world.session.receive({**summary(1, notify="none"), "ref": asked["ref"]})
    assert (marks.read_seq, marks.level) == (1, "none")
    asked = ask(world, type="rooms")
    world.session.receive({**summary(0), "ref": asked["ref"]})
    assert (marks.read_seq, marks.level) == (0, "all"), "it is another membership"


def test_a_list_that_was_asked_for_before_something_was_told_does_not_take_it_back() -> None:
    world = talked(2)
    marks = world.session.rooms["r"].marks
    asked = ask(world, type="rooms")
    read(world, 2)
    world.session.receive({**summary(1), "ref": asked["ref"]})
    assert marks.read_seq == 2


def test_a_level_that_is_set_here_or_on_another_device_is_told() -> None:
    world = talked(0)
    joined(world, "r", 0)
    asked = ask(world, type="notify", room="r", level="mentions")
    world.session.receive({"type": "notify", "room": "r", "level": "mentions", "ref": asked["ref"]})
    assert world.session.rooms["r"].marks.level == "mentions"
    world.session.receive({"type": "notify", "room": "r", "level": "none"})
    assert world.session.rooms["r"].marks.level == "none"
    told = [e for e in world.events if isinstance(e, events.AlertedOf)]
    assert told == [events.AlertedOf("r", "mentions"), events.AlertedOf("r", "none")]
