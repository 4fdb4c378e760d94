"""Rooms of some in the client: it makes them, lets others in and out, accepts invitations, and forgets a room that it
was removed from. docs/protocol.md, "Rooms of some"."""

from __future__ import annotations

from typing import Any

import pytest

from shared.client.core import events
from shared.client.core.events import (
    About,
    ClientError,
    Device,
    Disconnected,
    JsonFrame,
    Left,
    Message,
    Person,
    Refused,
    entry_of,
)
from tests.unit.room_server import ME
from tests.unit.test_client_session import World, calm, joined, same

Answers = list[JsonFrame | ClientError]
CREATE = {"type": "create", "id": "m-1", "title": "title", "users": ["you"]}
MADE = "~create-m-1"


def make(world: World, frame: JsonFrame = CREATE) -> Answers:
    answers: Answers = []
    world.session.make(frame, answers.append)
    return answers


def made(world: World) -> str:
    make(world)
    world.settle()
    return MADE


def leave(world: World, room: str) -> Answers:
    answers: Answers = []
    world.session.leave(room, answers.append)
    return answers


def sent(world: World, kind: str) -> list[JsonFrame]:
    """What goes out of this kind and has not been handled yet."""
    return [frame for frame in world.up if frame["type"] == kind]


def resumed(world: World) -> list[str]:
    return [room["room"] for frame in sent(world, "resume") for room in frame["rooms"]]


def refuse(world: World, frame: JsonFrame, code: str) -> None:
    ref = frame.get("ref", frame.get("id"))
    world.session.receive({"type": "error", "code": code, "text": "No.", "retryable": False, "ref": ref})


def removed(world: World, room: str, by: str | None = "you") -> None:
    """The server ends the membership of this session's user."""
    world.server.let_in(room, by or "me", f"out-{len(world.events)}", "me", None)
    world.sat.discard(room)
    world.session.receive({"type": "left", "room": room} | ({} if by is None else {"by": {"id": by, "name": by}}))


def invite(world: World, room: str, id: str) -> None:
    """Somebody lets us in, which stands in our own log."""
    world.server.make(room, "you", "m", "title", [])
    world.server.let_in(room, "you", id, "me", "member")
    before = len(world.server.rooms.get("~me", ()))
    about = {"room": room, "title": "title"}
    world._tell("~me", before, world.server._store("~me", "you", f"~{id}", {"kind": "invited", "about": about}))


# ── rooms that the server makes ──


def test_a_room_that_was_made_is_joined_as_any_other() -> None:
    world = calm()
    answers = make(world)
    world.settle()
    assert [answer["room"] for answer in answers if not isinstance(answer, ClientError)] == [MADE]
    same(world, MADE)
    world.say(MADE, "you", "hello")
    world.settle()
    assert world.shown(MADE) == [4]
    world.cut()
    world.connect()
    assert resumed(world) == [MADE]


def test_what_makes_a_room_is_sent_again_under_its_id_until_it_is_answered() -> None:
    world = calm()
    answers = make(world)
    [first] = world.up
    world.cut()
    make(world, {"type": "direct", "id": "m-2", "users": ["you"]})
    world.connect()
    assert [frame["id"] for frame in world.up] == ["m-1", "m-2"]
    assert {**world.up[0], "ref": first["ref"]} == first
    world.settle()
    assert len(answers) == 1
    assert {MADE, "~direct-m-2"} == world.session.rooms.keys()
    assert len(world.session.making) == 0
    world.cut()
    world.connect()
    assert sent(world, "create") == []


def test_a_room_that_the_server_will_not_make_is_refused() -> None:
    world = calm()
    answers = make(world)
    refuse(world, world.up.popleft(), "no_such_user")
    [answer] = answers
    assert isinstance(answer, Refused)
    assert answer.code == "no_such_user"
    assert world.session.rooms == {}
    world.cut()
    world.connect()
    assert not world.up


def test_a_room_that_is_known_already_goes_on_when_it_is_made_again() -> None:
    world = calm()
    frame = {"type": "direct", "id": "m", "users": ["you"]}
    make(world, frame)
    world.settle()
    world.say("~direct-m", "you", "hello")
    world.settle()
    told = list(world.events)
    answers = make(world, frame)
    world.settle()
    assert len(answers) == 1
    assert world.events == told
    same(world, "~direct-m")


def test_what_is_not_made_yet_ends_with_the_client() -> None:
    world = calm()
    answers = make(world)
    world.session.close()
    assert [type(answer) for answer in answers] == [Disconnected]


