"""A log that begins later: nothing of what was before is told by any door, and what is new goes on as always."""

from __future__ import annotations

from typing import Any

import pytest

from services.router.core.changes import Changes, Item
from services.router.core.entries import Entry
from services.router.core.needs import NOTHING, Older, needs
from services.router.core.room import Room
from services.router.core.step import step
from shared.protocol.bus import Holder, Post, Takeover
from shared.protocol.client import History
from shared.protocol.room_names import private_room
from shared.protocol.server import StoredFile
from tests.contract.routing import (
    NOW_MS,
    Audience,
    chat,
    create,
    deep_page,
    delete,
    edit,
    expire,
    give_role,
    join,
    pin,
    react,
    resume,
    settings,
    submit,
    user,
)

ANNA, BORYS = user(1), user(2)
FILE = StoredFile(id="f1", name="кіт.png", size=3, mime="image/png", url="/api/files/f1")
Frame = dict[str, Any]


class Scene:
    """Anna and Borys in a room with six messages, of which the first three are not kept any more."""

    def __init__(self, first: int = 4) -> None:
        self.room, self.audience = Room("r"), Audience()
        self.run(join("r", ANNA), join("r", BORYS), *(chat("r", ANNA, f"m{n}", f"text {n}") for n in range(1, 7)))
        self.changes = self.run(expire("r", first, files=["f9"]))
        self.hear()

    def run(self, *items: Item, redelivered: bool = False, older: Older = NOTHING) -> Changes:
        items = tuple(item._replace(redelivered=redelivered) for item in items)
        changes = step(self.room, items, NOW_MS, older=older)
        self.audience.attend(changes)
        return changes

    def hear(self, who: str = "u1") -> list[Frame]:
        heard = [frame for frame in self.audience.hear(who) if frame["type"] != "presence"]
        self.audience.hear("u1"), self.audience.hear("u2")
        return heard

    def asks(self, item: Item, who: str = "u1") -> Frame:
        self.run(item)
        (answer,) = self.hear(who)
        return answer


def history(**fields: Any) -> Item:
    return submit(History(type="history", room="r", **fields), ANNA)


def numbers(frame: Frame) -> tuple[list[int], bool]:
    return [entry["seq"] for entry in frame["messages"]], frame["more"]


def test_it_is_written_with_the_files_that_go_and_compared_like_all_else() -> None:
    scene = Scene()
    changes = scene.changes
    assert (changes.first, changes.files_gone, changes.writes) == (4, ["f9"], True)
    assert (changes.seq, changes.version) == (6, changes.version_before + 1), (
        "so whoever does not know it is out of date"
    )
    assert [entry.seq for entry in scene.room.recent] == [4, 5, 6]
    assert scene.room.find("u1", "m1") is None


@pytest.mark.parametrize("item", [expire("r", 4), expire("r", 2), expire("r", 8), expire("r", 5, keep_days=30)])
def test_it_only_ever_moves_on_as_far_as_there_are_entries_and_as_the_room_still_says(item: Item) -> None:
    scene = Scene()
    changes = scene.run(item)
    assert (changes.first, changes.files_gone, changes.writes, changes.requires_version_check) == (
        None,
        [],
        False,
        True,
    )
    assert scene.room.first == 4


def test_a_room_that_is_to_keep_for_longer_by_now_is_looked_at_anew() -> None:
    scene = Scene()
    changes = scene.run(settings("r", ANNA, "s", keep_days=365), expire("r", 6))
    assert changes.first is None
    assert scene.run(expire("r", 6, keep_days=365)).first == 6


def test_a_room_that_is_not_there_stays_so() -> None:
    room = Room("r")
    assert not step(room, [expire("r", 1), expire("r", 2)], NOW_MS).writes


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ({}, ([4, 5, 6], False)),
        ({"before": 6}, ([4, 5], False)),
        ({"before": 6, "limit": 1}, ([5], True)),
        ({"before": 4}, ([], False)),
        ({"before": 2}, ([], False)),
        ({"after": 0}, ([4, 5, 6], False)),
        ({"after": 2, "limit": 2}, ([4, 5], True)),
        ({"after": 4}, ([5, 6], False)),
    ],
)
def test_a_page_begins_there_and_says_so(asked: Frame, listed: tuple[list[int], bool]) -> None:
    page = Scene().asks(history(**asked))
    assert (*numbers(page), page["first"], page["seq"]) == (*listed, 4, 6)


@pytest.mark.parametrize("after", [None, 0, 2, 3])
def test_joined_begins_there_and_says_so(after: int | None) -> None:
    joined = Scene().asks(join("r", ANNA, after=after))
    assert (*numbers(joined), joined["first"], joined["seq"]) == ([4, 5, 6], False, 4, 6)


@pytest.mark.parametrize("after", [0, 2, 3])
def test_resumed_begins_there_and_says_so(after: int) -> None:
    (room,) = Scene().asks(resume({"r": after}, ANNA)[0])["rooms"]
    assert (*numbers(room), room["first"], room["seq"]) == ([4, 5, 6], False, 4, 6)


