"""What stands under a message, whom a message calls, and who is told of it in their own log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.router.core.changes import Changes, Item, Notify
from services.router.core.fold import PEOPLE_OF_A_THREAD
from services.router.core.needs import NOTHING, Older, needs
from services.router.core.room import RECENT, Room
from services.router.core.step import step
from shared.protocol.bus import Post
from shared.protocol.room_names import direct_room, own_room
from shared.protocol.server import StoredFile, User
from tests.contract.routing import (
    NOW_MS,
    Audience,
    chat,
    delete,
    direct,
    edit,
    expire,
    join,
    leave,
    react,
    remove,
    rows_of,
    set_notify,
    settings,
    user,
)

ANNA, BORYS, VIRA, STRANGER = user(1), user(2), user(3), user(9)
FILE = StoredFile(id="f1", name="кіт.png", size=3, mime="image/png", url="/api/files/f1")


class Scene:
    """A room with Anna, Borys and Vira in it, in which Anna has said something."""

    def __init__(self) -> None:
        self.room, self.audience = Room("r"), Audience()
        self.run(join("r", ANNA), join("r", BORYS), join("r", VIRA))
        self.run(chat("r", ANNA, "root", "shall we?"))

    def run(self, *items: Item, redelivered: bool = False, older: Older = NOTHING) -> Changes:
        items = tuple(item._replace(redelivered=redelivered) for item in items)
        changes = step(self.room, items, NOW_MS + 1, older=older)
        self.audience.attend(changes)
        return changes

    def message(self, seq: int) -> dict[str, Any]:
        found = self.room.message(seq)
        assert found is not None
        frame: dict[str, Any] = json.loads(found.frame)
        return frame

    def error(self, item: Item, who: User) -> str:
        self.audience.hear(who.id)
        assert not self.run(item).writes
        (error,) = [frame for frame in self.audience.hear(who.id) if frame["type"] == "error"]
        return str(error["code"])


def told(changes: Changes) -> dict[str, str]:
    """Who is told, and why."""
    notices = changes.notices
    assert all(notice.kind == "mention" and notice.room == own_room(notice.to.id) for notice in notices)
    assert len({notice.to.id for notice in notices}) == len(notices)
    return {notice.to.id: json.loads(notice.content)["why"] for notice in notices}


# ── threads ──


def test_an_answer_in_a_thread_bears_its_root_which_says_how_many_and_when_last() -> None:
    scene = Scene()
    first = scene.run(chat("r", BORYS, "a", "yes", thread=1))
    assert (first.seq, list(first.changed)) == (2, [1])
    assert scene.message(2)["thread"] == 1
    assert scene.message(1)["replies"] == {"count": 1, "last_seq": 2, "last_at": "2023-11-14T22:13:20.001Z"}
    scene.run(chat("r", VIRA, "b", "no", thread=1), chat("r", BORYS, "c", "oh", thread=1))
    assert scene.message(1)["replies"] == {"count": 3, "last_seq": 4, "last_at": "2023-11-14T22:13:20.001Z"}
    assert (scene.message(1)["text"], scene.message(1).get("edited_at")) == ("shall we?", None)


def test_a_reply_that_is_deleted_still_counts_and_still_stands_there() -> None:
    scene = Scene()
    scene.run(chat("r", BORYS, "a", "yes", thread=1))
    scene.run(delete("r", BORYS, "x", 2))
    assert scene.message(1)["replies"]["count"] == 1
    assert (scene.message(2)["kind"], scene.message(2)["thread"]) == ("deleted", 1)


def test_a_root_that_is_deleted_keeps_its_thread_which_goes_on() -> None:
    scene = Scene()
    scene.run(chat("r", BORYS, "a", "yes", thread=1))
    scene.run(delete("r", ANNA, "x", 1))
    scene.run(chat("r", VIRA, "b", "what was it?", thread=1))
    assert (scene.message(1)["kind"], scene.message(1)["replies"]["count"]) == ("deleted", 2)


def test_an_answer_far_below_its_root_finds_it() -> None:
    scene = Scene()
    root = scene.room.message(1)
    assert root is not None
    scene.run(*(chat("r", BORYS, f"m{n}") for n in range(RECENT + 5)))
    late = chat("r", BORYS, "late", "at last", thread=1)
    wanted = needs(scene.room, [late], sent_back=False)
    assert wanted is not None
    assert list(wanted.seqs) == [1]
    changes = scene.run(late, older=Older({}, {1: root}))
    assert json.loads(changes.changed[1].frame)["replies"]["count"] == 1
    assert told(changes) == {ANNA.id: "reply"}


@pytest.mark.parametrize(
    ("thread", "code"),
    [(99, "no_such_message"), (0, "no_such_message"), (3, "no_such_message"), (2, "forbidden")],
    ids=["nothing", "the number 0", "a reaction", "a reply"],
)
def test_what_is_no_root_of_a_thread_is_refused_by_the_table(thread: int, code: str) -> None:
    scene = Scene()
    scene.run(chat("r", BORYS, "a", "yes", thread=1))
    scene.run(react("r", BORYS, "x", 1, "👍"))
    assert scene.error(chat("r", VIRA, "b", "hm", thread=thread), VIRA) == code
    assert scene.message(1)["replies"]["count"] == 1


def test_a_reply_that_is_sent_again_is_counted_once_and_one_elsewhere_is_another_message() -> None:
    scene = Scene()
    scene.run(chat("r", BORYS, "a", "yes", thread=1))
    assert not scene.run(chat("r", BORYS, "a", "yes", thread=1)).writes
    assert scene.message(1)["replies"]["count"] == 1
    assert scene.error(chat("r", BORYS, "a", "yes"), BORYS) == "id_reused"
    assert scene.error(chat("r", BORYS, "a", "yes", thread=1, mentions=[ANNA]), BORYS) == "id_reused"


def test_who_takes_part_in_a_thread_is_told_of_what_follows() -> None:
    scene = Scene()
    assert told(scene.run(chat("r", BORYS, "a", "yes", thread=1))) == {ANNA.id: "reply"}
    assert told(scene.run(chat("r", VIRA, "b", "no", thread=1))) == {ANNA.id: "reply", BORYS.id: "reply"}
    assert told(scene.run(chat("r", ANNA, "c", "well", thread=1))) == {BORYS.id: "reply", VIRA.id: "reply"}
    scene.run(leave("r", BORYS))
    assert told(scene.run(chat("r", ANNA, "d", "so?", thread=1))) == {VIRA.id: "reply"}


def test_a_thread_remembers_so_many_people_and_no_more() -> None:
    scene = Scene()
    crowd = [user(100 + n) for n in range(PEOPLE_OF_A_THREAD + 1)]
    scene.run(*(join("r", each) for each in crowd))
    scene.run(*(chat("r", each, "a", "me too", thread=1) for each in crowd))
    changes = scene.run(chat("r", ANNA, "c", "thanks", thread=1))
    assert told(changes).keys() == {each.id for each in crowd[:-1]}
    assert scene.message(1)["replies"]["count"] == len(crowd) + 1


# ── mentions ──


def test_a_mention_of_a_member_is_counted_and_told_and_of_nobody_else() -> None:
    scene = Scene()
    changes = scene.run(chat("r", ANNA, "a", "@Vira @Borys", mentions=[VIRA, BORYS, STRANGER, ANNA, VIRA]))
    assert scene.message(2)["mentions"] == ["u1", "u2", "u3", "u9"]
    assert changes.mentions == {(2, "u2"): True, (2, "u3"): True}
    assert told(changes) == {"u2": "mention", "u3": "mention"}
    [about] = {notice.content for notice in changes.notices}
    assert json.loads(about) == {"room": "r", "of": 2, "why": "mention"}


def test_a_message_that_answers_and_mentions_is_told_once_as_a_mention() -> None:
    scene = Scene()
    changes = scene.run(chat("r", BORYS, "a", "@Anna", thread=1, mentions=[ANNA]))
    assert told(changes) == {ANNA.id: "mention"}
    assert json.loads(changes.notices[0].content)["thread"] == 1


def test_an_edit_says_whom_its_message_mentions_from_now_on() -> None:
    scene = Scene()
    scene.run(chat("r", ANNA, "a", "@Borys", mentions=[BORYS]))
    changes = scene.run(edit("r", ANNA, "x", 2, "@Vira", mentions=[VIRA]))
    assert scene.message(2)["mentions"] == ["u3"]
    assert changes.mentions == {(2, "u2"): False, (2, "u3"): True}
    assert told(changes) == {"u3": "mention"}
    heard = [frame for frame in scene.audience.hear(VIRA.id) if frame["type"] == "change"]
    assert [(frame["text"], frame["mentions"]) for frame in heard] == [("@Vira", ["u3"])]
    changes = scene.run(edit("r", ANNA, "y", 2, "nobody"))
    assert changes.mentions == {(2, "u3"): False}
    assert (told(changes), scene.message(2).get("mentions")) == ({}, None)


def test_of_one_message_one_is_told_once_however_often_it_is_edited() -> None:
    scene = Scene()
    ids = []
    for frame in (
        chat("r", ANNA, "a", "@Borys", mentions=[BORYS]),
        edit("r", ANNA, "x", 2, "nobody"),
        edit("r", ANNA, "y", 2, "@Borys again", mentions=[BORYS]),
    ):
        ids += [(notice.sender.id, notice.id) for notice in scene.run(frame).notices]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_a_deletion_takes_the_mentions_with_it() -> None:
    scene = Scene()
    scene.run(chat("r", ANNA, "a", "@Borys", mentions=[BORYS]))
    changes = scene.run(delete("r", ANNA, "x", 2))
    assert changes.mentions == {(2, "u2"): False}
    assert ("mentions" in scene.message(2), told(changes)) == (False, {})


def test_a_message_with_mentions_that_is_sent_again_after_it_was_edited_is_still_the_same() -> None:
    scene = Scene()
    scene.run(chat("r", ANNA, "a", "@Borys", mentions=[BORYS]))
    scene.run(edit("r", ANNA, "x", 2, "nobody"))
    again = scene.run(chat("r", ANNA, "a", "@Borys", mentions=[BORYS]))
    assert (again.writes, again.notices) == (False, [])
    assert scene.error(chat("r", ANNA, "a", "@Borys"), ANNA) == "id_reused"
    assert scene.error(edit("r", ANNA, "x", 2, "nobody", mentions=[VIRA]), ANNA) == "id_reused"


def test_where_a_router_died_before_the_notices_the_next_says_the_same() -> None:
    frames = [
        chat("r", BORYS, "a", "@Vira", thread=1, mentions=[VIRA]),
        edit("r", ANNA, "x", 1, "@Borys", mentions=[BORYS]),
    ]
    for frame in frames:
        scene = Scene()
        first, second = scene.run(frame), scene.run(frame, redelivered=True)
        assert first.notices
        assert set(second.notices) == set(first.notices)
        assert not second.writes


@pytest.mark.parametrize("leaving", [leave("r", ANNA), remove("r", VIRA, "out", ANNA)], ids=["left", "removed"])
def test_what_its_author_was_still_to_tell_is_told_though_he_has_gone_since(leaving: Item) -> None:
    """In the batch that the router died on."""
    frames = [
        chat("r", ANNA, "a", "@Borys", mentions=[BORYS]), edit("r", ANNA, "x", 1, "@Borys", mentions=[BORYS]),
    ]  # fmt: skip
    for frame in frames:
        scene = Scene()
        scene.room.members[VIRA.id].role = "owner"
        first, second = scene.run(frame, leaving), scene.run(frame, leaving, redelivered=True)
        ids = [notice.id for notice in first.notices if notice.kind == "mention"]
        assert len(ids) == 1
        assert [notice.id for notice in second.notices if notice.kind == "mention"] == ids
        assert not second.messages


def test_of_what_is_not_kept_any_more_nobody_is_told() -> None:
    scene = Scene()
    said = chat("r", ANNA, "a", "@Borys", mentions=[BORYS])
    scene.run(said)
    old = scene.room.message(2)
    assert old is not None
    scene.run(expire("r", 3))
    assert not scene.run(said, redelivered=True, older=Older({(ANNA.id, "a"): old}, {})).notices


def test_who_answers_later_was_not_owed_what_was_said_before() -> None:
    scene = Scene()
    first = chat("r", BORYS, "a", "yes", thread=1)
    scene.run(first)
    scene.run(chat("r", VIRA, "b", "no", thread=1))
    assert told(scene.run(first, redelivered=True)) == {ANNA.id: "reply"}


def test_in_a_direct_room_each_message_is_told_to_the_others_files_too() -> None:
    room, audience = Room(direct_room([ANNA.id, BORYS.id])), Audience()
    older = Older({}, {}, {BORYS.id: BORYS.name})
    audience.attend(step(room, [direct(ANNA, "new", BORYS)], NOW_MS, older=older))
    said = step(room, [chat(room.name, ANNA, "a"), Item(Post(room=room.name, user=ANNA, id="f", file=FILE))], NOW_MS)
    assert [(n.to.id, json.loads(n.content)["why"], json.loads(n.content)["of"]) for n in said.notices] == [
        (BORYS.id, "direct", 3), (BORYS.id, "direct", 4),
    ]  # fmt: skip


def test_where_one_may_not_write_nobody_is_called() -> None:
    scene = Scene()
    scene.run(settings("r", ANNA, "s", posting="moderators"))
    assert scene.error(chat("r", BORYS, "a", "@Anna", thread=1, mentions=[ANNA]), BORYS) == "forbidden"
    assert scene.error(chat("r", STRANGER, "a", "@Anna", mentions=[ANNA]), STRANGER) == "not_joined"


def test_a_plain_message_calls_nobody() -> None:
    changes = Scene().run(chat("r", ANNA, "a"))
    assert (changes.mentions, changes.notices, changes.changed) == ({}, [], {})


# ── of what one is alerted ──


def test_a_level_is_one_s_own_on_all_one_s_sessions_and_stays() -> None:
    scene = Scene()
    scene.run(join("r", BORYS, "u2.other"))
    for session in ("u1", "u2", "u2.other", "u3"):
        scene.audience.hear(session)
    changes = scene.run(set_notify("r", BORYS, "mentions", ref="q"))
    assert changes.members[BORYS.id].notify == "mentions"
    assert scene.audience.hear("u2") == [{"type": "notify", "room": "r", "level": "mentions", "ref": "q"}]
    assert scene.audience.hear("u2.other") == [{"type": "notify", "room": "r", "level": "mentions"}]
    assert (scene.audience.hear("u1"), scene.audience.hear("u3")) == ([], [])
    scene.run(join("r", User(id=BORYS.id, name="Borys the Second")))
    assert scene.room.members[BORYS.id].notify == "mentions"
    assert not scene.run(set_notify("r", BORYS, "mentions")).members
    assert scene.run(set_notify("r", BORYS, "all")).members[BORYS.id].notify is None
    assert scene.error(set_notify("r", STRANGER, "none"), STRANGER) == "not_joined"


def test_rooms_hold_together_what_was_written_of_them() -> None:
    scene = Scene()
    scene.run(chat("r", BORYS, "a", "@Vira", thread=1, mentions=[VIRA]), set_notify("r", VIRA, "none"))
    before = rows_of(scene.room)
    scene.run(react("r", BORYS, "x", 1, "👍"))
    assert rows_of(scene.room) != before
    assert scene.message(1)["replies"]["count"] == 1, "another change keeps it"


def test_a_notice_of_a_mention_is_an_entry_of_one_s_own_log_once() -> None:
    notice = Notify(to=BORYS, sender=ANNA, id="~1", kind="mention", content='{"room":"r","of":2,"why":"mention"}')
    room = Room(own_room(BORYS.id))
    assert step(room, [Item(notice)], NOW_MS).seq == 1
    assert not step(room, [Item(notice, redelivered=True)], NOW_MS).writes
    frame = json.loads(room.recent[0].frame)
    assert (frame["kind"], frame["about"]) == ("mention", {"room": "r", "of": 2, "why": "mention"})
