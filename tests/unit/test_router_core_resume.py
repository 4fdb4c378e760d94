"""What a `resume` is answered: docs/protocol.md's rules, on the pure core."""

from __future__ import annotations

import json
from typing import Any

from services.router.core import pages
from services.router.core.changes import Changes, Item
from services.router.core.deliveries import overloaded, resumptions
from services.router.core.outgoing import RUN_BYTES
from services.router.core.room import RECENT, Room
from services.router.core.step import step
from shared.protocol.client import Resume
from tests.contract.routing import NOW_MS, chat, join, leave, resume, unsubscribe, user
from tests.unit.test_router_core import ANNA, BORYS, Scene, again, numbers, talk


class Rooms:
    """Several rooms of one shard, with Anna and Borys in them, and `said` messages each."""

    def __init__(self, *names: str, said: int = 0, text: str = "hello") -> None:
        self.rooms = {name: Room(name) for name in names}
        for name, room in self.rooms.items():
            items = [join(name, ANNA), join(name, BORYS), *(chat(name, BORYS, f"id{n}", text) for n in range(said))]
            step(room, [*items, unsubscribe(name, ANNA.id)], NOW_MS)

    def run(self, items: list[Item]) -> list[Changes]:
        by_room: dict[str, list[Item]] = {}
        for item in items:
            by_room.setdefault(item.room, []).append(item)
        return [step(self.rooms.setdefault(name, Room(name)), some, NOW_MS) for name, some in by_room.items()]

    def told(self, items: list[Item]) -> list[tuple[list[dict[str, Any]], dict[str, Any]]]:
        """What goes to the gateway, and with it to the client."""
        outs = resumptions(each for changes in self.run(items) for each in changes.resumed)
        return [(json.loads(b"[%b]" % out.part), json.loads(b"".join(out.payload))) for out in outs]


def one_room(scene: Scene, after: int, **more: Any) -> dict[str, Any]:
    scene.run(*resume({"r": after}, ANNA, **more))
    (resumed,) = scene.told(more.get("session") or ANNA, "resumed")
    (room,) = resumed["rooms"]
    assert resumed["ref"] == "back"
    return dict(room)


def away() -> Scene:
    """Anna has been in the room with Borys, and her connection is gone."""
    scene = Scene(ANNA, BORYS)
    scene.run(unsubscribe("r", ANNA.id))
    scene.forget()
    return scene


def test_each_room_is_told_as_a_join_with_after_would_be() -> None:
    for after in (0, 3, 5, 9):
        scenes = [away(), away()]
        for scene in scenes:
            talk(scene, BORYS, 5)
        resumed = one_room(scenes[0], after)
        scenes[1].run(join("r", ANNA, after=after))
        (joined,) = scenes[1].told(ANNA, "joined")
        del joined["type"]
        assert resumed == joined


def test_who_has_resumed_hears_what_follows_and_is_seen() -> None:
    scene = away()
    one_room(scene, 0)
    (presence,) = scene.told(BORYS, "presence")
    assert (presence["user"]["id"], presence["online"]) == (ANNA.id, True)
    scene.forget()
    scene.run(chat("r", BORYS, "a"))
    assert numbers(scene.told(ANNA, "message")) == [1]


def test_what_came_before_it_in_the_batch_is_in_the_answer_or_follows_it() -> None:
    scene = away()
    scene.run(chat("r", BORYS, "a"), *resume({"r": 0}, ANNA), chat("r", BORYS, "b"))
    resumed, *after = [f for f in scene.hear(ANNA) if f["type"] != "presence"]
    assert numbers(resumed["rooms"][0]["messages"]) + numbers(after) == [1, 2]


def test_it_makes_no_room_and_no_member() -> None:
    rooms = Rooms("r")
    rooms.run([leave("r", ANNA)])
    before = len(rooms.rooms["r"].members)
    ((head, frame),) = rooms.told(resume({"r": 0, "nowhere": 3}, ANNA))
    assert [each["error"]["code"] for each in frame["rooms"]] == ["not_joined", "no_such_room"]
    assert all(each["error"]["text"] for each in frame["rooms"])
    assert (len(rooms.rooms["r"].members), rooms.rooms["nowhere"].exists) == (before, False)
    assert [message["type"] for message in head] == ["direct"], "nobody is subscribed"
    assert head[0]["rooms"] == ["r", "nowhere"]


