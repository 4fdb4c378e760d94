"""What a change does to its message, what is refused, and what is said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.router.core.changes import Changes, Item
from services.router.core.entries import Stored, StoredChange, digest_of, stored, stored_change
from services.router.core.fold import EMOJI_OF_A_MESSAGE, REACTIONS_OF_A_MESSAGE, changed
from services.router.core.needs import NOTHING, Older, needs
from services.router.core.room import RECENT, Room
from services.router.core.step import step
from shared.protocol.bus import Post
from shared.protocol.client import History, React
from shared.protocol.errors import Refused
from shared.protocol.server import StoredFile
from tests.contract.routing import (
    NOW_MS,
    Audience,
    chat,
    delete,
    edit,
    join,
    leave,
    pin,
    react,
    submit,
    user,
)

ANNA, BORYS, VIRA = user(1), user(2), user(3)
FILE = StoredFile(id="f1", name="кіт.png", size=3, mime="image/png", url="/api/files/f1")
Frame = dict[str, Any]


class Scene:
    """A room with Anna and Borys in it, and what they hear."""

    def __init__(self) -> None:
        self.room, self.audience = Room("r"), Audience()
        self.run(join("r", ANNA), join("r", BORYS))
        self.heard_by(ANNA), self.heard_by(BORYS)

    def run(self, *items: Item, redelivered: bool = False, older: Older = NOTHING) -> Changes:
        items = tuple(item._replace(redelivered=redelivered) for item in items)
        changes = step(self.room, items, NOW_MS + 1, older=older)
        self.audience.attend(changes)
        return changes

    def heard_by(self, who: Any, *kinds: str) -> list[Frame]:
        return [
            frame for frame in self.audience.hear(who.id) if frame["type"] in (kinds or ("message", "change", "error"))
        ]

    def message(self, seq: int) -> Frame:
        found = self.room.message(seq)
        assert found is not None
        frame: Frame = json.loads(found.frame)
        return frame


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.run(chat("r", ANNA, "a", "first"), chat("r", BORYS, "b", "second"))
    scene.heard_by(ANNA), scene.heard_by(BORYS)
    return scene


def test_everyone_hears_a_change_as_an_entry_and_the_message_is_as_it_says(scene: Scene) -> None:
    changes = scene.run(edit("r", ANNA, "x", 1, "better"))
    (to_anna,), (to_borys,) = scene.heard_by(ANNA), scene.heard_by(BORYS)
    assert to_anna == to_borys
    assert to_borys == {
        "type": "change", "room": "r", "seq": 3, "id": "x", "kind": "edit", "from": {"id": "u1", "name": "Name 1"},
        "at": "2023-11-14T22:13:20.001Z", "of": 1, "text": "better",
    }  # fmt: skip
    assert (scene.message(1)["text"], scene.message(1)["edited_at"]) == ("better", "2023-11-14T22:13:20.001Z")
    assert [(m.seq, m.content) for m in changes.changed.values()] == [(1, "better")]
    assert [(c.seq, c.of, c.kind) for c in changes.changes] == [(3, 1, "edit")]


def test_a_page_lists_messages_as_they_are_and_with_after_the_changes(scene: Scene) -> None:
    scene.run(edit("r", ANNA, "x", 1, "better"), react("r", BORYS, "y", 1, "👍"), delete("r", BORYS, "z", 2))
    scene.audience.hear(ANNA.id)
    scene.run(submit(History(type="history", room="r", before=9), ANNA))
    (page,) = scene.heard_by(ANNA, "history")
    assert [(m["seq"], m["kind"]) for m in page["messages"]] == [(1, "chat"), (2, "deleted")]
    assert (page["seq"], page["more"]) == (5, False)
    assert page["messages"][0]["reactions"] == [{"emoji": "👍", "users": ["u2"]}]
    scene.run(submit(History(type="history", room="r", after=1), ANNA), join("r", VIRA, after=0))
    (page,), (joined,) = scene.heard_by(ANNA, "history"), scene.heard_by(VIRA, "joined")
    assert [(m["seq"], m["kind"]) for m in page["messages"]] == [
        (2, "deleted"),
        (3, "edit"),
        (4, "react"),
        (5, "delete"),
    ]
    assert [m["seq"] for m in joined["messages"]] == [1, 2, 3, 4, 5]
    assert "as_of" not in joined


def test_a_deletion_leaves_nothing_of_what_was_said(scene: Scene) -> None:
    scene.run(edit("r", ANNA, "x", 1, "second first"), react("r", BORYS, "y", 1, "👍"), pin("r", BORYS, "p", 1))
    scene.run(delete("r", ANNA, "z", 1))
    assert set(scene.message(1)) == {"type", "room", "seq", "id", "kind", "from", "at"}
    assert not any(b"first" in entry.frame for entry in scene.room.recent)


def test_an_edit_that_was_followed_by_another_bears_the_text_of_today(scene: Scene) -> None:
    scene.run(edit("r", ANNA, "x", 1, "better"), edit("r", ANNA, "y", 1, "best"))
    texts = [json.loads(entry.frame)["text"] for entry in scene.room.recent if isinstance(entry, StoredChange)]
    assert texts == ["best", "best"]
    assert scene.run(edit("r", ANNA, "x", 1, "better"), redelivered=True).changes == []
    assert [frame["text"] for frame in scene.heard_by(ANNA, "change")][-1] == "best"


REFUSED = [
    (edit("r", ANNA, "x", 2, "mine"), "forbidden"),
    (edit("r", BORYS, "x", 1, "mine"), "forbidden"),
    (delete("r", BORYS, "x", 1), "forbidden"),
    (edit("r", ANNA, "x", 3, "of a reaction"), "no_such_message"),
    (react("r", ANNA, "x", 4, "👍"), "no_such_message"),
    (pin("r", ANNA, "x", 0), "no_such_message"),
    (edit("r", ANNA, "x", 99, "of nothing"), "no_such_message"),
    (chat("r", ANNA, "x", "answer", reply_to=99), "no_such_message"),
    (chat("r", ANNA, "x", "answer", reply_to=3), "no_such_message"),
    (edit("r", ANNA, "x", 5, "of a file"), "forbidden"),
    (edit("r", ANNA, "a", 1, "under a message's id"), "id_reused"),
    (chat("r", ANNA, "d", "under a change's id"), "id_reused"),
    (react("r", BORYS, "e", 1, "👎"), "id_reused"),
    (edit("r", VIRA, "x", 1, "of a stranger"), "not_joined"),
    (edit("nowhere", ANNA, "x", 1, "hm"), "no_such_room"),
]


@pytest.mark.parametrize(("item", "code"), REFUSED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_cannot_be_changed_is_refused_by_the_table(scene: Scene, item: Item, code: str) -> None:
    scene.run(react("r", BORYS, "e", 1, "👍"))
    scene.run(chat("r", ANNA, "c", "gone"))
    scene.run(Item(Post(room="r", user=ANNA, id="f", file=FILE)))
    scene.run(delete("r", ANNA, "d", 4))
    before = list(scene.room.recent)
    if item.room == "nowhere":
        scene.room = Room("nowhere")
    changes = scene.run(item)
    assert not changes.writes
    assert changes.requires_version_check
    who = item.message.user  # type: ignore[union-attr]
    assert [(frame["code"], frame["ref"]) for frame in scene.heard_by(who, "error")] == [(code, item.message.frame.id)]  # type: ignore[union-attr]
    assert item.room == "nowhere" or list(scene.room.recent) == before


def test_an_answer_may_name_a_message_that_was_deleted_meanwhile(scene: Scene) -> None:
    """What somebody wrote is not lost since another has taken something back."""
    scene.run(delete("r", BORYS, "x", 2), chat("r", ANNA, "c", "answer", reply_to=2))
    assert [frame.get("reply_to") for frame in scene.heard_by(ANNA)] == [None, 2]


def test_one_emoji_with_and_without_its_selector_is_one_reaction(scene: Scene) -> None:
    scene.run(react("r", ANNA, "x", 1, "❤\ufe0f"), react("r", BORYS, "y", 1, "❤"))
    assert scene.message(1)["reactions"] == [{"emoji": "❤", "users": ["u1", "u2"]}]
    scene.run(react("r", ANNA, "z", 1, "❤", on=False))
    assert scene.message(1)["reactions"] == [{"emoji": "❤", "users": ["u2"]}]


def test_a_message_takes_so_many_reactions_and_no_more(scene: Scene) -> None:
    message = scene.room.message(1)
    assert message is not None

    def reacted(message: Stored, n: int, who: int) -> Stored:
        frame = React(type="react", room="r", id="x", of=1, emoji=chr(0x1F600 + n), on=True)
        return changed("r", message, frame, f"u{who}", NOW_MS)

    for n in range(EMOJI_OF_A_MESSAGE):
        message = reacted(message, n, 1)
    with pytest.raises(Refused, match="different"):
        reacted(message, EMOJI_OF_A_MESSAGE, 2)
    for who in range(2, REACTIONS_OF_A_MESSAGE - EMOJI_OF_A_MESSAGE + 2):
        message = reacted(message, 0, who)
    with pytest.raises(Refused, match=str(REACTIONS_OF_A_MESSAGE)):
        reacted(message, 0, 9_999)
    assert reacted(message, 0, 2) == message, "who has reacted may say so again"


def test_a_change_of_what_is_said_in_the_same_batch_is_refused_since_nobody_can_have_seen_it(scene: Scene) -> None:
    scene.run(chat("r", ANNA, "c", "new"), edit("r", ANNA, "x", 3, "newer"))
    assert [frame.get("code") for frame in scene.heard_by(ANNA)] == [None, "no_such_message"]


def test_a_change_that_is_delivered_again_is_told_again_and_stored_once(scene: Scene) -> None:
    item = react("r", ANNA, "x", 1, "👍")
    scene.run(item)
    scene.heard_by(BORYS)
    changes = scene.run(item, redelivered=True)
    assert not changes.writes
    assert [frame["seq"] for frame in scene.heard_by(ANNA)] == [3, 3]
    assert scene.message(1)["reactions"] == [{"emoji": "👍", "users": ["u1"]}]


def test_a_message_that_is_sent_again_after_it_was_changed_is_the_same_message(scene: Scene) -> None:
    scene.run(edit("r", ANNA, "x", 1, "better"), delete("r", BORYS, "y", 2))
    scene.heard_by(ANNA), scene.heard_by(BORYS)
    scene.run(chat("r", ANNA, "a", "first"), chat("r", BORYS, "b", "second"), chat("r", ANNA, "a", "better"))
    assert [frame.get("code") or (frame["seq"], frame.get("text")) for frame in scene.heard_by(ANNA)] == [
        (1, "better"), "id_reused",
    ]  # fmt: skip
    assert [(frame["seq"], frame["kind"]) for frame in scene.heard_by(BORYS)] == [(2, "deleted")]


def test_the_files_service_is_told_of_a_file_whose_message_was_deleted_and_again_when_that_is_redelivered(
    scene: Scene,
) -> None:
    scene.run(Item(Post(room="r", user=ANNA, id="f", file=FILE)))
    item = delete("r", ANNA, "x", 3)
    assert scene.run(item).files_gone == ["f1"]
    assert scene.run(item).files_gone == [], "sent again by the client: the first was told"
    assert scene.run(item, redelivered=True).files_gone == ["f1"]
    assert scene.run(delete("r", BORYS, "y", 2)).files_gone == []


def test_the_files_service_is_told_again_also_where_the_author_has_left_meanwhile(scene: Scene) -> None:
    scene.run(Item(Post(room="r", user=ANNA, id="f", file=FILE)))
    item = delete("r", ANNA, "x", 3)
    scene.run(item)
    scene.run(leave("r", ANNA))
    assert scene.run(item, redelivered=True).files_gone == ["f1"]


def test_what_was_looked_up_is_said_again_as_the_batch_has_left_it() -> None:
    scene = Scene()
    old = stored("r", 1, "u1", "Name 1", "a", "chat", "a secret", NOW_MS)
    was = stored_change("r", 2, "u1", "Name 1", "e", "edit", digest_of("chat", "a secret"), NOW_MS, 1, "a secret")
    scene.room.seq = 1_000
    older = Older({("u1", "a"): old, ("u1", "e"): was}, {1: old})
    scene.run(
        delete("r", ANNA, "x", 1), chat("r", ANNA, "a", "a secret"), edit("r", ANNA, "e", 1, "a secret"),
        redelivered=True, older=older,
    )  # fmt: skip
    heard = [*scene.heard_by(ANNA), *scene.heard_by(BORYS)]
    assert [frame.get("kind") for frame in heard if frame["seq"] < 1_000] != []
    assert "secret" not in str(heard)


def test_what_a_batch_changes_beyond_memory_is_looked_up_with_the_id_under_which_it_comes() -> None:
    room = Room("r", True, seq=1_000)
    for n in range(801, 1_001):
        room.remember(Stored(n, "u1", "Name 1", f"id{n}", "chat", "t", NOW_MS, b"{}"))
    assert len(room.recent) == RECENT
    near, edge, far = react("r", ANNA, "a", 900, "👍"), pin("r", ANNA, "b", 801), edit("r", ANNA, "c", 7, "t")
    answer, plain = chat("r", ANNA, "d", "t", reply_to=3), chat("r", ANNA, "e")
    assert needs(room, [near, plain], sent_back=False) is None
    need = needs(room, [near, edge, far, answer, plain, react("r", ANNA, "z", 5_000, "👍")], sent_back=False)
    assert need is not None
    assert (sorted(need.seqs), sorted(need.keys)) == ([3, 7, 801], [("u1", "b"), ("u1", "c"), ("u1", "d")])
    need = needs(room, [near, plain], sent_back=True)
    assert need is not None
    assert (sorted(need.seqs), sorted(need.keys)) == ([], [("u1", "a"), ("u1", "e")])


def test_a_room_that_is_full_of_reactions_opens_with_its_last_messages_all_the_same(scene: Scene) -> None:
    for n in range(RECENT):
        scene.run(react("r", ANNA, f"x{n}", 1, "👍", n % 2 == 0))
    changes = scene.run(join("r", VIRA))
    assert [deep.frame.type for deep in changes.reads] == ["join"], "they are not in memory, so they are read"
