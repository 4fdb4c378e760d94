"""How a room stands, its title, settings and people, and one's own role in it: as `joined` says it, and as the changes
after that leave it. docs/protocol.md, promise 7. In whatever order they come: test_client_session.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.client.core.events import SETTINGS, Person, RoomChange, RoomChanged, Standing, entry_of
from shared.client.core.room_log import RoomLog
from shared.client.core.standing import after, standing_of
from tests.unit.test_client_session import World, calm, joined, same

ANN, BOB = Person("ann", "Ann", "owner"), Person("bob", "Bob")
STANDS = Standing(5, "bob", "title", people={"ann": ANN, "bob": BOB})


def member(seq: int, id: str, role: str | None) -> RoomChange:
    return RoomChange("r", seq, f"c-{seq}", "member", "ann", "Ann", "at", {}, Person(id, id.title(), role))


def setting(seq: int, **settings: Any) -> RoomChange:
    return RoomChange("r", seq, f"c-{seq}", "room", "ann", "Ann", "at", settings)


def room(world: World, *users: str) -> RoomLog:
    world.server.make("r", "you", "m", "title", ["me", *users])
    joined(world, "r", 0)
    return world.session.rooms["r"].log


CASES = json.loads((Path(__file__).parents[1] / "cases" / "standing.json").read_text())
"""The browser client reads them, too: web/test/client/standing-cases.test.ts."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_room_stands_as_the_table_says(case: dict[str, Any]) -> None:
    standing = standing_of(case["joined"], case["me"])
    for frame in case["changes"]:
        change = entry_of(frame)
        assert isinstance(change, RoomChange)
        standing = after(standing, change)
    said = {name: getattr(standing, name) for name in (*SETTINGS, "role")}
    people = None if standing.people is None else sorted([p.id, p.role] for p in standing.people.values())
    assert {**said, "people": people} == case["stands"]


def test_joined_says_how_a_room_stands_and_leaves_out_what_is_plain() -> None:
    people = [{"id": "ann", "name": "Ann", "role": "owner"}, {"id": "bob", "name": "Bob"}]
    frame = {"type": "joined", "room": "~r", "seq": 5, "private": True, "people": people, "title": "title"}
    assert standing_of(frame, "bob") == STANDS
    public = standing_of({"type": "joined", "room": "r", "seq": 5, "role": "owner", "archived": True}, "bob")
    assert public == Standing(5, "bob", archived=True, role="owner", people=None)


def test_a_change_lets_somebody_in_or_out_or_gives_a_role() -> None:
    let_in = after(STANDS, member(6, "cy", "member"))
    assert let_in.people == {"ann": ANN, "bob": BOB, "cy": Person("cy", "Cy")}
    given = after(let_in, member(7, "bob", "moderator"))
    assert (given.role, given.people["bob"].role if given.people else None) == ("moderator", "moderator")
    out = after(given, member(8, "bob", None))
    assert (out.role, out.people) == (None, {"ann": ANN, "cy": Person("cy", "Cy")})


def test_what_is_set_stays_until_it_is_set_again() -> None:
    set_twice = after(after(STANDS, setting(6, topic="topic", posting="moderators")), setting(7, topic=""))
    assert set_twice == STANDS._replace(as_of=7, topic="", posting="moderators")


def test_what_a_standing_holds_already_changes_nothing() -> None:
    assert after(STANDS, setting(5, title="older")) == STANDS
    assert after(STANDS, member(4, "ann", None)) == STANDS


def test_of_a_public_room_one_knows_ones_own_role_alone() -> None:
    public = STANDS._replace(people=None)
    assert after(public, member(6, "ann", None)) == public._replace(as_of=6)
    assert after(public, member(6, "bob", "owner")) == public._replace(as_of=6, role="owner")


def test_a_change_that_only_a_newer_server_knows_changes_nothing() -> None:
    assert after(STANDS, setting(6)._replace(kind="member")) == STANDS._replace(as_of=6)


def test_a_change_of_the_room_is_told_with_how_it_stands_then() -> None:
    log = RoomLog()
    log.begin_after(5)
    log.stands(STANDS)
    assert log.receive(setting(7, title="newest")) == [], "it waits for what comes before it"
    assert log.standing == STANDS
    told = log.receive(setting(6, title="newer"))
    assert [e.standing.title for e in told if isinstance(e, RoomChanged) and e.standing] == ["newer", "newest"]
    assert log.receive(setting(6, title="newer")) == []


def test_an_answer_that_is_older_than_what_came_since_takes_nothing_back() -> None:
    log = RoomLog()
    log.begin_after(4)
    log.receive(setting(5, title="title"))
    log.receive(setting(6, title="newest"))
    assert log.standing is None
    for _ in range(2):
        log.stands(STANDS)
        assert log.standing == STANDS._replace(as_of=6, title="newest")


def test_entries_that_joined_lists_and_its_standing_holds_are_told_and_change_nothing() -> None:
    world = calm()
    world.server.make("r", "you", "m", "title", ["me"])
    world.server.govern("r", "you", "t", "room", title="today")
    joined(world, "r", 0)
    told = [e for e in world.events if isinstance(e, RoomChanged)]
    assert [e.change.seq for e in told] == [1, 2, 3, 4]
    assert {e.standing.title for e in told if e.standing} == {"today"}
    same(world, "r")


def test_what_happened_in_an_absence_is_known_after_it() -> None:
    world = calm()
    room(world, "they")
    world.cut()
    world.server.let_in("r", "you", "x", "they", None)
    world.server.let_in("r", "you", "y", "me", "moderator")
    world.connect()
    world.settle()
    same(world, "r")


def test_where_a_new_start_has_passed_over_changes_of_the_room_it_is_said_anew_how_that_stands() -> None:
    world = calm(catch_up=3)
    log = room(world, "they")
    for n in range(9):  # none of which comes by itself
        world.server.govern("r", "you", f"t-{n}", "room", title=f"title {n}")
    world.say("r", "you", "the first that comes")
    world.settle()
    assert log.standing is not None
    assert log.standing.title == "title 8"
    same(world, "r")


def test_a_store_that_went_back_says_anew_how_a_room_stands() -> None:
    world = calm()
    room(world, "they")
    world.govern("r", "you", "t", "room", title="gone")
    world.settle()
    world.cut()
    world.server.rooms["r"].pop()
    world.server.standings["r"]["title"] = "title"
    world.connect()
    world.settle()
    same(world, "r")