# ── who governs ──


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "invite", "user": "they"},
        {"type": "remove", "user": "you"},
        {"type": "role", "user": "you", "role": "moderator"},
        {"type": "settings", "title": "another", "archived": True},
    ],
    ids=lambda frame: frame["type"],
)
def test_what_governs_a_room_is_acknowledged_by_its_own_copy_and_sent_again_until_then(frame: JsonFrame) -> None:
    world = calm()
    room = made(world)
    world.session.outbox.write({**frame, "room": room, "id": "g"})
    world.cut()
    world.connect()
    world.settle()
    assert [f["id"] for f in world.handled if f["type"] == frame["type"]][-1:] == ["g"]
    outcome = world.outcomes["g"]
    assert not isinstance(outcome, Refused)
    assert outcome.seq == 4
    same(world, room)


# ── who has to go ──


def test_who_is_removed_forgets_the_room_and_does_not_join_it_anew() -> None:
    world = calm()
    room = made(world)
    world.session.outbox.write({"type": "chat", "room": room, "id": "w", "text": "text"})
    removed(world, room)
    assert [e for e in world.events if isinstance(e, Left)] == [Left(room, Person("you", "you", None))]
    assert room not in world.session.rooms
    outcome = world.outcomes["w"]
    assert isinstance(outcome, Refused)
    assert outcome.code == "not_joined"
    world.say(room, "you", "behind his back")
    world.cut()
    world.connect()
    assert not world.up


def test_who_was_removed_while_away_learns_of_it() -> None:
    world = calm()
    room = made(world)
    world.cut()
    world.connect()
    no = {"room": room, "error": {"code": "no_such_room", "text": "No."}}
    world.session.receive({"type": "resumed", "rooms": [no], "ref": world.up.popleft()["ref"]})
    refuse(world, world.up.popleft(), "no_such_room")
    assert [e for e in world.events if isinstance(e, Left)] == [Left(room)]
    assert room not in world.session.rooms


def test_a_room_that_was_never_joined_is_not_left() -> None:
    world = calm()
    answers: Answers = []
    world.session.join("~secret", None, answers.append)
    refuse(world, world.up.popleft(), "no_such_room")
    assert len(answers) == 1
    assert not [e for e in world.events if isinstance(e, Left)]


def test_who_is_told_that_there_is_no_such_room_asks_whether_he_is_in_it() -> None:
    world = calm()
    room = made(world)
    world.session.outbox.write({"type": "chat", "room": room, "id": "w", "text": "text"})
    refuse(world, world.up.popleft(), "no_such_room")
    [join] = world.up
    assert (join["type"], join["room"]) == ("join", room)
    world.up.clear()
    refuse(world, join, "no_such_room")
    assert room not in world.session.rooms
    assert isinstance(world.outcomes["w"], Refused)


def test_who_removes_himself_is_acknowledged_although_he_is_out_by_then() -> None:
    world = calm()
    room = made(world)
    world.session.outbox.write({"type": "remove", "room": room, "id": "g", "user": "me"}, leaves=True)
    frame = world.up.popleft()
    removed(world, room, by=None)
    assert world.outcomes == {}
    world.cut()
    world.connect()
    assert list(world.up) == [frame], "its answer was lost, so it is sent again"
    gone = {"type": "change", "room": room, "seq": 4, "id": "g", "kind": "member", "from": ME, "at": "", "user": ME}
    world.session.receive(gone)
    outcome = world.outcomes["g"]
    assert not isinstance(outcome, Refused)
    assert outcome.seq == 4
    assert len(world.session.outbox) == 0


def test_who_is_no_member_to_be_removed_is_refused() -> None:
    world = calm()
    world.session.outbox.write({"type": "remove", "room": "r", "id": "g", "user": "me"}, leaves=True)
    refuse(world, world.up.popleft(), "not_joined")
    assert isinstance(world.outcomes["g"], Refused)
    assert len(world.session.outbox) == 0


# ── left, and joined: which came later? ──


def test_who_hears_left_while_he_asks_to_come_in_waits_for_the_answer() -> None:
    world = calm()
    room = made(world)
    world.session.outbox.write({"type": "chat", "room": room, "id": "w", "text": "text"})
    refuse(world, world.up.popleft(), "not_joined")
    [join] = world.up
    world.session.receive({"type": "left", "room": room, "by": {"id": "you", "name": "you"}})
    assert not [e for e in world.events if isinstance(e, Left)]
    refuse(world, world.up.popleft(), "no_such_room")
    assert [e for e in world.events if isinstance(e, Left)] == [Left(room, Person("you", "you", None))]
    assert join["room"] not in world.session.rooms


