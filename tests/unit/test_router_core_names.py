"""A room comes into being in small letters, so that no two differ in capitals by accident; what exists is reached as it
is named.
"""

from __future__ import annotations

from typing import Any

import pytest

from services.router.core.changes import Changes, Item
from services.router.core.room import Room
from services.router.core.step import step
from tests.contract.routing import NOW_MS, Audience, chat, join, user

ANNA, BORYS = user(1), user(2)


def asked(room: Room, *items: Item) -> tuple[Changes, Audience]:
    audience, changes = Audience(), step(room, items, NOW_MS)
    audience.attend(changes)
    return changes, audience


def heard(audience: Audience, kind: str) -> list[dict[str, Any]]:
    return [frame for frame in audience.hear(ANNA.id) if frame["type"] == kind]


@pytest.mark.parametrize(("name", "small"), [("General", "general"), ("Кухня", "кухня"), ("ＡＢ", "ab"), ("İ", "i")])
def test_a_room_that_is_not_there_comes_into_being_in_small_letters_alone(name: str, small: str) -> None:
    room = Room(name)
    changes, audience = asked(room, join(name, ANNA))
    (error,) = heard(audience, "error")
    assert error["code"] == "no_such_room"
    assert error["text"].endswith(f": {small}"), "the sentence says under which name it would"
    assert (changes.writes, changes.requires_version_check, room.exists, room.members) == (False, True, False, {})

    _, audience = asked(Room(small), join(small, ANNA))
    assert [frame["room"] for frame in heard(audience, "joined")] == [small]


def test_a_name_that_nobody_can_see_is_no_new_room_s() -> None:
    changes, audience = asked(Room("\u3164"), join("\u3164", ANNA))
    assert [(e["code"], e["text"]) for e in heard(audience, "error")] == [
        ("no_such_room", "There is no room of this name, and a new one needs a name that can be seen.")
    ]
    assert not changes.writes


def test_a_room_that_is_there_is_entered_under_the_name_that_it_has() -> None:
    """Rooms were made under any name before."""
    room = Room("General", exists=True)
    _, audience = asked(room, join("General", ANNA), chat("General", ANNA, "a"))
    assert len(heard(audience, "joined")) == 1
    assert set(room.members) == {ANNA.id}


def test_a_refusal_to_coin_a_name_does_not_stand_in_the_way_of_others() -> None:
    room = Room("General")
    changes, audience = asked(room, join("General", ANNA), chat("General", ANNA, "a"), join("General", BORYS))
    assert [frame["code"] for frame in audience.hear(ANNA.id)] == ["no_such_room", "no_such_room"]
    assert [frame["code"] for frame in audience.hear(BORYS.id)] == ["no_such_room"]
    assert not changes.writes