def test_where_nothing_is_kept_nothing_is_missing() -> None:
    scene = Scene(first=7)
    for item in (history(after=0), history(), join("r", ANNA), join("r", ANNA, after=1)):
        answer = scene.asks(item)
        assert (*numbers(answer), answer["first"]) == ([], False, 7)
    (room,) = scene.asks(resume({"r": 1}, ANNA)[0])["rooms"]
    assert (*numbers(room), room["first"]) == ([], False, 7)
    scene.run(chat("r", ANNA, "next"))
    assert [entry.seq for entry in scene.room.recent] == [7]


def test_a_room_that_keeps_all_says_nothing_of_it() -> None:
    scene = Scene(first=1)
    assert "first" not in scene.asks(history())
    assert "first" not in scene.asks(join("r", ANNA))


def test_a_gateway_that_comes_back_hears_what_is_kept() -> None:
    scene = Scene()
    holder = Holder(session="u1", user=ANNA)
    scene.run(Item(Takeover(address="mailbox.g1.2", room="r", after=1, subscriptions=[holder])))
    assert [frame["seq"] for frame in scene.audience.hear("u1") if frame["type"] == "message"] == [4, 5, 6]


@pytest.mark.parametrize(
    "item",
    [
        chat("r", ANNA, "x", reply_to=3),
        chat("r", ANNA, "x", thread=3),
        edit("r", ANNA, "x", 3, "new"),
        delete("r", ANNA, "x", 3),
        react("r", ANNA, "x", 3, "👍"),
        pin("r", ANNA, "x", 3),
    ],
)
def test_what_is_not_kept_cannot_be_answered_or_changed(item: Item) -> None:
    scene = Scene()
    assert needs(scene.room, [item], sent_back=False) is None, "nor is it looked for"
    before = scene.room.seq
    assert scene.asks(item)["code"] == "no_such_message"
    assert scene.room.seq == before


def test_an_edit_of_what_is_not_kept_bears_no_text_any_more() -> None:
    scene = Scene(first=1)
    scene.run(edit("r", ANNA, "e", 2, "secret"))
    scene.run(expire("r", 4))
    scene.hear()
    page = scene.asks(history(after=6))
    assert [(entry["kind"], entry["of"], "text" in entry) for entry in page["messages"]] == [("edit", 2, False)]


def test_a_page_that_was_read_before_is_read_again() -> None:
    scene = Scene(first=1)
    read = list(scene.room.recent)
    scene.run(expire("r", 4))
    scene.hear()
    asked = history(before=6)
    changes = scene.run(deep_page(asked, read[:5]))
    assert len(changes.reads) == 1
    assert scene.hear() == []
    scene.run(deep_page(asked, read[3:5]))
    (page,) = scene.hear()
    assert numbers(page) == ([4, 5], False)


def test_an_edit_on_a_page_that_was_read_before_bears_no_text_either() -> None:
    scene = Scene(first=1)
    scene.run(edit("r", ANNA, "e", 2, "secret"))
    read: list[Entry] = list(scene.room.recent)
    scene.run(expire("r", 4))
    scene.hear()
    scene.run(deep_page(history(after=3), read[3:]))
    (page,) = scene.hear()
    assert "secret" not in str(page)
    assert numbers(page) == ([4, 5, 6, 7], False)


def test_what_is_sent_again_is_acknowledged_and_told_nobody_else() -> None:
    scene = Scene(first=1)
    (first, *_) = scene.room.recent
    scene.run(expire("r", 4))
    scene.hear()
    older = Older({("u1", "m1"): first}, {})
    changes = scene.run(chat("r", ANNA, "m1", "text 1"), redelivered=True, older=older)
    assert changes.messages == []
    assert [frame["seq"] for frame in scene.audience.hear("u1")] == [1]
    assert scene.audience.hear("u2") == []


def test_a_room_is_made_once_also_when_its_beginning_is_not_kept() -> None:
    name = private_room(ANNA.id, "new")
    room, audience = Room(name), Audience()
    audience.attend(step(room, [create(ANNA, "new", "Budget")], NOW_MS))
    step(room, [expire(name, room.seq + 1)], NOW_MS)
    audience.hear("u1")
    audience.attend(step(room, [create(ANNA, "new", "Budget")], NOW_MS))
    (joined,) = [frame for frame in audience.hear("u1") if frame["type"] != "presence"]
    assert (joined["type"], joined["title"], joined["messages"]) == ("joined", "Budget", [])


def test_an_owner_alone_says_for_how_long_and_may_take_it_back() -> None:
    scene = Scene(first=1)
    scene.run(give_role("r", ANNA, "g", BORYS, "moderator"))
    scene.hear()
    assert scene.asks(settings("r", BORYS, "s1", keep_days=30), "u2")["code"] == "forbidden"
    change = scene.asks(settings("r", ANNA, "s2", keep_days=30))
    assert (change["type"], change["kind"], change["keep_days"]) == ("change", "room", 30)
    assert scene.asks(join("r", ANNA))["keep_days"] == 30
    assert scene.asks(settings("r", ANNA, "s3", keep_days=0))["keep_days"] == 0
    assert "keep_days" not in scene.asks(join("r", ANNA))


def test_files_of_a_room_can_be_posted_after() -> None:
    scene = Scene(first=7)
    changes = scene.run(Item(Post(room="r", user=ANNA, id="f", file=FILE)))
    assert [message.seq for message in changes.messages] == [7]