def test_a_join_that_came_after_left_counts() -> None:
    world = calm()
    joined(world, "r", 0)
    world.session.not_joined("r")
    world.session.receive({"type": "left", "room": "r"})
    world.settle()
    assert world.session.is_joined("r")
    assert not [e for e in world.events if isinstance(e, Left)]


def test_who_leaves_does_not_come_back_for_what_was_refused_meanwhile() -> None:
    world = calm()
    joined(world, "r", 0)
    world.session.outbox.write({"type": "chat", "room": "r", "id": "w", "text": "text"})
    answers = leave(world, "r")
    refuse(world, world.up.popleft(), "not_joined")
    assert sent(world, "join") == []
    world.settle()
    assert [answer["type"] for answer in answers if not isinstance(answer, ClientError)] == ["left"]
    assert "r" not in world.session.rooms


def test_who_leaves_while_he_comes_in_leaves_after_that() -> None:
    world = calm()
    world.session.join("r", 0, lambda _: None)
    answers = leave(world, "r")
    assert sent(world, "leave") == []
    world.settle()
    assert len(answers) == 1
    assert "r" not in world.session.rooms


@pytest.mark.parametrize("code", ["no_such_room", "not_joined"])
def test_who_asks_again_to_leave_and_is_no_member_any_more_has_left(code: str) -> None:
    world = calm()
    room = made(world)
    answers = leave(world, room)
    refuse(world, world.up.popleft(), code)
    assert answers == [{"type": "left", "room": room}]
    assert room not in world.session.rooms


def test_who_may_not_leave_stays() -> None:
    world = calm()
    room = made(world)
    answers = leave(world, room)
    refuse(world, world.up.popleft(), "forbidden")
    assert isinstance(answers[0], Refused)
    assert world.session.is_joined(room)
    world.cut()
    world.connect()
    assert resumed(world) == [room]


# ── one's own log ──


def test_ones_own_log_tells_which_room_something_happened_in() -> None:
    world = calm()
    joined(world, "~me", 0)
    invite(world, "~r", "i")
    world.settle()
    told = [e.message for e in world.events if isinstance(e, events.Arrived)]
    assert told == [
        Message("~me", 1, "~i", "invited", "you", "you", "", "", None, about=About("~r", "title"))
    ]  # fmt: skip
    assert "~r" not in world.session.rooms, "it was not told to accept invitations"


def test_ones_own_log_tells_what_one_has_signed_in_on() -> None:
    device: JsonFrame = {"at": "2026-11-28T12:00:00.000Z", "name": "curl/8.5.0", "address": "192.0.2.7"}
    frame: JsonFrame = {"room": "~me", "seq": 1, "id": "~i", "kind": "signed_in", "from": {"id": "me", "name": "me"}}
    message = entry_of({**frame, "at": "2026-11-28T12:00:01.000Z", "device": device})
    assert isinstance(message, Message)
    assert message.device == Device("2026-11-28T12:00:00.000Z", "curl/8.5.0", "192.0.2.7")
    del device["name"], device["address"]
    bare = entry_of({**frame, "at": "2026-11-28T12:00:01.000Z", "device": device})
    assert isinstance(bare, Message)
    assert bare.device == Device("2026-11-28T12:00:00.000Z")


def accepting(**options: Any) -> World:
    world = calm(accept=True, **options)
    world.settle()
    return world


def test_who_accepts_invitations_joins_the_rooms_they_are_to() -> None:
    world = accepting()
    invite(world, "~r", "i")
    world.settle()
    assert world.session.is_joined("~r")
    same(world, "~r")


def test_invitations_from_before_are_not_accepted() -> None:
    world = calm(accept=True)
    invite(world, "~old", "i")
    world.settle()
    assert "~old" not in world.session.rooms
    world.cut()
    invite(world, "~new", "j")
    world.connect()
    world.settle()
    assert "~old" not in world.session.rooms
    assert world.session.is_joined("~new")


def test_who_is_invited_once_more_is_in_once_more() -> None:
    world = accepting()
    invite(world, "~r", "i")
    world.settle()
    removed(world, "~r")
    world.settle()
    assert "~r" not in world.session.rooms
    invite(world, "~r", "j")
    world.settle()
    assert world.session.is_joined("~r")
    same(world, "~r")