def test_a_refusal_is_checked_like_a_write() -> None:
    (changes,) = Rooms().run(resume({"nowhere": 0}, ANNA))
    assert changes.requires_version_check
    assert not changes.writes


def test_what_is_not_in_memory_is_more_and_nothing_is_read() -> None:
    scene = away()
    talk(scene, BORYS, RECENT + 5)
    room = one_room(scene, 1)
    assert (room["messages"], room["more"], room["seq"]) == ([], True, RECENT + 5)
    assert scene.changes.reads == []


def test_one_without_news_is_not_more_nor_is_one_that_went_back() -> None:
    scene = away()
    talk(scene, BORYS, 2)
    for after in (2, 7):
        room = one_room(scene, after)
        assert (room["messages"], room["more"], room["seq"]) == ([], False, 2)


def test_all_rooms_of_a_client_in_a_batch_are_one_frame_behind_their_subscriptions() -> None:
    rooms = Rooms("r", "s", "t", said=2)
    ((head, frame),) = rooms.told(resume({"r": 1, "s": 2, "t": 0}, ANNA))
    assert [(m["type"], m.get("room")) for m in head] == [*(("seated", name) for name in "rst"), ("direct", None)]
    assert (head[-1]["question"], head[-1]["rooms"]) == (1, ["r", "s", "t"])
    assert [(each["room"], numbers(each["messages"])) for each in frame["rooms"]] == [
        ("r", [2]),
        ("s", []),
        ("t", [1, 2]),
    ]


def test_each_client_and_each_of_its_questions_is_answered_apart() -> None:
    rooms = Rooms("r", "s")
    items = [*resume({"r": 0}, ANNA), *resume({"s": 0}, BORYS), *resume({"r": 0}, ANNA, "another")]
    assert [head[-1]["session"] for head, _ in rooms.told(items)] == ["u1", "another", "u2"]


def test_a_large_answer_comes_in_several_frames() -> None:
    names = [f"r{n}" for n in range(20)]
    rooms = Rooms(*names, said=8, text="x" * 4_000)
    told = rooms.told(resume(dict.fromkeys(names, 0), ANNA))
    assert len(told) > 1
    assert [each["room"] for _, frame in told for each in frame["rooms"]] == names
    assert [head[-1]["rooms"] for head, _ in told] == [[r["room"] for r in frame["rooms"]] for _, frame in told]
    assert all(sum(head[-1]["sizes"]) <= RUN_BYTES + 1_000 for head, _ in told)


def test_all_rooms_of_a_resume_share_what_it_may_list_however_it_was_split() -> None:
    rooms = Rooms("r", said=50, text="x" * 1_000)
    ((_, frame),) = rooms.told(resume({"r": 0}, ANNA, among=500))
    assert (frame["rooms"][0]["messages"], frame["rooms"][0]["more"]) == ([], True), "one is more than its share"
    ((_, frame),) = rooms.told(resume({"r": 0}, ANNA, among=50))
    listed = numbers(frame["rooms"][0]["messages"])
    assert (listed, frame["rooms"][0]["more"]) == (list(range(1, len(listed) + 1)), True)
    assert 5 < len(listed) <= pages.RESUMED_BYTES // 50 // 1_000


def test_one_that_may_have_been_told_already_is_told_again_and_so_is_everybody() -> None:
    scene = away()
    scene.run(*map(again, resume({"r": 0}, ANNA)))
    assert len(scene.told(ANNA, "resumed")) == 1
    assert scene.changes.names_owed
    assert [len(frame["present"]) for frame in scene.told(BORYS, "presence") if "present" in frame] == [2]


def test_an_answer_that_finds_no_room_is_asked_for_again_in_all() -> None:
    rooms = Rooms("r", "s")
    (out,) = resumptions(each for changes in rooms.run(resume({"r": 0, "s": 0}, ANNA)) for each in changes.resumed)
    instead = overloaded(out)
    assert instead is not None
    (direct,) = json.loads(b"[%b]" % instead.part)
    assert (direct["question"], direct.get("rooms")) == (1, None)
    assert json.loads(instead.payload[0]).items() >= {"code": "overloaded", "retryable": True, "ref": "back"}.items()


def test_an_item_is_about_one_room_and_its_frame_names_all() -> None:
    first, second = resume({"r": 0, "s": 4}, user(1))
    assert (first.room, second.room) == ("r", "s")
    assert first.message is second.message
    assert isinstance(first.message.frame, Resume)  # type: ignore[union-attr]
    assert not first.is_read_only
    assert first.idempotency_key is None
